"""VQA accuracy: an answer is right as far as people gave it (https://arxiv.org/abs/1505.00468; how answers are written
alike: https://visualqa.org/evaluation.html). Each of ten people is left out once, and three others who agree suffice.
Of that page's rules two rarer ones are left out here: missing apostrophes, and commas inside numbers."""

import re
from collections.abc import Sequence

from labs.evaluation.vqa import NUMBERS, PUNCTUATION
from labs.teaching.examine import Case

HINTS = (
    "Write a function inside that makes a list of words of a text; go through the words, not through the letters.",
    "With agree = [True or False for each person]: the mean over `own` in agree of min((sum(agree) - own) / 3, 1).",
)


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """From 0 to 1; of fewer than four people one who agrees suffices."""

    def words(text: str) -> list[str]:
        plain = re.sub(r"\.(?!\d)", "", PUNCTUATION.sub(" ", text.lower()))
        return [str(NUMBERS.get(word, word)) for word in plain.split() if word not in ("a", "an", "the")]

    agree = [words(answer) == words(other) for other in people]
    if len(agree) < 4:
        return float(any(agree))
    return sum(min((sum(agree) - own) / 3, 1) for own in agree) / len(agree)


def _agree(answer, people):
    return [bool(vqa_accuracy(answer, [other])) for other in people]


def _whole_crowd(answer, people):
    agree = _agree(answer, people)
    return float(any(agree)) if len(agree) < 4 else min(sum(agree) / 3, 1.0)


def _uncapped(answer, people):
    agree = _agree(answer, people)
    return float(any(agree)) if len(agree) < 4 else sum((sum(agree) - own) / 3 for own in agree) / len(agree)


def _share(answer, people):
    return sum(_agree(answer, people)) / len(people)


def _letter_by_letter(answer, people):
    return vqa_accuracy("yes", ["yes" if other == answer else "no" for other in people])


def _one_side(answer, people):
    def words(text):
        plain = re.sub(r"\.(?!\d)", "", PUNCTUATION.sub(" ", text.lower()))
        return " ".join(str(NUMBERS.get(word, word)) for word in plain.split() if word not in ("a", "an", "the"))

    return vqa_accuracy("yes", ["yes" if other == words(answer) else "no" for other in people])


def _inside_words(answer, people):
    def cut(text):
        for article in ("the", "an", "a"):
            text = text.lower().replace(article, "")
        return text or "nothing"

    return vqa_accuracy(cut(answer), [cut(other) for other in people])


def _no_digits(answer, people):
    names = {word: f"'{word}'" for word in NUMBERS}

    def kept(text):
        return re.sub(r"[a-z]+", lambda found: names.get(found[0], found[0]), text.lower())

    return vqa_accuracy(kept(answer), [kept(other) for other in people])


def _no_decimals(answer, people):
    return vqa_accuracy(answer.replace(".", ""), [other.replace(".", "") for other in people])


def _always_nine(answer, people):
    agree = _agree(answer, people)
    return sum(min((sum(agree) - own) / 3, 1) for own in agree) / len(agree)


MISTAKES = {
    "nobody is left out: take the mean over the people, each of them left out once": _whole_crowd,
    "three who agree are enough: no term may be more than 1": _uncapped,
    "the share of people who agree is another measure: three others suffice for full marks": _share,
    "the texts are compared letter by letter: write both sides alike first": _letter_by_letter,
    "only the answer is written alike; do the same with what people said": _one_side,
    "articles are cut out of the middle of words, as in `another`: compare whole words": _inside_words,
    "number words stay words: turn them into digits, `two` into `2`": _no_digits,
    "the full stop of 2.5 is lost: take out only one that no digit follows": _no_decimals,
    "of fewer than four people no three others are left: there, one who agrees suffices": _always_nine,
}


def _by_count(function):
    return [function("red", ["red"] * count + ["blue"] * (10 - count)) for count in (0, 1, 2, 3, 4, 10)]


CASES = (
    Case("0, 1, 2, 3, 4 and 10 of ten people agree", _by_count),
    Case("`two` is `2`", lambda f: [f("two", ["2"] * 10), f("2", ["Two."] * 2 + ["3"] * 8)]),
    Case("articles, capitals and marks do not count", lambda f: f("A star!", ["star", "the  Star", "star."] * 3)),
    Case("`another` is not `other`", lambda f: f("other", ["another"] * 10)),
    Case("2.5 is not 25", lambda f: f("2.5", ["25"] * 9 + ["2.5"])),
    Case("one, two and three people", lambda f: [f("red", ["Red"]), f("red", ["red", "pink"]), f("red", ["pink"] * 3)]),
)
