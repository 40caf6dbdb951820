"""Configurations, with the data that belong to them, on the Hugging Face hub.

Rules: what is on the hub is the folder that `save` makes, so that a downloaded repository can be loaded
without it; the package `huggingface_hub` is needed where the hub is asked, and not before. Libraries derive
from the class: the names that begin with an underscore are those that they may give, as for the mixin of
`huggingface_hub`.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experimaestro.core.base import Information
from experimaestro.core.context import SerializedPath
from experimaestro.core.serialization.saving import DEFINITION
from experimaestro.exceptions import ConfigurationError, NotInstalledError


class ExperimaestroHFHub:
    """Brings a configuration to the Hugging Face hub, and back.

    Args:
        config: A configuration, or an object that was made of one.

    Example:
        >>> ExperimaestroHFHub(loader).push_to_hub("me/my-model")  # doctest: +SKIP
        >>> loader = ExperimaestroHFHub.from_pretrained("me/my-model")  # doctest: +SKIP
    """

    definition_filename = DEFINITION
    """The file that describes the configuration"""

    def __init__(self, config: Any) -> None:
        self.config = config

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **options: Any,
    ) -> str | None:
        """Writes what is to be on the hub in a folder.

        Args:
            save_directory: The folder; made if it does not exist.
            repo_id: The repository, if it is to be brought to the hub; None: that of the folder's name.
            push_to_hub: Whether it is.
            **options: See `push_to_hub`.

        Returns:
            The address of what was brought to the hub; None if nothing was.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self._save_pretrained(folder)
        return self.push_to_hub(repo_id or folder.name, **options) if push_to_hub else None

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "Push a configuration",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: Sequence[str] | str | None = None,
        ignore_patterns: Sequence[str] | str | None = None,
        delete_patterns: Sequence[str] | str | None = None,
    ) -> str:
        """Brings the configuration and its data to a repository of the hub.

        Args:
            repo_id: `<user or organisation>/<name>`; made if it does not exist.
            commit_message: What the history of the repository says.
            private: Whether only its owner sees a repository that is made; None: as the owner's settings say.
            token: Of the owner; None: the one that is stored on this machine.
            branch: Where it goes; None: the main one.
            create_pr: Whether it is proposed to the owner.
            allow_patterns: Only files of these patterns are sent.
            ignore_patterns: Files of these patterns are not.
            delete_patterns: Files of these patterns, which the repository has, are removed.

        Returns:
            The address of the commit.

        Raises:
            NotInstalledError: The package `huggingface_hub` is missing.
        """
        api = _hub().HfApi(token=token)
        repository = api.create_repo(repo_id=repo_id, private=private, exist_ok=True).repo_id
        if branch is not None:
            api.create_branch(repo_id=repository, branch=branch, exist_ok=True)
        with TemporaryDirectory() as folder:
            self._save_pretrained(Path(folder))
            return str(
                api.upload_folder(
                    repo_id=repository,
                    folder_path=folder,
                    commit_message=commit_message,
                    revision=branch,
                    create_pr=create_pr,
                    allow_patterns=allow_patterns,
                    ignore_patterns=ignore_patterns,
                    delete_patterns=delete_patterns,
                )
            )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **options: Any,
    ) -> Any:
        """Loads a configuration from the hub, or from a folder.

        Args:
            pretrained_model_name_or_path: `<user or organisation>/<name>`, or a folder.
            revision: Branch, tag or commit; None: the main branch.
            cache_dir: Where downloads are kept; None: where `huggingface_hub` keeps them.
            force_download: Whether what was downloaded before is downloaded again.
            local_files_only: Whether only what was downloaded before is used.
            token: Of a user who may see it; None: the one that is stored on this machine.
            **options: `as_instance`: whether an object is made of the configuration.

        Raises:
            NotInstalledError: The package `huggingface_hub` is missing.
            FormatError: What is there cannot be read.
        """
        return cls._from_pretrained(
            model_id=str(pretrained_model_name_or_path),
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
            **options,
        )

    # What a library may give.

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes the configuration and its data in a folder."""
        config = getattr(self.config, "xpmconfig", self.config)
        info = getattr(config, "__xpm__", None)
        if info is None:
            name = type(config).__qualname__
            raise ConfigurationError(
                f"ExperimaestroHFHub({name} object): expected a configuration, {name}.C(...)"
            )
        info.serialize(save_directory)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, as_instance: bool = False, **options: Any) -> Any:
        """Loads the configuration; `options` are those of the downloads."""
        place: Any = Path(model_id)
        if not place.is_dir():
            place = _Repository(model_id, options)
        return Information.deserialize(
            place, as_instance=as_instance, definition_filename=cls.definition_filename
        )


class _Repository:
    """Finds the files of a repository, each downloaded when it is asked for.

    Args:
        name: `<user or organisation>/<name>`.
        options: Those of the functions of `huggingface_hub`.
    """

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self._name = name
        self._options = {key: value for key, value in options.items() if value is not None}

    def __call__(self, name: str | SerializedPath) -> Path:
        """The file or the folder of a name, on this machine."""
        hub = _hub()
        path = name.path if isinstance(name, SerializedPath) else Path(name)
        if isinstance(name, SerializedPath) and name.is_folder:
            whole = path == Path()
            patterns = None if whole else f"{path.as_posix()}/**"
            return Path(hub.snapshot_download(self._name, allow_patterns=patterns, **self._options)) / path
        return Path(hub.hf_hub_download(self._name, path.as_posix(), **self._options))


def _hub() -> Any:
    try:
        import huggingface_hub  # slow, and rarely needed
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        raise NotInstalledError(
            "the Hugging Face hub needs a package that is not installed: pip install huggingface_hub"
        ) from None
    return huggingface_hub
