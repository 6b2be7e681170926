"""GLIGEN's gated self-attention (Li et al., 2023, https://arxiv.org/abs/2301.07093), put between the self-attention and
the cross-attention of a frozen denoiser.

    patches ---------------------------------------- + ------------------ + ---> patches
        \\--- with grounding tokens: self-attention --^    \\- feed-forward -^
                                          tanh(gate)                tanh(gate), both 0 at first

A grounding token is made of what a thing is called and of where its box lies. Held to the library's
GatedSelfAttentionDense and its Fourier features by tests.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.diffusion.denoiser import Attention

WAVES = 8  # frequencies of each of a box's four numbers
PACE = 10  # how much faster than other weights a gate opens: each is one number, and training here is short


class Boxes(NamedTuple):
    """What is asked for where. A place that is not taken is filled up with the learned tokens for nothing."""

    called: Float[Tensor, "n things read"]  # each thing's phrase, as the text tower reads it
    at: Float[Tensor, "n things 4"]  # x0, y0, x1, y1 from 0 to 1
    taken: Bool[Tensor, "n things"]


class Grounding(nn.Module):
    """Boxes and what is in them -> grounding tokens: an MLP of the phrase's vector and the box's waves.

    GLIGEN's has three layers of 512.
    """

    def __init__(self, read: int, width: int, inner: int | None = None, layers: int = 2):
        super().__init__()
        self.no_name, self.no_box = nn.Parameter(torch.zeros(read)), nn.Parameter(torch.zeros(8 * WAVES))
        sizes = [read + 8 * WAVES, *[inner or 2 * width] * (layers - 1), width]
        linears = [nn.Linear(*pair) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
        between = [part for linear in linears for part in (linear, nn.SiLU())]
        self.mlp = nn.Sequential(*between[:-1])

    def forward(self, boxes: Boxes) -> Float[Tensor, "n things width"]:
        taken = boxes.taken[..., None]
        called, at = torch.where(taken, boxes.called, self.no_name), torch.where(taken, waves(boxes.at), self.no_box)
        return self.mlp(torch.cat([called, at], -1))


class GatedSelfAttention(nn.Module):
    """Patches and grounding tokens attend to one another; what the patches made of it is let in through the gates."""

    def __init__(self, width: int, heads: int, inner: int | None = None):
        super().__init__()
        self.enter, self.attention = nn.Linear(width, width), Attention(width, heads)
        self.norm, self.norm_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward = Geglu(width, inner or width)
        self.gate, self.gate_inner = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))

    def forward(
        self, x: Float[Tensor, "n patches width"], grounding: Float[Tensor, "n things width"]
    ) -> Float[Tensor, "n patches width"]:
        all_of_it = self.norm(torch.cat([x, self.enter(grounding)], 1))
        looked = self.attention(all_of_it, all_of_it)[:, : x.shape[1]]
        x = x + (PACE * self.gate).tanh() * looked
        return x + (PACE * self.gate_inner).tanh() * self.feed_forward(self.norm_inner(x))


class Geglu(nn.Module):
    """One half of a projection opens or shuts the other (Shazeer, 2020, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.up, self.down = nn.Linear(width, 2 * inner), nn.Linear(inner, width)

    def forward(self, x: Float[Tensor, "n patches width"]) -> Float[Tensor, "n patches width"]:
        value, gate = self.up(x).chunk(2, -1)
        return self.down(value * nn.functional.gelu(gate))


def waves(at: Float[Tensor, "n things 4"]) -> Float[Tensor, "n things 64"]:
    """Sines and cosines of the four numbers, frequencies from 1 to nearly 100, as in GLIGEN's code."""
    angles = at[..., None] * 100 ** (torch.arange(WAVES) / WAVES)  # (n, things, 4, waves)
    return torch.stack([angles.sin(), angles.cos()], -1).permute(0, 1, 3, 4, 2).flatten(2)
