"""Partial identifiers: what tasks share when they agree on a part of their parameters.

The law is that of identifiers, but the parameters of the task itself (not those inside) are chosen by
their groups. Used for folders that several tasks share, such as checkpoints of runs of different length.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from experimaestro.core.arguments import Argument, ParamGroup, groups_of
from experimaestro.core.base import Configuration
from experimaestro.core.context import Need

if TYPE_CHECKING:
    from experimaestro.core.identifier import Identifier


class Partial:
    """Which parameters count for a shared folder; an attribute of a task's class, made by `partial`."""

    def __init__(
        self,
        exclude_groups: frozenset[ParamGroup],
        include_groups: frozenset[ParamGroup],
        *,
        exclude_no_group: bool,
        exclude_all: bool,
    ) -> None:
        self.name = ""
        self.exclude_groups = exclude_groups
        self.include_groups = include_groups
        self.exclude_no_group = exclude_no_group
        self.exclude_all = exclude_all

    def __set_name__(self, owner: type, name: str) -> None:
        """Learns the name of the attribute, which is that of the folder."""
        self.name = name

    def is_kept(self, argument: Argument) -> bool:
        """Whether a parameter counts; included groups win over all else."""
        groups = argument.groups
        if groups & self.include_groups:
            return True
        if self.exclude_all or (not groups and self.exclude_no_group):
            return False
        return not groups & self.exclude_groups

    def identifier(self, config: Configuration) -> "Identifier":
        """The partial identifier of a configuration.

        Raises:
            KeyError: A parameter that counts is not set.
        """
        from experimaestro.core.identifier import Identifier, Walk  # a class may use a partial before

        return Identifier(Walk({}, self.is_kept).digest(config))

    def folder(self, config: Configuration, workspace: str) -> str:
        """The folder that tasks share which agree on what counts."""
        typename = config.__xpm__.declaration.typename
        return f"{workspace}/partials/{typename}/{self.name}/{self.identifier(config)!r}"

    def need(self, config: Configuration, workspace: str) -> Need:
        """What a task holds that writes into the folder: one at a time may."""
        return Need(f"{self.folder(config, workspace)}/.experimaestro/locks", 1, 1)


def partial(
    exclude_groups: Iterable[ParamGroup] = (),
    include_groups: Iterable[ParamGroup] = (),
    exclude_no_group: bool = False,
    exclude_all: bool = False,
) -> Partial:
    """A folder that tasks share which agree on a part of their parameters.

    Args:
        exclude_groups: Parameters of these groups do not count.
        include_groups: Parameters of these groups count, whatever else is said.
        exclude_no_group: Whether those without a group do not count.
        exclude_all: Whether none counts, but those of `include_groups`.

    Raises:
        DefinitionError: Something else than groups was given.

    Example:
        >>> training = param_group("training")  # doctest: +SKIP
        >>> class Learn(Task):  # doctest: +SKIP
        ...     checkpoints = partial(exclude_groups=[training])
        ...     epochs: Param[int] = field(groups=[training])
        ...     folder: Meta[Path] = field(default_factory=PathGenerator(partial=checkpoints))
    """
    return Partial(
        groups_of(exclude_groups, "partial(exclude_groups={})"),
        groups_of(include_groups, "partial(include_groups={})"),
        exclude_no_group=exclude_no_group,
        exclude_all=exclude_all,
    )
