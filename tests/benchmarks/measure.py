"""What the benchmarks share: rounds in turn, medians of ratios, one line a figure."""

import statistics
from collections.abc import Callable


def ratio(
    ours: Callable[[], float], baseline: Callable[[], float], rounds: int
) -> tuple[float, float, float]:
    """Measures two things in turn.

    Args:
        ours: Returns seconds.
        baseline: Returns seconds.
        rounds: How many of each; one more is made first and thrown away.

    Returns:
        Median of the ratios taken round by round, and the medians of both, in seconds.
    """
    pairs = [(ours(), baseline()) for _ in range(rounds + 1)][1:]
    return (
        statistics.median(a / b for a, b in pairs),
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
    )


def show(what: str, value: str, target: str) -> None:
    """Prints one figure beside what it should be."""
    print(f"{what:<58} {value:>26}   (target: {target})")
