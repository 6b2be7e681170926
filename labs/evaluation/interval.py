"""Bootstrap and permutation over pictures: several questions about one picture are not independent of each other."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

DRAWS = 2000
PERMUTATIONS = 10_000


class Interval(NamedTuple):
    """A mean with its 95 % interval; n items on so many pictures."""

    mean: float
    low: float
    high: float
    n: int
    pictures: int

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def mean(sums: np.ndarray) -> np.ndarray:
    """(..., 2), the sum of scores and their number -> (...)."""
    return sums[..., 0] / sums[..., 1]


def interval(scores: Sequence, pictures: Sequence[int], seed: int = 0) -> Interval:
    """The mean of `scores` (items,) with whole pictures drawn anew; `pictures` names each item's picture."""
    return contrast([(1, scores)], pictures, seed)


def difference(after: Sequence, before: Sequence, pictures: Sequence[int], seed: int = 0) -> Interval:
    """The paired difference of two runs on the same items."""
    return contrast([(1, after), (-1, before)], pictures, seed)


def contrast(
    runs: Sequence[tuple[int, Sequence]], pictures: Sequence[int], seed: int = 0, value: Callable = mean
) -> Interval:
    """The signed sum of the values of several (sign, scores) on the same items; each draw of pictures serves them all.

    A score is a number or a row of numbers; `value` makes of their sums, and the number of items, what is reported.
    """
    sums = [(sign, _sums(scores, pictures)) for sign, scores in runs]
    size = len(sums[0][1])
    draw = np.random.default_rng(seed).integers(0, size, (DRAWS, size))
    weights = np.stack([np.ones(size), *(np.bincount(row, minlength=size) for row in draw)])  # first all as they are
    # rounded, so that what is zero is not above it
    whole, *drawn = np.round(sum(sign * value(weights @ total) for sign, total in sums), 12).tolist()
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(whole, float(low), float(high), len(pictures), size)


def permutation(
    after: Sequence, before: Sequence, pictures: Sequence[int], seed: int = 0, value: Callable = mean
) -> float:
    """Two-sided p of a paired difference: how often it is as large when coins swap the two runs, picture by picture.

    All swaps are gone through where there are at most 10,000; otherwise so many are drawn, and p is never 0.
    """
    one, other = _sums(after, pictures), _sums(before, pictures)
    gain = (one - other)[(one != other).any(1)]  # swapping equal results changes nothing
    if 2 ** len(gain) <= PERMUTATIONS:
        coins = np.array(list(product((0, 1), repeat=len(gain))))
    else:
        coins = np.random.default_rng(seed).integers(0, 2, (1 + PERMUTATIONS, len(gain)))
        coins[0] = 0
    swapped = coins @ gain
    differences = np.abs(value(one.sum(0) - swapped) - value(other.sum(0) + swapped))
    return float((differences >= differences[0] - 1e-12).mean())  # the first is the one that was seen


def _sums(scores: Sequence, pictures: Sequence[int]) -> np.ndarray:
    """(items,) or (items, numbers) -> their sums and the number of items for each picture (pictures, numbers + 1)."""
    if len(scores) != len(pictures) or not len(scores):
        raise ValueError(f"need one score or more and a picture for each, got {len(pictures)} and {len(scores)}")
    names, group = np.unique(pictures, return_inverse=True)
    sums = np.zeros((len(names), 1 + np.asarray(scores[0]).size))
    np.add.at(sums, group, np.column_stack((np.asarray(scores, float), np.ones(len(scores)))))
    return sums
