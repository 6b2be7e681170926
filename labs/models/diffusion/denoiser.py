"""A small text-to-picture denoiser of latents: what Stable Diffusion is to InstructPix2Pix and GLIGEN.

    noisy latents -> patches --> [ self-attention -> (boxes, gated) -> cross-attention -> feed-forward ] x 6 -> latents
    text tower, frozen --> two layers --------------------------------------------^       step: scale and shift ---^

The order inside a block is that of latent diffusion (Rombach et al., 2021, https://arxiv.org/abs/2112.10752). A
transformer in the place of its UNet, with the step in the scale and shift of each norm, is DiT's (Peebles and Xie,
2022, https://arxiv.org/abs/2212.09748), one table of them for all blocks PixArt's (https://arxiv.org/abs/2310.00426).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.diffusion.autoencoder import CHANNELS, LATENT_SIDE

PATCHES = LATENT_SIDE**2  # one a latent
SHIFTS = 4  # a scale and a shift for self-attention, and for feed-forward
HIDDEN = -1e4  # what stands for minus infinity, in 16 bits too

Latents = Float[Tensor, "n channels 6 6"]


class Text(NamedTuple):
    """Texts as a frozen text tower reads them."""

    states: Float[Tensor, "n words read"]
    words: Bool[Tensor, "n words"]  # where there is one; phrases may stand in the place of words


class Attention(nn.Module):
    """softmax(q k / sqrt(d)) v in `heads` heads. Written out: on a processor that is the fast way in bfloat16."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(
        self, asking: Float[Tensor, "n a width"], seen: Float[Tensor, "n s width"],
        there: Bool[Tensor, "n s"] | None = None,
    ) -> Float[Tensor, "n a width"]:  # fmt: skip
        """`there` is false where there is nothing to look at."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(asking), self.key(seen), self.value(seen))
        )
        scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5  # (n, heads, a, s)
        if there is not None:
            scores = scores.masked_fill(~there[:, None, None], HIDDEN)
        return self.out((scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """One layer of the denoiser. `gated` is empty until GLIGEN puts its layer there."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm, self.norm_inner = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.norm_cross = nn.LayerNorm(width)
        self.attention, self.cross = Attention(width, heads), Attention(width, heads)
        self.feed_forward = _feed_forward(width, 2 * width)
        self.shifts = nn.Parameter(torch.zeros(SHIFTS, width))
        self.gated: nn.Module | None = None

    def forward(
        self, x: Float[Tensor, "n patches width"], text: Text, shifts: Float[Tensor, "n shifts width"],
        grounding: Float[Tensor, "n things width"] | None = None,
    ) -> Float[Tensor, "n patches width"]:  # fmt: skip
        """Without grounding tokens the gated layer is not asked."""
        scale, shift, scale_inner, shift_inner = (shifts + self.shifts)[:, None].unbind(2)
        normed = self.norm(x) * (1 + scale) + shift
        x = x + self.attention(normed, normed)
        if self.gated is not None and grounding is not None:
            x = self.gated(x, grounding)
        x = x + self.cross(self.norm_cross(x), *text)
        return x + self.feed_forward(self.norm_inner(x) * (1 + scale_inner) + shift_inner)


class Reader(nn.Module):
    """What the frozen text tower's states become for the denoiser.

    One token more stands before them for what a patch looks at when no phrase is about it.
    """

    def __init__(self, read: int, width: int):
        super().__init__()
        self.nothing = nn.Parameter(torch.randn(width))
        self.layers = nn.Sequential(
            nn.LayerNorm(read), nn.Linear(read, 2 * width), nn.GELU(), nn.Linear(2 * width, width), nn.LayerNorm(width)
        )

    def forward(self, text: Text) -> Text:
        nothing = self.nothing.expand(len(text.words), 1, -1)
        states = torch.cat([nothing, self.layers(text.states).to(nothing.dtype)], 1)
        return Text(states, nn.functional.pad(text.words, (1, 0), value=True))


class Denoiser(nn.Module):
    """Noisy latents, the steps they are at and texts -> what the latents are.

    `shown` pictures' latents more may lie beside the noisy ones, as channels: none in a text-to-picture model.
    """

    def __init__(self, read: int = 128, width: int = 160, layers: int = 6, heads: int = 4, shown: int = 0):
        super().__init__()
        self.width, self.shown = width, shown
        self.reader = Reader(read, width)
        self.enter = nn.Linear(CHANNELS * (1 + shown), width)
        self.places = nn.Parameter(grid(width))
        self.step = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, SHIFTS * width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.leave = nn.LayerNorm(width), nn.Linear(width, CHANNELS)
        self.grounding: nn.Module | None = None  # GLIGEN's, which makes tokens of boxes
        for layer in (self.step[-1], self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, noisy: Latents, steps: Float[Tensor, " n"], text: Text, boxes: tuple | None = None
    ) -> Float[Tensor, "n 24 6 6"]:
        x = self.enter(noisy.flatten(2).transpose(1, 2)) + self.places
        shifts = self.step(waves(steps, self.width)).unflatten(1, (SHIFTS, self.width))
        text, grounding = self.reader(text), None if boxes is None else self.grounding(boxes)
        for block in self.blocks:
            x = block(x, text, shifts, grounding)
        return self.leave(self.norm(x)).transpose(1, 2).unflatten(2, (LATENT_SIDE, LATENT_SIDE))


def waves(steps: Float[Tensor, " n"], width: int) -> Float[Tensor, "n {width}"]:
    """Sines and cosines of the step, as the positions of a transformer."""
    angles = steps[:, None] * torch.exp(-math.log(10_000) * torch.arange(width // 2) / (width // 2))
    return torch.cat([angles.sin(), angles.cos()], 1)


def grid(width: int) -> Float[Tensor, "patches {width}"]:
    """Where each patch lies, as long waves along both sides: neighbours begin alike."""
    line = (torch.arange(LATENT_SIDE) + 0.5) / LATENT_SIDE * torch.pi
    angles = line[:, None] * torch.linspace(0.5, LATENT_SIDE / 2, width // 4)
    along = torch.cat([angles.sin(), angles.cos()], 1)  # (places, width / 2)
    down, across = torch.meshgrid(*[torch.arange(len(line))] * 2, indexing="ij")
    return torch.cat([along[down.flatten()], along[across.flatten()]], 1)


def _feed_forward(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
