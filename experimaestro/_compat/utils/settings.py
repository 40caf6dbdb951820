"""Settings of other packages: an object in a JSON file, described by a marshmallow schema."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experimaestro.exceptions import SettingsError
from experimaestro.workspace import files

if TYPE_CHECKING:
    from typing_extensions import Self


class JsonSettings:
    """Base of settings that are kept in a JSON file.

    You must provide `SCHEMA` and a constructor without arguments, which makes the defaults; for
    that you get `load` and `save`. Marshmallow is the choice of the class that derives from this
    one: it is not imported here.

    Attributes:
        SCHEMA: Class of a marshmallow schema, whose `load` makes an object of the class.
        path: The file.
    """

    SCHEMA: ClassVar[Any]
    path: Path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Self":
        """Reads the settings.

        Args:
            path: The file.

        Returns:
            The settings; the defaults if there is no file.

        Raises:
            SettingsError: The file is not JSON, or not what the schema describes.
        """
        file = Path(path)
        content = files.read(str(file))
        if content is None:
            settings = cls()
        else:
            try:
                values = json.loads(content)
            except ValueError as error:
                raise SettingsError(f"{file}: expected JSON: {error}. Mend it, or move it away") from None
            schema = cls.SCHEMA()
            wrong = schema.validate(values)
            if wrong:
                raise SettingsError(f"{file}: {json.dumps(wrong)}. Mend it, or move it away")
            settings = schema.load(values)
        settings.path = file
        return settings

    def save(self) -> None:
        """Writes the settings into the file that they were loaded from, whole or not at all."""
        text = json.dumps(self.SCHEMA().dump(self), indent=2)
        files.make_folder(str(self.path.parent))
        files.replace(str(self.path), text.encode())
