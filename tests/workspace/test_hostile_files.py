"""Files that are not what they should be: each is read or refused with a message that names it.

Mutated by Hypothesis: values of wrong types, torn and garbled bytes, names of other files and of code. What
is read fits into a journal; nothing that a file names is imported, unless a job or a person loads it, and
then nothing is called but the classes of configurations.

`FUZZ_EXAMPLES` says how many are tried (`make fuzz`: 100,000).
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any as TypingAny

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experimaestro import experiment, from_task_dir, load_xp_info
from experimaestro.core import definition
from experimaestro.core.serialization import load_instances
from experimaestro.events import model
from experimaestro.events.owners import Observation, Outcome
from experimaestro.exceptions import ExperimaestroError, FormatError, WorkspaceError
from experimaestro.inventory import runs as inventory
from experimaestro.scheduler.callbacks import read_outputs
from experimaestro.workspace import attempts, contents, files, history, inbox, interchange, processes, tokens
from experimaestro.workspace.journal import read_events
from experimaestro.workspace.layout import JobPaths, RunPaths, TokenPaths
from experimaestro.workspace.locks import ExperimentLock
from experimaestro.workspace.progress import read_progress
from experimaestro.workspace.reader import RunReader
from tasks import Note

KINDS = 10
"""Tests below, which share the examples"""

FUZZ = settings(
    max_examples=max(1, int(os.environ.get("FUZZ_EXAMPLES", "2000")) // KINDS),
    deadline=timedelta(seconds=20),
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)

CANARY = "canary_of_hostile_files"
"""A module that is imported only if somebody does what a file says"""

HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2**31, 2**63, 10**30]),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(
        [
            "\0",
            "\ud800",
            "../../../etc/passwd",
            "/dev/zero",
            "x" * 5000,
            CANARY,
            f"{CANARY}.Boom",
            "Boom",
            "local",
            "done",
            "python",
            "path",
            "kill",
        ]
    ),
    st.sampled_from(
        [[], {}, [[]], {"type": "python", "value": 0}, {"type": "enum", "module": CANARY, "enum": "Boom"}]
    ),
)
"""Values that a file may hold in the place of the right one"""

DEEP = b"[" * 1_500
RAW = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"null", b"[]", b"{}", b"0", b"9" * 5000, DEEP, b'{"owner":' * 500, b"\xff\xfe", b'"\\ud800"']
    ),
)
"""Contents that have nothing of the right one"""


@st.composite
def mutated(draw: Callable[..., TypingAny], content: bytes) -> bytes:
    """A content that is nearly right, or wholly wrong."""
    way = draw(st.sampled_from(["values", "values", "values", "bytes", "cut", "raw"]))
    if way == "raw":
        return bytes(draw(RAW))
    if way == "cut":
        return content[: draw(st.integers(0, len(content)))]
    if way == "bytes":
        garbled = bytearray(content)
        for _ in range(draw(st.integers(1, 3))):
            garbled[draw(st.integers(0, len(garbled) - 1))] = draw(st.integers(0, 255))
        return bytes(garbled)
    lines = content.splitlines() if content.endswith(b"\n") else [content]
    changed = draw(st.integers(0, len(lines) - 1))
    lines[changed] = json.dumps(_changed(draw, json.loads(lines[changed]))).encode()
    return b"\n".join(lines) + (b"\n" if content.endswith(b"\n") else b"")


def _changed(draw: Callable[..., TypingAny], value: TypingAny) -> TypingAny:
    """A JSON value of which a part was replaced, or is missing."""
    keys: list[TypingAny] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or draw(st.integers(0, 5)) == 0:
        return draw(HOSTILE)
    key = draw(st.sampled_from(keys))
    copy = dict(value) if isinstance(value, dict) else list(value)
    if isinstance(copy, dict) and draw(st.integers(0, 5)) == 0:
        del copy[key]
    else:
        copy[key] = _changed(draw, copy[key])
    return copy


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module in reach that says if its class was made or called; gives the file where it does."""
    said = tmp_path / "canary said"
    folder = tmp_path / "modules"
    folder.mkdir()
    source = (
        "class Boom:\n"
        "    def __init__(self, *args, **kwargs):\n"
        f"        open({str(said)!r}, 'w').close()\n"
        "    __call__ = __init__\n"
    )
    (folder / f"{CANARY}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    yield said
    sys.modules.pop(CANARY, None)


@pytest.fixture
def job(tmp_path: Path) -> JobPaths:
    paths = JobPaths.of(str(tmp_path / "ws"), "my.task/0123")
    files.make_folder(paths.attempts)
    return paths


def write(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def goes_into_a_journal(seen: Observation) -> None:
    """What was observed can be told to all that read journals."""
    line = model.encode(
        model.JobObserved(
            t=time.time(), job="my.task/0123", found="running", owner=seen.owner, outcome=seen.outcome
        )
    )
    model.decode(line)
    str(seen.owner)
    if seen.started_t is not None:
        time.localtime(seen.started_t)
    if seen.outcome is not None:
        time.localtime(seen.outcome.t)
        interchange.failed_content(seen.outcome)


OWNER = processes.myself()
CLAIM = json.dumps({"owner": OWNER._asdict()}).encode()
START = json.dumps({"owner": OWNER._asdict(), "t": 12.5}).encode()
END = json.dumps(
    Outcome("failed", "it failed", 1, None, "file.py:1", t=13.0, early=True, peak_memory=7)._asdict()
).encode()


@FUZZ
@given(claim=mutated(CLAIM), start=mutated(START), end=mutated(END), present=st.integers(1, 7))
def test_who_runs_a_job_is_read_or_unknown(
    job: JobPaths, claim: bytes, start: bytes, end: bytes, present: int
):
    named = ((job.claim(1), claim), (job.start(1), start), (job.end(1), end))
    for number, (path, content) in enumerate(named):
        Path(path).unlink(missing_ok=True)
        if present & 1 << number:
            write(path, content)

    goes_into_a_journal(attempts.observe(job))
    goes_into_a_journal(attempts.settle(job))
    attempts.started(job, 1)
    outcome = attempts.ended(job, 1)

    assert CANARY not in sys.modules
    if outcome is not None:
        assert type(outcome.message) is type(outcome.frame) is str
        assert outcome.peak_memory is None or outcome.peak_memory > 0
    for path in (job.done, job.failed, *(str(one) for one in Path(job.attempts).iterdir())):
        Path(path).unlink(missing_ok=True)


@FUZZ
@given(
    pid=mutated(b'{"type": "local", "pid": 12345, "host": "h"}'),
    failed=mutated(b'{"code": 1, "reason": "failed", "message": "m"}'),
)
def test_what_another_version_says_of_a_job_is_read_or_unknown(job: JobPaths, pid: bytes, failed: bytes):
    write(job.pid, pid)
    write(job.failed, failed)

    goes_into_a_journal(attempts.observe(job))

    assert CANARY not in sys.modules


TOTAL = b'{"total": 2}'
HOLDER = b'{"job_uri": "/nowhere/jobs/my.task/45/task", "information": {"count": 1}, "process": {"pid": 1}}'


@FUZZ
@given(total=mutated(TOTAL), holder=mutated(HOLDER), held=mutated(b'["/nowhere/my.task@0123.json"]'))
def test_a_token_is_never_more_than_there_is(
    tmp_path: Path, job: JobPaths, total: bytes, holder: bytes, held: bytes
):
    folder = TokenPaths(str(tmp_path / "token"))
    path = f"{folder.jobs}/my.task@45.json"
    write(folder.total, total)
    write(path, holder)
    write(job.tokens, held)
    need = _Need(str(tmp_path / "token"))

    with tokens.counting([need]):
        busy = tokens.lacking([need], job)
    tokens.release(job, "host:1:2")

    assert CANARY not in sys.modules
    assert busy is None or busy == need.folder
    if Path(path).exists():  # what is not understood holds one
        assert Path(path).read_bytes() == holder


@FUZZ
@given(needs=mutated(b'[["/shared/tokens/gpu.counter", 1, 4]]'))
def test_what_a_job_takes_is_read_or_its_file_named(job: JobPaths, needs: bytes):
    write(job.needs, needs)

    found, said = [], f"{job.needs} cannot be understood: "
    try:
        found = tokens.noted(job)
    except FormatError as error:
        said = str(error)

    assert said.startswith(f"{job.needs} cannot be understood: ")
    assert all(os.path.isabs(need.folder) and need.amount >= 1 for need in found)


class _Need:
    """Takes one of a token."""

    amount = 1
    total = 1

    def __init__(self, folder: str) -> None:
        self.folder = folder


@FUZZ
@given(
    content=mutated(b'{"do": "kill", "jobs": ["my.task/0123"], "task": ""}'),
    name=st.sampled_from(["1", "\udcff", "a b", "x" * 200]),
)
def test_a_command_is_one_or_is_named(tmp_path: Path, content: bytes, name: str):
    paths = RunPaths(str(tmp_path), "one", "20260101_000000")
    file = f"{paths.inbox}/{name}.json"
    write(os.fsencode(file).decode("utf-8", "surrogateescape"), content)

    (received,) = inbox.received(paths)

    assert (received.command is None) == bool(received.error)
    model.encode(model.CommandReceived(t=1.0, run="one/1", id=received.id, do="", error=received.error))
    if received.error:
        assert contents.text(file) in received.error
    inbox.remove(received)
    assert not inbox.received(paths)
    if received.error:
        assert content in [kept.read_bytes() for kept in Path(paths.inbox).iterdir()]
    for kept in Path(paths.inbox).iterdir():
        kept.unlink()


def a_journal() -> bytes:
    events: list[model.Event] = [
        model.RunStarted(t=1.0, n=1, run="one/20260101_000000", owner=OWNER),
        model.JobSubmitted(t=1.0, n=2, job="my.task/0123", run="one/20260101_000000", task="my.task"),
        model.JobObserved(t=1.0, n=3, job="my.task/0123", found="free"),
        model.JobQueued(t=1.0, n=4, job="my.task/0123", attempt=1, ref="1"),
        model.JobStarted(t=1.0, n=5, job="my.task/0123", attempt=1, owner=OWNER),
        model.JobEnded(t=1.0, n=6, job="my.task/0123", attempt=1, outcome=Outcome("failed", "it failed")),
        model.RunEnded(t=1.0, n=7, run="one/20260101_000000", status="failed"),
    ]
    return b"".join(model.encode(event) + b"\n" for event in events)


@FUZZ
@given(content=mutated(a_journal()))
def test_a_journal_is_read_or_named(tmp_path: Path, content: bytes):
    paths = RunPaths(str(tmp_path / "ws"), "one", "20260101_000000")
    write(paths.journal, content)
    Path(paths.current).unlink(missing_ok=True)
    Path(paths.current).symlink_to("20260101_000000")

    named = refuses(lambda: RunReader(str(tmp_path / "ws"), "one").refresh())
    listed = refuses(lambda: list(read_events(paths.journal)))
    ExperimentLock(paths).holder()

    assert CANARY not in sys.modules
    for text in (named, listed):
        assert text is None or paths.journal in text


def refuses(call: Callable[[], object]) -> str | None:
    """The message with which something is refused; None if it is read."""
    try:
        call()
    except (FormatError, WorkspaceError) as error:
        return str(error)
    return None


@FUZZ
@given(data=st.data())
def test_the_files_of_a_run_are_read_or_named(ran: tuple[Path, dict[str, bytes]], data: st.DataObject):
    folder, contents = ran
    name = data.draw(st.sampled_from(sorted(contents)))
    content = data.draw(mutated(contents[name]))
    path = folder / name
    path.write_bytes(content)
    paths = RunPaths.of(str(folder))
    try:
        inventory.history(paths.workspace, "one")
        inventory.keys_of(str(folder))
        history.clean_up(RunPaths(paths.workspace, "one", "20990101_000000"), history.Limits(5, 1))
        assert folder.exists()
        assert CANARY not in sys.modules
        said = refuses(lambda: load_xp_info(folder))
        assert said is None or str(path) in said
    finally:
        path.write_bytes(contents[name])


@FUZZ
@given(data=st.data())
def test_the_parameters_of_a_job_are_read_or_named(
    ran: tuple[Path, dict[str, bytes]], canary: Path, data: st.DataObject
):
    folder, _ = ran
    (paths,) = (JobPaths(str(one.parent), "note") for one in folder.parents[2].glob("jobs/*/*/params.json"))
    whole = files.read(paths.params)
    assert whole is not None
    content = data.draw(mutated(whole))
    write(paths.params, content)
    try:
        with_file = refuses_all(lambda: from_task_dir(paths.folder))
        in_job = refuses_all(lambda: _load_as_a_job_does(paths))
        assert with_file is None or "params.json" in with_file or CANARY in with_file
        assert in_job is None or "params.json" in in_job or CANARY in in_job
        other = definition.of_params(content)
        if other is not None:
            definition.differences(other, other)
        assert not canary.exists()
    finally:
        write(paths.params, whole)


def _load_as_a_job_does(paths: JobPaths) -> None:
    from experimaestro.jobrun import read_params

    load_instances(read_params(paths), paths.folder)


def refuses_all(call: Callable[[], object]) -> str | None:
    """As `refuses`, for what loads classes; Python says itself which module is not there."""
    try:
        call()
    except ExperimaestroError as error:
        return str(error)
    except ModuleNotFoundError as error:
        return f"params.json: {error}"
    return None


@FUZZ
@given(data=st.data())
def test_a_definition_is_read_or_left_out(ran: tuple[Path, dict[str, bytes]], data: st.DataObject):
    folder, _ = ran
    (path,) = folder.parents[2].glob("jobs/*/*/.experimaestro/definition.json")
    whole = definition.read(path.read_bytes())
    assert whole is not None

    other = definition.read(data.draw(mutated(path.read_bytes())))

    if other is not None:
        found = definition.differences(other, whole)
        if found:
            definition.conflict("my.task/0123", found)
    assert CANARY not in sys.modules


@FUZZ
@given(
    content=mutated(
        b'{"key": "k", "args": [1], "kwargs": {"a": 2}}\n{"key": "l", "args": [], "kwargs": {}}\n'
    )
)
def test_what_a_job_gives_out_is_read_or_left_out(
    job: JobPaths, content: bytes, caplog: pytest.LogCaptureFixture
):
    write(job.task_outputs, content)

    found, offset = read_outputs(job, 0)

    assert offset <= len(content)
    whole = [line for line in content.split(b"\n")[:-1] if line.strip()]
    assert len(found) == len(whole) or job.task_outputs in caplog.text
    caplog.clear()


@FUZZ
@given(content=mutated(b'[[0.5, "epoch"], [0.25, "batch"]]'))
def test_progress_is_a_share_and_a_text_or_nothing(job: JobPaths, content: bytes):
    write(job.progress, content)

    levels = read_progress(job.progress)

    for value, text in levels or ():
        assert 0.0 <= value <= 1.0
        text.encode()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """The folder of a run, and the contents of its files."""
    place = tmp_path_factory.mktemp("hostile")
    with experiment(place / "ws", "one", display=False) as xp:
        Note.C(name="a", log=str(place / "log")).submit()
        folder = xp.workdir
    names = ("status.json", "environment.json", "jobs.jsonl", "objects.jsonl")
    return folder, {name: (folder / name).read_bytes() for name in names}
