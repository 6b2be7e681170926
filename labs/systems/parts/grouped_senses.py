"""One network that finds and tells captions by pictures, by sounds or by both: three groups of senses.

VALOR (Chen et al., 2023, https://arxiv.org/abs/2304.08345): grouped alignment and grouped captioning. Both losses are
taken for each group, so that one network serves whoever has a picture, a sound or both.
"""

import math
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.heard_scenes import COUNTS, SIZES, Heard, heard
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.objectives import IGNORE, contrast, next_word
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows, Words, before, written
from labs.systems.parts.web import WORDS, lexicon

STEPS, BATCH, RATE = 360, 64, 3e-3
BOTH = ("regions", "stretches")
GROUPS = (BOTH, *((sense,) for sense in BOTH))


class Grouped(nn.Module):
    """An encoder for each sense, one for texts, and a decoder that looks at whatever senses there are."""

    def __init__(self):
        super().__init__()
        self.senses = nn.ModuleDict({sense: Rows(*SIZES[sense]) for sense in BOTH})
        self.words, self.encoder, self.decoder = Words(lexicon(), WORDS), Block(), Block(looks=True)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))
        self.project = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH, bias=False) for name in (*BOTH, "captions")})
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07

    def vectors(
        self, group: tuple[str, ...], given: Heard
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"]]:
        """Of the group, the sum of its senses' unit vectors, and of the captions. No other sense is read."""
        each = [self.project[name](self.senses[name](getattr(given, name)).mean(1)) for name in group]
        there = (given.captions != PAD)[..., None]
        read = (self.encoder(self.words(given.captions), written(given.captions)) * there).sum(1) / there.sum(1)
        return torch.stack([normalize(one, dim=-1) for one in each]).sum(0), self.project["captions"](read)

    def follow(
        self, group: tuple[str, ...], given: Heard, words: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n words vocabulary"]:
        """Which word follows each; the decoder looks at the group's tokens."""
        sensed = torch.cat([self.senses[name](getattr(given, name)) for name in group], dim=1)
        return self.head(self.decoder(self.words(words), before(words), sensed))

    def loss(self, group: tuple[str, ...], given: Heard) -> Float[Tensor, ""]:
        """Alignment and captioning, for one group."""
        labels = given.captions.masked_fill(given.captions == PAD, IGNORE)
        aligned = contrast(*self.vectors(group, given), self.log_scale.exp().clamp(max=100))
        return aligned + next_word(self.follow(group, given, given.captions), labels)


@cache
def train(seed: int, groups: tuple[tuple[str, ...], ...] = GROUPS) -> Grouped:
    """The network after learning; `groups` take turns, a step each.

    Raises ValueError for a group that is none of `GROUPS`.
    """
    if not groups or not set(groups) <= set(GROUPS):
        raise ValueError(f"groups must be some of {GROUPS}, not {groups}")
    torch.manual_seed(seed)
    model, given = Grouped(), heard("train")
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        return model.loss(groups[step % len(groups)], given.only(at(step)))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
