"""Prompts in which a thing is told by words or shown by a crop, and a denoiser that learns from both.

MUMU's bootstrap (Berman and Peysakhovich, 2024, https://arxiv.org/abs/2406.18790): pictures with captions are all that
is needed, for a crop of the very picture takes the place of the words for what it shows. In the exam crops may come
from several pictures.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.parts.painted_pairs import Pairs, bright, pairs
from labs.systems.parts.prompted_denoiser import Prompt, PromptedDenoiser, build, crop_tokens, teach, word_tokens
from labs.world.vocabulary import COLOURS, SHAPES

STEPS = 500
SIDES = ("left", "right")
NAMES = [f"{colour} {shape}" for shape in SHAPES for colour in COLOURS]


@cache
def usual() -> tuple[Float[Tensor, " numbers"], Float[Tensor, " numbers"]]:
    """Mean and deviation of the crops to learn from."""
    crops = pairs("train").crops.flatten(0, 1)
    return crops.mean(0), crops.std(0) + 1e-3


def standard(crops: Float[Tensor, "*n 512"]) -> Float[Tensor, "*n 512"]:
    """Crops in these units."""
    mean, deviation = usual()
    return (crops - mean) / deviation


@cache
def words() -> Float[Tensor, "66 768"]:
    """The name of each colour and shape, then both sides, as tokens."""
    return word_tokens([*NAMES, *SIDES])


def called(names: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 768"]:
    """Shape and upper colour in words."""
    return words()[len(COLOURS) * names[..., 0] + names[..., 1]]


def prompt_of(names: Int[Tensor, "n 2 3"], crops: Float[Tensor, "n 2 512"], shown: Bool[Tensor, "n 2"]) -> Prompt:
    """What is at the left, what is at the right: a thing by its crop where `shown`, else by words."""
    row = torch.where(shown[..., None], crop_tokens(standard(crops)), called(names))
    return Prompt(row, torch.ones(row.shape[:2], dtype=torch.bool))


@cache
def denoiser(seed: int, crops: bool = True) -> PromptedDenoiser:
    """One that learned from captions in which half of the words were replaced by crops, or from words alone."""
    given = pairs("train")
    pixels = bright(given.pixels)

    def material_at(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Prompt, None]:
        shown = (torch.rand(len(rows), 2, generator=draw) < 0.5) & crops
        return pixels[rows], prompt_of(given.names[rows], given.crops[rows], shown), None

    return teach(build(seed), material_at, len(pixels), STEPS, seed)


def composed(given: Pairs) -> tuple[Int[Tensor, "n 2 3"], Float[Tensor, "n 2 512"]]:
    """At the left as before, at the right what another picture shows there: names and crops."""
    names, crops = given.names.clone(), given.crops.clone()
    names[:, 1], crops[:, 1] = given.names[:, 1].roll(1, 0), given.crops[:, 1].roll(1, 0)
    return names, crops
