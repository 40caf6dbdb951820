"""What a person may do with the results of an experiment: export a model, send a report."""

from typing import Any, Protocol

from experimaestro.core.base import Configuration
from experimaestro.core.objects.config import Config
from experimaestro.core.problems import short
from experimaestro.exceptions import ConfigurationError


class Interaction(Protocol):
    """How an action asks a person: in a terminal, in a notebook, or with answers given before."""

    def choice(self, key: str, label: str, choices: list[str], *, default: Any = None) -> str:
        """Asks for one of several texts."""

    def checkbox(self, key: str, label: str, *, default: bool = False) -> bool:
        """Asks for yes or no."""

    def text(self, key: str, label: str, *, default: str = "") -> str:
        """Asks for a text."""


class Action(Config):
    """Base of what a person may do with an experiment's results; added by `xp.add_action`.

    You must provide `describe` and `execute`.

    Example:
        >>> class Export(Action):  # doctest: +SKIP
        ...     model: Param[Model]
        ...
        ...     def describe(self):
        ...         return "Copy the model into a folder"
        ...
        ...     def execute(self, interaction):
        ...         shutil.copy(self.model.path, interaction.text("folder", "Folder:"))
    """

    def describe(self) -> str:
        """What the action does, in a line."""
        return self.__xpmtype__.title or type(self).__name__

    def execute(self, interaction: Interaction) -> None:
        """Does it.

        Args:
            interaction: How to ask a person.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no method `execute`")


def described(action: Any) -> str:
    """Seals an action, and says what it does.

    Raises:
        ConfigurationError: It is no action, or a parameter is missing.
    """
    if not (isinstance(action, Configuration) and isinstance(action, Action)):
        raise ConfigurationError(
            f"add_action({short(action)}): expected a configuration of an Action, Cls.C(...)"
        )
    action.__xpm__.validate()
    action.seal()
    return str(action.describe())
