"""Answers without pictures: what questions give away, learned from questions about training scenes.

most frequent      the answer that is most often true of a type of question
bag of words       logistic regression on which words a question has
nearest double     the answer that was true of the most similar known picture, which shows what a leak is worth
"""

import random
import re
from collections import Counter
from collections.abc import Container, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from labs.evaluation.exam import Item
from labs.evaluation.interval import Interval, interval
from labs.systems.parts.probe import linear_probe
from labs.world import splits
from labs.world.questions import KINDS, ask
from labs.world.scene import Scene


def known_questions(pictures: int, seed: int = 0) -> tuple[list[Scene], list[Item]]:
    """Training scenes, with a question of every type that the scene offers."""
    rng = random.Random(f"known questions {seed}")
    scenes = [splits.sample(rng, "train") for _ in range(pictures)]
    return scenes, questions_about(scenes, rng)


def questions_about(scenes: Sequence[Scene], rng: random.Random) -> list[Item]:
    """A question of every type about each scene."""
    asked = [(place, ask(scene, rng, kind)) for place, scene in enumerate(scenes) for kind in KINDS]
    return [Item(place, one.kind, one.text, one.answer) for place, one in asked if one]


def most_frequent(known: Sequence[Item], asked: Sequence[Item]) -> list[str]:
    """For each question the answer that is most frequent for its type among the known ones."""
    counts = {kind: Counter(item.answer for item in known if item.kind == kind) for kind in {i.kind for i in known}}
    best = {kind: count.most_common(1)[0][0] for kind, count in counts.items()}
    return [best[item.kind] for item in asked]


def bag_of_words(known: Sequence[Item], asked: Sequence[Item], seed: int = 0) -> list[str]:
    """For each question what logistic regression on its words says; their order and the type are not given."""
    words = sorted({word for item in known for word in _words(item.question)})
    answers = sorted({item.answer for item in known})
    classes = torch.tensor([answers.index(item.answer) for item in known])
    told = linear_probe(_bags(known, words), classes, _bags(asked, words), len(answers), seed)
    return [answers[place] for place in told.tolist()]


def accuracy(told: Sequence[str], items: Sequence[Item], pictures: Container[int] | None = None) -> Interval:
    """The share of right answers, over all items or over those about some of the pictures."""
    right = [(answer == item.answer, item.picture) for answer, item in zip(told, items, strict=True)
             if pictures is None or item.picture in pictures]  # fmt: skip
    return interval([score for score, _ in right], [picture for _, picture in right])


def skewed(items: Sequence[Item], share: float, rng: random.Random) -> list[Item]:
    """The same questions, of which those with a less frequent answer than the first of their type are thinned out.

    Only so large a `share` of those is kept: a set whose answers are easy to guess.
    """
    return [item for item, usual in zip(items, most_frequent(items, items), strict=True)
            if item.answer == usual or rng.random() < share]  # fmt: skip


def balanced(items: Sequence[Item], rng: random.Random) -> list[Item]:
    """As many questions with each answer of a type as with its rarest, so that no answer is worth guessing."""
    groups: dict[str, dict[str, list[Item]]] = {}
    for item in items:
        groups.setdefault(item.kind, {}).setdefault(item.answer, []).append(item)
    kept = [item for answers in groups.values() for group in answers.values()
            for item in rng.sample(group, min(map(len, answers.values())))]  # fmt: skip
    return sorted(kept, key=lambda item: item.picture)


def nearest_double(alike: Float[Tensor, "pictures known"], known: Sequence[Item], asked: Sequence[Item]) -> list[str]:
    """For each question the answer that the same question has about the most similar known picture.

    `alike` is how similar each picture is to each known one. Where nobody has asked it before: the most frequent.
    """
    before: dict[str, dict[int, str]] = {}
    for item in known:
        before.setdefault(item.question, {})[item.picture] = item.answer
    told = most_frequent(known, asked)
    for place, item in enumerate(asked):
        if places := list(before.get(item.question, ())):
            best = places[int(alike[item.picture, places].argmax())]
            told[place] = before[item.question][best]
    return told


def _bags(items: Sequence[Item], words: Sequence[str]) -> Float[Tensor, "items words"]:
    place = {word: number for number, word in enumerate(words)}
    bags = torch.zeros(len(items), len(words))
    for row, item in zip(bags, items, strict=True):
        row[[place[word] for word in _words(item.question) if word in place]] = 1
    return bags


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
