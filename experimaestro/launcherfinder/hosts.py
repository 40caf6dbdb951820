"""What a machine has, as `launchers.py` describes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal


@dataclass(frozen=True)
class CudaSpecification:
    """A CUDA device."""

    kind: ClassVar[Literal["cuda"]] = "cuda"

    memory: int = 0
    """In bytes"""
    model: str = ""
    min_memory: int = 0
    """Jobs that need less memory, in bytes, are not for it"""


@dataclass(frozen=True)
class MPSSpecification:
    """The device of an Apple processor, which shares the memory of the machine."""

    kind: ClassVar[Literal["mps"]] = "mps"

    memory: int = 0
    """In bytes"""
    model: str = ""
    min_memory: int = 0
    """Jobs that need less memory, in bytes, are not for it"""


@dataclass(frozen=True)
class CPUSpecification:
    """The processors of a machine."""

    memory: int = 0
    """In bytes"""
    cores: int = 0


@dataclass(frozen=True)
class HostSpecification:
    """A machine, or a part of a cluster."""

    cuda: Sequence[CudaSpecification] = ()
    mps: Sequence[MPSSpecification] = ()
    cpu: CPUSpecification = field(default_factory=CPUSpecification)
    priority: float = 0
    """The score of what fits: the highest is taken"""
    max_duration: int = 0
    """How long a job may take, in seconds; 0: without limit"""
    min_gpu: int = 0
    """Jobs that need fewer accelerators are not for it"""

    @property
    def accelerators(self) -> list[CudaSpecification | MPSSpecification]:
        """All accelerators, those with most memory first."""
        found: list[CudaSpecification | MPSSpecification] = [*self.cuda, *self.mps]
        return sorted(found, key=lambda one: -one.memory)
