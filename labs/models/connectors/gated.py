"""Gated cross-attention of Flamingo (Alayrac et al., 2022, https://arxiv.org/abs/2204.14198), put between the blocks of
a frozen language model.

Both gates are tanh(0) = 0 at first: the model is exactly what it was before it learns how much to let in. Held to
Idefics by a test.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.connectors.attention import Attention


class GatedCrossAttention(nn.Module):
    """words + tanh(gate) attention(words, seen), then + tanh(gate) feed-forward."""

    def __init__(self, width: int, seen: int, heads: int, inner: int | None = None):
        super().__init__()
        self.norm, self.norm_inner = nn.RMSNorm(width, 1e-6), nn.RMSNorm(width, 1e-6)
        self.attention = Attention(width, heads, seen)
        self.feed_forward = _Gated(width, inner or 2 * width)
        self.gate, self.gate_inner = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def forward(
        self, words: Float[Tensor, "n words width"], seen: Float[Tensor, "n s seen"],
        visible: Bool[Tensor, "n words s"] | None = None,
    ) -> Float[Tensor, "n words width"]:  # fmt: skip
        """`visible` says which visual tokens each word may see; a word before the first picture sees none."""
        looked = self.attention(self.norm(words), seen, visible)
        if visible is not None:
            looked = looked * visible.any(-1, keepdim=True)
        words = words + self.gate.tanh() * looked
        return words + self.gate_inner.tanh() * self.feed_forward(self.norm_inner(words))


class _Gated(nn.Module):
    """LLaMA's feed-forward: one projection opens or shuts the other."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.open, self.up, self.down = (
            nn.Linear(*size, bias=False) for size in ((width, inner), (width, inner), (inner, width))
        )

    def forward(self, x: Float[Tensor, "n words width"]) -> Float[Tensor, "n words width"]:
        return self.down(nn.functional.silu(self.open(x)) * self.up(x))
