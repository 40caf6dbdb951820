"""Old import paths: what lies here is found as `experimaestro.tools`, `experimaestro.mkdocs`, ...

Rules: the folder is put on the path of the package in one line of `experimaestro/__init__.py`;
nothing else of ours imports what is here.
"""
