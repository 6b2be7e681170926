"""A denoiser learns to edit from triplets: latents of the picture before lie beside the noise of the one after."""

from functools import cache

import torch
from jaxtyping import Bool
from torch import Tensor

from labs.models.diffusion.denoiser import Denoiser
from labs.systems.parts import text_to_picture
from labs.systems.parts.edits_made import Triplets, edits, triplets
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped_in_four_bits import fill
from labs.systems.parts.small_pictures import READ, latents_of, read
from labs.systems.parts.text_to_picture import denoising_loss, leave_out

TRAIN, STEPS, BATCH, RATE = 12000, 1500, 32, 1.5e-3
HEAVY, OFTEN = 6.0, 0.8  # how much more cells count in which something is, or is to be; how often noise hides them
UNTOLD, UNSHOWN, NEITHER = 0.05, 0.05, 0.05  # shares without instruction, without picture, without either
STARTS = ("pretrained", "scratch")
FILE = "04_1/editor.safetensors"  # in data/finished, made by scripts/keep_systems.py
LONGER = 4  # times as many steps, for the model that ships


def build(start: str, seed: int) -> Denoiser:
    """With channels for a picture: "pretrained" has them beside the finished denoiser, "scratch" is all new."""
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, not {start!r}")
    return text_to_picture.build(seed, shown=1) if start == "scratch" else widen(text_to_picture.shipped())


def widen(base: Denoiser) -> Denoiser:
    """The same denoiser with a picture's channels more to read, whose weights are zero: at first they say nothing."""
    model, weights = Denoiser(READ, shown=1), base.state_dict()
    for name, new in model.state_dict().items():
        missing = new.shape[1] - weights[name].shape[1] if new.ndim > 1 else 0
        if missing:
            weights[name] = torch.cat([weights[name], new.new_zeros(len(new), missing, *new.shape[2:])], 1)
    model.load_state_dict(weights)
    return model


@cache
def material() -> Triplets:
    """The training triplets."""
    return triplets(edits("train", TRAIN, 0))


def left_out(count: int, draw: torch.Generator) -> tuple[Bool[Tensor, " count"], Bool[Tensor, " count"]]:
    """Whether each one does without its instruction, and whether without its picture."""
    chance = torch.rand(count, generator=draw)
    both = chance < NEITHER
    untold = both | ((chance >= NEITHER) & (chance < NEITHER + UNTOLD))
    return untold, both | ((chance >= NEITHER + UNTOLD) & (chance < NEITHER + UNTOLD + UNSHOWN))


def teach(model: Denoiser, seed: int, times: float = 1) -> Denoiser:
    """`STEPS` on the triplets, or a multiple of them; everything learns but the text tower."""
    given, draw = material(), torch.Generator().manual_seed(seed)
    at = batches(len(given.before), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        untold, unshown = left_out(len(chosen), draw)
        text = read(leave_out(given.instructions[chosen], untold))
        beside = given.before[chosen] * ~unshown[:, None, None, None]
        weights = 1 + HEAVY * latents_of(given.cells[chosen] & ~(untold | unshown)[:, None])
        return denoising_loss(model, given.after[chosen], text, draw, beside, weights=weights, often=OFTEN)

    learn(model.parameters(), loss_at, int(times * STEPS), RATE)
    return model.eval().requires_grad_(False)


@cache
def editor(start: str, seed: int) -> Denoiser:
    """One that has learned to edit."""
    return teach(build(start, seed), seed)


def shipped() -> Denoiser:
    """One that has learned to edit for longer, with seed 0: for notebooks."""
    model = Denoiser(READ, shown=1)
    fill(FILE, {"editor": model})
    return model
