"""What a history is, drawn from its number: a plan, and the faults that come over it in a few rounds.

Pure: nothing here starts a process or touches a disk, and the same number always gives the same history.
What a fault hits by chance (which of the jobs that run, which file) is drawn from `Fault.number`.
"""

import random
from dataclasses import dataclass
from typing import Literal, NamedTuple

SHAPES = ("chain", "fan", "diamond", "layers")

Kind = Literal[
    "kill scheduler",
    "kill job",
    "terminate scheduler",
    "terminate job",
    "stop scheduler",
    "stop job",
    "kill at step",
    "full disk",
    "permission",
    "step clock",
    "bad command",
    "delete folder",
    "damage",
    "move workspace",
]
"""What may happen: the last two between rounds, when nothing runs; all others while schedulers run"""

WHILE_RUNNING: tuple[Kind, ...] = (
    *("kill scheduler",) * 4,
    *("kill job",) * 4,
    *("kill at step",) * 4,
    "terminate scheduler",
    "terminate job",
    "stop scheduler",
    "stop job",
    "full disk",
    "permission",
    "step clock",
    "bad command",
    "delete folder",
)
AT_REST: tuple[Kind, ...] = ("damage", "damage", "damage", "move workspace")


@dataclass(frozen=True)
class Job:
    """A task of a plan; see `labours.Labour` and `labours.Journey`."""

    name: str
    needs: tuple[str, ...]
    lasts: float
    failures: int
    holds: bool
    """Whether it takes one of the token"""
    steps: int
    """0: it is not resumable"""


@dataclass(frozen=True)
class Plan:
    """Tasks, each after those that it needs."""

    jobs: tuple[Job, ...]
    slots: int
    """How much there is of the token; 0: there is none"""


class Fault(NamedTuple):
    """Something that happens."""

    kind: Kind
    at_s: float
    """How long after the round began"""
    lasts_s: float
    """For how long, if it ends"""
    number: int
    """Draws what it hits"""


@dataclass(frozen=True)
class Round:
    """Schedulers run, and something happens to them."""

    while_running: tuple[Fault, ...]
    at_rest: tuple[Fault, ...]
    """What happens after it, once nothing runs; nothing: the next round begins while jobs may run"""


@dataclass(frozen=True)
class History:
    """All that happens before the plan is left alone and run until it is done."""

    number: int
    plan: Plan
    experiments: tuple[str, ...]
    """The name of the experiment of each scheduler; two schedulers run the plan at the same time"""
    rounds: tuple[Round, ...]


def draw(number: int) -> History:
    """The history of a number."""
    chance = random.Random(number)
    plan = _draw_plan(chance)
    experiments = chance.choice([("one",), ("one",), ("one", "two"), ("same", "same")])
    rounds = tuple(_draw_round(chance) for _ in range(chance.choice([1, 1, 2, 3])))
    return History(number, plan, experiments, rounds)


def _draw_plan(chance: random.Random) -> Plan:
    shape = chance.choice(SHAPES)
    size = chance.randrange(2, 6)
    slots = chance.choice([0, 1, 2])
    jobs = []
    for position in range(size):
        before = [f"j{other}" for other in range(position)]
        if not before:
            needs: list[str] = []
        elif shape == "chain":
            needs = before[-1:]
        elif shape == "fan":
            needs = before[:1]
        elif shape == "diamond":
            needs = before[1:] if position == size - 1 and len(before) > 1 else before[:1]
        else:
            needs = chance.sample(before, min(len(before), chance.randrange(3)))
        jobs.append(
            Job(
                f"j{position}",
                tuple(needs),
                round(chance.uniform(0, 0.4), 2),
                failures=chance.choice([0, 0, 0, 0, 0, 1, 2]),
                holds=bool(slots) and chance.random() < 0.5,
                steps=chance.choice([0, 0, 0, 2, 3]),
            )
        )
    return Plan(tuple(jobs), slots)


def _draw_round(chance: random.Random) -> Round:
    faults = [_draw_fault(chance, WHILE_RUNNING) for _ in range(chance.randrange(1, 5))]
    at_rest = [_draw_fault(chance, AT_REST) for _ in range(chance.choice([0, 1, 1, 2]))]
    return Round(tuple(sorted(faults, key=lambda fault: fault.at_s)), tuple(at_rest))


def _draw_fault(chance: random.Random, kinds: tuple[Kind, ...]) -> Fault:
    return Fault(
        chance.choice(kinds),
        at_s=round(chance.uniform(0.1, 2.5), 2),
        lasts_s=round(chance.uniform(0.2, 1.5), 2),
        number=chance.randrange(10**6),
    )
