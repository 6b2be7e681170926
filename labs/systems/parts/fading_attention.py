"""Attention that falls off with distance, ALiBi, in a small decoder that can also have rotary or learned places.

    score of query i, key j  =  q_i k_j / sqrt(width)  -  slope (i - j)      a slope for each head: 1/4, 1/16, ...

MPT has it (MosaicML, 2023); it comes from Press et al., 2021, https://arxiv.org/abs/2108.12409. No place is learned,
so a text may be longer than any that was learned from. Rotary places: Su et al., 2021,
https://arxiv.org/abs/2104.09864.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

PLACES = ("ALiBi", "rotary", "learned")
HEADS, LONGEST = 4, 256  # places that can be learned; how many are is up to the texts


def slopes(heads: int) -> Float[Tensor, " heads"]:
    """How fast the attention of each head falls off: 2 ** (-8 n / heads). Raises ValueError but for powers of two."""
    if heads < 1 or heads & (heads - 1):
        raise ValueError(f"heads must be a power of two, not {heads}")
    return 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)


def fading(heads: int, tokens: int) -> Float[Tensor, "heads tokens tokens"]:
    """What is added to the scores: minus slope times distance, and minus infinity for what comes later."""
    distance = torch.arange(tokens)[:, None] - torch.arange(tokens)
    return (-slopes(heads)[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


def turn(x: Float[Tensor, "n heads tokens width"]) -> Float[Tensor, "n heads tokens width"]:
    """Rotary places: pairs of numbers turned by an angle that grows with the place."""
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[-2])[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    first, second = x.chunk(2, -1)
    return torch.cat([first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()], -1)


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, norm first."""

    def __init__(self, width: int, places: str):
        super().__init__()
        self.places = places
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n tokens width"]:
        tokens = x.shape[1]
        query, key, value = self.look(self.before(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        if self.places == "rotary":
            query, key = turn(query), turn(key)
        mask = fading(HEADS, tokens) if self.places == "ALiBi" else None
        seen = scaled_dot_product_attention(query, key, value, mask, is_causal=mask is None)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(gelu(self.widen(self.between(x))))


class Decoder(nn.Module):
    """A language model of a few blocks, which writes with the embeddings that it reads with."""

    def __init__(self, words: int, width: int, layers: int, places: str = "ALiBi"):
        super().__init__()
        if places not in PLACES:
            raise ValueError(f"places must be one of {', '.join(PLACES)}, not {places!r}")
        self.words = nn.Embedding(words, width)
        self.where = nn.Embedding(LONGEST, width) if places == "learned" else None
        self.blocks = nn.Sequential(*(Block(width, places) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        for part in self.modules():
            if isinstance(part, nn.Embedding):
                nn.init.normal_(part.weight, std=0.02)

    def forward(self, texts: Int[Tensor, "n tokens"]) -> Float[Tensor, "n tokens words"]:
        """For every place the logits of the word that follows."""
        x = self.words(texts)
        if self.where is not None:
            x = x + self.where.weight[: texts.shape[1]]
        return self.norm(self.blocks(x)) @ self.words.weight.T
