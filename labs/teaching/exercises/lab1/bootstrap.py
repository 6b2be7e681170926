"""A 95 % interval by bootstrap over pictures: whole pictures are drawn anew, with all questions about them, because
these stand or fall together (the cluster bootstrap; Efron, 1979, https://doi.org/10.1214/aos/1176344552)."""

import random
from collections.abc import Hashable, Sequence

import numpy as np

from labs.teaching.examine import Case

HINTS = (
    "First a dictionary: for each picture its scores. A draw is rng.choices(list of these, k=how many pictures).",
    "The mean of a draw is the sum of all its scores by their number; np.quantile(means, (0.025, 0.975)) has the ends.",
)


def bootstrap(
    scores: Sequence[float], pictures: Sequence[Hashable], draws: int, rng: random.Random
) -> tuple[float, float, float]:
    """The mean of all scores, and the low and high end of its interval; `pictures` names each score's picture."""
    groups: dict[Hashable, list[float]] = {}
    for score, picture in zip(scores, pictures, strict=True):
        groups.setdefault(picture, []).append(score)
    sums = [(sum(group), len(group)) for group in groups.values()]
    means = []
    for _ in range(draws):
        drawn = rng.choices(sums, k=len(sums))
        means.append(sum(total for total, _ in drawn) / sum(count for _, count in drawn))
    low, high = np.quantile(means, (0.025, 0.975))
    return sum(scores) / len(scores), float(low), float(high)


def _over_questions(scores, pictures, draws, rng):
    return bootstrap(scores, range(len(scores)), draws, rng)


def _mean_of_means(scores, pictures, draws, rng):
    groups = {}
    for score, picture in zip(scores, pictures, strict=True):
        groups.setdefault(picture, []).append(score)
    means = [sum(group) / len(group) for group in groups.values()]
    return bootstrap(means, range(len(means)), draws, rng)


def _means_drawn(scores, pictures, draws, rng):
    return (sum(scores) / len(scores), *_mean_of_means(scores, pictures, draws, rng)[1:])


def _without_return(scores, pictures, draws, rng):
    mean = sum(scores) / len(scores)
    return mean, mean, mean


def _extremes(scores, pictures, draws, rng):
    groups = {}
    for score, picture in zip(scores, pictures, strict=True):
        groups.setdefault(picture, []).append(score)
    means = []
    for _ in range(draws):
        drawn = [score for group in rng.choices(list(groups.values()), k=len(groups)) for score in group]
        means.append(sum(drawn) / len(drawn))
    return sum(scores) / len(scores), min(means), max(means)


def _ninety(scores, pictures, draws, rng):
    mean, low, high = bootstrap(scores, pictures, draws, rng)
    return mean, mean - (mean - low) * 1.645 / 1.96, mean + (high - mean) * 1.645 / 1.96


def _global(scores, pictures, draws, rng):
    return bootstrap(scores, pictures, draws, random.Random(random.random()))


MISTAKES = {
    "questions are drawn one by one: draw whole pictures, with all their questions": _over_questions,
    "each picture counts as one, however many questions it has: divide all scores by their number": _mean_of_means,
    "in a draw each picture counts as one, however many questions it has: divide by their number": _means_drawn,
    "every draw is the same set: draw with replacement, as rng.choices does": _without_return,
    "the ends are the smallest and the largest mean: take the quantiles 0.025 and 0.975": _extremes,
    "the interval is too narrow, perhaps one of 90 %: its ends are the quantiles 0.025 and 0.975": _ninety,
    "the generator that was given is not used: call rng.choices, not random.choices or NumPy": _global,
}
DRAWS = 3000
WIDTHS = ((0.02, "no width"), (0.65, "far too narrow"), (0.91, "too narrow"), (1.1, "right"), (1.5, "too wide"))


def _given(each: int = 5) -> tuple[list[float], list[str]]:
    """40 pictures of different difficulty; the questions about one are nearly equally hard."""
    rng = random.Random(0)
    hard = {f"picture {number}": rng.gauss(60, 20) for number in range(40)}
    names = rng.sample(list(hard) * each, 40 * each)  # in no order
    return [hard[name] + rng.gauss(0, 1) for name in names], names


def _uneven() -> tuple[list[float], list[int]]:
    """Pictures with eight questions, of which few are right, and with two, of which all are."""
    return [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0], [4] * 8 + [9] * 2 + [7] * 2


def _between(function):
    """Twenty pictures with twelve questions each, all right, and twenty with one, all wrong."""
    scores, pictures = [1.0] * 240 + [0.0] * 20, [number // 12 for number in range(240)] + list(range(100, 120))
    mean, low, high = function(scores, pictures, 500, random.Random(5))
    return low < mean < high


def _width(function, scores, pictures):
    _, low, high = function(scores, pictures, DRAWS, random.Random(1))
    return high - low


def _judged(ratio: float) -> str:
    """In words, so that chance does not show."""
    return next((words for most, words in WIDTHS if ratio < most), "far too wide")


def _right_width(function):
    scores, pictures = _given()
    means = [np.mean([s for s, p in zip(scores, pictures, strict=True) if p == name]) for name in set(pictures)]
    return _judged(_width(function, scores, pictures) / (2 * 1.96 * np.std(means) / len(means) ** 0.5))


def _thrice(function):
    scores, pictures = _given(each=1)
    return _judged(_width(function, scores * 3, pictures * 3) / _width(function, scores, pictures))


def _same_again(function):
    random.seed(0)
    first = function(*_given(), 50, random.Random(3))
    random.seed(1)
    return tuple(first) == tuple(function(*_given(), 50, random.Random(3)))


def _in_order(function):
    mean, low, high = function(*_given(), 200, random.Random(2))
    return low < mean < high


CASES = (
    Case("the mean, where pictures have 8, 2 and 2 questions", lambda f: f(*_uneven(), 50, random.Random(0))[0]),
    Case("many questions about 20 pictures, one about 20: the mean lies inside", _between),
    Case("40 pictures, 5 questions each: how wide it is", _right_width),
    Case("each question asked thrice: as wide as before", _thrice),
    Case("mean, low, high, and the mean lies between", _in_order),
    Case("all right: an interval of no width", lambda f: f([1.0] * 6, [0, 0, 1, 1, 2, 2], 50, random.Random(0))),
    Case("the same seed gives the same interval", _same_again),
)
