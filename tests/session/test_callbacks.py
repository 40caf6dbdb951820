"""The user's code that is called while jobs run."""

import json
import shutil
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest

from experimaestro import Job, JobState, Listener, experiment, tag
from experimaestro.exceptions import FailedExperiment, NotInJobError
from experimaestro.scheduler import openrun
from experimaestro.scheduler.services import Service
from polling import wait_until
from tasks import Checkpoint, Evaluate, Fail, Large, Learner, Note, Trier, notes


def test_a_callback_is_called_once_when_the_task_is_done_and_may_submit_more(runs: Path, log: str):
    called = []
    with experiment(runs, "x", display=False):
        first = Note.C(name="first", log=log)
        first.on_completed(lambda: called.append("before"))
        first.submit()

        def more() -> None:
            called.append("after")
            Note.C(name="more", log=log).submit()

        first.on_completed(more)

    assert called == ["before", "after"]
    assert notes(log) == ["first", "more"]


def test_a_callback_of_a_task_that_is_done_already_is_called(runs: Path, log: str):
    called = []
    with experiment(runs, "x", display=False) as xp:
        task = Note.C(name="a", log=log).submit()
        xp.wait()
        task.on_completed(lambda: called.append("a"))

    assert called == ["a"]


def test_the_callback_of_a_task_that_fails_is_not_called(runs: Path):
    called = []
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False):
        Fail.C(how="exit").submit().on_completed(lambda: called.append("never"))

    assert called == []


def test_what_a_callback_raises_ends_the_wait(runs: Path, log: str):
    def fails() -> None:
        raise ValueError("no such plot")

    with (
        pytest.raises(
            FailedExperiment, match=r"^a callback of tasks.note/\w+ failed: ValueError: no such plot$"
        ),
        experiment(runs, "x", display=False) as xp,
    ):
        Note.C(name="a", log=log).submit().on_completed(fails)

    assert xp.status == "failed"


def test_a_callback_that_exits_is_told_and_keeps_no_other_from_being_called(runs: Path, log: str):
    called = []
    with (
        pytest.raises(FailedExperiment, match=r"^a callback of tasks.note/\w+ failed: SystemExit: 3$"),
        experiment(runs, "x", display=False),
    ):
        task = Note.C(name="a", log=log).submit()
        task.on_completed(lambda: sys.exit(3))
        task.on_completed(lambda: called.append("b"))

    assert called == ["b"]


def test_a_callback_that_would_wait_for_itself_is_told(runs: Path, log: str):
    with (
        pytest.raises(FailedExperiment, match=r"wait\(\) in a callback would wait for itself"),
        experiment(runs, "x", display=False) as xp,
    ):
        Note.C(name="a", log=log).submit().on_completed(xp.wait)


