"""What a job needs of a machine, and whether a machine has it.

    needs = duration("2h") & cuda_gpu(mem="4G") * 2 | cpu(cores=4)

`&` adds up: the longest time, the most memory and cores, the accelerators of both. `|` gives
alternatives, the first ones wanted most. Values are never changed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from experimaestro.exceptions import RequirementError
from experimaestro.launcherfinder.hosts import HostSpecification
from experimaestro.launcherfinder.units import in_bytes, in_seconds

Kind = Literal["cuda", "mps", "gpu"]
"""Kind of an accelerator; `gpu` is any"""


class MatchRequirement(NamedTuple):
    """That a machine has what is needed."""

    score: float
    """The priority of the machine"""
    requirement: "HostSimpleRequirement"
    """The alternative that fits"""


class Requirement(ABC):
    """What a job needs: one thing or alternatives."""

    @abstractmethod
    def match(self, host: HostSpecification) -> MatchRequirement | None:
        """Whether a machine has it; None: it has not."""

    @abstractmethod
    def multiply_duration(self, coefficient: float) -> "Requirement":
        """The same with another time, `coefficient` times as long."""

    @abstractmethod
    def alternatives(self) -> "tuple[HostSimpleRequirement, ...]":
        """All that would do, the first ones wanted most."""

    def __or__(self, other: "Requirement") -> "RequirementUnion":
        return RequirementUnion(*self.alternatives(), *other.alternatives())

    def __and__(self, other: "Requirement") -> "Requirement":
        both = [one.plus(two) for one in self.alternatives() for two in other.alternatives()]
        return both[0] if len(both) == 1 else RequirementUnion(*both)

    def __mul__(self, count: int) -> "Requirement":
        if type(count) is not int or count < 1:
            raise RequirementError(f"* {count!r}: expected a number of accelerators from 1 up")
        repeated = [replace(one, accelerators=one.accelerators * count) for one in self.alternatives()]
        return repeated[0] if len(repeated) == 1 else RequirementUnion(*repeated)


@dataclass(frozen=True)
class Accelerator:
    """An accelerator that is needed."""

    kind: Kind
    memory: int = 0
    """In bytes"""

    def __str__(self) -> str:
        """As in the language: `cuda(mem=4000M)`."""
        return f"{self.kind}({f'mem={_size(self.memory)}' if self.memory else ''})"


@dataclass(frozen=True)
class HostSimpleRequirement(Requirement):
    """Needs that all have to be met."""

    accelerators: tuple[Accelerator, ...] = ()
    """Those with most memory first"""
    memory: int = 0
    """Of the machine, in bytes"""
    cores: int = 0
    duration: int = 0
    """In seconds"""

    def match(self, host: HostSpecification) -> MatchRequirement | None:
        """See `Requirement.match`."""
        fits = (
            self._accelerators_fit(host)
            and self.cores <= host.cpu.cores
            and self._memory_fits(host)
            and (not host.max_duration or self.duration <= host.max_duration)
        )
        return MatchRequirement(host.priority, self) if fits else None

    def multiply_duration(self, coefficient: float) -> "HostSimpleRequirement":
        """See `Requirement.multiply_duration`."""
        return replace(self, duration=int(self.duration * coefficient))

    def alternatives(self) -> "tuple[HostSimpleRequirement, ...]":
        """See `Requirement.alternatives`."""
        return (self,)

    def plus(self, other: "HostSimpleRequirement") -> "HostSimpleRequirement":
        """Both together."""
        accelerators = sorted([*self.accelerators, *other.accelerators], key=lambda one: -one.memory)
        return HostSimpleRequirement(
            tuple(accelerators),
            max(self.memory, other.memory),
            max(self.cores, other.cores),
            max(self.duration, other.duration),
        )

    def __str__(self) -> str:
        """As in the language."""
        return " & ".join(self._parts()) or "anything"

    def _parts(self) -> Iterator[str]:
        if self.duration:
            unit, size = next(
                (u, n) for u, n in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not self.duration % n
            )
            yield f"duration={self.duration // size}{unit}"
        for one in dict.fromkeys(self.accelerators):
            count = self.accelerators.count(one)
            yield f"{one}{f'*{count}' if count > 1 else ''}"
        if self.memory or self.cores:
            memory = [f"mem={_size(self.memory)}"] if self.memory else []
            yield f"cpu({', '.join([*memory, *([f'cores={self.cores}'] if self.cores else [])])})"

    def _accelerators_fit(self, host: HostSpecification) -> bool:
        present = host.accelerators
        if not host.min_gpu <= len(self.accelerators) <= len(present):
            return False
        return all(
            needed.kind in {"gpu", there.kind} and there.min_memory <= needed.memory <= there.memory
            for needed, there in zip(self.accelerators, present, strict=False)
        )

    def _memory_fits(self, host: HostSpecification) -> bool:
        shared = 0  # an Apple device uses the memory of the machine
        for needed, there in zip(self.accelerators, host.accelerators, strict=False):
            shared += needed.memory if there.kind == "mps" else 0
        return self.memory + shared <= host.cpu.memory


class RequirementUnion(Requirement):
    """Alternatives, the first ones wanted most.

    Args:
        *requirements: The alternatives.
    """

    def __init__(self, *requirements: HostSimpleRequirement) -> None:
        self.requirements = requirements

    def match(self, host: HostSpecification) -> MatchRequirement | None:
        """The alternative that fits with the best score; the first of several."""
        found = [match for one in self.requirements if (match := one.match(host)) is not None]
        return max(found, key=lambda match: match.score) if found else None

    def multiply_duration(self, coefficient: float) -> "RequirementUnion":
        """See `Requirement.multiply_duration`."""
        return RequirementUnion(*(one.multiply_duration(coefficient) for one in self.requirements))

    def alternatives(self) -> tuple[HostSimpleRequirement, ...]:
        """See `Requirement.alternatives`."""
        return self.requirements

    def __iter__(self) -> Iterator[HostSimpleRequirement]:
        return iter(self.requirements)

    def __len__(self) -> int:
        return len(self.requirements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RequirementUnion) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)

    def __str__(self) -> str:
        """As in the language."""
        return " | ".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"RequirementUnion({self})"


def cpu(*, mem: str | int = 0, cores: int = 1) -> HostSimpleRequirement:
    """Memory and cores of the machine.

    Args:
        mem: In bytes, or a text such as `4G`.
        cores: How many.

    Raises:
        RequirementError: `mem` cannot be read.
    """
    return HostSimpleRequirement(memory=in_bytes(mem), cores=cores)


def cuda_gpu(*, mem: str | int = 0) -> HostSimpleRequirement:
    """A CUDA device with so much memory; `* n` for several."""
    return HostSimpleRequirement((Accelerator("cuda", in_bytes(mem)),))


def mps_gpu(*, mem: str | int = 0) -> HostSimpleRequirement:
    """The device of an Apple processor, with so much memory."""
    return HostSimpleRequirement((Accelerator("mps", in_bytes(mem)),))


def gpu(*, mem: str | int = 0) -> HostSimpleRequirement:
    """Any accelerator with so much memory; `* n` for several."""
    return HostSimpleRequirement((Accelerator("gpu", in_bytes(mem)),))


def duration(time: str | int) -> HostSimpleRequirement:
    """How long the job takes.

    Args:
        time: In seconds, or a text such as `2h`.

    Raises:
        RequirementError: It cannot be read.
    """
    return HostSimpleRequirement(duration=in_seconds(time))


def _size(count: int) -> str:
    """A number of bytes in the largest unit in which it is whole."""
    for unit, size in (("GiB", 1 << 30), ("G", 10**9), ("MiB", 1 << 20), ("M", 10**6)):
        if count % size == 0:
            return f"{count // size}{unit}"
    return str(count)
