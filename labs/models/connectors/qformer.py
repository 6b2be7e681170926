"""The Q-Former of BLIP-2 (Li et al., 2023, https://arxiv.org/abs/2301.12597): learned queries ask the picture.

    queries (+ instruction, InstructBLIP) --talk to each other--> queries --ask the picture, every second layer--> ...

Built as BERT is, with the norm behind each step. Held to the library's Blip2QFormerModel by a test.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.connectors.attention import Attention

EVERY = 2  # layers: in the first of them the queries ask the picture


class QFormer(nn.Module):
    """Any number of visual tokens, `seen` wide -> `queries` tokens, `width` wide."""

    def __init__(self, width: int, seen: int, queries: int, heads: int = 4, layers: int = 2):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.layers = nn.ModuleList(_Layer(width, seen if i % EVERY == 0 else None, heads) for i in range(layers))

    def forward(
        self, seen: Float[Tensor, "n s seen"], words: Float[Tensor, "n words width"] | None = None,
        written: Bool[Tensor, "n words"] | None = None,
    ) -> Float[Tensor, "n queries width"]:  # fmt: skip
        """`words`, embedded, may talk to the queries and so tell them what to look for; the picture they never see.

        Where instructions are of several lengths, nobody listens to what is not `written`.
        """
        queries = self.queries.expand(len(seen), -1, -1)
        x = self.norm(queries if words is None else torch.cat([queries, words], dim=1))
        heard = None
        if written is not None:
            heard = torch.cat([written.new_ones(queries.shape[:2]), written], dim=1)[:, None].expand(-1, x.shape[1], -1)
        for layer in self.layers:
            x = layer(x, seen, len(self.queries), heard)
        return x[:, : len(self.queries)]


class _Layer(nn.Module):
    """Self-attention of all; the queries' look at the picture; a feed-forward for queries, another for words."""

    def __init__(self, width: int, seen: int | None, heads: int):
        super().__init__()
        self.talk = _Step(Attention(width, heads, bias=True), width)
        self.look = _Step(Attention(width, heads, seen, bias=True), width) if seen else None
        self.think, self.think_in_words = (_Step(_feed_forward(width), width) for _ in range(2))

    def forward(
        self, x: Float[Tensor, "n tokens width"], seen: Float[Tensor, "n s seen"], queries: int,
        heard: Bool[Tensor, "n tokens tokens"] | None = None,
    ) -> Float[Tensor, "n tokens width"]:  # fmt: skip
        asking, words = self.talk(x, x, heard).split([queries, x.shape[1] - queries], dim=1)
        if self.look is not None:
            asking = self.look(asking, seen)
        return torch.cat([self.think(asking), self.think_in_words(words)], dim=1)


class _Step(nn.Module):
    """norm(x + what `inner` makes of it)."""

    def __init__(self, inner: nn.Module, width: int):
        super().__init__()
        self.inner, self.norm = inner, nn.LayerNorm(width, 1e-12)

    def forward(self, x: Float[Tensor, "n tokens width"], *others: Tensor | None) -> Float[Tensor, "n tokens width"]:
        return self.norm(x + self.inner(x, *others))


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
