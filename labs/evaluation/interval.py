"""Bootstrap intervals over pictures: several questions about one picture are not independent of each other."""

from typing import NamedTuple

import numpy as np

DRAWS = 2000


class Interval(NamedTuple):
    """A mean with its 95 % interval; n items on so many pictures."""

    mean: float
    low: float
    high: float
    n: int
    pictures: int

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def interval(scores: list[float], pictures: list[int], seed: int = 0) -> Interval:
    """The mean of `scores` (items,) with whole pictures drawn anew; `pictures` names each item's picture."""
    if len(scores) != len(pictures) or not scores:
        raise ValueError(f"need one score or more and a picture for each, got {len(scores)} and {len(pictures)}")
    values = np.asarray(scores, float)
    _, group = np.unique(pictures, return_inverse=True)
    total, count = np.bincount(group, values), np.bincount(group)
    draw = np.random.default_rng(seed).integers(0, len(total), (DRAWS, len(total)))
    means = total[draw].sum(1) / count[draw].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high), len(values), len(total))


def difference(after: list[float], before: list[float], pictures: list[int], seed: int = 0) -> Interval:
    """The paired difference of two runs on the same items."""
    if len(after) != len(before):
        raise ValueError(f"a paired difference needs the same items in both runs, got {len(after)} and {len(before)}")
    return interval([a - b for a, b in zip(after, before, strict=True)], pictures, seed)
