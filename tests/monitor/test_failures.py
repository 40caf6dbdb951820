"""What is said of failed jobs: whole texts."""

from pathlib import Path

import pytest

from experimaestro.events.owners import Outcome, Status
from experimaestro.events.state import Job
from experimaestro.events.states import JobState
from experimaestro.monitor import failures
from experimaestro.workspace.layout import JobPaths
from study import Study

A = "a" * 64


def paths(key: str, workspace: str = "/no/such") -> JobPaths:
    return JobPaths.of(workspace, key)


def failed(study: Study) -> list[Job]:
    return [job for job in study.state.jobs.values() if job.state is JobState.ERROR]


def write_log(tmp_path: Path, study: Study, name: str, text: str) -> None:
    folder = tmp_path / "jobs" / study.key(name)
    folder.mkdir(parents=True)
    (folder / "train.err").write_text(text, encoding="utf-8")


def test_a_failed_job_is_described_with_the_users_line_first(tmp_path: Path):
    study = Study()
    study.submit("a", lr=0.001, corpus="wiki").observe("a").start("a").fail("a")
    write_log(tmp_path, study, "a", "loading\nTraceback (most recent call last):\n  there\nValueError: no\n")

    text = failures.describe(failed(study)[0], paths(study.key("a"), str(tmp_path)))

    assert (
        text
        == f"""\
train lr=0.001 corpus=wiki failed
  train.py:12 in execute: raise ValueError('no')
  ValueError: no
  end of {tmp_path}/jobs/lab.train/{A}/train.err:
    loading
    Traceback (most recent call last):
      there
  folder: {tmp_path}/jobs/lab.train/{A}
  To retry, run the same code again: done jobs are kept, failed ones are run again."""
    )


def test_a_job_without_tags_is_named_by_its_identifier_and_no_log_is_no_line():
    study = Study()
    study.start("a").fail("a", Outcome("killed", "killed by SIGKILL", signal=9))

    assert (
        failures.describe(failed(study)[0], paths(study.key("a")))
        == f"""\
train aaaaaaaa failed
  killed by SIGKILL
  folder: /no/such/jobs/lab.train/{A}
  To retry, run the same code again: done jobs are kept, failed ones are run again."""
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("memory", "train aaaaaaaa ran out of memory"),
        ("timeout", "train aaaaaaaa ran out of time"),
        ("cancelled", "train aaaaaaaa was stopped"),
        ("refused", "train aaaaaaaa could not be started"),
        ("lost", "train aaaaaaaa failed"),
    ],
)
def test_the_headline_says_what_became_of_it(status: Status, words: str):
    study = Study()
    study.start("a").fail("a", Outcome(status))
    assert failures.headline(failed(study)[0]) == words


def test_a_job_of_which_nothing_is_known_says_so():
    study = Study()
    study.start("a").fail("a", Outcome("lost"))
    assert failures.details(failed(study)[0], paths(study.key("a")))[0] == "nothing is known about its end"


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path):
    study = Study()
    study.start("a").fail("a")
    (tmp_path / "jobs" / study.key("a") / "train.err").mkdir(parents=True)

    lines = failures.details(failed(study)[0], paths(study.key("a"), str(tmp_path)))

    assert f"its log cannot be read: {tmp_path}/jobs/lab.train/{A}/train.err: Is a directory" in lines


def test_what_a_log_holds_cannot_command_a_terminal(tmp_path: Path):
    study = Study()
    study.submit("a", **{"t\x1b[2J": "\x07[bold]"}).observe("a").start("a")
    study.fail("a", Outcome("failed", "E: \x1b]0;x\x07\nmore\x08", frame="a\x1bb.py:1"))
    write_log(tmp_path, study, "a", "\x1b[2Jhidden\x00\n" + "".join(f"{i}%\r" for i in range(100)))

    text = failures.describe(failed(study)[0], paths(study.key("a"), str(tmp_path)))

    assert all(c.isprintable() or c == "\n" for c in text.replace("\ufffd", ""))
    assert "[bold]" in text
    assert "\n    99%\n" in text


def test_a_long_message_is_cut():
    study = Study()
    study.start("a").fail("a", Outcome("failed", "\n".join(str(i) for i in range(100))))
    assert failures.details(failed(study)[0], paths(study.key("a")))[:-1] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "…",
    ]


def test_a_report_tells_each_failure_and_counts_what_did_not_run():
    study = Study()
    study.start("a").fail("a").start("b").fail("b", Outcome("memory", "out of memory (cgroup)"))
    study.submit("c", "a").observe("c").skip("c", "a")
    study.submit("d", "c").observe("d").skip("d", "c")
    study.submit("e", "b").observe("e").skip("e", "b")

    assert (
        failures.report(failed(study), paths)
        == f"""\
2 jobs failed, 3 jobs did not run because of them

train aaaaaaaa failed
  train.py:12 in execute: raise ValueError('no')
  ValueError: no
  folder: /no/such/jobs/lab.train/{A}
  2 jobs did not run because of it

train bbbbbbbb ran out of memory
  out of memory (cgroup)
  folder: /no/such/jobs/lab.train/{"b" * 64}
  1 job did not run because of it

To retry, run the same code again: done jobs are kept, failed ones are run again."""
    )


def test_a_report_describes_ten_jobs_and_counts_the_others_by_task():
    study = Study()
    for i in range(100, 112):
        study.start(i).fail(i)
    study.start(112, task="lab.evaluate").end(112, Outcome("failed", "E"), task="lab.evaluate")

    lines = failures.report(failed(study), paths).split("\n")

    assert lines[0] == "13 jobs failed"
    assert sum(line.startswith("train ") for line in lines) == failures.IN_FULL == 10
    assert lines[-3] == "and 3 more: 2 train, 1 evaluate"


def test_a_report_of_a_chain_of_10_000_skipped_jobs_does_not_recurse():
    study = Study()
    study.start(10000).fail(10000)
    for i in range(10001, 20000):
        study.submit(i, i - 1).observe(i).skip(i, i - 1)

    assert "9,999 jobs did not run because of it" in failures.report(reversed(failed(study)), paths)


def test_a_report_of_jobs_whose_cause_belongs_to_another_run():
    study = Study()
    study.start("a").fail("a").submit("b", "a").observe("b").skip("b", "a")

    lines = failures.report([study.state.jobs[study.key("b")]], paths).split("\n")

    assert lines == ["1 job did not run because of jobs that failed before", "", failures.RETRY]
