"""What must be there before tasks that use a configuration start: data downloaded, an index built."""

from typing import ClassVar

from experimaestro.core.objects.config import Config


class Prepare(Config):
    """Base of what is prepared once, where the experiment runs, before the tasks that use it start.

    You must provide `prepare`; for that it is called once in a process for each identity, on the
    configuration itself, before the first job starts that has it anywhere inside. If it raises, those
    jobs fail with its error.

    Example:
        >>> class Corpus(Prepare):  # doctest: +SKIP
        ...     url: Param[str]
        ...
        ...     def prepare(self):
        ...         download(self.url, cache_folder())
    """

    _xpm_prepares: ClassVar[bool] = True

    def prepare(self) -> None:
        """Makes what is needed."""
        raise NotImplementedError(f"{type(self).__qualname__} has no method `prepare`")

    def is_prepared(self) -> bool:
        """Whether what is needed is there already: `prepare` is then not called."""
        return False
