"""The objects that a job runs, straight from JSON.

Rules: no configuration is made on the way, since a job waits for this; what the file holds was checked
when the task was submitted. A module is loaded once, by its name or its file; a script stops being loaded
where it opens its experiment.
"""

from collections.abc import Mapping
from os.path import join
from typing import TYPE_CHECKING, Any

from experimaestro.core.base import plain
from experimaestro.core.problems import Mismatch
from experimaestro.core.serialization.reading import (
    Classes,
    Number,
    Places,
    Record,
    ValueReader,
    check_version,
    records_of,
    used_first,
)
from experimaestro.core.versions import full_name
from experimaestro.exceptions import DefinitionError, FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from experimaestro.core.objects.declaration import Declaration
    from experimaestro.core.objects.files import Files


def load_instances(params: Mapping[str, Any], folder: "str | Path") -> tuple[Any, list[Any]]:
    """Makes the objects that a job runs.

    Args:
        params: What `params.json` holds.
        folder: The folder of the job.

    Returns:
        The task, and the init tasks in the order in which they run.

    Raises:
        FormatError: Something is not as it should be, or the version is newer than this one.
        DefinitionError: A class is not where it was.
    """
    check_version(params, "params.json")
    records = records_of(params.get("objects"), "params.json")
    if not records:
        raise FormatError("params.json: 'objects' must be a list with the task last, got []")
    return _Load(records, places_of_job(str(folder), params), str(folder)).instances()


def places_of_job(folder: str, params: Mapping[str, Any]) -> Places:
    """Where the paths in a `params.json` lead.

    Args:
        folder: The folder that the file is in, which may have moved.
        params: The content of the file.
    """
    workspace = params.get("workspace")
    bases = {"job": folder, "workspace": workspace if type(workspace) is str else folder}
    return Places(bases, lambda data: join(folder, str(data.path)), is_closed=False)  # noqa: PTH118 - strings


class _Load:
    def __init__(self, records: dict[Number, Record], places: Places, folder: str) -> None:
        *_, self.root = records.values()
        self.order = used_first([self.root.number], records, with_makers=False)
        self.folder = folder
        self.places = places
        self.shells: dict[Number, Any] = {}
        self.classes = Classes("params.json", folder, definitions_only=True)
        self.values = ValueReader(self.shell, self.classes, places)

    def instances(self) -> tuple[Any, list[Any]]:
        from experimaestro.core.objects.config import declaration_of  # they use this module to submit
        from experimaestro.core.objects.files import Files
        from experimaestro.core.objects.instances import fill, object_of

        declarations = []
        for record in self.order:
            try:
                cls = self.classes.of(record)
            except DefinitionError as error:
                raise DefinitionError(f"{error} (params.json, object {record.number})") from error
            declarations.append(declaration_of(cls))
            self.shells[record.number] = object_of(cls)
        values = [
            self.parameters(record, declaration)
            for record, declaration in zip(self.order, declarations, strict=True)
        ]
        job = Files(self.folder, declarations[-1].short_name)
        extra = [
            {
                "__xpmidentifier__": record.identifier,
                "__xpmtypename__": record.typename,
                "_xpm_files": job if record is self.root else self.files_of(record, declaration) or job,
            }
            for record, declaration in zip(self.order, declarations, strict=True)
        ]
        fill([self.shells[record.number] for record in self.order], values, extra)
        root = self.root
        at = f"params.json, object {root.number}, key 'init-tasks'"
        return self.shells[root.number], [self.shell(number, at) for number in root.init_tasks]

    def files_of(self, record: Record, declaration: "Declaration") -> "Files | None":
        """Where the files of another job are that this one uses; None if it is no job."""
        if not declaration.is_task:
            return None
        beside = self.folder.rsplit("/", 2)[0]  # the folder of all jobs, unless this one was copied out of it
        jobs = beside if beside.endswith("/jobs") else f"{self.places.bases['workspace']}/jobs"
        cls = declaration.cls
        is_named = declaration.written_name != full_name(cls)
        typename = declaration.typename if is_named else record.typename.lower()  # also of a script's class
        from experimaestro.core.objects.files import Files  # as above

        return Files(f"{jobs}/{typename}/{record.identifier}", declaration.short_name)

    def parameters(self, record: Record, declaration: "Declaration") -> dict[str, Any]:
        number = record.number
        values = {}
        for name, value in record.fields.items():
            at = f"params.json, object {number}, key {name!r}"
            argument = declaration.arguments.get(name)
            if argument is None:
                raise FormatError(f"{at}: {declaration.name} has no such parameter (any more)")
            loaded = self.values.read(value, at)
            if argument.type.loads:
                try:
                    loaded = argument.type.load(loaded)
                except Mismatch as mismatch:
                    raise FormatError(f"{at}{mismatch.where}: {mismatch.text}") from None
            values[name] = loaded
        for name, default in declaration.shared.items():
            if name not in values:
                values[name] = self.default(default)
        missing = [argument.name for argument in declaration.required if argument.name not in values]
        if missing:
            raise FormatError(
                f"params.json, object {number}: {declaration.name} needs {', '.join(missing)}, "
                "which was not written"
            )
        return values

    @staticmethod
    def default(value: Any) -> Any:
        from experimaestro.core.objects.copying import clone

        return plain(clone(value), lambda config: config.instance())  # type: ignore[attr-defined] # of Config

    def shell(self, number: Any, at: str) -> Any:
        try:
            return self.shells[number]
        except (KeyError, TypeError):
            raise FormatError(f"{at}: refers to object {number}, which is not there") from None
