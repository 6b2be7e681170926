"""Edits as they are asked and made: triplets of small pictures, pictures made by a model, and what became of both.

Done: in the cells that the instruction is about, the judge reads what was asked for. Kept: pixels of all other cells
look as they did.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.models.diffusion.denoiser import Denoiser
from labs.models.diffusion.guidance import guide_two
from labs.systems.parts import first_stage
from labs.systems.parts.picture_judge import judge, truth
from labs.systems.parts.small_pictures import CELL, cells_of, draw_small, read_texts, tokens
from labs.systems.parts.text_to_picture import FAR, LOOKS, SCHEDULE
from labs.world.edits import KINDS, Edit, sample_edit

MOST = 3  # things in a picture, before and after
ALIKE = 0.2  # of the 2 between black and white: as far as a pixel may be from what it was


class Triplets(NamedTuple):
    """Latents before, instruction, latents after, and the cells in which something is before or after."""

    before: Float[Tensor, "edits 24 6 6"]
    after: Float[Tensor, "edits 24 6 6"]
    instructions: Int[Tensor, "edits phrases tokens"]
    cells: Bool[Tensor, "edits 9"]


class Scales(NamedTuple):
    """How far guidance goes: s_I for the picture, s_T for the instruction."""

    picture: float
    text: float


@cache
def edits(split: str, count: int, seed: int) -> tuple[Edit, ...]:
    """Edits of all kinds in turn; the held-out ones show combinations that training never shows."""
    rng, found = random.Random(f"edits {split} {seed}"), []
    while len(found) < count:
        edit = sample_edit(rng, split, kind=KINDS[len(found) % len(KINDS)])
        if max(len(edit.before.things), len(edit.after.things)) <= MOST:
            found.append(edit)
    return tuple(found)


def triplets(made: Sequence[Edit]) -> Triplets:
    """The same, drawn and told in latents, and in tokens."""
    before, after = (
        first_stage.tell(draw_small([getattr(edit, name) for edit in made])) for name in ("before", "after")
    )
    cells = cells_of([edit.before for edit in made]) | cells_of([edit.after for edit in made])
    return Triplets(before, after, tokens([edit.instruction for edit in made]), cells)


@torch.no_grad()
def carry_out(
    model: Denoiser, before: Float[Tensor, "n 3 36 36"], instructions: Sequence[str], scales: Scales,
    start: Float[Tensor, "n 24 6 6"], looks: int = LOOKS,
) -> Float[Tensor, "n 3 36 36"]:  # fmt: skip
    """The picture that each instruction makes of the one before."""
    text = read_texts([*instructions, *[""] * 2 * len(before)])
    told = first_stage.tell(before)
    beside = torch.cat([told, told, torch.zeros_like(told)])

    def guess(noisy: Tensor, steps: Tensor) -> Tensor:
        seen = torch.cat([noisy.repeat(3, 1, 1, 1), beside], 1)
        with torch.autocast(noisy.device.type, torch.bfloat16):
            both, shown, neither = model(seen, steps.repeat(3).float(), text).float().chunk(3)
        return guide_two(neither, shown, both, *scales).clamp(-FAR, FAR)

    return first_stage.show(SCHEDULE.draw(guess, start, looks))


def concerned(made: Sequence[Edit]) -> Bool[Tensor, "edits 9"]:
    """The cells that an edit is about."""
    before, after = truth([edit.before for edit in made]), truth([edit.after for edit in made])
    return (before.names != after.names).any(-1)


def done(pictures: Float[Tensor, "edits 3 36 36"], made: Sequence[Edit]) -> Bool[Tensor, " edits"]:
    """Whether every cell that an edit is about shows what was asked for."""
    right = (judge(pictures).names == truth([edit.after for edit in made]).names).all(-1)
    return (right | ~concerned(made)).all(-1)


def kept(
    pictures: Float[Tensor, "edits 3 36 36"], before: Float[Tensor, "edits 3 36 36"], made: Sequence[Edit]
) -> Float[Tensor, " edits"]:
    """The share of pixels, of the cells that an edit is not about, that look as they did."""
    return _alike(pictures, before, ~concerned(made))


def as_asked(
    pictures: Float[Tensor, "edits 3 36 36"], after: Float[Tensor, "edits 3 36 36"], made: Sequence[Edit]
) -> Float[Tensor, " edits"]:
    """The share of pixels, of the cells that an edit is about, that look as they should."""
    return _alike(pictures, after, concerned(made))


def _alike(pictures: Tensor, others: Tensor, cells: Bool[Tensor, "edits 9"]) -> Float[Tensor, " edits"]:
    alike = ((pictures - others).abs().amax(1) <= ALIKE).float()
    shares = alike.unfold(1, CELL, CELL).unfold(2, CELL, CELL).mean((-2, -1)).flatten(1)  # (edits, 9)
    return (shares * cells).sum(1) / cells.sum(1)


def others_kept(pictures: Float[Tensor, "edits 3 36 36"], made: Sequence[Edit]) -> Bool[Tensor, " edits"]:
    """Whether every cell that an edit is not about is read as it was."""
    right = (judge(pictures).names == truth([edit.before for edit in made]).names).all(-1)
    return (right | concerned(made)).all(-1)
