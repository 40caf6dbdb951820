"""Whether a machine has what a job needs."""

import pytest

from experimaestro.launcherfinder import (
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
    parse,
)

G = 10**9
CLUSTER = HostSpecification(
    cuda=[CudaSpecification(memory=16 * G), CudaSpecification(memory=32 * G, min_memory=4 * G)],
    cpu=CPUSpecification(memory=64 * G, cores=8),
    priority=2,
    max_duration=7200,
    min_gpu=1,
)
LAPTOP = HostSpecification(
    mps=[MPSSpecification(memory=16 * G)], cpu=CPUSpecification(memory=16 * G, cores=4)
)


@pytest.mark.parametrize(
    ("text", "host", "fits"),
    [
        ("cuda(mem=16G)", CLUSTER, True),
        ("cuda(mem=33G)", CLUSTER, False),
        ("cuda(mem=32G) & cuda(mem=16G)", CLUSTER, True),
        ("cuda(mem=17G)*2", CLUSTER, False),
        ("cuda(mem=4G)*3", CLUSTER, False),
        ("gpu(mem=4G)", CLUSTER, True),
        ("mps(mem=4G)", CLUSTER, False),
        ("cuda(mem=1G)", CLUSTER, False),  # too little for the large one
        ("cpu(cores=2)", CLUSTER, False),  # without an accelerator
        ("cuda(mem=4G) & cpu(cores=8, mem=64G)", CLUSTER, True),
        ("cuda(mem=4G) & cpu(cores=9)", CLUSTER, False),
        ("cuda(mem=4G) & cpu(mem=65G)", CLUSTER, False),
        ("cuda(mem=4G) & duration=2h", CLUSTER, True),
        ("cuda(mem=4G) & duration=3h", CLUSTER, False),
        ("cpu(cores=4, mem=16G) & duration=300d", LAPTOP, True),
        ("gpu(mem=10G) & cpu(mem=6G)", LAPTOP, True),
        ("gpu(mem=10G) & cpu(mem=7G)", LAPTOP, False),  # the device shares the memory
    ],
)
def test_a_machine_has_it_or_not(text: str, host: HostSpecification, fits: bool):
    match = parse(text).match(host)

    assert (match is not None) is fits
    assert match is None or match.score == host.priority


def test_the_first_of_several_alternatives_that_fit_is_taken():
    match = parse("cuda(mem=80G) | cuda(mem=8G) | cuda(mem=4G)").match(CLUSTER)

    assert match is not None
    assert str(match.requirement) == "cuda(mem=8G)"


def test_time_can_be_multiplied():
    assert str(parse("duration=2h | cpu(cores=1)").multiply_duration(1.5)) == "duration=3h | cpu(cores=1)"
