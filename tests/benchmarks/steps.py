"""A task in a module of its own: what a job has to import."""

from experimaestro import Meta, Param, Task, field


class Step(Task):
    """A task of a chain, or of a wide plan."""

    number: Param[int]
    before: Param["Step | None"] = field(default=None)
    folder: Meta[str]

    def execute(self) -> None:
        """Nothing."""
