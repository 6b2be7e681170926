"""Small transformer blocks, norm first: what several objectives share when they train one network.

Source: Vaswani et al., 2017, https://arxiv.org/abs/1706.03762; the attention is that of labs.models.connectors.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.models.connectors.attention import Attention
from labs.systems.parts.lexicon import PAD, Lexicon

WIDTH, HEADS = 64, 2


class Block(nn.Module):
    """Self-attention, then a look at others where there are any, then a feed-forward layer; all of them add."""

    def __init__(self, looks: bool = False):
        super().__init__()
        self.talk, self.norm_talk = Attention(WIDTH, HEADS, bias=True), nn.LayerNorm(WIDTH)
        self.think = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )
        if looks:
            self.look, self.norm_look = Attention(WIDTH, HEADS, bias=True), nn.LayerNorm(WIDTH)

    def forward(
        self, x: Float[Tensor, "n tokens width"], visible: Bool[Tensor, "n tokens tokens"] | None = None,
        seen: Float[Tensor, "n s width"] | None = None, lookers: int | None = None,
    ) -> Float[Tensor, "n tokens width"]:  # fmt: skip
        """`visible` says which tokens each may attend to; `seen` is what a block that looks may look at, all of it.

        Of the tokens the first `lookers` look, or all.
        """
        calm = self.norm_talk(x)
        x = x + self.talk(calm, calm, visible)
        if seen is not None:
            looking, rest = x[:, :lookers], x[:, x.shape[1] if lookers is None else lookers :]
            x = torch.cat([looking + self.look(self.norm_look(looking), seen), rest], dim=1)
        return x + self.think(x)


class Words(nn.Module):
    """Words of a lexicon -> vectors, each with its place."""

    def __init__(self, lexicon: Lexicon, longest: int):
        super().__init__()
        self.words, self.places = nn.Embedding(len(lexicon), WIDTH), nn.Parameter(torch.randn(longest, WIDTH) * 0.02)

    def forward(self, texts: Int[Tensor, "n words"]) -> Float[Tensor, "n words width"]:
        """Raises RuntimeError for texts that are longer than the longest."""
        return self.words(texts) + self.places[: texts.shape[1]]


class Rows(nn.Module):
    """Rows of numbers, regions or stretches -> tokens, which have seen each other once."""

    def __init__(self, rows: int, size: int):
        super().__init__()
        self.enter, self.places = nn.Linear(size, WIDTH), nn.Parameter(torch.randn(rows, WIDTH) * 0.02)
        self.block = Block()

    def forward(self, given: Float[Tensor, "n rows size"]) -> Float[Tensor, "n rows width"]:
        return self.block(self.enter(given) + self.places)


def written(texts: Int[Tensor, "n words"]) -> Bool[Tensor, "n words words"]:
    """Each word may attend to every word that is there."""
    return (texts != PAD)[:, None].expand(-1, texts.shape[1], -1)


def before(texts: Int[Tensor, "n words"]) -> Bool[Tensor, "n words words"]:
    """Each word may attend to itself and to those before it."""
    return written(texts) & torch.ones(texts.shape[1], texts.shape[1], dtype=torch.bool).tril()
