"""A picture as a bag of regions: four ways to score it against a text, through one of which a contrastive loss learns.

| pooling   | score of a picture and a text                                                             |
|-----------|-------------------------------------------------------------------------------------------|
| mean      | of one vector for the whole picture: the mean of its regions                              |
| attention | of one vector for the whole picture: what a learned query takes from its regions          |
| best      | log-sum-exp over the regions of each one's score with the text                            |
| both      | best, and besides the score of the mean of regions that have looked at each other         |

Multiple instance learning (Wang et al., 2022, https://arxiv.org/abs/2212.05561), which calls the last one LSE + NL.
"""

import math
import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from labs.systems.parts import eyes
from labs.systems.parts.contrastive import NAMES, contrastive_loss
from labs.systems.parts.dark import darken
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD, Lexicon
from labs.world.scene import Scene

POOLINGS = ("mean", "attention", "best", "both")
WIDTH, INNER, HEADS = 64, 128, 2
SHARP = 10.0  # of log-sum-exp: cosines are small numbers, and with 1 it would be a mean
TRAIN, THINGS, GRAIN = 4096, 3, 0.1  # scenes, things in each, and noise of the pictures
STEPS, BATCH, RATE = 600, 128, 3e-3


class Bags(torch.nn.Module):
    """A small function of regions and one of words; words of a text are added up. Both end in one space."""

    def __init__(self, pooling: str, lexicon: Lexicon, region: int):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
        self.pooling = pooling
        self.region, self.text = _mlp(region), _mlp(WIDTH)
        self.words = torch.nn.Embedding(len(lexicon), WIDTH, padding_idx=PAD)
        if pooling in ("attention", "both"):
            self.look = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        if pooling == "attention":
            self.query = torch.nn.Parameter(torch.randn(1, 1, WIDTH))
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07

    def forward(
        self, regions: Float[Tensor, "pictures regions numbers"], texts: Int[Tensor, "texts words"]
    ) -> Float[Tensor, "pictures texts"]:
        """How well each picture fits each text: from -1 to 1, for "both" from -2 to 2."""
        bags, told = self.region(regions), normalize(self.text(self.words(texts).sum(1)), dim=-1)
        if self.pooling == "mean":
            return normalize(bags.mean(1), dim=-1) @ told.T
        if self.pooling == "attention":
            taken = self.look(self.query.expand(len(bags), -1, -1), bags, bags, need_weights=False)[0]
            return normalize(taken[:, 0], dim=-1) @ told.T
        scores = log_sum_exp(normalize(bags, dim=-1) @ told.T)
        if self.pooling == "best":
            return scores
        seen = bags + self.look(bags, bags, bags, need_weights=False)[0]
        return scores + normalize(seen.mean(1), dim=-1) @ told.T


def log_sum_exp(scores: Float[Tensor, "pictures regions texts"]) -> Float[Tensor, "pictures texts"]:
    """Between the mean over regions and the largest, and nearer to the largest; a smooth one, for gradients."""
    return (torch.logsumexp(SHARP * scores, 1) - math.log(scores.shape[1])) / SHARP


@cache
def lexicon() -> Lexicon:
    """The words of names."""
    return Lexicon(map(name, range(len(NAMES))))


def see(scenes: Sequence[Scene], seed: int) -> Float[Tensor, "scenes 36 128"]:
    """The patches of grainy pictures, as the frozen eyes see them."""
    return eyes.look(darken(scenes, GRAIN, seed))[:, 1:]


def name(number: int) -> str:
    """One of `NAMES` as a text."""
    return " ".join(NAMES[number])


@cache
def material() -> tuple[Float[Tensor, "scenes 36 128"], Int[Tensor, "scenes words"], Int[Tensor, " scenes"]]:
    """Training scenes of several things as the frozen eyes see them, and the name of one of the things, any."""
    scenes, rng = eyes.fresh("train", TRAIN, (THINGS,)), random.Random("one of them")
    chosen = [rng.choice(scene.things) for scene in scenes]
    names = torch.tensor([NAMES.index((thing.colour, thing.shape)) for thing in chosen])
    return see(scenes, 0), lexicon().write([name(number) for number in names.tolist()]), names


@cache
def train(seed: int, pooling: str) -> Bags:
    """Bags that learned from pictures and the name of one thing in each.

    Pictures of a batch whose captions are the same all count as right.
    """
    torch.manual_seed(seed)
    (regions, texts, names), at = material(), batches(TRAIN, BATCH, seed)
    model = Bags(pooling, lexicon(), regions.shape[-1])

    def loss(step: int) -> Tensor:
        rows = at(step)
        logits = model(regions[rows], texts[rows]) * model.log_scale.exp().clamp(max=100)
        return contrastive_loss(logits, (names[rows][:, None] == names[rows]).float())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def _mlp(numbers: int) -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(numbers, INNER), torch.nn.GELU(), torch.nn.Linear(INNER, WIDTH))
