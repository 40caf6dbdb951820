"""Configurations as they were when they were written: sealed, with the identifiers that were written.

Rules: every value is checked as if a user gave it; an object is made once, when it is first asked for,
with all that it uses before it. A loaded configuration keeps its identifier inside those that use it,
except where identifiers depend on where the walk starts (on a cycle, above an `InstanceConfig`): there it
is computed, and the written one is what it is asked for by itself. A submitted task always keeps its own.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from experimaestro.core.base import Configuration, Information
from experimaestro.core.deprecation import deprecation_of
from experimaestro.core.frozen import frozen
from experimaestro.core.generics import bindings
from experimaestro.core.identifier import Identifier
from experimaestro.core.problems import Mismatch
from experimaestro.core.serialization.reading import (
    Classes,
    Number,
    Places,
    Record,
    ValueReader,
    references,
    told,
    used_first,
)
from experimaestro.core.walk import collect
from experimaestro.exceptions import FormatError

if TYPE_CHECKING:
    from experimaestro.core.objects.declaration import Declaration


class ConfigurationReader:
    """Makes configurations of the objects of one file.

    Args:
        records: The objects, by number.
        where: The file, for errors.
        places: Where paths lead.
        folder: What relative names of Python files start from.
        workspace: The workspace of the tasks; "" if it is not known.
        with_makers: Whether the tasks are loaded that only made something.
    """

    def __init__(
        self,
        records: Mapping[Number, Record],
        where: str,
        places: Places,
        *,
        folder: str = "",
        workspace: str = "",
        with_makers: bool = True,
    ) -> None:
        self._where = where
        self._records = dict(records)
        """What was not loaded yet"""
        self._workspace = workspace
        self._with_makers = with_makers
        self._classes = Classes(where, folder)
        self._values = ValueReader(self._refer, self._classes, places)
        self._made: dict[Number, Any] = {}
        self._stubs: dict[Number, dict[str, Any]] = {}
        self._looked_at: set[Number] = set()
        self._depend_on_start: set[Number] = set()

    def value(self, json: Any, at: str) -> Any:
        """A value that may refer to objects.

        Args:
            json: As it was written.
            at: Where: file and key.

        Raises:
            FormatError: Something in the file is not as it should be.
        """
        self._load(references(json))
        place = f"{self._where}, {at}"
        with told(place):
            return self._values.read(json, place)

    def config(self, number: Number) -> Any:
        """The configuration of an object.

        Raises:
            FormatError: Something in the file is not as it should be.
        """
        self._load([number])
        return self._refer(number, self._where)

    def _load(self, numbers: Iterable[Number]) -> None:
        roots = [number for number in numbers if number not in self._made]
        if not roots:
            return
        order = used_first(roots, self._records, with_makers=self._with_makers)
        order = [record for record in order if not record.is_stub]
        infos = [self._begin(record, is_root=record.number in roots) for record in order]
        for record in order:
            del self._records[record.number]
        self._note_dependence(order)
        for record, info in zip(order, infos, strict=True):
            self._complete(record, info)

    # First all objects, then their values: so that cycles can be tied.

    def _begin(self, record: Record, *, is_root: bool) -> Information:
        from experimaestro.core.objects.config import declaration_of  # it builds on the writing side

        at = f"{self._where}, object {record.number}"
        with told(at):
            cls: Any = self._classes.of(record)
            declaration = declaration_of(cls)
        try:
            config: Any = object.__new__(cls.C)
        except TypeError as error:  # an abstract class
            raise FormatError(f"{at}: {error}") from error
        info = Information(config, declaration, None, 0)
        info.sealed = info.loaded = True
        info.meta = record.meta
        if declaration.coded is not None:
            info.sealed_code = declaration.code
        if declaration.is_task and (record.task == record.number or not is_root):
            identifier = self._identifier(record)
            info.key = f"{declaration.typename}/{'' if identifier is None else identifier.hex()}"
            info.workspace = self._workspace
        config.__dict__["__xpm__"] = info
        self._made[record.number] = config
        return info

    def _identifier(self, record: Record) -> bytes | None:
        written = record.identifier
        if written is None:
            return None
        try:
            found = Identifier.from_state_dict(written).main
        except (KeyError, TypeError, ValueError):
            found = b""
        if len(found) != 32:
            raise FormatError(
                f"{self._where}, object {record.number}, key 'identifier': expected 64 hexadecimal digits, "
                f"got {written!r}"
            )
        return found

    def _note_dependence(self, order: Iterable[Record]) -> None:
        """Finds the objects whose identifiers depend on where a walk starts; children come first."""
        for record in order:
            inner = [*references(record.fields), *record.init_tasks]
            if self._with_makers and record.task != record.number:
                inner.append(record.task)
            for number in inner:
                config = self._made.get(number)
                if config is None:
                    continue
                on_cycle = number not in self._looked_at
                if on_cycle or number in self._depend_on_start or config.__xpm__.declaration.is_instance:
                    self._depend_on_start.add(record.number)
            self._looked_at.add(record.number)

    def _complete(self, record: Record, info: Information) -> None:
        config: Any = info.owner
        at = f"{self._where}, object {record.number}"
        self._set_maker(record, info, at)
        info.init_tasks = tuple(
            self._refer(number, f"{at}, key 'init-tasks'") for number in record.init_tasks
        )
        identifier = self._identifier(record)
        if record.number in self._depend_on_start and info.stub is None and info.key is None:
            info.own_digest = identifier
        else:
            info.digest = identifier
        values = self._parameters(record, info.declaration, at)
        config.__dict__.update(values)
        if info.declaration.variables or info.declaration.fixed:
            info.bindings = bindings(config)
        self._apply_deprecated(record, info, at)
        for argument in info.declaration.containers:
            if config.__dict__.get(argument.name) is not None:
                config.__dict__[argument.name] = frozen(config.__dict__[argument.name])
        deprecation = deprecation_of(info.declaration.cls)
        if deprecation is not None and deprecation.replaces and info.declaration.convert is not None:
            self._made[record.number] = self._converted(info, identifier)

    def _set_maker(self, record: Record, info: Information, at: str) -> None:
        """Notes the task that a configuration is an output of."""
        if record.task is None or record.task == record.number:
            return
        stub = self._stub(record.task)
        if stub is not None:
            info.stub = stub
            return
        maker = self._refer(record.task, f"{at}, key 'task'")
        if not maker.__xpm__.declaration.is_task:
            raise FormatError(f"{at}, key 'task': object {record.task} is no task")
        info.producer = maker

    def _stub(self, number: Number) -> dict[str, Any] | None:
        """What is kept of a task that is not loaded; None if it is."""
        if number not in self._stubs:
            record = self._records.get(number)
            if record is None:
                return None
            self._stubs[number] = {
                "module": record.module,
                "type": record.qualname,
                "typename": record.typename,
                "identifier": record.identifier,
            }
        return self._stubs[number]

    def _parameters(self, record: Record, declaration: "Declaration", at: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, json in record.fields.items():
            argument = declaration.arguments.get(name)
            if argument is None:
                if name in declaration.deprecated:
                    continue
                raise FormatError(f"{at}, key {name!r}: {declaration.name} has no such parameter (any more)")
            place = f"{at}, key {name!r}"
            with told(place):
                value = self._values.read(json, place)
            if value is None and argument.generator is not None:
                values[name] = None  # written before the path was known
                continue
            try:
                values[name] = argument.check(argument.type.load(value) if argument.type.loads else value)
            except Mismatch as mismatch:
                raise FormatError(f"{place}{mismatch.where}: {mismatch.text}") from None
        for name, default in declaration.shared.items():
            if name not in values:
                values[name] = _sealed_copy(default)
        missing = [argument.name for argument in declaration.required if argument.name not in values]
        if missing:
            raise FormatError(f"{at}: {declaration.name} needs {', '.join(missing)}, which was not written")
        return values

    def _apply_deprecated(self, record: Record, info: Information, at: str) -> None:
        """Sets the parameters that replaced deprecated ones from values that were written before."""
        for name, parameter in info.declaration.deprecated.items():
            if name in record.fields:
                place = f"{at}, key {name!r}"
                with told(place):
                    value = self._values.read(record.fields[name], place)
                info.sealed = False
                parameter.assign(info.owner, value)
                info.sealed = True

    def _converted(self, info: Information, identifier: bytes | None) -> Configuration:
        """What stands now for a configuration of a class that was replaced."""
        from experimaestro.core.objects.sealing import seal_alone  # it builds on the writing side

        assert info.declaration.convert is not None
        config = info.declaration.convert(info.owner)
        seal_alone(config)
        config.__xpm__.loaded = True
        config.__xpm__.meta = info.meta
        if identifier is not None:
            config.__xpm__.digest = identifier
        return config

    def _refer(self, number: Any, at: str) -> Any:
        try:
            return self._made[number]
        except (KeyError, TypeError):
            raise FormatError(f"{at}: refers to object {number}, which is not there") from None


def _sealed_copy(default: Any) -> Any:
    """The default of a parameter that was added since."""
    from experimaestro.core.objects.copying import clone  # they build on the writing side
    from experimaestro.core.objects.sealing import seal_alone

    value = clone(default)
    inner: list[Configuration] = []
    collect(value, inner)
    for config in inner:
        seal_alone(config)
    return value
