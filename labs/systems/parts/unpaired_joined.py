"""Texts and pictures without partners, which join the contrast of few pairs.

UNIMO (Li et al., 2020, https://arxiv.org/abs/2012.15409): for each pair, pictures like its picture and texts like its
text are looked up in collections of pictures and of texts alone, and count as further positives; besides, each
collection is learned from by itself, hidden words from texts, hidden regions from pictures.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts import objectives
from labs.systems.parts.heard_scenes import COUNTS, heard
from labs.systems.parts.lexicon import MASK, SPECIAL
from labs.systems.parts.objectives import contrast
from labs.systems.parts.transformer_blocks import WIDTH
from labs.systems.parts.two_towers import TwoTowers
from labs.systems.parts.web import lexicon

PAIRS = 512  # those with partners, the first ones; of the rest half are pictures, half texts
HIDDEN = 0.3  # of words and regions


class Alone(NamedTuple):
    """Collections without partners; no scene is in both. For each pair, which entries are most like it."""

    regions: Float[Tensor, "pictures 9 132"]
    captions: Int[Tensor, "texts words"]
    picture: Int[Tensor, " pairs"]
    text: Int[Tensor, " pairs"]


@cache
def alone() -> Alone:
    """Pictures are alike by their frozen features, texts by words that stand in the same places."""
    given, half = heard("train"), PAIRS + (COUNTS["train"] - PAIRS) // 2
    regions, captions = given.regions[PAIRS:half], given.captions[half:]
    plain, own = (normalize(part.flatten(1), dim=-1) for part in (regions, given.regions[:PAIRS]))
    same = (given.captions[:PAIRS, None] == captions).sum(-1)
    return Alone(regions, captions, (own @ plain.T).argmax(1), same.argmax(1))


class Joined(nn.Module):
    """The contrast of pairs with what is looked up, and the losses of each collection by itself."""

    def __init__(self):
        super().__init__()
        self.word = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))
        self.region = nn.Linear(WIDTH, alone().regions.shape[-1] - 4)  # boxes are told to nobody

    def forward(
        self, model: TwoTowers, rows: Int[Tensor, " n"], one: Float[Tensor, "n width"], two: Float[Tensor, "n width"],
        generator: torch.Generator, look_up: bool = True,
    ) -> Float[Tensor, ""]:  # fmt: skip
        """For the `rows` of a batch among the pairs, whose vectors of pictures and of texts are `one` and `two`."""
        if not look_up:
            return contrast(one, two, model.scale) + self.by_itself(model, len(rows), generator)
        found = alone()
        regions, captions = found.regions[found.picture[rows]], found.captions[found.text[rows]]
        like_one, like_two = model.vectors(regions, captions)
        joined = several_positives(one, two, like_two, model.scale) + several_positives(two, one, like_one, model.scale)
        return joined / 2 + self.by_itself(model, len(rows), generator)

    def by_itself(self, model: TwoTowers, count: int, generator: torch.Generator) -> Float[Tensor, ""]:
        """Each collection alone: which word stands there, and what the region showed."""
        found = alone()
        texts, pictures = (
            part[torch.randint(len(part), (count,), generator=generator)] for part in (found.captions, found.regions)
        )
        words, labels = objectives.hide(texts, texts >= len(SPECIAL), HIDDEN, MASK, generator)
        away = torch.rand(pictures.shape[:2], generator=generator) < HIDDEN
        hidden = torch.cat([pictures[..., :-4].masked_fill(away[..., None], 0.0), pictures[..., -4:]], dim=-1)
        told = self.region(model.see(hidden))[away]
        return objectives.masked(self.word(model.read(words)), labels) + (told - pictures[..., :-4][away]).pow(2).mean()


def several_positives(
    asked: Float[Tensor, "n width"], own: Float[Tensor, "n width"], like: Float[Tensor, "n width"],
    scale: Float[Tensor, ""],
) -> Float[Tensor, ""]:  # fmt: skip
    """-log of the probability of one's own partner or what was looked up for it, among those of the whole batch."""
    near = scale * normalize(asked, dim=-1) @ normalize(torch.cat([own, like]), dim=-1).T  # (n, 2n)
    right = near.unflatten(1, (2, -1)).diagonal(dim1=0, dim2=2).T  # (n, 2)
    return (near.logsumexp(1) - right.logsumexp(1)).mean()
