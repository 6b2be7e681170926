"""The perceiver resampler of Flamingo (Alayrac et al., 2022, https://arxiv.org/abs/2204.14198): few tokens from many.

    learned latents --asks--> what is seen and the latents themselves --> latents --feed-forward--> latents, some times

However much is seen, the language model gets as many tokens as there are latents. Held to Idefics by a test.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.models.connectors.attention import Attention


class Resampler(nn.Module):
    """Any number of tokens -> `latents` tokens of the same width."""

    def __init__(self, width: int, latents: int, heads: int = 4, layers: int = 2):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, width) * width**-0.5)
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, seen: Float[Tensor, "n s width"]) -> Float[Tensor, "n latents width"]:
        x = self.latents.expand(len(seen), -1, -1)
        for layer in self.layers:
            x = layer(x, seen)
        return self.norm(x)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm_seen, self.norm_latents = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width, bias=False), nn.ReLU(),
            nn.Linear(4 * width, width, bias=False),
        )  # fmt: skip

    def forward(
        self, latents: Float[Tensor, "n latents width"], seen: Float[Tensor, "n s width"]
    ) -> Float[Tensor, "n latents width"]:
        asking = self.norm_latents(latents)
        latents = latents + self.attention(asking, torch.cat([self.norm_seen(seen), asking], dim=1))
        return latents + self.feed_forward(latents)
