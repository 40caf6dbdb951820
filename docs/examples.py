"""Shows the `Example:` of a docstring as code.

Griffe, which reads our docstrings, knows a section `Examples:`; to it, `Example:` is a box of prose.
"""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Called by Griffe for each class, function and attribute."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Gives the section the name that Griffe knows."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
