"""What a network that learned with several objectives is asked: to find partners among others, and to tell captions."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts.alignment_exams import GALLERY, first
from labs.systems.parts.heard_scenes import EXAM, Heard, heard
from labs.systems.parts.lexicon import CLS, END, PAD
from labs.systems.parts.web import WORDS, words_right
from labs.world.vocabulary import COLOURS

ONE_IN, WORD = 1 / GALLERY, 1 / len(COLOURS)  # chance: of a search, of a colour or a shape


@torch.no_grad()
def searched(
    vectors: Callable[[Heard], tuple[Float[Tensor, "n width"], Float[Tensor, "n width"]]], another: bool = False
) -> Scores:
    """Is each one's partner the first of a hundred? `vectors` makes one of what is sensed, and one of the caption.

    As a control the caption of `another` scene passes for each scene's partner.
    """
    given = heard(EXAM)
    return first(*vectors(given._replace(captions=given.captions.roll(int(another), 0))))


@torch.no_grad()
def described(
    follow: Callable[[Heard, Int[Tensor, "n words"]], Float[Tensor, "n words vocabulary"]], another: bool = False
) -> Scores:
    """The share of colours and shapes that are told in their places, word after word.

    `follow` gets scenes and what was told so far, never the true captions; it says which word follows each. As a
    control what is told is held against the caption of `another` scene.
    """
    given = heard(EXAM)
    blind = given._replace(captions=torch.full_like(given.captions, PAD))
    told = torch.full((len(given.captions), 1), CLS)
    while told.shape[1] < WORDS:
        new = follow(blind, told)[:, -1].argmax(-1)
        ended = ((told == END) | (told == PAD)).any(1)
        told = torch.cat([told, new.masked_fill(ended, PAD)[:, None]], dim=1)
    return Scores(words_right(told, given.captions.roll(int(another), 0)).tolist(), range(len(told)))


def both(found: Scores, told: Scores) -> Scores:
    """For each scene the mean of two skills: of its two searches, and of its caption."""
    searches: dict[int, list[float]] = {scene: [] for scene in told.scenes}
    for value, scene in zip(found.values, found.scenes, strict=True):
        searches[scene].append(value)
    values = [
        (sum(searches[scene]) / len(searches[scene]) + value) / 2
        for value, scene in zip(told.values, told.scenes, strict=True)
    ]
    return Scores(values, told.scenes)
