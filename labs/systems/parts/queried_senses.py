"""Queries between picture and sound on one side and text on the other, trained by contrast, matching and generation.

    regions, stretches -> joint encoder -> queries look at it
                                            |-> contrast    queries | text            neither attends to the other
                                            |-> matching    queries + text            all attend to all
                                            '-> generation  queries -> text           a word: queries and words before

CoAVT (Yue et al., 2024, https://arxiv.org/abs/2401.12264): queries and three losses as in BLIP-2 (Li et al., 2023,
https://arxiv.org/abs/2301.12597), behind an encoder of picture and sound together.
"""

import math
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.heard_scenes import COUNTS, SIZES, Heard, heard
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.objectives import IGNORE, matching, mean_surprise, next_word
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows, Words, before, written
from labs.systems.parts.web import WORDS, lexicon

STEPS, BATCH, RATE = 400, 48, 3e-3
QUERIES = 4
OBJECTIVES = ("contrast", "matching", "generation")
SENSES = ("regions", "stretches")


class Queried(nn.Module):
    """The joint encoder, and queries and words that share two blocks; only queries look at what is seen and heard."""

    def __init__(self):
        super().__init__()
        self.senses, self.joint = nn.ModuleList(Rows(*SIZES[name]) for name in SENSES), Block()
        self.queries, self.words = nn.Parameter(torch.randn(QUERIES, WIDTH) * 0.02), Words(lexicon(), WORDS)
        self.blocks = nn.ModuleList(Block(looks=True) for _ in range(2))
        self.project = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07
        self.pair = nn.Linear(WIDTH, 2)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))

    def perceive(self, given: Heard) -> Float[Tensor, "n 19 width"]:
        """Regions and stretches after they have attended to one another."""
        each = [encoder(getattr(given, name)) for encoder, name in zip(self.senses, SENSES, strict=True)]
        return self.joint(torch.cat(each, dim=1))

    def ask(
        self, sensed: Float[Tensor, "n 19 width"], words: Int[Tensor, "n words"] | None = None, writes: bool = False
    ) -> tuple[Float[Tensor, "n queries width"], Float[Tensor, "n words width"]]:
        """Queries and words behind the blocks; who `writes` shows no word to queries or to earlier words."""
        words = torch.zeros(len(sensed), 0, dtype=torch.long) if words is None else words
        x = torch.cat([self.queries.expand(len(sensed), -1, -1), self.words(words)], dim=1)
        visible = seen_by(words, writes)
        for block in self.blocks:
            x = block(x, visible, sensed, QUERIES)
        return x[:, :QUERIES], x[:, QUERIES:]

    def text(self, captions: Int[Tensor, "n words"]) -> Float[Tensor, "n width"]:
        """Unit vectors of captions, from the same blocks without queries."""
        x = self.words(captions)
        for block in self.blocks:
            x = block(x, written(captions))
        return normalize(self.project[1](x[:, 0]), dim=-1)

    def alike(self, sensed: Float[Tensor, "n 19 width"], captions: Int[Tensor, "m words"]) -> Float[Tensor, "n m"]:
        """The cosine of each caption with the best of the queries."""
        asked = normalize(self.project[0](self.ask(sensed)[0]), dim=-1)
        return torch.einsum("nqw,mw->nqm", asked, self.text(captions)).amax(1)

    def match(self, sensed: Float[Tensor, "n 19 width"], captions: Int[Tensor, "n words"]) -> Float[Tensor, "n 2"]:
        """Logits that they do not belong together, and that they do: the mean over the queries."""
        return self.pair(self.ask(sensed, captions)[0]).mean(1)

    def follow(self, sensed: Float[Tensor, "n 19 width"], words: Int[Tensor, "n words"]) -> Float[Tensor, "n words v"]:
        """Which word follows each."""
        return self.head(self.ask(sensed, words, writes=True)[1])

    def loss(self, wanted: tuple[str, ...], given: Heard, generator: torch.Generator) -> Float[Tensor, ""]:
        """Contrast always; the others where they are wanted."""
        sensed, captions, own = self.perceive(given), given.captions, torch.arange(len(given.captions))
        near = self.alike(sensed, captions) * self.log_scale.exp().clamp(max=100)
        total = (mean_surprise(near, own) + mean_surprise(near.T, own)) / 2
        if "matching" in wanted:
            text, scene = (mistaken(table.detach(), generator) for table in (near, near.T))
            pairs = self.match(
                torch.cat([sensed, sensed, sensed[scene]]), torch.cat([captions, captions[text], captions])
            )
            total = total + matching(pairs, torch.arange(3 * len(own)) < len(own))
        if "generation" in wanted:
            labels = captions.masked_fill(captions == PAD, IGNORE)
            total = total + next_word(self.follow(sensed, captions), labels)
        return total


def seen_by(words: Int[Tensor, "n words"], writes: bool) -> Bool[Tensor, "n tokens tokens"]:
    """Who may attend to whom among queries and words."""
    rows, count = words.shape
    visible = torch.ones(rows, QUERIES + count, QUERIES + count, dtype=torch.bool)
    visible[:, :, QUERIES:] = (words != PAD)[:, None]
    if writes:
        visible[:, :QUERIES, QUERIES:] = False
        visible[:, QUERIES:, QUERIES:] = before(words)
    return visible


def mistaken(near: Float[Tensor, "n n"], generator: torch.Generator) -> Int[Tensor, " n"]:
    """For each row another's caption, the likelier the nearer it lies: hard negatives."""
    own = torch.eye(len(near), dtype=torch.bool)
    chances = near.masked_fill(own, float("-inf")).softmax(1)
    return torch.multinomial(chances, 1, generator=generator)[:, 0]


@cache
def train(seed: int, wanted: tuple[str, ...] = OBJECTIVES) -> Queried:
    """The network after learning.

    Raises ValueError unless contrast is wanted, and nothing but `OBJECTIVES`.
    """
    if "contrast" not in wanted or not set(wanted) <= set(OBJECTIVES):
        raise ValueError(f"wanted must be contrast and others of {', '.join(OBJECTIVES)}, not {wanted}")
    torch.manual_seed(seed)
    model, given, generator = Queried(), heard("train"), torch.Generator().manual_seed(seed)
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        return model.loss(wanted, given.only(at(step)), generator)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
