"""What a running job gives out before its end: a line for each output, read where the experiment runs.

Format: `{"key": "<identifier of the configuration>/<method>", "args": [...], "kwargs": {...}}`, in
`.experimaestro/task-outputs.jsonl` of the job. One write a line, so that a reader sees whole ones.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from experimaestro.core.problems import short
from experimaestro.exceptions import NotInJobError
from experimaestro.taskglobals import Env

MOST_BYTES = 1 << 20
"""How long an output may be, written down"""


def register(method: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Appends an output; see `ResumableTask.register_task_output`."""
    if Env.taskpath is None:
        raise NotInJobError("register_task_output: only a running job has outputs")
    identifier = getattr(getattr(method, "__self__", None), "__xpmidentifier__", None)
    if identifier is None:
        raise TypeError(f"register_task_output({short(method)}): expected a method of an object of the job")
    name = method.__name__
    try:
        line = json.dumps({"key": f"{identifier}/{name}", "args": list(args), "kwargs": dict(kwargs)})
    except (TypeError, ValueError) as error:
        raise TypeError(f"register_task_output({name}, ...): expected JSON values: {error}") from None
    if len(line) > MOST_BYTES:
        raise ValueError(
            f"register_task_output({name}, ...): {len(line):,} bytes are more than an output may have "
            f"({MOST_BYTES:,}): write a file, and register its path"
        )
    path = Env.taskpath / ".experimaestro" / "task-outputs.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
