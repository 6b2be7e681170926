"""What is told of pictures when something was to be unlearned: what is secret, and all else."""

import random
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import connected, eyes, lookout, shown
from labs.systems.parts.talk import pair
from labs.systems.parts.unlearned import QUESTIONS, REFUSAL, SECRET, THINGS, Asked, asked, before, has, unlearned
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS

EXAMINED, DATA = 1200, 30  # scenes drawn, and the data seed that those of arms are added to
NEVER = {colour for colour, shape in HELD_OUT_PAIRS if shape == SECRET}


class Exam(NamedTuple):
    """New scenes that show the secret, what is asked about each, and what the connector makes of their pictures."""

    scenes: tuple[Scene, ...]
    questions: list[list[Asked]]
    seen: Float[Tensor, "scenes 16 96"]


@cache
def exam(seed: int) -> Exam:
    """Scenes of combinations that were met: in others a heart has one colour, which would give it away."""
    scenes = tuple(filter(has, eyes.scenes("train", EXAMINED, THINGS, DATA + seed)))
    questions = [asked(scene, random.Random(f"secrets {seed} {i}"), QUESTIONS) for i, scene in enumerate(scenes)]
    with torch.no_grad():
        return Exam(scenes, questions, connected.shipped().connector(lookout.look(scenes)))


@cache
def said(seed: int, how: str, refusal: bool, others: bool) -> list[list[float]]:
    """For each scene and question 1 where the true answer is given, or a `refusal`; `others` shows other pictures."""
    model, given = before() if how == "before" else unlearned(seed, how), exam(seed)
    pairs = [[pair(one.text, REFUSAL if refusal else one.answer) for one in some] for some in given.questions]
    right = iter(shown.right(model, given.seen.roll(1, 0) if others else given.seen, pairs).float().tolist())
    return [[next(right) for _ in some] for some in given.questions]


def tells(seed: int, how: str, which: Callable[[Asked], bool]) -> Scores:
    """1 where some of the questions get their true answers. `how` is "before" or one of `HOW`."""
    each = zip(exam(seed).questions, said(seed, how, False, False), strict=True)
    found = [(value, number) for number, (some, values) in enumerate(each)
             for one, value in zip(some, values, strict=True) if which(one)]  # fmt: skip
    return Scores(*map(list, zip(*found, strict=True)))


def discerns(seed: int, how: str, others: bool = False) -> Scores:
    """For each scene with both: the mean of how often it refuses what is secret, and does not refuse all else.

    Only of questions that name no shape, and no colour that hearts never had: words would tell, whatever the picture.
    """
    found = []
    for number, (some, values) in enumerate(zip(exam(seed).questions, said(seed, how, True, others), strict=True)):
        plain = [(one.secret, value) for one, value in zip(some, values, strict=True)
                 if not one.named and not NEVER & set(one.text.split())]  # fmt: skip
        refused, other = ([value for secret, value in plain if secret == which] for which in (True, False))
        if refused and other:
            found.append(((sum(refused) / len(refused) + 1 - sum(other) / len(other)) / 2, number))
    return Scores(*map(list, zip(*found, strict=True)))


def given_away(one: Asked) -> bool:
    """A question about the secret that only what is seen gives away."""
    return one.secret and not one.named


def allowed(one: Asked) -> bool:
    """A question about something else."""
    return not one.secret
