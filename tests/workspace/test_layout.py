"""Every name of a file in a workspace."""

import pytest

from experimaestro.exceptions import WorkspaceError
from experimaestro.workspace.layout import (
    JobPaths,
    RunPaths,
    attempt_part,
    job_folder,
    job_name,
    temporary,
    workspace_marker,
)

KEY = "my.tasks.train/" + "0a" * 32


def test_the_files_of_a_job_begin_with_the_last_part_of_its_type():
    paths = JobPaths.of("/runs", KEY)
    folder = "/runs/jobs/my.tasks.train/" + "0a" * 32

    assert paths.folder == job_folder("/runs", KEY) == folder
    assert paths.name == job_name(KEY) == "train"
    assert {name: getattr(paths, name)[len(folder) + 1 :] for name in FILES_OF_A_JOB} == FILES_OF_A_JOB
    assert paths.claim(3) == f"{folder}/.experimaestro/attempts/3.claim"
    assert paths.start(3) == f"{folder}/.experimaestro/attempts/3.start"
    assert paths.end(3) == f"{folder}/.experimaestro/attempts/3.end"
    assert repr(paths) == f"JobPaths({folder!r}, 'train')"


FILES_OF_A_JOB = {
    "params": "params.json",
    "script": "train.py",
    "done": "train.done",
    "failed": "train.failed",
    "pid": "train.pid",
    "lock": "train.lock",
    "out": "train.out",
    "err": "train.err",
    "internal": ".experimaestro",
    "attempts": ".experimaestro/attempts",
    "progress": ".experimaestro/progress.json",
}


def test_a_type_without_a_module_names_its_files():
    assert job_name("train/00") == "train"


def test_the_files_of_a_run_are_in_its_folder_and_those_of_all_runs_above():
    paths = RunPaths("/runs", "first", "20250102_030405")
    folder = "/runs/experiments/first/20250102_030405"

    assert paths.folder == folder
    assert paths.lock == "/runs/experiments/first/lock"
    assert paths.current == "/runs/experiments/first/current"
    names = ("journal", "jobs_jsonl", "objects_jsonl", "status", "environment", "jobs", "results", "inbox")
    assert [getattr(paths, name)[len(folder) + 1 :] for name in names] == [
        "journal.jsonl",
        "jobs.jsonl",
        "objects.jsonl",
        "status.json",
        "environment.json",
        "jobs",
        "results",
        "inbox",
    ]
    assert paths.job_link("t/00") == f"{folder}/jobs/t/00"
    assert repr(paths) == f"RunPaths({folder!r})"


def test_a_workspace_is_marked_by_an_empty_file():
    assert workspace_marker("/runs") == "/runs/.__experimaestro__"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "a\0b"])
def test_a_name_that_would_leave_the_workspace_is_refused(name: str):
    advice = "cannot name a folder. Use a name that is not empty, '.' or '..' and has no '/'"

    with pytest.raises(WorkspaceError) as error:
        RunPaths("/runs", name, "1")
    assert str(error.value) == f"name of an experiment: {name!r} {advice}"

    with pytest.raises(WorkspaceError) as error:
        RunPaths("/runs", "first", name)
    assert str(error.value) == f"name of a run: {name!r} {advice}"


@pytest.mark.parametrize("key", ["..//x", "../x", "t/..", "t/", "/x", "t/a/b", "a./x"])
def test_a_job_key_that_would_leave_the_workspace_is_refused(key: str):
    with pytest.raises(WorkspaceError, match="cannot name a folder"):
        JobPaths.of("/runs", key)


def test_a_job_key_without_identifier_is_refused():
    with pytest.raises(WorkspaceError) as error:
        job_folder("/runs", "train")
    assert str(error.value) == "job key 'train': expected '<type name>/<identifier>'"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("1.claim", (1, "claim")),
        ("12.start", (12, "start")),
        ("3.end", (3, "end")),
        ("0.end", None),
        ("01.end", None),
        ("-1.end", None),
        ("\N{SUPERSCRIPT TWO}.end", None),
        ("\N{ARABIC-INDIC DIGIT ONE}.end", None),
        ("1.end.tmp", None),
        (".1.end.host.1.0.tmp", None),
        ("end", None),
        ("", None),
    ],
)
def test_only_the_names_of_parts_are_parts_of_attempts(name: str, part: tuple[int, str] | None):
    assert attempt_part(name) == part


def test_a_temporary_name_is_hidden_and_in_the_same_folder():
    assert temporary("/a/b.json", "x.1") == "/a/.b.json.x.1.tmp"
    assert temporary("b.json", "x.1") == ".b.json.x.1.tmp"
