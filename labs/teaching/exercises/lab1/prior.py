"""What is answered without looking: for each kind of question the answer that was most frequent in training."""

from collections import Counter
from collections.abc import Sequence

from labs.teaching.examine import Case

HINTS = (
    "Count the answers of each kind with a `collections.Counter` of its own, and all answers once more together.",
    "min(counted, key=lambda answer: (-counted[answer], answer)) is the most frequent, of equal ones the first in ABC.",
)


def prior(known: Sequence[tuple[str, str]], kinds: Sequence[str]) -> list[str]:
    """For each of `kinds` one answer, learned from the pairs (kind, answer) in `known`; equal ones in ABC order."""

    def most_frequent(counted: Counter[str]) -> str:
        return min(counted, key=lambda answer: (-counted[answer], answer))

    by_kind: dict[str, Counter[str]] = {}
    for kind, answer in known:
        by_kind.setdefault(kind, Counter())[answer] += 1
    usual = most_frequent(Counter(answer for _, answer in known))
    best = {kind: most_frequent(counted) for kind, counted in by_kind.items()}
    return [best.get(kind, usual) for kind in kinds]


def _one_for_all(known, kinds):
    return prior([("", answer) for _, answer in known], [""] * len(kinds))


def _no_fallback(known, kinds):
    met = {kind for kind, _ in known}
    return [prior(known, [kind])[0] if kind in met else "" for kind in kinds]


def _raises(known, kinds):
    return [{met: prior(known, [met])[0] for met, _ in known}[kind] for kind in kinds]


def _first_met(known, kinds):
    return [Counter(answers).most_common(1)[0][0] for answers in _answers(known, kinds)]


def _rarest(known, kinds):
    return [min(answers, key=lambda answer: (answers.count(answer), answer)) for answers in _answers(known, kinds)]


def _last_letter(known, kinds):
    return [max(answers, key=lambda answer: (answers.count(answer), answer)) for answers in _answers(known, kinds)]


def _answers(known, kinds):
    """For each of `kinds` the answers that it had, or all answers."""
    return [[answer for own, answer in known if own == kind] or [answer for _, answer in known] for kind in kinds]


MISTAKES = {
    "every question gets the same answer: count for each kind by itself": _one_for_all,
    "a kind that was never met gets no answer: fall back on the most frequent one of all": _no_fallback,
    "a kind that was never met raises: fall back on the most frequent answer of all": _raises,
    "of equally frequent answers the first that was met is taken: take the first in the alphabet": _first_met,
    "the rarest answer is taken: turn the order round": _rarest,
    "of equally frequent answers the last in the alphabet is taken: take the first": _last_letter,
}
KNOWN = [("is there", "yes"), ("how many", "two"), ("is there", "no"), ("is there", "yes"), ("how many", "one"),
         ("how many", "two"), ("what colour", "red"), ("is there", "yes"), ("what colour", "blue")]  # fmt: skip
CASES = (
    Case("two kinds", lambda f: f(KNOWN, ["how many", "is there", "how many"])),
    Case("a kind that was never met", lambda f: f(KNOWN, ["where is", "how many"])),
    Case("red and blue are equally frequent", lambda f: f(KNOWN, ["what colour"])),
    Case("the same pairs the other way round", lambda f: f(KNOWN[::-1], ["what colour", "how many"])),
    Case("nothing is asked", lambda f: f(KNOWN, [])),
)
