"""What users' code can be told of an experiment while it runs."""

from typing import Any

from experimaestro.scheduler.job import Job

METHODS = ("on_job_submitted", "on_job_state_changed", "on_service_added")
"""What is called: an object that has all of them is a listener, whatever its class"""


class Listener:
    """Base of what is told of the jobs and services of an experiment: see `experiment.add_listener`.

    Every method does nothing; write those that you want. They are called in one thread, one at a time, in
    the order of what happened, a little later. What one raises is logged, and ends the wait for the
    experiment like that of any callback.

    Example:
        >>> class Print(Listener):
        ...     def on_job_state_changed(self, job):
        ...         print(job.name, job.state.name)
        >>> xp.add_listener(Print())  # doctest: +SKIP
    """

    def on_job_submitted(self, job: Job) -> None:
        """A job was submitted to the experiment."""

    def on_job_state_changed(self, job: Job) -> None:
        """A job is in another state: ask it which."""

    def on_service_added(self, service: Any) -> None:
        """A `Service` was added to the experiment."""
