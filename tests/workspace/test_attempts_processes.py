"""The protocol of ownership with real processes on a real disk, killed at any file operation."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from experimaestro.workspace import attempts
from experimaestro.workspace.files import read_json
from experimaestro.workspace.layout import JobPaths
from polling import wait_until

RACER = Path(__file__).with_name("racer.py")
DEADLINE_S = 60.0


class Race:
    """Schedulers that run the same jobs; who is killed begins again."""

    def __init__(self, workspace: Path, jobs: int, seed: int, kills: int) -> None:
        self.workspace, self.jobs, self.kills = workspace, jobs, kills
        self.lives = 0
        self._random = random.Random(seed)
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, schedulers: int) -> None:
        for _ in range(schedulers):
            self._begin()
        try:
            wait_until(self._have_all_ended, deadline=DEADLINE_S)
        finally:
            for process in self._running:
                process.kill()
                process.wait()

    def _begin(self) -> None:
        self.lives += 1
        crash_at = self._random.randrange(1, 150) if self.lives <= self.kills else 0
        seed = self._random.randrange(2**32)
        command = [sys.executable, str(RACER), "schedule", str(self.workspace), str(self.jobs), str(seed)]
        environment = {**os.environ, "XPM_CRASH_AT": str(crash_at)}
        self._running.append(subprocess.Popen(command, env=environment))

    def _have_all_ended(self) -> bool:
        for process in tuple(self._running):
            status = process.poll()
            if status is not None:
                self._running.remove(process)
                assert status in {0, -9}
                if status:
                    self._begin()
        return not self._running


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_schedulers_and_jobs_killed_at_any_file_operation_run_each_job_once(tmp_path: Path, seed: int):
    print(f"seed {seed}")
    race = Race(tmp_path, jobs=30, seed=seed, kills=30)
    began = time.monotonic()

    race.run(schedulers=3)

    lines = [line.split() for line in (tmp_path / "executions").read_text().splitlines()]
    print(f"{race.lives} lives of schedulers, {len(lines)} executions, {time.monotonic() - began:.1f} s")
    assert [line for line in lines if line[2] != "executed"] == []
    executions = Counter((folder, int(attempt)) for folder, attempt, _ in lines)
    assert set(executions.values()) == {1}
    for number in range(race.jobs):
        paths = JobPaths.of(str(tmp_path), f"race.job/{number:064x}")
        assert attempts.observe(paths).kind == "done"
        assert Path(paths.done).exists()
        assert not Path(paths.failed).exists()
        ended = [read_json(paths.end(n))["status"] for folder, n in executions if folder == paths.folder]
        assert Counter(ended)["done"] == 1
        assert set(ended) <= {"done", "lost", "killed"}  # who ran before was itself killed
    assert race.lives > 3
    assert len(executions) > race.jobs  # some were killed between `start` and `end`
