"""The small text-to-picture model that InstructPix2Pix and GLIGEN start from, in the place of Stable Diffusion.

It learns from pictures of one to three things with captions. Most of them say what is where and how big ("a big red
circle at the top left"), a quarter only what there is ("red circle, blue star"), so that a layout is left to it.
Each tenth caption is left out, for guidance (https://arxiv.org/abs/2207.12598).

It makes latents, not pixels (parts.first_stage): a first version that made pixels needed seven times as many steps
until it drew 60 % of shapes rightly. Latents of the cells that a caption names count more: those, and not the things'
own, since what is to be drawn must not decide what counts, or things grow too large.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.models.diffusion.autoencoder import CHANNELS, LATENT_SIDE
from labs.models.diffusion.denoiser import Denoiser, Text
from labs.models.diffusion.guidance import guide
from labs.models.diffusion.schedule import Schedule
from labs.systems.parts import eyes, first_stage
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped_in_four_bits import fill
from labs.systems.parts.small_pictures import (
    READ,
    THINGS,
    bright,
    cells_of,
    draw_bytes,
    latents_of,
    read,
    read_texts,
    tokens,
)
from labs.world.captions import caption

SCENES, STEPS, BATCH, RATE = 16384, 5000, 64, 1.5e-3
HEAVY = 3.0  # how much more latents of cells that are named count
STYLES, NAMES_ALONE = ("tags", "places"), 0.25  # of captions; share of the first
UNTOLD = 0.1  # share of captions left out
NOISY, OFTEN = 500, 0.5  # from this step on noise hides where things are; share of draws from there alone
SCALE, LOOKS = 2.0, 15  # guidance, and steps of DDIM, if nothing else is said
FAR = 4.0  # deviations from the mean: latents of true pictures are nearer
SCHEDULE = Schedule()
FILE = "04_1/denoiser.safetensors"  # in data/finished, made by scripts/keep_systems.py


class Captioned(NamedTuple):
    """Latents of training pictures, the tokens of their captions, a row a style, and the cells where things are."""

    latents: Float[Tensor, "scenes 24 6 6"]
    captions: Int[Tensor, "styles scenes phrases tokens"]
    cells: Bool[Tensor, "scenes 9"]


def build(seed: int, shown: int = 0) -> Denoiser:
    """An untrained denoiser; `shown` pictures may lie beside the noisy one."""
    torch.manual_seed(seed)
    return Denoiser(READ, shown=shown)


@cache
def material() -> Captioned:
    """What it learns from."""
    scenes = eyes.fresh("train", SCENES, THINGS)
    texts = [caption(scene, style) for style in STYLES for scene in scenes]
    captions = tokens(texts).unflatten(0, (len(STYLES), -1))
    return Captioned(first_stage.tell(bright(draw_bytes(scenes))), captions, cells_of(scenes))


def noisy_steps(count: int, draw: torch.Generator, often: float = OFTEN) -> Int[Tensor, " count"]:
    """Steps to learn at: any, and often one at which the noise hides where things are."""
    any_step = torch.randint(SCHEDULE.steps, (count,), generator=draw)
    late = torch.randint(NOISY, SCHEDULE.steps, (count,), generator=draw)
    return torch.where(torch.rand(count, generator=draw) < often, late, any_step)


def denoising_loss(
    model: Denoiser, latents: Float[Tensor, "n 24 6 6"], text: Text, draw: torch.Generator,
    beside: Float[Tensor, "n channels 6 6"] | None = None, boxes: tuple | None = None,
    weights: Float[Tensor, "n 1 6 6"] | None = None, often: float = OFTEN,
) -> Float[Tensor, ""]:  # fmt: skip
    """Weighted squared error of the latents at random steps. In bfloat16 matrices are multiplied five times faster."""
    steps, noise = noisy_steps(len(latents), draw, often), torch.randn(latents.shape, generator=draw)
    noisy = SCHEDULE.add(latents, noise, steps)
    with torch.autocast(noisy.device.type, torch.bfloat16):
        told = model(noisy if beside is None else torch.cat([noisy, beside], 1), steps.float(), text, boxes)
    wrong = SCHEDULE.weight(steps) * (told.float() - latents).square().mean(1, keepdim=True)
    return wrong.mean() if weights is None else (weights * wrong).sum() / weights.sum()


def train(seed: int) -> Denoiser:
    """The recipe."""
    model, draw, given = build(seed), torch.Generator().manual_seed(seed), material()
    at = batches(SCENES, BATCH, seed)

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        placed = torch.rand(len(chosen), generator=draw) >= NAMES_ALONE
        untold = torch.rand(len(chosen), generator=draw) < UNTOLD
        text = read(leave_out(given.captions[placed.long(), chosen], untold))
        weights = 1 + HEAVY * latents_of(given.cells[chosen] & (placed & ~untold)[:, None])
        return denoising_loss(model, given.latents[chosen], text, draw, weights=weights)

    learn(model.parameters(), loss_at, STEPS, RATE)
    return model.eval().requires_grad_(False)


def leave_out(numbers: Int[Tensor, "n phrases tokens"], untold: Bool[Tensor, " n"]) -> Int[Tensor, "n phrases tokens"]:
    """Where a text is not to be told, the tokens of an empty one in its place."""
    empty = torch.zeros_like(numbers[0])
    end = tokens([""])[0]
    empty[:, : end.shape[1]] = end
    return torch.where(untold[:, None, None], empty, numbers)


def shipped() -> Denoiser:
    """The trained one, frozen."""
    model = Denoiser(READ)
    fill(FILE, {"denoiser": model})
    return model


def noise(count: int, seed: int) -> Float[Tensor, "count 24 6 6"]:
    """What latents start from; the same for the same seed."""
    shape = (count, CHANNELS, LATENT_SIDE, LATENT_SIDE)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def paint(
    model: Denoiser, texts: list[str], start: Float[Tensor, "n 24 6 6"], scale: float = SCALE, looks: int = LOOKS
) -> Float[Tensor, "n 3 36 36"]:
    """A picture for each text, with guidance."""
    text = read_texts([*texts, *[""] * len(texts)])

    def guess(noisy: Tensor, steps: Tensor) -> Tensor:
        with torch.autocast(noisy.device.type, torch.bfloat16):
            given, without = model(noisy.repeat(2, 1, 1, 1), steps.repeat(2).float(), text).float().chunk(2)
        return guide(without, given, scale).clamp(-FAR, FAR)

    return first_stage.show(SCHEDULE.draw(guess, start, looks))
