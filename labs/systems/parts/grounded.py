"""The text-to-picture model with boxes: gated layers beside frozen ones, or, as a rival, everything tuned.

Captions say only what there is ("red circle, blue star"). Things of two shapes never come with a box while it learns.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.models.diffusion.autoencoder import LATENT_SIDE
from labs.models.diffusion.denoiser import Denoiser
from labs.models.diffusion.gated import Boxes, GatedSelfAttention, Grounding
from labs.models.diffusion.guidance import guide
from labs.systems.parts import eyes, first_stage, text_to_picture
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped_in_four_bits import fill
from labs.systems.parts.small_pictures import PHRASES, READ, THINGS, draw_small, read, read_texts, tokens
from labs.systems.parts.text_to_picture import FAR, LOOKS, SCALE, SCHEDULE, UNTOLD, denoising_loss, leave_out
from labs.world.captions import caption
from labs.world.picture import SIZE
from labs.world.regions import boxes
from labs.world.scene import Scene

TRAIN, STEPS, BATCH, RATE, FULL_RATE = 12000, 1000, 32, 1e-3, 5e-4
NEVER_BOXED = ("star", "ring")  # shapes
HEAVY, OFTEN = 6.0, 0.7  # how much more latents in boxes count; how often noise hides them
HEADS = 4
TUNED = ("gated", "everything")  # what learns, beside the layer that makes tokens of boxes
FILE = "04_1/boxes.safetensors"  # in data/finished, made by scripts/keep_systems.py
LONGER = 4  # times as many steps, for the layers that ship


class Layouts(NamedTuple):
    """What is to be where; without pictures."""

    captions: Int[Tensor, "scenes phrases tokens"]
    at: Float[Tensor, "scenes phrases 4"]  # boxes of the things in the caption's order, from 0 to 1
    taken: Bool[Tensor, "scenes phrases"]  # which of them are asked for

    def of(self, chosen: Int[Tensor, " some"]) -> "Layouts":
        """Some of them."""
        return Layouts(*(part[chosen] for part in self))


def layouts(scenes: Sequence[Scene], never: Sequence[str] = ()) -> Layouts:
    """Captions and boxes of scenes; things of the shapes in `never` have none."""
    at, taken = torch.zeros(len(scenes), PHRASES, 4), torch.zeros(len(scenes), PHRASES, dtype=torch.bool)
    for i, scene in enumerate(scenes):
        at[i, : len(scene.things)] = torch.from_numpy(boxes(scene)).float() / SIZE
        taken[i, : len(scene.things)] = torch.tensor([thing.shape not in never for thing in scene.things])
    return Layouts(tokens([caption(scene, "tags") for scene in scenes]), at, taken)


def asked(given: Layouts) -> Boxes:
    """The same as a denoiser gets it: each thing is called by its phrase."""
    return Boxes(read(given.captions).states, given.at, given.taken)


def inside(given: Layouts) -> Float[Tensor, "scenes 1 6 6"]:
    """1 where a latent's patch meets a box that is asked for."""
    line = torch.arange(LATENT_SIDE) / LATENT_SIDE
    x0, y0, x1, y1 = given.at[..., None].unbind(2)  # (scenes, phrases, 1)
    across, down = ((line + 1 / LATENT_SIDE > low) & (line < high) for low, high in ((x0, x1), (y0, y1)))
    boxed = down[..., :, None] & across[..., None, :] & given.taken[..., None, None]
    return boxed.any(1, keepdim=True).float()


def build(seed: int) -> Denoiser:
    """The finished denoiser, frozen, with closed gates in every block."""
    torch.manual_seed(seed)
    model = text_to_picture.shipped()
    model.grounding = Grounding(READ, model.width)
    for block in model.blocks:
        block.gated = GatedSelfAttention(model.width, HEADS)
    return model


@cache
def material() -> tuple[Float[Tensor, "scenes 24 6 6"], Layouts]:
    """Latents of training pictures, and what was asked for."""
    scenes = eyes.fresh("train", TRAIN, THINGS)
    return first_stage.tell(draw_small(scenes)), layouts(scenes, NEVER_BOXED)


def teach(model: Denoiser, tuned: str, seed: int, times: float = 1) -> Denoiser:
    """`STEPS` with boxes: the gated layers alone learn, or everything does."""
    if tuned not in TUNED:
        raise ValueError(f"tuned must be one of {', '.join(TUNED)}, not {tuned!r}")
    latents, given = material()
    draw, at = torch.Generator().manual_seed(seed), batches(len(latents), BATCH, seed)
    model.requires_grad_(tuned == "everything")
    for part in new_parts(model):
        part.requires_grad_(True)

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        some, untold = given.of(chosen), torch.rand(len(chosen), generator=draw) < UNTOLD
        text, weights = read(leave_out(some.captions, untold)), 1 + HEAVY * inside(some)
        return denoising_loss(model, latents[chosen], text, draw, boxes=asked(some), weights=weights, often=OFTEN)

    learn(model.parameters(), loss_at, int(times * STEPS), RATE if tuned == "gated" else FULL_RATE)
    return model.eval().requires_grad_(False)


def new_parts(model: Denoiser) -> list[torch.nn.Module]:
    """What was added to the base."""
    return [model.grounding, *(block.gated for block in model.blocks)]


@cache
def grounded(tuned: str, seed: int) -> Denoiser:
    """One that has learned to follow boxes."""
    return teach(build(seed), tuned, seed)


def shipped() -> Denoiser:
    """The base with gated layers that learned for longer, with seed 0: for notebooks."""
    model = build(0)
    fill(FILE, to_keep(model))
    return model.eval().requires_grad_(False)


def to_keep(model: Denoiser) -> dict[str, torch.nn.Module]:
    """What of it must be kept: the base is in a file of its own."""
    return {f"part_{number}": part for number, part in enumerate(new_parts(model))}


@torch.no_grad()
def place(
    model: Denoiser, captions: Sequence[str], where: Boxes | None, start: Float[Tensor, "n 24 6 6"],
    tau: float = 1.0, scale: float = SCALE, looks: int = LOOKS,
) -> Float[Tensor, "n 3 36 36"]:  # fmt: skip
    """A picture for each caption, its things in boxes; those count for the first share `tau` of the steps alone.

    That is scheduled sampling (https://arxiv.org/abs/2301.07093). Guidance leaves out the text, never a box.
    """
    text, last = read_texts([*captions, *[""] * len(captions)]), SCHEDULE.steps * (1 - tau)
    twice = where and Boxes(*(torch.cat([part, part]) for part in where))

    def guess(noisy: Tensor, steps: Tensor) -> Tensor:
        now = twice if steps[0] >= last else None
        with torch.autocast(noisy.device.type, torch.bfloat16):
            given, without = model(noisy.repeat(2, 1, 1, 1), steps.repeat(2).float(), text, now).float().chunk(2)
        return guide(without, given, scale).clamp(-FAR, FAR)

    return first_stage.show(SCHEDULE.draw(guess, start, looks))
