"""Whole files or none, one winner or none."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experimaestro.exceptions import FormatError
from experimaestro.workspace import files


def failing(number: int, **after: Callable[..., object]) -> Callable[..., None]:
    """A call that fails with this error number, perhaps after having done its work."""

    def call(*args: Any, **kwargs: Any) -> None:
        for do in after.values():
            do(*args, **kwargs)
        raise OSError(number, os.strerror(number))

    return call


def test_replace_writes_all_or_nothing(tmp_path: Path):
    path = tmp_path / "a.json"
    files.replace(str(path), b"old")
    files.replace(str(path), b"new", fsync=True)

    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


def test_replace_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "rename", failing(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        files.replace(str(path), b"new")

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_full_disk_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "write", failing(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        files.put_if_absent(str(tmp_path / "a"), b"data")

    assert os.listdir(tmp_path) == []


def test_a_write_that_takes_a_part_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    files.replace(str(tmp_path / "a"), b"0123456789")

    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_the_first_to_put_wins(tmp_path: Path):
    path = str(tmp_path / "a")

    assert files.put_if_absent(path, b"first", fsync=True)
    assert not files.put_if_absent(path, b"second")

    assert files.read(path) == b"first"
    assert os.listdir(tmp_path) == ["a"]


def test_of_many_threads_one_wins(tmp_path: Path):
    won: list[int] = []
    barrier = threading.Barrier(8)

    def put(number: int) -> None:
        barrier.wait()
        if files.put_if_absent(str(tmp_path / "a"), str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [str(number).encode() for number in won] == [files.read(str(tmp_path / "a"))]
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_whose_answer_was_lost_has_won(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "link", failing(errno.EEXIST, first=os.link))

    assert files.put_if_absent(str(tmp_path / "a"), b"mine")

    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS])
def test_without_hard_links_one_wins_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int):
    monkeypatch.setattr(os, "link", failing(number))
    path = str(tmp_path / "a")

    assert files.put_if_absent(path, b"first")
    assert not files.put_if_absent(path, b"second")

    assert files.read(path) == b"first"
    assert os.listdir(tmp_path) == ["a"]


def test_without_hard_links_who_comes_between_look_and_create_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = str(tmp_path / "a")
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    monkeypatch.setattr(files, "exists", lambda p: bool(Path(p).write_bytes(b"other")) and False)

    assert not files.put_if_absent(path, b"mine")

    assert files.read(path) == b"other"


def test_an_error_of_link_that_says_nothing_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "link", failing(errno.ESTALE))

    assert not files.put_if_absent(str(tmp_path / "a"), b"data")

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_cannot_be_written_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    monkeypatch.setattr(os, "link", failing(number))

    with pytest.raises(OSError, match=os.strerror(number)):
        files.put_if_absent(str(tmp_path / "a"), b"data")

    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_a_loss_if_another_was_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").write_bytes(b"other")
    monkeypatch.setattr(os, "link", failing(errno.ENOSPC))

    assert not files.put_if_absent(str(tmp_path / "a"), b"data")


def test_a_temporary_file_of_a_process_that_had_our_number_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "_counter", iter([7, 8]))
    left = tmp_path / f".a.{os.uname().nodename}.{os.getpid()}.7.tmp"
    left.write_bytes(b"left")

    files.replace(str(tmp_path / "a"), b"data")

    assert left.read_bytes() == b"left"
    assert (tmp_path / "a").read_bytes() == b"data"


def test_a_marker_is_an_empty_file_and_may_be_there(tmp_path: Path):
    path = str(tmp_path / "a.done")
    files.create_marker(path)
    files.create_marker(path, fsync=True)

    assert files.read(path) == b""


def test_remove_tells_whether_the_file_was_there(tmp_path: Path):
    (tmp_path / "a").touch()

    assert files.remove(str(tmp_path / "a"))
    assert not files.remove(str(tmp_path / "a"))
    assert not files.remove(str(tmp_path / "no folder" / "a"))


def test_absent_is_an_answer(tmp_path: Path):
    path = str(tmp_path / "no" / "a")

    assert not files.exists(path)
    assert files.names(path) == []
    assert files.read(path) is None
    assert files.read_json(path) is None
    assert files.tail(path, 10, 10) == ""


def test_an_error_is_no_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").touch()
    monkeypatch.setattr(os, "stat", failing(errno.EIO))
    monkeypatch.setattr(os, "listdir", failing(errno.EIO))
    monkeypatch.setattr(files, "_read", failing(errno.EIO))

    for look in (files.exists, files.names, files.read, files.read_json):
        with pytest.raises(OSError, match="Input/output error"):
            look(str(tmp_path / "a"))


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path):
    with pytest.raises(IsADirectoryError) as caught:
        files.read(str(tmp_path))

    assert caught.value.filename == str(tmp_path)


def test_a_file_is_read_whole_however_long_it_is(tmp_path: Path):
    content = os.urandom(300_000)
    (tmp_path / "file").write_bytes(content)

    assert files.read(str(tmp_path / "file")) == content


def test_a_file_that_was_replaced_while_it_was_found_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a").write_bytes(b"data")
    read = files._read

    def read_stale(path: str) -> bytes:
        monkeypatch.setattr(files, "_read", read)
        raise OSError(errno.ESTALE, path)

    monkeypatch.setattr(files, "_read", read_stale)

    assert files.read(str(tmp_path / "a")) == b"data"


def test_a_file_that_is_not_json_is_named(tmp_path: Path):
    path = tmp_path / "params.json"
    path.write_bytes(b'{"a": ')

    with pytest.raises(FormatError) as error:
        files.read_json(str(path))

    assert str(error.value) == (
        f"{path}: expected JSON, got 6 bytes that are not: Expecting value: line 1 column 7 (char 6). "
        "Move the file away if you do not need it"
    )


def test_read_json_returns_the_value(tmp_path: Path):
    (tmp_path / "a").write_bytes(b'{"a": [1, null]}')

    assert files.read_json(str(tmp_path / "a")) == {"a": [1, None]}


@pytest.mark.parametrize(
    ("content", "max_bytes", "max_lines", "expected"),
    [
        (b"", 10, 10, ""),
        (b"a\nb\nc\n", 100, 2, "b\nc\n"),
        (b"a\nb\nc", 100, 2, "b\nc"),
        (b"aaaa\nbbbb\ncccc\n", 10, 9, "bbbb\ncccc\n"),  # the cut is at the beginning of a line
        (b"aaaa\nbbbb\ncccc\n", 9, 9, "cccc\n"),  # and here in the middle of one
        (b"0123456789", 4, 9, "6789"),  # one long line: its end
        (b"0123456789\n", 4, 9, "789\n"),
        (b"caf\xc3\xa9 \xff\n", 100, 1, "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{REPLACEMENT CHARACTER}\n"),
    ],
)
def test_the_tail_is_the_last_lines(
    tmp_path: Path, content: bytes, max_bytes: int, max_lines: int, expected: str
):
    (tmp_path / "a").write_bytes(content)

    assert files.tail(str(tmp_path / "a"), max_bytes, max_lines) == expected


def test_a_folder_on_a_disk_that_cannot_keep_names_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    files.fsync_folder(str(tmp_path))

    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        files.fsync_folder(str(tmp_path))
