"""What two crops and an instruction mean together: as they are, sides exchanged, colours exchanged, or both.

No word and no crop tells it alone, so that who makes the picture must have read the whole row. UNIMO-G (Li et al.,
2024, https://arxiv.org/abs/2401.13388) and Dream Engine (Chen et al., 2025, https://arxiv.org/abs/2502.20172) put a
multimodal model that reads such rows in the place of a denoiser's text encoder.
"""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from labs.systems.parts import painted_pairs
from labs.systems.parts.painted_pairs import bright, pairs
from labs.systems.parts.picture_prompts import denoiser, standard
from labs.systems.parts.prompted_denoiser import (
    Prompt,
    PromptedDenoiser,
    PromptReader,
    crop_tokens,
    teach,
    word_tokens,
)
from labs.world.scene import Scene
from labs.world.splits import is_held_out

STEPS = 350
INSTRUCTIONS = ("as they are", "exchange the sides", "exchange the colours", "exchange sides and colours")
WAYS = ("together", "apart")


class Exchanges(NamedTuple):
    """Two crops shown, and what each of the four instructions makes of them."""

    shown: Float[Tensor, "n 2 512"]
    names: Int[Tensor, "4 n 2 3"]
    pixels: UInt8[Tensor, "4 n 3 12 24"]
    crops: Float[Tensor, "4 n 2 512"]


@cache
def exchanges(split: str) -> Exchanges:
    """Of pairs of a split; training has none of which an instruction makes a combination that is held out."""
    given, scenes, marks, kept = pairs(split), [], [], []
    for at, (one, other) in enumerate(given.things):
        wall = tuple(given.walls[at].tolist())
        changed = Scene((replace(one, x=0.1, colour=other.colour), replace(other, x=0.9, colour=one.colour)), tone=wall)
        if split != "train" or not is_held_out(changed):
            scenes.append(changed)
            marks.append(given.names[at, :, 2].flip(0))
            kept.append(at)
    made, rows = painted_pairs.drawn(scenes, torch.stack(marks)), torch.tensor(kept)
    plain = (given.names[rows], given.pixels[rows], standard(given.crops[rows]))
    other = (made.names, made.pixels, standard(made.crops))
    turned = [
        (names.flip(1), torch.cat([pixels[..., 12:], pixels[..., :12]], -1), crops.flip(1))
        for names, pixels, crops in (plain, other)
    ]
    four = [torch.stack(parts) for parts in zip(plain, turned[0], other, turned[1], strict=True)]
    return Exchanges(plain[2], *four)


@cache
def instructions() -> Float[Tensor, "4 768"]:
    """Each as a token."""
    return word_tokens(INSTRUCTIONS)


def row_of(shown: Float[Tensor, "n 2 512"], asked: Int[Tensor, " n"]) -> Prompt:
    """Crop, crop, instruction."""
    row = torch.cat([crop_tokens(shown), instructions()[asked][:, None]], 1)
    return Prompt(row, torch.ones(row.shape[:2], dtype=torch.bool))


@cache
def reader(seed: int, way: str) -> PromptedDenoiser:
    """A finished denoiser goes on with a new reader in the old one's place, which reads the row in one of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model = PromptedDenoiser()
    model.load_state_dict(denoiser(seed).state_dict())
    torch.manual_seed(seed)
    model.reader = PromptReader(way == "together")
    given = exchanges("train")

    def material_at(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Prompt, None]:
        asked = torch.randint(len(INSTRUCTIONS), (len(rows),), generator=draw)
        return bright(given.pixels[asked, rows]), row_of(given.shown[rows], asked), None

    return teach(model, material_at, len(given.shown), STEPS, seed)
