"""Tools that look at pixels: both take nine close-ups of a picture, which the model itself sees only shrunk.

detector    what the untuned model says of each close-up, counted: the same eyes, nearer
reader      a layer on the frozen mini-clip's view of each close-up, which has learned the eight words on signs
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.evaluation.answering import answers
from labs.models import catalog
from labs.models.entry import Loaded
from labs.systems.parts import eyes
from labs.systems.parts.agent_calls import CallError, Tool, calculate, understood
from labs.systems.parts.agent_pictures import close_ups, draw_wide, wide_scenes
from labs.systems.parts.facts import stated
from labs.systems.parts.learn import batches, learn
from labs.world.vocabulary import SIGNS

ASKED, LONGEST = "Give me tags for this picture.", 24  # of each close-up; tokens of the tags
READ, READ_STEPS, READ_BATCH, READ_RATE = 400, 400, 64, 1e-3  # training scenes of the reader
NO_SIGN = len(SIGNS)
MIDDLE = [1 + 6 * row + column for row in (2, 3) for column in (2, 3)]  # patches of a close-up, after the whole


class Seen(NamedTuple):
    """What close-ups of a picture show: (colour, shape) of each thing, and the word on the sign."""

    things: list[tuple[str, str]]
    sign: str


@cache
def base() -> Loaded:
    """The bundled mini-llava, for all to ask and none to change."""
    return catalog.load("multimodal", "mini")


def look_closely(pictures: Sequence[Image]) -> list[Seen]:
    """What detector and reader see in each picture."""
    nearer = [close_ups(picture) for picture in pictures]
    views = [view for some in nearer for view in some]
    tags = iter(answers(base(), views, [ASKED] * len(views), max_new_tokens=LONGEST))
    things = [[thing for _ in some for thing in sorted(stated(next(tags)))] for some in nearer]
    return [Seen(*one) for one in zip(things, read_signs(nearer), strict=True)]


# ---------------------------------------------------------------------------------------------------------------
# The reader


@cache
def reader() -> nn.Module:
    """A layer that tells the eight words on signs, and views without a sign, apart; it learns in seconds."""
    scenes = wide_scenes("train", READ)
    views = [close_ups(draw_wide(scene)) for scene in scenes]
    # the view of the sign, and one of the others
    chosen = [one for scene, nine in zip(scenes, views, strict=True)
              for one in (nine[scene.sign_cell], nine[(scene.sign_cell + 1) % 9])]  # fmt: skip
    wanted = torch.tensor([which for scene in scenes for which in (SIGNS.index(scene.sign), NO_SIGN)])
    seen = _features(chosen)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = nn.Sequential(nn.BatchNorm1d(seen.shape[1], affine=False), nn.Linear(seen.shape[1], NO_SIGN + 1))
    at = batches(len(seen), READ_BATCH, 0)
    learn(head.parameters(), lambda step: cross_entropy(head(seen[at(step)]), wanted[at(step)]), READ_STEPS, READ_RATE)
    return head.eval().requires_grad_(False)


def read_signs(nearer: Sequence[Sequence[Image]]) -> list[str]:
    """Of the views of each picture the word that is read most surely on one of them."""
    chances = reader()(_features([view for some in nearer for view in some])).softmax(1)[:, :NO_SIGN]
    best = [some.amax(0).argmax().item() for some in chances.split([len(some) for some in nearer])]
    return [SIGNS[which] for which in best]


@torch.no_grad()
def _features(views: Sequence[Image]) -> Float[Tensor, "views numbers"]:
    return eyes.look(views)[:, MIDDLE].flatten(1)


# ---------------------------------------------------------------------------------------------------------------
# What a model may call


def toolbox(seen: Seen, **more: Tool) -> Mapping[str, Tool]:
    """The tools for one picture, by the names that a model calls them."""
    return {"detector": partial(detect, seen), "reader": partial(read, seen), "calculator": calculate} | more


def detect(seen: Seen, asked: str) -> str:
    """How many of the things that were seen are meant. Raises CallError where that is not clear."""
    return str(count(seen.things, *understood(asked)))


def count(things: Sequence[tuple[str, str]], colour: str | None, shape: str | None) -> int:
    """How many have the colour and the shape; None is any."""
    return sum(colour in (None, one) and shape in (None, other) for one, other in things)


def read(seen: Seen, asked: str) -> str:
    """The word on the sign. Raises CallError where something is asked."""
    if asked.strip():
        raise CallError("The reader reads the one sign and is asked nothing.")
    return seen.sign
