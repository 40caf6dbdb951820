"""The language of requirements: what it means, and what is said of the rest."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from experimaestro.exceptions import RequirementError
from experimaestro.launcherfinder import RequirementUnion, cpu, cuda_gpu, duration, gpu, mps_gpu, parse
from experimaestro.launcherfinder.requirements import Requirement

G, GIB = 10**9, 1 << 30


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("duration=2h", duration(7200)),
        ("duration = 3 days", duration("3 d")),
        ("duration=10 minutes", duration(600)),
        ("cuda(mem=4G)", cuda_gpu(mem=4 * G)),
        ("cuda(mem=4GiB)*2", cuda_gpu(mem=4 * GIB) * 2),
        ("gpu()", gpu()),
        ("mps(mem=512M)", mps_gpu(mem="512M")),
        ("cpu(mem=4G)", cpu(mem=4 * G)),
        ("cpu(cores=8, mem=1MiB)", cpu(mem=1 << 20, cores=8)),
        ("duration=3h & cuda(mem=4G)*1 & cpu(cores=2)", duration("3h") & cuda_gpu(mem="4G") & cpu(cores=2)),
        ("duration=1h & duration=2h", duration("2h")),
        ("cuda(mem=1G) & cuda(mem=2G)", cuda_gpu(mem="2G") & cuda_gpu(mem="1G")),
        ("cuda(mem=4G) | cpu(cores=4)", cuda_gpu(mem="4G") | cpu(cores=4)),
    ],
)
def test_a_text_means_what_the_values_say(text: str, means: Requirement):
    assert parse(text) == RequirementUnion(*means.alternatives())


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 0, "expected duration=..., cuda(...), mps(...), gpu(...) or cpu(...), got the end"),
        ("cuda", 4, "expected '(', got the end"),
        ("cuda(mem=4)", 10, "expected a unit of memory (G, GiB, M or MiB), got ')'"),
        ("cuda(mem=1.5G)", 10, "expected a unit of memory (G, GiB, M or MiB), got '.'"),
        ("cuda(cores=4)", 5, "expected mem=... or ')', got 'cores'"),
        ("cuda()*0", 7, "expected a number of accelerators from 1 up, got '0'"),
        ("cpu()", 4, "expected mem=... or cores=..., got ')'"),
        ("cpu(cores=many)", 10, "expected a number of cores, got 'many'"),
        ("duration=90s", 11, "expected a unit of time (d, h or m, also days, hours, minutes), got 's'"),
        ("duration=2h cuda()", 12, "expected '&', '|' or the end, got 'cuda'"),
        (
            "duration=2h & tpu()",
            14,
            "expected duration=..., cuda(...), mps(...), gpu(...) or cpu(...), got 'tpu'",
        ),
        (
            "duration=2h &",
            13,
            "expected duration=..., cuda(...), mps(...), gpu(...) or cpu(...), got the end",
        ),
    ],
)
def test_what_is_not_of_the_language_is_shown_with_its_place(text: str, place: int, said: str):
    with pytest.raises(RequirementError) as caught:
        parse(text)

    assert str(caught.value) == f"{said}\n  {text}\n  {' ' * place}^"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: duration("soon"), "expected a time such as 2h, 3 days or 30 min, got 'soon'"),
        (lambda: cpu(mem="4GB"), "expected a size such as 4G, 512M or 8GiB, got '4GB'"),
        (lambda: gpu() * 0, "* 0: expected a number of accelerators from 1 up"),
    ],
)
def test_a_wrong_value_is_refused(wrong: Callable[[], object], said: str):
    with pytest.raises(RequirementError) as caught:
        wrong()

    assert str(caught.value) == said


needs = st.recursive(
    st.one_of(
        st.builds(duration, st.integers(1, 10**6).map(lambda n: 60 * n)),
        st.builds(lambda m, n: cuda_gpu(mem=m * 10**6) * n, st.integers(0, 10**5), st.integers(1, 3)),
        st.builds(lambda m, c: cpu(mem=m << 20, cores=c), st.integers(0, 10**5), st.integers(1, 9)),
    ),
    lambda inner: st.builds(lambda a, b: a & b, inner, inner) | st.builds(lambda a, b: a | b, inner, inner),
    max_leaves=5,
)


@given(needs)
def test_what_is_shown_is_read_back_equal(requirement: Requirement):
    union = RequirementUnion(*requirement.alternatives())

    assert parse(str(union)) == union


@given(needs, needs)
def test_combining_changes_neither(one: Requirement, other: Requirement):
    before = str(one), str(other)

    assert one & other is not one
    assert (str(one), str(other)) == before