def test_the_end_of_a_wait_has_the_outputs_of_a_try_between_two_looks(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(openrun, "OUTPUTS_S", 1.0)
    steps: list[int] = []
    xp = experiment(runs, "x", display=False).start()
    task = Trier.C(log=log)
    task.watch_output(task.checkpoint, lambda made: steps.append(made.step))
    task.submit()
    with pytest.raises(FailedExperiment, match="wrong"):
        xp.wait()

    xp.retry(task)
    xp.wait()

    assert steps == [1, 2, 10, 20, 30]
    xp.stop()


def test_a_watched_task_that_is_done_and_run_again_keeps_nobody_waiting(runs: Path, log: str):
    steps: list[int] = []
    with experiment(runs, "x", display=False) as xp:
        task = Learner.C(log=log, until="/")
        task.watch_output(task.checkpoint, lambda made: steps.append(made.step))
        task.submit()
        xp.wait()
        before = list(steps)
        shutil.rmtree(task.jobpath)
        again = Learner.C(log=log, until="/").submit()
        waiting = threading.Thread(target=xp.wait, daemon=True)
        waiting.start()
        waiting.join(30)
        assert not waiting.is_alive()

    assert before
    assert steps == before, "what it says once more was given out"
    assert again.job.state is JobState.DONE


def test_each_output_is_given_out_once_however_often_the_task_is_tried(runs: Path, log: str):
    steps: list[int] = []

    def plan() -> Trier:
        task = Trier.C(log=log)
        task.watch_output(task.checkpoint, lambda made: steps.append(made.step))
        return task.submit()

    xp = experiment(runs, "x", display=False).start()
    task = plan()
    with pytest.raises(FailedExperiment, match="wrong"):
        xp.wait()
    xp.stop()
    assert steps == [1, 2, 10, 20]
    xp.retry(task)  # opens the run again
    assert task.wait().value == "done"
    wait_until(lambda: xp.status != "running")
    assert steps == [1, 2, 10, 20, 30]

    steps.clear()
    with experiment(runs, "x", display=False):
        plan()
    assert steps == [1, 2, 10, 20, 30], "a rerun gives out what was given out before"


def test_two_who_watch_one_task_get_all_outputs_each(runs: Path, log: str, tmp_path: Path):
    found: tuple[list[int], list[int]] = [], []
    (tmp_path / "go").touch()
    with experiment(runs, "x", display=False) as xp:
        task = Learner.C(log=log, until=str(tmp_path / "go"))
        task.submit()
        xp.wait()
        task.watch_output(task.checkpoint, lambda made: found[0].append(made.step))
        wait_until(lambda: found[0] == [1, 2])
        task.watch_output(task.checkpoint, lambda made: found[1].append(made.step))

    assert found == ([1, 2], [1, 2])


def test_an_output_that_is_too_long_fails_where_it_is_registered(runs: Path):
    with (
        pytest.raises(FailedExperiment, match=r"bytes are more than an output may have \(1,048,576\)"),
        experiment(runs, "x", display=False),
    ):
        Large.C(name="a").submit()


def test_outputs_of_a_running_task_are_used_before_it_ends(runs: Path, log: str, tmp_path: Path):
    go = str(tmp_path / "go")

    def plan() -> list[int]:
        steps = []

        def evaluate(checkpoint: Checkpoint) -> None:
            steps.append(checkpoint.step)
            Evaluate.C(checkpoint=checkpoint, log=log, go=go).submit()

        with experiment(runs, "x", workers=2, display=False):
            learner = Learner.C(log=log, until=go)
            learner.watch_output(learner.checkpoint, evaluate)
            learner.submit()
        return steps

    assert plan() == [1, 2]
    assert notes(log) == ["evaluated 1", "evaluated 2", "learner ends"]
    assert plan() == [1, 2], "the outputs of a task that was done before"
    assert len(notes(log)) == 3


def test_only_methods_of_configurations_are_watched_and_only_jobs_give_something_out(log: str):
    learner = Learner.C(log=log, until="")
    with pytest.raises(TypeError) as raised:
        learner.watch_output(print, print)
    assert str(raised.value) == (
        "Learner.watch_output(<built-in function print>, ...): expected a method of a configuration, as in "
        "task.watch_output(task.checkpoint, callback)"
    )
    with pytest.raises(NotInJobError, match="only a running job has outputs"):
        learner.instance().register_task_output(learner.checkpoint, 1)


def test_what_cannot_listen_is_refused_and_the_jobs_go_on(runs: Path, log: str):
    with experiment(runs, "x", display=False) as xp:
        with pytest.raises(TypeError) as raised:
            xp.add_listener(3)  # type: ignore[arg-type] # no listener
        Note.C(name="a", log=log).submit()

    assert notes(log) == ["a"]
    assert str(raised.value) == (
        "add_listener(3): expected a Listener, this has no method on_job_submitted, on_job_state_changed, "
        "on_service_added. Derive its class from experimaestro.Listener"
    )


def test_a_listener_is_told_of_jobs_and_services_in_order(runs: Path, log: str):
    told = []

    class Notes(Listener):
        def on_job_submitted(self, job: Job) -> None:
            told.append(f"{job.name} submitted")

        def on_job_state_changed(self, job: Job) -> None:
            told.append(f"{job.name} moved")

        def on_service_added(self, service: Service) -> None:
            told.append(service.id)

    class Page(Service):
        id = "page"

    with experiment(runs, "x", display=False) as xp:
        xp.add_listener(Notes())
        xp.add_service(Page())
        task = Note.C(name="a", log=log).submit()

    assert told == ["page", "note submitted", *["note moved"] * 4]
    assert task.job.state.name == "DONE"
    assert (task.job.load_from_disk(), task.job.dependencies) == (JobState.DONE, ())
    assert (task.job.experiments, task.job.exit_code, task.job.retry_count) == (["x"], 0, 0)
    assert list(xp.jobs) == [task.job.identifier]


def test_a_job_tells_all_that_is_known_of_it_as_json(runs: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False):
        job = Fail.C(how=tag("raise")).submit().job
        assert job.load_from_disk() is not JobState.DONE
    told = json.loads(json.dumps(job.state_dict()))
    assert datetime.fromisoformat(told.pop("starttime")) <= datetime.fromisoformat(told.pop("endtime"))
    assert told == {
        "task_id": "tasks.fail",
        "identifier": job.identifier,
        "path": str(job.path),
        "state": "error",
        "failure_reason": "failed",
        "tags": {"how": "raise"},
        "dependencies": [],
        "experiments": ["x"],
        "progress": [],
        "exit_code": 1,
        "retry_count": 0,
    }
    assert job.load_from_disk() is JobState.ERROR


def test_how_far_a_job_is_can_be_said_for_it(runs: Path, log: str, tmp_path: Path):
    end = tmp_path / "end"
    with experiment(runs, "x", display=False) as xp:
        job = Note.C(name="a", log=log, until=str(end)).submit().job
        job.set_progress(0, 0.5)  # before it runs: nothing to say
        wait_until(lambda: job.state is JobState.RUNNING)
        assert [one.value for one in job.progress] == []
        job.set_progress(1, 7.0, "batches")
        job.set_progress(0, 0.25, "epochs")
        job.set_progress(1, 0.75, "batches")
        assert [(one.value, one.text) for one in job.progress] == [(0.25, "epochs"), (0.75, "batches")]
        end.touch()
    assert not xp.failed
