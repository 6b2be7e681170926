"""The same questions before and after tuning: how much was gained, how sure that is, and whether by looking.

`before` and `after` have scores from 0 to 1, one a question, under "new", "blind" and "shuffled": the question with its
picture, with a blank one, with another question's. Three differences are wanted, each a mean over questions:

    gain              after["new"] - before["new"]
    beyond blind      the gain, less the same difference for "blind"
    beyond shuffled   the gain, less the same difference for "shuffled"

Each comes with an interval. Questions about one picture are not independent of one another, so whole pictures are
drawn: a row of `draws` is one draw, picture numbers with repetition, and gives one mean over all questions about the
pictures drawn (twice those of a picture drawn twice). The interval goes from the 2.5 % to the 97.5 % quantile of these
means. "learned" is true if all three intervals lie above zero.
"""

import numpy as np

from labs.teaching.examine import Case

HINTS = (
    "One inner function for all three: add the differences up by picture and count each picture's questions; then a "
    "draw's mean is sums[draw].sum() / counts[draw].sum(), and np.quantile(means, (0.025, 0.975)) is the interval.",
    "np.bincount(pictures, weights=differences) gives the sums, np.bincount(pictures) the counts. Learned: the lower "
    "ends of all three are greater than 0.",
)
KINDS = ("blind", "shuffled")


def proven_gain(before: dict[str, list], after: dict[str, list], pictures: list[int], draws: np.ndarray) -> dict:
    """`pictures[i]` is question i's picture; `draws` (times, pictures). Returns "gain", "beyond blind" and "beyond
    shuffled", each [mean, low, high], and "learned"."""
    gains = {kind: np.subtract(after[kind], before[kind]) for kind in ("new", *KINDS)}
    found = {"gain": _interval(gains["new"], pictures, draws)}
    found |= {f"beyond {kind}": _interval(gains["new"] - gains[kind], pictures, draws) for kind in KINDS}
    return found | {"learned": all(low > 0 for _, low, _ in found.values())}


def _interval(differences, pictures, draws, ends=(0.025, 0.975)) -> list[float]:
    sums, counts = np.bincount(pictures, weights=differences), np.bincount(pictures)
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, ends)
    return [float(np.mean(differences)), float(low), float(high)]


def _with(interval, control: float = 1.0):
    """The reference with another interval, or with the controls' own gain left in."""

    def proven(before, after, pictures, draws):
        gains = {kind: np.subtract(after[kind], before[kind]) for kind in ("new", *KINDS)}
        found = {"gain": interval(gains["new"], pictures, draws)}
        left = {kind: gains["new"] - control * gains[kind] for kind in KINDS}
        found |= {f"beyond {kind}": interval(left[kind], pictures, draws) for kind in KINDS}
        return found | {"learned": all(low > 0 for _, low, _ in found.values())}

    return proven


def _first_questions(differences, pictures, draws):
    low, high = np.quantile(np.asarray(differences)[draws].mean(1), (0.025, 0.975))
    return [float(np.mean(differences)), float(low), float(high)]


def _mean_of_pictures(differences, pictures, draws):
    means = np.bincount(pictures, weights=differences) / np.bincount(pictures)
    low, high = np.quantile(means[draws].mean(1), (0.025, 0.975))
    return [float(means.mean()), float(low), float(high)]


def _drawn_by_pictures(differences, pictures, draws):
    _, low, high = _mean_of_pictures(differences, pictures, draws)
    return [float(np.mean(differences)), low, high]


def _without_repetition(differences, pictures, draws):
    means = [np.mean(np.asarray(differences)[np.isin(pictures, draw)]) for draw in draws]
    low, high = np.quantile(means, (0.025, 0.975))
    return [float(np.mean(differences)), float(low), float(high)]


def _narrow(differences, pictures, draws):
    return _interval(differences, pictures, draws, (0.05, 0.95))


def _gain_alone(before, after, pictures, draws):
    found = proven_gain(before, after, pictures, draws)
    return found | {"learned": found["gain"][1] > 0}


def _by_means(before, after, pictures, draws):
    found = proven_gain(before, after, pictures, draws)
    return found | {"learned": all(found[name][0] > 0 for name in found if name != "learned")}


def _after_alone(before, after, pictures, draws):
    nothing = {kind: [0] * len(pictures) for kind in before}
    found = proven_gain(before, after, pictures, draws)
    beyond = proven_gain(nothing, after, pictures, draws)
    found |= {f"beyond {kind}": beyond[f"beyond {kind}"] for kind in KINDS}
    return found | {"learned": all(found[name][1] > 0 for name in found if name != "learned")}


MISTAKES = {
    "the numbers in `draws` pick questions; they are pictures, so take all questions of each": _with(_first_questions),
    "a mean of each picture's mean; every question counts once: divide sums by counts": _with(_mean_of_pictures),
    "a draw is a mean of pictures' means; add up its questions' differences and divide by their number":
    _with(_drawn_by_pictures),
    "a picture that is drawn twice counts once; np.isin forgets it, so add it up as often as it is drawn":
    _with(_without_repetition),
    "an interval of 90 %; its ends are the quantiles 0.025 and 0.975": _with(_narrow),
    "the controls have no say: learned is true only if all three intervals lie above zero": _gain_alone,
    "means decide; it is the lower end of each interval that must lie above zero": _by_means,
    "what the controls could do before is forgotten: take the difference after - before for them too": _after_alone,
    "the controls' own gain is not taken off: beyond blind is the gain less that of blind": _with(_interval, 0.0),
}  # fmt: skip


def _exam(gained: float, blind: float, shuffled: float, questions: int = 60) -> tuple:
    """Scores of questions about 20 pictures, some of which have one question and some six."""
    rng = np.random.default_rng(3)
    pictures = sorted(rng.integers(0, 8, questions - 20).tolist() + list(range(20)))
    easy = rng.random(20)[pictures]
    before = {"new": (easy > 0.9), "blind": (easy > 0.85), "shuffled": (rng.random(questions) > 0.9)}
    shares = {"new": gained, "blind": blind, "shuffled": shuffled}
    after = {kind: before[kind] | (0.3 * rng.random(questions) + 0.7 * easy < share) for kind, share in shares.items()}
    draws = np.random.default_rng(0).integers(0, 20, (400, 20))
    lists = [{kind: one.astype(float).tolist() for kind, one in run.items()} for run in (before, after)]
    return (*lists, pictures, draws)


CASES = (
    Case("much was gained, and the controls gained nothing", lambda f: f(*_exam(0.7, 0.0, 0.0))),
    Case("as much without looking: not shown", lambda f: f(*_exam(0.6, 0.6, 0.05))),
    Case("more by a little: the interval decides", lambda f: f(*_exam(0.25, 0.15, 0.1))),
    Case("nothing was gained", lambda f: f(*_exam(0.0, 0.0, 0.0))),
)
