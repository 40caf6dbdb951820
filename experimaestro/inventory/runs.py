"""The experiments of a workspace and their runs, as their files tell."""

import json
from collections.abc import Iterator

from experimaestro.workspace import files


def keys_of(run_folder: str) -> list[str]:
    """The jobs of a run, in the order of their submission, each once.

    Args:
        run_folder: The folder of the run.

    Returns:
        Keys, `<type name>/<identifier>`.
    """
    return list(dict.fromkeys(f"{line['task_id']}/{line['job_id']}" for line in job_lines(run_folder)))


def job_lines(run_folder: str) -> Iterator[dict[str, object]]:
    """The lines of `jobs.jsonl`; those that are torn or of another form are left out."""
    for line in (files.read(f"{run_folder}/jobs.jsonl") or b"").split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if (
            isinstance(value, dict)
            and isinstance(value.get("task_id"), str)
            and isinstance(value.get("job_id"), str)
        ):
            yield value
