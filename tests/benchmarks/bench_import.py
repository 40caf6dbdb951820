"""`import experimaestro` against three modules of the standard library; in new interpreters."""

import subprocess
import sys
import time

from measure import ratio, show


def run(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    found, ours, base = ratio(
        lambda: run("import experimaestro"), lambda: run("import dataclasses, json, pathlib"), rounds=20
    )
    show(
        "import experimaestro / import dataclasses, json, pathlib",
        f"{found:.2f} ({ours * 1e3:.0f}/{base * 1e3:.0f} ms)",
        "< 4",
    )
    found, ours, base = ratio(
        lambda: run("from experimaestro import Task, Param, field"),
        lambda: run("import dataclasses, json, pathlib"),
        rounds=20,
    )
    show(
        "from experimaestro import Task, Param, field / the same",
        f"{found:.2f} ({ours * 1e3:.0f}/{base * 1e3:.0f} ms)",
        "< 4",
    )


if __name__ == "__main__":
    main()
