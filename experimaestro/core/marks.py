"""Marks on configurations: whether one counts for identifiers, whatever its parameter says."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.problems import information, short
from experimaestro.exceptions import ConfigurationError

if TYPE_CHECKING:
    from experimaestro.core.objects.config import Config

ConfigT = TypeVar("ConfigT", bound="Config")


def setmeta(config: ConfigT, flag: bool | None) -> ConfigT:
    """Says whether a configuration counts for the identifiers of those that use it.

    Args:
        config: A configuration that can still change.
        flag: True: never, not even in a list; False: always, even as the value of a `Meta`
            parameter; None: as the parameter says.

    Returns:
        The configuration.

    Raises:
        TypeError: It is no configuration.
        ConfigurationError: The flag is none of these.
        AssertionError: It is sealed.
    """
    info = information(config, f"setmeta({{}}, {short(flag)})")
    given: Any = flag  # what users give has no type
    if given is not None and not isinstance(given, bool):
        name = info.declaration.name
        raise ConfigurationError(f"setmeta({name}, {short(flag)}): expected True, False or None")
    if info.sealed:
        raise AssertionError(
            f"setmeta({info.declaration.name}, {flag}): the configuration (made at {info.made_at}) is "
            "sealed. Call setmeta before it is used, or on a copy: config.copy()"
        )
    info.meta = flag
    return config


def sealed_set(*configs: ConfigT) -> set[ConfigT]:
    """A set of configurations; they are sealed, since what is in a set may not change.

    Example:
        >>> Ensemble.C(models=sealed_set(first, second))  # doctest: +SKIP

    Raises:
        TypeError: Something is no configuration; none is sealed.
    """
    for config in configs:
        information(config, "sealed_set({})")
    for config in configs:
        config.seal()
    return set(configs)


def without_meta(value: Any) -> Any:
    """A value without the elements that are marked as not counting; itself if there are none."""
    if isinstance(value, dict):
        kept = {key: without_meta(item) for key, item in value.items() if not _is_meta(item)}
        same = len(kept) == len(value) and all(kept[key] is value[key] for key in kept)
        return value if same else kept
    if isinstance(value, list):
        items = _kept(value)
        same = len(items) == len(value) and all(one is other for one, other in zip(items, value, strict=True))
        return value if same else items
    if isinstance(value, set):
        return {item for item in value if not _is_meta(item)} if any(map(_is_meta, value)) else value
    return value


def _kept(values: Iterable[Any]) -> list[Any]:
    return [without_meta(item) for item in values if not _is_meta(item)]


def _is_meta(value: Any) -> bool:
    return isinstance(value, Configuration) and value.__xpm__.meta is True
