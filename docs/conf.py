"""How the documentation is built: `make docs`. No network, and a warning is an error."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.highlighting import lexers
from sphinx.util.logging import getLogger

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

lexers["mermaid"] = TextLexer()  # a diagram where the page is read on a forge, its source here

html_theme = "furo"
html_title = f"experimaestro {release}"
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Extends Sphinx by the check below."""
    app.connect("env-check-consistency", warn_of_missing_names)


def warn_of_missing_names(_app: Sphinx, env: BuildEnvironment) -> None:
    """A public name that no page documents is a warning: autodoc leaves it out in silence."""
    documented = {entry[0] for entry in env.get_domain("py").get_objects()}
    for name in experimaestro.__all__:
        if name != "__version__" and f"experimaestro.{name}" not in documented:
            getLogger(__name__).warning("docs/api.md: the public name %r is not documented", name)
