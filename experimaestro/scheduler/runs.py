"""The files of one open run: journal, lists of jobs and objects, projections, links.

Rules: the loop's thread adds (memory only) and makes projections; a thread of the pool writes,
one at a time for each run. What was not written is kept for the next try.
"""

import copy
import logging
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from experimaestro.core.context import Submission
from experimaestro.core.objects import Config
from experimaestro.core.serialization.writing import ObjectWriter, relative_to
from experimaestro.core.source import NOTEBOOK
from experimaestro.events.model import JobSubmitted
from experimaestro.events.state import Run, State
from experimaestro.workspace import files, history, projections
from experimaestro.workspace.history import Limits
from experimaestro.workspace.journal import LineFile
from experimaestro.workspace.layout import RunPaths, job_folder
from experimaestro.workspace.provenance import Provenance

log = logging.getLogger("experimaestro.scheduler")

LAST_LOOK_S = 0.5
"""How long the end of a run waits for git, in seconds"""


class RunFiles:
    """What an open run has on disk.

    Args:
        run: Id of the run, `<experiment>/<run id>`.
        workspace: The workspace's folder.
        paths: Its files; its folder exists.

    Attributes:
        changed: Whether something happened since the last projection.
        projected: When that was, by the monotonic clock.
        limits: How many runs of the experiment are kept.
    """

    def __init__(self, run: str, workspace: str, paths: RunPaths) -> None:
        self.run = run
        self.paths = paths
        files.create_marker(paths.journal)  # so that others see that the run has begun
        self.journal = LineFile(paths.journal)
        self.changed = False
        self.projected = 0.0
        self.limits = Limits()
        self._workspace = workspace
        self._jobs = LineFile(paths.jobs_jsonl)
        self._objects = LineFile(paths.objects_jsonl)
        self._writer = ObjectWriter(relative_to(os.getcwd()))  # noqa: PTH109 - a string
        self._new: list[Submission] = []
        self._new_actions: list[Config] = []
        self._actions: Mapping[str, Any] = {}
        self._known: set[str] = set()
        self._links: dict[str, str] = {}
        self._link_folders: set[str] = set()
        self._status = b""
        self._run: Run | None = None
        self._provenance = Provenance(paths)
        self._services: Mapping[str, Any] = {}
        self._projected_services: Mapping[str, Any] = {}
        self._is_closed = False
        self._writing = threading.Lock()

    def submitted(self, event: JobSubmitted, submission: Submission | None) -> None:
        """Notes a job of the run; only the first time counts.

        Args:
            event: That it was submitted.
            submission: What it is; None: nobody has it any more.
        """
        self.changed = True
        if event.job not in self._known:
            self._known.add(event.job)
            self._jobs.add(projections.job_line(event))
            if submission is not None:
                self._new.append(submission)
                self._provenance.note(type(submission.task))

    def add_code(self, paths: Iterable[str]) -> None:
        """Notes files and folders whose commit is recorded with the run."""
        for path in paths:
            self._provenance.add(path)

    def has(self, job: str) -> bool:
        """Whether a job was noted."""
        return job in self._known

    def project(self, state: State, now: float) -> None:
        """Makes the projections of what is known now, for the next write."""
        run = state.runs[self.run]
        self.changed, self.projected = False, time.monotonic()
        services = self._projected_services = self._services
        self._status = projections.status(state, run, now, services, self._actions)
        self._run = copy.copy(run)

    def show_services(self, services: Mapping[str, Any]) -> None:
        """Notes the services of the run as they are now; called in any thread.

        They are written soon; at once after the end of the run, as services may outlive it.

        Args:
            services: By id, as JSON values; never changed afterwards.

        Raises:
            OSError: The disk refuses.
        """
        self._services = services
        self.changed, self.projected = True, -math.inf
        with self._writing:
            if self._is_closed:
                self._write_services()

    def add_action(self, action: Config, description: str) -> None:
        """Notes what a person may do with the results; called in any thread, and written soon.

        Args:
            action: Sealed.
            description: What it does.
        """
        identifier, made_of = repr(action.__identifier__()), action.__xpmtype__.cls
        row = {
            "action_id": identifier,
            "description": description,
            "class": f"{made_of.__module__}.{made_of.__qualname__}",
        }
        self._new_actions.append(action)
        self._actions = {**self._actions, identifier: row}
        self.changed, self.projected = True, -math.inf

    def flush(self) -> None:
        """Writes new lines and links.

        Raises:
            OSError: The disk refuses.
        """
        with self._writing:
            self._flush()
        self._provenance.look()  # nothing to do, but after a task of new code

    def write_projections(self) -> None:
        """Writes `status.json` and `environment.json`.

        Raises:
            OSError: The disk refuses; they are due again.
        """
        try:
            with self._writing:
                assert self._run is not None
                files.replace(self.paths.status, self._status)
                run = projections.run_of_environment(self._run)
                files.replace(self.paths.environment, self._provenance.describe(run))
        except OSError:
            self.changed, self.projected = True, -math.inf
            raise

    def reopen(self) -> bool:
        """Lets a run go on that was closed.

        Returns:
            Whether its folder was removed meanwhile: what was written is to be given again.

        Raises:
            OSError: The folder cannot be made.
        """
        with self._writing:
            was_removed = not files.exists(self.paths.journal)
            if was_removed:
                files.make_folder(self.paths.folder)
                self._known, self._link_folders = set(), set()
                self._writer = ObjectWriter(relative_to(os.getcwd()))  # noqa: PTH109 - a string
            self._is_closed = False
            return was_removed

    def close(self) -> None:
        """Writes everything that is left.

        Raises:
            OSError: The disk refuses.
        """
        with self._writing:
            self._flush()
            self._jobs.close()
            self._objects.close()
            self.journal.close()
        self._provenance.look(LAST_LOOK_S)
        self.write_projections()
        with self._writing:
            self._is_closed = True
            if self._projected_services is not self._services:  # changed since the last projection
                self._write_services()
        assert self._run is not None
        if self._run.status in {"done", "failed"}:
            self._clean_up()

    def _clean_up(self) -> None:
        """Removes older runs that nobody needs; whatever hinders that may wait for the next run."""
        try:
            history.clean_up(self.paths, self.limits)
        except OSError as error:
            log.warning("older runs of %s are still there: %s", self.run, error)

    def _write_services(self) -> None:
        self._status = projections.with_services(self._status, self._services, time.time())
        files.replace(self.paths.status, self._status)

    def _add_objects(self, objects: Iterable[Mapping[str, Any]]) -> None:
        for line in projections.object_lines(objects):
            self._objects.add(line)

    def _flush(self) -> None:
        self.journal.flush()
        self._jobs.flush()
        while self._new:
            submission = self._new[0]
            folder = self._links[submission.key] = job_folder(self._workspace, submission.key)
            configs: list[Any] = [*submission.init_tasks, submission.task]
            self._add_objects(self._writer.add(configs, submission.shipped, f"{folder}/{NOTEBOOK}"))
            del self._new[0]
        while self._new_actions:
            action: Any = self._new_actions[0]
            self._add_objects(self._writer.add([action]))
            del self._new_actions[0]
        self._objects.flush()
        links, self._links = self._links, {}
        try:
            projections.link_jobs(self.paths, links, self._link_folders)
        except OSError:
            self._links = {**links, **self._links}
            raise
