"""Finds what runs a job from what the job needs: `find_launcher("duration=2h & cuda(mem=4G)")`.

The answer comes from the function `find_launcher` in the `launchers.py` of a person's settings. Rule:
what a job needs is a value that is never changed; combining two makes a third.
"""

from experimaestro.exceptions import LauncherNotFoundError
from experimaestro.launcherfinder.finding import find_launcher
from experimaestro.launcherfinder.hosts import (
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)
from experimaestro.launcherfinder.parsing import parse
from experimaestro.launcherfinder.requirements import (
    HostSimpleRequirement,
    MatchRequirement,
    Requirement,
    RequirementUnion,
    cpu,
    cuda_gpu,
    duration,
    gpu,
    mps_gpu,
)

__all__ = [
    "CPUSpecification",
    "CudaSpecification",
    "HostSimpleRequirement",
    "HostSpecification",
    "LauncherNotFoundError",
    "MPSSpecification",
    "MatchRequirement",
    "Requirement",
    "RequirementUnion",
    "cpu",
    "cuda_gpu",
    "duration",
    "find_launcher",
    "gpu",
    "mps_gpu",
    "parse",
]
