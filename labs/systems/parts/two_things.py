"""Scenes of two things with captions and questions about them, and twins in which the two have exchanged colours.

A caption and its twin's are the same words in another order, as in Winoground (https://arxiv.org/abs/2204.03162), and
each is right for one of the two pictures: whoever does not look, or knows colours and shapes only each by itself, is
right half the time.
"""

import random
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import eyes
from labs.systems.parts.family import ANSWERS
from labs.systems.parts.lexicon import END, MASK, Lexicon
from labs.systems.parts.regions import regions
from labs.world.captions import caption
from labs.world.questions import ask
from labs.world.scene import Scene

TRAIN, HELDOUT = 4096, 400  # scenes
KINDS = ("existence", "colour", "shape")  # of questions, whose answers are one word each


class Material(NamedTuple):
    """Scenes of two things, as every family gets to know them."""

    regions: Float[Tensor, "scenes 9 132"]
    captions: Int[Tensor, "scenes words"]
    about: Int[Tensor, " questions"]  # the scene that a question is about
    questions: Int[Tensor, "questions words"]
    answers: Int[Tensor, " questions"]  # indices into ANSWERS


@cache
def heldout() -> tuple[Scene, ...]:
    """Held-out scenes whose two things differ in colour and in shape; no two have the same caption."""
    found = {}
    for scene in eyes.fresh("heldout", 2 * HELDOUT, (2,)):
        one, other = scene.things
        if one.colour != other.colour and one.shape != other.shape:
            found.setdefault(caption(scene, "plain"), scene)
    return tuple(found.values())[:HELDOUT]


@cache
def twins() -> tuple[Scene, ...]:
    """The same scenes, their two things with colours exchanged."""
    pairs = [scene.things for scene in heldout()]
    swapped = [(replace(one, colour=two.colour), replace(two, colour=one.colour)) for one, two in pairs]
    return tuple(replace(scene, things=things) for scene, things in zip(heldout(), swapped, strict=True))


@cache
def asked(split: str) -> tuple[tuple[int, str, str], ...]:
    """Scene, question and answer, one of each kind a scene."""
    rng, found = random.Random(f"questions {split}"), []
    for number, scene in enumerate(scenes(split)):
        for question in (ask(scene, rng, kind, wording=0) for kind in KINDS):
            if question and " at the " not in question.text:  # a place would point without colour or shape
                found.append((number, question.text, question.answer))
    return tuple(found)


def scenes(split: str) -> tuple[Scene, ...]:
    """Those to train on, the held-out ones or their twins."""
    return {"train": partial(eyes.scenes, "train", TRAIN, (2,)), "heldout": heldout, "twins": twins}[split]()


@cache
def lexicon() -> Lexicon:
    """All words of the training captions, questions and answers."""
    return Lexicon(
        [*(caption(scene, "plain") for scene in scenes("train")), *(q for _, q, _ in asked("train")), *ANSWERS]
    )


@cache
def material(split: str) -> Material:
    """All of a split as tensors."""
    about, questions, answers = zip(*asked(split), strict=True)
    return Material(
        regions(scenes(split)),
        lexicon().write([caption(scene, "plain") for scene in scenes(split)]),
        torch.tensor(about),
        lexicon().write(questions, end=(MASK, END)),
        torch.tensor([ANSWERS.index(answer) for answer in answers]),
    )


def chance() -> float:
    """Of a blind answer that fits the question: yes or no, one of 8 colours, one of 8 shapes."""
    answers = [answer for _, _, answer in asked("heldout")]
    return sum(1 / 2 if answer in ("yes", "no") else 1 / 8 for answer in answers) / len(answers)
