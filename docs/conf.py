"""How the documentation is built: `make docs`. No network, and a warning is an error."""

import experimaestro

project = "experimaestro"
copyright = "the contributors of experimaestro"
release = experimaestro.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = False  # names of the standard library are no links: that would need the network
exclude_patterns: list[str] = []

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"experimaestro {release}"
html_copy_source = False
