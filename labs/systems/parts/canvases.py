"""One model that edits a picture as words ask, and makes a picture of a subject that is shown: an edit of no picture.

MIGE (Tian et al., 2025, https://arxiv.org/abs/2502.21291) treats making a picture of a subject as editing an empty
canvas, so that both tasks have the same input and are learned together. What neither task shows, putting a subject that
is shown into a picture that is there, is asked in the exam.

    "put this at the left", crop       beside an empty canvas -> the subject alone
    "put this at the left", "red star" beside a picture       -> the picture, with a red star at the left
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from labs.systems.parts.painted_pairs import CELL, bright, cell, pairs
from labs.systems.parts.picture_prompts import called, standard
from labs.systems.parts.prompted_denoiser import Prompt, PromptedDenoiser, build, crop_tokens, teach, word_tokens

STEPS = 400
TASKS = ("both", "editing", "subjects")
PUT = ("put this at the left", "put this at the right")


class Canvases(NamedTuple):
    """Pictures, and a guest for each: the subject of another picture, painted on this one's wall."""

    names: Int[Tensor, "n 2 3"]
    guests: Int[Tensor, "n 3"]
    crops: Float[Tensor, "n 512"]  # the guest, cut out of its own picture
    pictures: UInt8[Tensor, "n 3 12 24"]
    subject: UInt8[Tensor, "n 3 12 12"]
    plain: UInt8[Tensor, "n 3 12 12"]  # the guest as words tell it, in one colour
    walls: Int[Tensor, "n 3"]


@cache
def canvases(split: str) -> Canvases:
    """Of the pairs of a split; the guest of a picture is what stands at the left of the one before."""
    given = pairs(split)
    guests, things = given.names[:, 0].roll(1, 0), [pair[0] for pair in given.things]
    things = things[-1:] + things[:-1]
    walls = [tuple(wall) for wall in given.walls.tolist()]

    def painted(marks: Tensor) -> Tensor:
        drawn = [cell(*one).reduce(2) for one in zip(things, marks.tolist(), walls, strict=True)]
        return torch.from_numpy(np.stack([np.asarray(one) for one in drawn])).permute(0, 3, 1, 2).contiguous()

    crops = standard(given.crops[:, 0]).roll(1, 0)
    cells = painted(guests[:, 2]), painted(guests[:, 1])
    return Canvases(given.names, guests, crops, given.pixels, *cells, given.walls)


def empty(walls: Int[Tensor, "n 3"]) -> Float[Tensor, "n 3 12 24"]:
    """Canvases on which nothing is but the wall."""
    return (walls / 127.5 - 1)[..., None, None].expand(-1, -1, CELL, 2 * CELL)


def put(
    canvas: Float[Tensor, "n 3 12 24"], guest: Float[Tensor, "n 3 12 12"], left: Bool[Tensor, " n"]
) -> Float[Tensor, "n 3 12 24"]:
    """The same with the guest at one side."""
    at_left, at_right = torch.cat([guest, canvas[..., CELL:]], -1), torch.cat([canvas[..., :CELL], guest], -1)
    return torch.where(left[:, None, None, None], at_left, at_right)


def asked(guests: Float[Tensor, "n 768"], left: Bool[Tensor, " n"]) -> Prompt:
    """Instruction, then the guest, in words or as a crop."""
    row = torch.stack([_put_words()[(~left).long()], guests], 1)
    return Prompt(row, torch.ones(row.shape[:2], dtype=torch.bool))


@cache
def _put_words() -> Float[Tensor, "2 768"]:
    return word_tokens(PUT)


@cache
def maker(seed: int, tasks: str) -> PromptedDenoiser:
    """One that learned one of `TASKS`, always in as many steps: of "both" each batch has a half."""
    if tasks not in TASKS:
        raise ValueError(f"tasks must be one of {', '.join(TASKS)}, not {tasks!r}")
    given = canvases("train")
    pictures, subject, plain = bright(given.pictures), bright(given.subject), bright(given.plain)
    nothing, shown, told = empty(given.walls), crop_tokens(given.crops), called(given.guests)

    def material_at(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Prompt, Tensor]:
        left = torch.rand(len(rows), generator=draw) < 0.5
        edits = torch.rand(len(rows), generator=draw) < {"both": 0.5, "editing": 1.0, "subjects": 0.0}[tasks]
        wide = edits[:, None, None, None]
        canvas = torch.where(wide, pictures[rows], nothing[rows])
        made = put(canvas, torch.where(wide, plain[rows], subject[rows]), left)
        return made, asked(torch.where(edits[:, None], told[rows], shown[rows]), left), canvas

    return teach(build(seed, shown=1), material_at, len(pictures), STEPS, seed)
