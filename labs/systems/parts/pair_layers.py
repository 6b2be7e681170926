"""One transformer for words and regions, whose layers keep the two in one stream, in two, or between the two.

| layer    | attention              | feed-forward layer    | as in                                              |
|----------|------------------------|-----------------------|----------------------------------------------------|
| Together | all attend to all      | the same for all      | VisualBERT, M3P                                    |
| Experts  | all attend to all      | one for each modality | BEiT-3, https://arxiv.org/abs/2208.10442           |
| Apart    | each to its own stream | one for each modality | InterBERT, above, https://arxiv.org/abs/2003.13198 |
| Crossing | own stream, then other | one for each modality | ViLBERT, LXMERT                                    |

A token meets one attention and one feed-forward layer in each, and in Crossing a second attention.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.systems.parts.transformer_blocks import WIDTH, Block, Words

BOX = 4  # the last numbers of a region, which are never hidden: where it is


class Together(Block):
    """One stream: regions are further words."""

    def forward(self, x: Float[Tensor, "n tokens width"], words: int) -> Float[Tensor, "n tokens width"]:
        """The first `words` tokens are words, the others regions."""
        return super().forward(x)


class Experts(Block):
    """A Multiway block: one attention for all tokens, then the expert of each token's modality."""

    def __init__(self) -> None:
        super().__init__()
        self.think_seen = Block().think

    def forward(self, x: Float[Tensor, "n tokens width"], words: int) -> Float[Tensor, "n tokens width"]:
        calm = self.norm_talk(x)
        x = x + self.talk(calm, calm)
        read, seen = x[:, :words], x[:, words:]
        return torch.cat([read + self.think(read), seen + self.think_seen(seen)], dim=1)


class Apart(nn.Module):
    """Two independent streams."""

    def __init__(self, looks: bool = False) -> None:
        super().__init__()
        self.read, self.see = Block(looks), Block(looks)

    def forward(self, x: Float[Tensor, "n tokens width"], words: int) -> Float[Tensor, "n tokens width"]:
        return torch.cat([self.read(x[:, :words]), self.see(x[:, words:])], dim=1)


class Crossing(Apart):
    """Two streams, each of which looks at the other."""

    def __init__(self) -> None:
        super().__init__(looks=True)

    def forward(self, x: Float[Tensor, "n tokens width"], words: int) -> Float[Tensor, "n tokens width"]:
        read, seen = x[:, :words], x[:, words:]
        return torch.cat([self.read(read, seen=seen), self.see(seen, seen=read)], dim=1)


LAYOUTS: dict[str, tuple[type[nn.Module], ...]] = {
    "one stream": (Together, Together, Together),
    "one, then two": (Together, Together, Apart),
    "two streams": (Apart, Apart, Crossing),
    "experts": (Experts, Experts, Experts),
}


class PairEncoder(nn.Module):
    """Words and regions -> for each place which word it is, for each region which code of a code book.

    Raises KeyError for a layout that is none of `LAYOUTS`.
    """

    def __init__(self, lexicon: Lexicon, longest: int, codes: int, layout: str):
        super().__init__()
        self.words, self.see = Words(lexicon, longest), nn.Linear(REGION_WIDTH, WIDTH)
        nn.init.normal_(self.words.places)  # as loud as words, or it takes long to learn which thing is the first
        self.places, self.unseen = nn.Parameter(torch.randn(REGIONS, WIDTH)), nn.Parameter(torch.zeros(WIDTH))
        self.layers = nn.ModuleList(layer() for layer in LAYOUTS[layout])
        self.norm, self.tell_word = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon))
        self.tell_code = nn.Linear(WIDTH, codes)

    def forward(
        self, words: Int[Tensor, "n words"], regions: Float[Tensor, "n regions 132"],
        hidden: Bool[Tensor, "n regions"] | None = None,
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n regions codes"]]:  # fmt: skip
        """Either of the two may have no tokens at all. Of `hidden` regions nothing is seen but their boxes."""
        seen = regions
        if hidden is not None:
            seen = torch.cat([regions[..., :-BOX] * ~hidden[..., None], regions[..., -BOX:]], dim=-1)
        seen = self.see(seen) + self.places[: regions.shape[1]]
        if hidden is not None:
            seen = seen + hidden[..., None] * self.unseen
        x = torch.cat([self.words(words), seen], dim=1)
        for layer in self.layers:
            x = layer(x, words.shape[1])
        x = self.norm(x)
        return self.tell_word(x[:, : words.shape[1]]), self.tell_code(x[:, words.shape[1] :])
