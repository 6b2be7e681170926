"""What worksheet 1 asks: pictures, questions, what ten people answered, and pairs from training for a prior.

The micro-world has one true answer to a question, and no people. Ten are made up here: of 100 answers 15 are slips, and
everybody writes in a way of their own ("two", "2", "A star."). In the other profiles they are those of VQA v2.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from labs.data.catalog import open_set
from labs.data.heldout import split
from labs.evaluation import heldout
from labs.evaluation.exam import Item, opened, several
from labs.evaluation.questions import exam_of
from labs.evaluation.vqa import NUMBERS
from labs.models.catalog import profile
from labs.systems.parts.priors import known_questions
from labs.teaching.formats import MISTAKEN, PEOPLE
from labs.world.vocabulary import SHAPES

RECORDS, SHARE = 200, 0.3  # questions of others, of which a share is asked and the rest is known


class Asked(NamedTuple):
    """Items name a picture by its place; their `accepted` answers are those of the people."""

    pictures: list[Image.Image]
    items: list[Item]
    known: list[tuple[str, str]]  # kind of question and answer, about other pictures


def asked(run: Path, side: int, count: int = 60) -> Asked:
    """In profile mini questions about `count` held-out scenes, otherwise records of VQA v2, noted in `run`."""
    return _drawn(side, count) if profile() == "mini" else _photographs(run)


def kind_of(question: str) -> str:
    """Its first two words, which every data set has."""
    return " ".join(question.lower().split()[:2])


def person(item: Item, score: Callable[[str, Sequence[str]], float]) -> float:
    """What one of the people scores on average, each judged by the others."""
    others = [item.accepted[:number] + item.accepted[number + 1 :] for number in range(len(item.accepted))]
    return sum(map(score, item.accepted, others)) / len(others)


def ten_people(answer: str, slips: Sequence[str], rng: random.Random) -> list[str]:
    """What ten people write whose true answer it is; a slip is drawn from `slips`, if there are any."""
    said = [rng.choice(slips) if slips and rng.random() < MISTAKEN else answer for _ in range(PEOPLE)]
    return [_written(one, rng) for one in said]


def _written(answer: str, rng: random.Random) -> str:
    if answer in NUMBERS and rng.random() < 0.5:
        answer = str(NUMBERS[answer])
    if answer in SHAPES and rng.random() < 0.25:
        answer = f"a {answer}"
    if rng.random() < 0.25:
        answer = answer.capitalize()
    return answer + ("." if rng.random() < 0.1 else "")


def _drawn(side: int, count: int) -> Asked:
    rng, (scenes, items), (_, known) = random.Random("ten people"), heldout.questions(count), known_questions(400)
    answers: dict[str, list[str]] = {}
    for item in known:
        answers.setdefault(item.kind, []).append(item.answer)
    told = []
    for item in items:
        people = ten_people(item.answer, [one for one in answers[item.kind] if one != item.answer], rng)
        told.append(Item(item.picture, kind_of(item.question), item.question, people[0], tuple(people[1:])))
    pairs = [(kind_of(item.question), item.answer) for item in known]
    return Asked([heldout.draw(scene, side) for scene in scenes], told, pairs)


def _photographs(run: Path) -> Asked:
    rest, kept = split(open_set("vqa", run, count=RECORDS), SHARE)
    exam, known = exam_of(kept, len(kept)), exam_of(rest, len(rest)).new
    items = [Item(one.picture, kind_of(one.question), one.question, one.answer, one.also) for one in exam.new]
    pictures = [opened(several(entry)[0]) for entry in exam.pictures]
    return Asked(pictures, items, [(kind_of(one.question), one.answer) for one in known])
