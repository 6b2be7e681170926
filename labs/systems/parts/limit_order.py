"""Two captions of the same words in another order, and two pictures: which belongs to which?

    a red circle, a blue square, a pink star         a red circle, a pink square, a blue star      colours exchanged
    ... at the top, ... at the left, ...             ... at the left, ... at the top, ...          places exchanged
    a red circle, a blue square, a pink star         a red circle, a blue square, a green star     another colour

Winoground asks so of photographs (https://arxiv.org/abs/2204.03162), ARO of what makes a dual encoder a bag of words
(https://arxiv.org/abs/2210.01936), "What's up" of places (https://arxiv.org/abs/2310.19785). Here a picture shows the
more things the more there is to be kept apart. mini-clip has to put all of it into one vector. mini-llava looks through
the very eyes of mini-clip, at every patch, and finds one caption likelier than the other.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.models.pixels import to_pixels
from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.company import move
from labs.systems.parts.contrastive import embed_pictures, embed_texts
from labs.systems.parts.limit_tuning import likelier, load
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.scene import Scene, Thing
from labs.world.splits import is_held_out
from labs.world.vocabulary import COLOURS
from labs.world.wordings import INSTRUCTIONS

PAIRS, AT_ONCE = 200, 100  # and pictures that mini-clip sees at a time
STYLES = {"colours": "plain", "places": "places", "another colour": "plain", "another colour, placed": "places"}
Two = tuple[Thing, Thing]


class Pair(NamedTuple):
    """Two scenes, and the caption of each."""

    scenes: tuple[Scene, Scene]
    captions: tuple[str, str]


def exchanged(one: Thing, other: Thing, what: str, rng: random.Random, taken: set[str]) -> Two:
    """The two things with one attribute exchanged; or the second with a colour that is not `taken`."""
    if what == "colours":
        return replace(one, colour=other.colour), replace(other, colour=one.colour)
    if what == "places":
        return move(one, other.cell), move(other, one.cell)
    return one, replace(other, colour=rng.choice([colour for colour in COLOURS if colour not in taken]))


@cache
def pairs(seed: int, what: str, things: int) -> tuple[Pair, ...]:
    """Scenes of so many things and their variants, all of combinations that training shows. Raises KeyError."""
    style, rng, found = STYLES[what], random.Random(f"order {seed} {things}"), []
    while len(found) < PAIRS:
        scene = splits.sample(rng, count=things, kind="free")
        one, other = rng.sample(scene.things, 2)
        key = random.Random(rng.random())
        if one.colour == other.colour or one.shape == other.shape:
            continue
        rest = [thing for thing in scene.things if thing not in (one, other)]
        colours = {thing.colour for thing in scene.things}
        both = exchanged(one, other, what, key, colours) if len(colours) < len(COLOURS) else None
        variant = both and replace(scene, things=(*rest, *both))
        if variant and not is_held_out(variant):
            found.append(Pair((scene, variant), (caption(scene, style), caption(variant, style))))
    return tuple(found)


Judge = Callable[[Sequence[Image.Image], str, Sequence[tuple[str, str]]], Float[Tensor, "pictures 2"]]


@torch.no_grad()
def near(pictures: Sequence[Image.Image], request: str, texts: Sequence[tuple[str, str]]) -> Float[Tensor, "n 2"]:
    """How near each of two captions is to each picture, by mini-clip, which reads no request."""
    clip = eyes.dual_encoder().model
    seen = torch.cat([embed_pictures(clip, to_pixels(pictures[at : at + AT_ONCE]))
                      for at in range(0, len(pictures), AT_ONCE)])  # fmt: skip
    return torch.stack([(seen * embed_texts(clip, side)).sum(1) for side in zip(*texts, strict=True)], 1)


def likely(pictures: Sequence[Image.Image], request: str, texts: Sequence[tuple[str, str]]) -> Float[Tensor, "n 2"]:
    """How likely mini-llava finds them as replies."""
    return likelier(load(), pictures, request, texts)


JUDGES: Mapping[str, Judge] = {"dual encoder": near, "language model": likely}


@cache
def preferred(seed: int, judge: str, what: str, things: int, others: bool) -> tuple[float, ...]:
    """For each pair the share of its two pictures for which the true caption is preferred; or of the next pair's."""
    shown = pairs(seed, what, things)
    pictures = [draw(scene) for one in shown for scene in one.scenes]
    pictures = pictures[2:] + pictures[:2] if others else pictures
    texts = [one.captions for one in shown for _ in range(2)]
    values = JUDGES[judge](pictures, INSTRUCTIONS["en"][STYLES[what]][0], texts)
    first = (values[:, 0] > values[:, 1]).float().view(-1, 2)
    return tuple(((first[:, 0] + 1 - first[:, 1]) / 2).tolist())


def prefers(seed: int, judge: str, what: str = "colours", things: int = 2, others: bool = False) -> Scores:
    """The same as scores."""
    values = preferred(seed, judge, what, things, others)
    return Scores(values, range(len(values)))
