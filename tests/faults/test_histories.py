"""Random plans under random faults, in a few histories; `make faults` performs a thousand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from histories import draw

HARNESS = Path(__file__).with_name("harness.py")


def test_a_history_is_the_same_whenever_it_is_drawn() -> None:
    assert [draw(number) for number in range(50)] == [draw(number) for number in range(50)]
    assert len({draw(number) for number in range(50)}) == 50


def test_a_plan_is_in_an_order_in_which_it_can_be_submitted() -> None:
    for number in range(200):
        before: set[str] = set()
        for job in draw(number).plan.jobs:
            assert before.issuperset(job.needs)
            before.add(job.name)


@pytest.mark.linux
@pytest.mark.slow
def test_thirty_histories_lose_nothing_and_run_nothing_twice() -> None:
    seed = os.environ.get("XPM_SEED", "0")

    run = subprocess.run(
        [sys.executable, str(HARNESS), "--histories", "30", "--seed", seed],
        capture_output=True,
        text=True,
        check=False,
    )

    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("laws broken in 0 histories")
