"""Two small towers behind frozen regions, one for pictures and one for texts, which end in one space."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.parts.lexicon import PAD, Lexicon
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows, Words, written


class TwoTowers(nn.Module):
    """A block in each tower; the vector of a picture or a text is the mean of its tokens, projected."""

    def __init__(self, lexicon: Lexicon, longest: int):
        super().__init__()
        self.see, self.words, self.block = Rows(REGIONS, REGION_WIDTH), Words(lexicon, longest), Block()
        self.project = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07

    @property
    def scale(self) -> Float[Tensor, ""]:
        """One over the temperature, at most 100."""
        return self.log_scale.exp().clamp(max=100)

    def read(self, texts: Int[Tensor, "n words"]) -> Float[Tensor, "n words width"]:
        """Words, each of which knows all the others."""
        return self.block(self.words(texts), written(texts))

    def picture(self, seen: Float[Tensor, "n 9 width"]) -> Float[Tensor, "n width"]:
        """The vector of what `see` makes of regions."""
        return self.project[0](seen.mean(1))

    def text(self, told: Float[Tensor, "n words width"], texts: Int[Tensor, "n words"]) -> Float[Tensor, "n width"]:
        """The vector of what `read` makes of texts."""
        there = (texts != PAD)[..., None]
        return self.project[1]((told * there).sum(1) / there.sum(1))

    def vectors(
        self, regions: Float[Tensor, "n 9 132"], texts: Int[Tensor, "m words"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "m width"]]:
        """Both towers."""
        return self.picture(self.see(regions)), self.text(self.read(texts), texts)
