"""Values of fields that are to be tried: all combinations, or pairs.

    grid_search:
      optim.lr: [1e-3, 1e-4]
      seed: {values_range: [0, 4, 5]}

Rule: a grid only makes configurations out of one; it knows neither tasks nor experiments.
"""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from experimaestro.documents import problems
from experimaestro.documents.converting import Conversion
from experimaestro.documents.fields import fields_of, has_fields
from experimaestro.documents.nodes import Origin, from_python
from experimaestro.exceptions import DocumentError

C = TypeVar("C")

GridSearch = dict[str, Any]
"""For each dotted field: values, `{"values_list": values}` or `{"values_range": [start, stop, count]}`"""


def generate_grid(
    configuration: C, grid: Mapping[str, Any] | None = None, *, mode: Literal["product", "pairs"] = "product"
) -> Iterator[C]:
    """Makes the configurations of a grid.

    Args:
        configuration: What the fields that are not in the grid are taken from; it is not changed.
        grid: Values by dotted field; None: those of `configuration.grid_search`. An empty grid is the
            configuration alone.
        mode: `product`: each value of a field with each of all others, the last field changes
            fastest. `pairs`: the first values of all fields, then the second...

    Yields:
        Copies, whose `grid_search` is None.

    Raises:
        DocumentError: A field is unknown, or has no values or wrong ones; or pairs have not the same number
            of values. All values are looked at before the first configuration is made.

    Example:
        >>> import dataclasses
        >>> @dataclasses.dataclass
        ... class Run:
        ...     lr: float = 0.1
        ...     seed: int = 0
        >>> for run in generate_grid(Run(), {"lr": [1.0, 2.0], "seed": {"values_range": [0, 1, 2]}}):
        ...     print(run)
        Run(lr=1.0, seed=0)
        Run(lr=1.0, seed=1)
        Run(lr=2.0, seed=0)
        Run(lr=2.0, seed=1)
    """
    if grid is None:
        grid = getattr(configuration, "grid_search", None) or {}
    columns = {
        field: _converted(configuration, field, _values(field, values)) for field, values in grid.items()
    }
    if mode == "pairs" and len({len(values) for values in columns.values()}) > 1:
        counts = ", ".join(f"{field} has {len(values)}" for field, values in columns.items())
        raise DocumentError(f"grid_search: pairs need as many values for each field: {counts}")
    if hasattr(configuration, "grid_search"):
        configuration = _changed(configuration, "grid_search", None)
    rows = (
        zip(*columns.values(), strict=True)
        if mode == "pairs" and columns
        else itertools.product(*columns.values())
    )
    for row in rows:
        made: Any = configuration
        for field, value in zip(columns, row, strict=True):
            made = _with(made, field.split("."), value)
        yield made


def check(configuration: Any, grid: Mapping[str, Any]) -> Iterator[tuple[str, DocumentError]]:
    """The fields of a grid that `generate_grid` would refuse, each with the reason."""
    for field, values in grid.items():
        error = _error_of(configuration, field, values)
        if error is not None:
            yield field, error


def _error_of(configuration: Any, field: str, values: Any) -> DocumentError | None:
    try:
        _converted(configuration, field, _values(field, values))
    except DocumentError as error:
        return error
    return None


def _values(field: str, values: Any) -> Sequence[Any]:
    """The values of a field, whichever way they are written."""
    where = f"grid_search: {field}"
    if isinstance(values, Mapping) and set(values) == {"values_list"}:
        values = values["values_list"]
    elif isinstance(values, Mapping) and set(values) == {"values_range"}:
        return _range(where, values["values_range"])
    if not isinstance(values, (list, tuple)):
        raise DocumentError(
            f"{where}: expected [values], values_list: [values] or values_range: [start, stop, count], "
            f"got {values!r}"
        )
    if not values:
        raise DocumentError(f"{where}: has no values")
    return values


def _range(where: str, values: Any) -> Sequence[Any]:
    """Evenly spaced numbers, both ends included; ints if they are whole."""
    numbers = list(values) if isinstance(values, (list, tuple)) else []
    if len(numbers) != 3 or not all(isinstance(n, (int, float)) for n in numbers):
        raise DocumentError(f"{where}: values_range: expected [start, stop, count], got {values!r}")
    start, stop, count = numbers
    if not isinstance(count, int) or count < 1:
        raise DocumentError(f"{where}: values_range: expected a count from 1 up, got {count!r}")
    steps = [start + (stop - start) * n / max(count - 1, 1) for n in range(count)]
    whole = isinstance(start, int) and isinstance(stop, int) and all(float(n).is_integer() for n in steps)
    return [int(n) for n in steps] if whole else steps


def _converted(configuration: Any, field: str, values: Sequence[Any]) -> Sequence[Any]:
    """The values as the class of the field wants them."""
    of = _type_of(configuration, field.split("."), field)
    conversion = Conversion()
    nodes = [from_python(value, Origin("grid_search")) for value in values]
    made = [conversion.convert(node, of, field) for node in nodes]
    if conversion.problems:
        raise problems.failure("grid_search", conversion.problems)
    return made


def _type_of(configuration: Any, path: Sequence[str], field: str) -> Any:
    """The annotation of a field, which may be deep inside."""
    name, *rest = path
    if isinstance(configuration, dict):
        return _type_of(configuration.get(name), rest, field) if rest else Any
    cls = type(configuration)
    fields = {one.name: one for one in fields_of(cls)} if has_fields(cls) else {}
    if name not in fields:
        hint = problems.did_you_mean(name, fields)
        raise DocumentError(f"grid_search: {field}: {cls.__qualname__} has no field {name!r}. {hint}")
    return _type_of(getattr(configuration, name), rest, field) if rest else fields[name].type


def _with(configuration: Any, path: Sequence[str], value: Any) -> Any:
    """A copy with another value of one field, which may be deep inside."""
    name, *rest = path
    if isinstance(configuration, dict):
        return {**configuration, name: _with(configuration.get(name), rest, value) if rest else value}
    return _changed(configuration, name, _with(getattr(configuration, name), rest, value) if rest else value)


def _changed(configuration: Any, name: str, value: Any) -> Any:
    changed = copy.copy(configuration)
    object.__setattr__(changed, name, value)  # it may be frozen
    return changed
