"""A language model in two parts: the lower reads nothing but text, the upper looks at the picture as well.

    words -> unimodal part --.--> state at <end> ---------- contrast ----------- mean of regions
                              '-> multimodal part, looks at regions -> next word

COSMO (Wang et al., 2024, https://arxiv.org/abs/2401.00849): the middle of the language model, having met no picture,
gives a text vector for a contrastive loss, which is added to that of captioning.
"""

import math
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.parts.heard_scenes import COUNTS, SIZES, heard
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import END, PAD
from labs.systems.parts.objectives import IGNORE, contrast, next_word
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows, Words, before
from labs.systems.parts.web import WORDS, lexicon

STEPS, BATCH, RATE = 300, 64, 3e-3
OBJECTIVES = ("contrast", "captioning")


class SplitWriter(nn.Module):
    """Both parts, and a small encoder behind the frozen regions."""

    def __init__(self):
        super().__init__()
        self.see, self.words = Rows(*SIZES["regions"]), Words(lexicon(), WORDS)
        self.unimodal, self.multimodal = Block(), Block(looks=True)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))
        self.project = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07

    def read(self, captions: Int[Tensor, "n words"]) -> Float[Tensor, "n words width"]:
        """What the unimodal part makes of words, each of which knows those before it."""
        return self.unimodal(self.words(captions), before(captions))

    def vectors(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"]]:
        """Of pictures, and of texts at their <end>."""
        ends = self.read(captions)[captions == END]
        return self.project[0](self.see(regions).mean(1)), self.project[1](ends)

    def follow(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n words vocabulary"]:
        """Which word follows each, as the multimodal part has it."""
        return self.head(self.multimodal(self.read(captions), before(captions), self.see(regions)))

    def loss(
        self, objectives: tuple[str, ...], regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> Float[Tensor, ""]:
        """The sum of those that are named."""
        total = torch.zeros(())
        if "contrast" in objectives:
            total = total + contrast(*self.vectors(regions, captions), self.log_scale.exp().clamp(max=100))
        if "captioning" in objectives:
            labels = captions.masked_fill(captions == PAD, IGNORE)
            total = total + next_word(self.follow(regions, captions), labels)
        return total


@cache
def train(seed: int, objectives: tuple[str, ...] = OBJECTIVES, shuffled: bool = False) -> SplitWriter:
    """The network after learning; `shuffled` captions are those of any other pictures, a control.

    Raises ValueError for an objective that is none of `OBJECTIVES`.
    """
    if not objectives or not set(objectives) <= set(OBJECTIVES):
        raise ValueError(f"objectives must be some of {', '.join(OBJECTIVES)}, not {objectives}")
    torch.manual_seed(seed)
    model, given, size = SplitWriter(), heard("train"), COUNTS["train"]
    at = batches(size, BATCH, seed)
    told = batches(size, BATCH, seed + 1000) if shuffled else at

    def loss(step: int) -> Tensor:
        return model.loss(objectives, given.regions[at(step)], given.captions[told(step)])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
