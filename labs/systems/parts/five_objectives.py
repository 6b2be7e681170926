"""Two encoders, a fusion encoder and a decoder in one network, which five objectives train together.

    regions -> encoder --.- mean -- contrast -- mean -.-- encoder <- words
                         '--------> fusion <----------'
                                      |-> hidden words, hidden regions, does the pair belong together?
                                      '-> decoder: the caption, from the picture alone

UniVL (Luo et al., 2020, https://arxiv.org/abs/2002.06353), of films there and of still pictures here.
"""

import math
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts import objectives
from labs.systems.parts.heard_scenes import COUNTS, SIZES, heard
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK, PAD, SPECIAL
from labs.systems.parts.objectives import IGNORE
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows, Words, before, written
from labs.systems.parts.web import WORDS, lexicon

STEPS, BATCH, RATE = 300, 64, 3e-3
HIDDEN, BOX = 0.3, 4  # of words, and of regions; numbers of a region that say where it is
OBJECTIVES = ("contrast", "hidden words", "hidden regions", "matching", "captions")


class FiveObjectives(nn.Module):
    """One network; its losses go by the names of `OBJECTIVES`."""

    def __init__(self):
        super().__init__()
        self.see, self.words = Rows(*SIZES["regions"]), Words(lexicon(), WORDS)
        self.read, self.fusion, self.decoder = Block(), Block(), Block(looks=True)
        self.kinds = nn.Parameter(torch.randn(2, WIDTH) * 0.02)  # of a region, of a word
        self.project = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07
        self.word, self.told = (nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon()))) for _ in range(2))
        self.region, self.pair = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2)

    def vectors(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"]]:
        """Of pictures and of texts, each by its encoder alone."""
        there = (captions != PAD)[..., None]
        read = (self.encode(captions) * there).sum(1) / there.sum(1)
        return self.project[0](self.see(regions).mean(1)), self.project[1](read)

    def encode(self, captions: Int[Tensor, "n words"]) -> Float[Tensor, "n words width"]:
        """Words, each of which knows all the others."""
        return self.read(self.words(captions), written(captions))

    def fuse(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n 9 width"], Float[Tensor, "n words width"]]:
        """Regions and words after they have attended to one another."""
        seen, told = self.see(regions) + self.kinds[0], self.encode(captions) + self.kinds[1]
        there = torch.cat([torch.ones(seen.shape[:2], dtype=torch.bool), captions != PAD], dim=1)
        both = self.fusion(torch.cat([seen, told], dim=1), there[:, None].expand(-1, there.shape[1], -1))
        return both[:, : seen.shape[1]], both[:, seen.shape[1] :]

    def follow(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n words vocabulary"]:
        """Which word follows each; the decoder looks at the fused picture, to which no word was added."""
        seen = self.fusion(self.see(regions) + self.kinds[0])
        return self.told(self.decoder(self.words(captions), before(captions), seen))

    def losses(
        self, wanted: tuple[str, ...], regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"],
        generator: torch.Generator,
    ) -> dict[str, Float[Tensor, ""]]:  # fmt: skip
        """Those that are wanted, by name."""
        found = {}
        if "contrast" in wanted:
            found["contrast"] = objectives.contrast(
                *self.vectors(regions, captions), self.log_scale.exp().clamp(max=100)
            )
        if {"hidden words", "hidden regions"} & set(wanted):
            words, labels = objectives.hide(captions, captions >= len(SPECIAL), HIDDEN, MASK, generator)
            away = torch.rand(regions.shape[:2], generator=generator) < HIDDEN
            seen, told = self.fuse(regions.masked_fill(away[..., None], 0.0), words)
            found["hidden words"] = objectives.masked(self.word(told), labels)
            found["hidden regions"] = self.guess_regions(seen, regions, away)
        if "matching" in wanted:
            others, matched = objectives.mismatch(captions, generator)
            found["matching"] = objectives.matching(self.pair(self.fuse(regions, others)[1][:, 0]), matched)
        if "captions" in wanted:
            labels = captions.masked_fill(captions == PAD, IGNORE)
            found["captions"] = objectives.next_word(self.follow(regions, captions), labels)
        return {name: found[name] for name in wanted}

    def guess_regions(
        self, seen: Float[Tensor, "n 9 width"], regions: Float[Tensor, "n 9 132"], away: Bool[Tensor, "n 9"]
    ) -> Float[Tensor, ""]:
        """Noise-contrastive: which of all hidden regions of the batch is this one, by its features?"""
        asked = normalize(self.region(seen[away]), dim=-1)
        true = normalize(regions[away][:, :-BOX] @ self.see.enter.weight[:, :-BOX].T, dim=-1)
        return objectives.mean_surprise(10 * asked @ true.T, torch.arange(len(asked)))


@cache
def train(seed: int, wanted: tuple[str, ...] = OBJECTIVES) -> FiveObjectives:
    """The network after learning with what is `wanted`.

    Raises ValueError for an objective that is none of `OBJECTIVES`.
    """
    if not wanted or not set(wanted) <= set(OBJECTIVES):
        raise ValueError(f"objectives must be some of {', '.join(OBJECTIVES)}, not {wanted}")
    torch.manual_seed(seed)
    model, given, generator = FiveObjectives(), heard("train"), torch.Generator().manual_seed(seed)
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        found = model.losses(wanted, given.regions[at(step)], given.captions[at(step)], generator)
        return sum(found.values(), torch.zeros(()))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
