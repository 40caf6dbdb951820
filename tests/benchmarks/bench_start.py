"""From `.submit()` to the first line of `execute()`, against a bare Python that imports the same modules."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experimaestro import Meta, Param, Task, experiment
from measure import ratio, show


class Stamp(Task):
    """Notes when its first line is executed, and what is imported then."""

    number: Param[int]
    out: Meta[str]

    def execute(self) -> None:
        now = time.time()
        Path(self.out).write_text(json.dumps([now, sorted(sys.modules)]), encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, experiment(f"{folder}/runs", "bench", display=False) as xp:
        numbers = iter(range(10_000))
        modules: list[str] = []

        def ours() -> float:
            out = f"{folder}/out-{next(numbers)}"
            begin = time.time()
            Stamp.C(number=len(out) + next(numbers), out=out).submit()
            xp.wait()
            stamp, found = json.loads(Path(out).read_text(encoding="utf-8"))
            modules[:] = [name for name in found if name != "__main__"]
            return float(stamp) - begin

        def baseline() -> float:
            code = f"""
import importlib, time
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # made by hand by a module
print(time.time())
"""
            begin = time.time()
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            return float(done.stdout) - begin

        found, mine, bare = ratio(ours, baseline, rounds=30)
        show(
            "submit() -> first line of execute() / python -c 'import ...'",
            f"{found:.2f} ({mine * 1e3:.0f}/{bare * 1e3:.0f} ms)",
            "< 1.3",
        )


if __name__ == "__main__":
    main()
