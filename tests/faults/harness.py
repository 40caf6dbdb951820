"""Random plans under random faults: `harness.py --histories 1000 --seed 1`.

History `i` of seed `s` is drawn from the number `s + i`: a history that broke a law is performed again with
`--histories 1 --seed <its number>`. Ends with a report, and with 1 if a law was broken; the folder of a
history that broke one is kept, and named. After an interrupt, the histories that have begun are finished.
"""

import argparse
import compileall
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import experimaestro
from histories import draw
from judging import executions, judge
from performing import Record, Stage


class Verdict(NamedTuple):
    """A history that was performed and judged."""

    number: int
    record: Record
    executions: int
    jobs: int
    problems: list[str]
    folder: Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="0: one is drawn")
    parser.add_argument("--at-once", type=int, default=3, help="histories at the same time")
    parser.add_argument("--mounts", type=Path, nargs=2, default=(), help="two mounts of one folder")
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 10**9)
    print(f"{given.histories} histories from SEED={seed}", flush=True)

    # The processes of a history write no bytecode, as that would be one more step to be killed at.
    compileall.compile_dir(Path(experimaestro.__file__).parent, quiet=1)
    begin = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="faults-"))
    verdicts = []
    with ThreadPoolExecutor(max_workers=given.at_once) as pool:
        numbers = range(seed, seed + given.histories)
        coming = [pool.submit(perform, number, root, tuple(given.mounts)) for number in numbers]
        signal.signal(signal.SIGINT, lambda *_: [one.cancel() for one in coming])
        for one in coming:
            if one.cancelled():
                continue
            verdict = one.result()
            verdicts.append(verdict)
            for problem in dict.fromkeys(verdict.problems):
                print(f"SEED={verdict.number} ({verdict.folder}): {problem}", flush=True)
            if len(verdicts) % 50 == 0:
                print(report(verdicts, time.monotonic() - begin), flush=True)
    print(report(verdicts, time.monotonic() - begin))
    if any(verdict.problems for verdict in verdicts):
        return 1
    shutil.rmtree(root)
    return 0


def perform(number: int, root: Path, mounts: tuple[Path, ...]) -> Verdict:
    """Performs the history of a number, in a folder of its own."""
    history = draw(number)
    folder = root / str(number)
    folder.mkdir()
    stage = Stage(history, folder, mounts)
    record = stage.perform(lambda: judge(history, stage.log, stage.record, stage.workspaces[0]))
    found, _ = executions(stage.log)
    problems = record.problems
    if not problems:
        shutil.rmtree(folder)
    total = sum(len(of_job) for of_job in found.values())
    return Verdict(number, record, total, len(history.plan.jobs), problems, folder)


def report(verdicts: list[Verdict], seconds: float) -> str:
    """What was done, and what came of it."""
    faults = Counter(fault for verdict in verdicts for fault in verdict.record.faults)
    broken = [verdict for verdict in verdicts if verdict.problems]
    runs = sum(len(verdict.record.ended) for verdict in verdicts)
    jobs = sum(verdict.jobs for verdict in verdicts)
    times = sum(verdict.executions for verdict in verdicts)
    head = f"{len(verdicts)} histories in {seconds:.0f} s: {runs} runs of schedulers, {jobs} jobs, "
    head += f"{times} executions"
    kinds = [f"  {count:6} {kind}" for kind, count in faults.most_common()]
    names = [f"  SEED={verdict.number}" for verdict in broken]
    return "\n".join(
        [head, f"{faults.total()} faults", *kinds, f"laws broken in {len(broken)} histories", *names]
    )


if __name__ == "__main__":
    sys.exit(main())
