"""Commands for a run that another process owns: a file for each, in the inbox of the run.

Rule: whoever asks creates the file in one step; the owner removes it after it has noted in its journal
what came of it. What is no command is kept beside, under a name that nobody takes for one. A command has
an id, so that one that is done twice by a kill in between does no harm: all commands say what is to be,
not what is to change.
"""

import json
import os
import uuid
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from experimaestro.workspace import contents, files, layout
from experimaestro.workspace.layout import RunPaths


class Command(msgspec.Struct, frozen=True):
    """What a view in another process asks for."""

    do: Literal["kill", "retry", "stop", "continue", "stop service"]
    jobs: tuple[str, ...] = ()
    """Keys, for `kill` and `retry`"""
    task: str = ""
    """For `continue`"""
    service: str = ""
    """Id, for `stop service`"""


class Received(NamedTuple):
    """A file of an inbox."""

    id: str
    path: str
    command: Command | None
    """None if the file is no command"""
    error: str = ""
    """Why it is none, and where it is kept"""


def send(paths: RunPaths, command: Command) -> str:
    """Leaves a command for the owner of a run.

    Args:
        paths: The run.
        command: What to do.

    Returns:
        Its id: the owner's journal says what came of it.

    Raises:
        OSError: The disk cannot be written.
    """
    identifier = uuid.uuid4().hex
    files.make_folder(paths.inbox)
    files.replace(paths.command(identifier), json.dumps(msgspec.to_builtins(command)).encode())
    return identifier


def received(paths: RunPaths) -> Sequence[Received]:
    """The commands that wait, in no order that means anything.

    Raises:
        OSError: The disk does not tell.
    """
    found = []
    for name in files.names(paths.inbox):
        identifier, dot, ending = name.rpartition(".")
        if not dot or ending != "json" or name.startswith("."):
            continue
        path = paths.command(identifier)
        try:
            data = files.read(path)
            if data is None:
                continue
            command, error = msgspec.json.decode(data, type=Command), ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IsADirectoryError) as wrong:
            command = None
            error = contents.text(f"{path} is no command: {wrong}. It is kept as {layout.unreadable(path)}")
        found.append(Received(contents.text(identifier), path, command, error))
    return found


def remove(received: Received) -> None:
    """Removes a command that was done; what is none is kept beside.

    Raises:
        OSError: The disk refuses.
    """
    if received.command is not None:
        files.remove(received.path)
    else:
        os.rename(received.path, layout.unreadable(received.path))  # noqa: PTH104 - strings
