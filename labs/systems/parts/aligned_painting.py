"""A frozen denoiser, pulled at while it paints by how alike picture and sound are in a space that knows both.

Seeing and Hearing (Xing et al., 2024, https://arxiv.org/abs/2402.17723): at every step the picture that the denoiser
has in mind is looked at by the bound space, and the noisy one moves along the gradient of the similarity. Nothing is
trained. The space is that of the mini-clip with the encoder of sounds that was bound to its pictures (parts.bound).
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from labs.systems.parts import eyes
from labs.systems.parts.bound import bind
from labs.systems.parts.contrastive import embed_pictures
from labs.systems.parts.painted_pairs import CELL
from labs.systems.parts.prompted_denoiser import (
    LOOKS,
    Prompt,
    PromptedDenoiser,
    beside_each_other,
    crop_tokens,
    squares,
)
from labs.systems.parts.text_to_picture import SCHEDULE
from labs.world.picture import SIZE
from labs.world.scene import Scene, Thing

PULL = 1.0  # length of a step along the gradient, for each deviation of noise, a pixel of a row


def hear(things: Sequence[tuple[Thing, Thing]], seed: int) -> Float[Tensor, "n 2 128"]:
    """What each thing sounds like, in the space of pictures."""
    alone = [Scene((replace(thing, x=0.5, y=0.5),)) for pair in things for thing in pair]
    return bind("sound", seed).embed(alone).unflatten(0, (-1, 2))


def look(pictures: Float[Tensor, "n 3 12 24"]) -> Float[Tensor, "n 2 128"]:
    """Both things as the space sees them, each enlarged in the middle of a page of its wall; gradients go through."""
    cells = pictures.unflatten(3, (2, CELL)).permute(0, 3, 1, 2, 4).flatten(0, 1)
    wall = cells[..., 0, 0].detach()[..., None, None]
    pages = wall.expand(-1, -1, SIZE, SIZE).clone()
    middle = slice(SIZE // 3, SIZE - SIZE // 3)
    pages[..., middle, middle] = interpolate(cells, scale_factor=2, mode="bilinear")
    return embed_pictures(eyes.dual_encoder().model, pages).unflatten(0, (-1, 2))


def pulled(
    model: PromptedDenoiser, noisy: Float[Tensor, "n 3 12 24"], step: int, wanted: Float[Tensor, "n 2 128"],
    prompt: Prompt,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What the denoiser has in mind, and the direction in which it would be more like what is wanted, of length 1."""
    with torch.enable_grad():
        start = noisy.detach().requires_grad_(True)
        told = model(start, torch.full((len(start),), float(step)), prompt).clamp(-1, 1)
        alike = (look(told) * normalize(wanted, dim=-1)).sum()
        (gradient,) = torch.autograd.grad(alike, start)
    halves = gradient.unflatten(3, (2, CELL))  # each thing is pulled at by itself
    long = halves.square().sum((1, 2, 4), keepdim=True).sqrt().clamp(min=1e-8)
    return told.detach(), (halves / long).flatten(3)


def paint_alike(
    model: PromptedDenoiser, wanted: Float[Tensor, "n 2 128"], seed: int, pull: float = PULL,
    prompt: Prompt | None = None,
) -> Float[Tensor, "n 3 12 24"]:  # fmt: skip
    """Pictures from noise that is the same for the same seed; with `pull` 0 the denoiser is left alone."""
    shape = (len(wanted), 3, CELL, 2 * CELL)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    prompt = prompt or Prompt(torch.zeros(len(x), 1, len(crop_tokens(torch.zeros(512)))), torch.zeros(len(x), 1) > 0)
    visited = [*SCHEDULE.visited(LOOKS).tolist(), -1]
    for step, to in zip(visited[:-1], visited[1:], strict=True):
        told, way = pulled(model, x, step, wanted, prompt)
        noise = (1 - SCHEDULE.kept[step]).sqrt()
        told = (told + pull * noise * way * CELL).clamp(-1, 1)
        x = beside_each_other(SCHEDULE.step_down(squares(x), squares(told), step, to))
    return x
