"""Pictures and texts as weights over one dictionary of finite discrete tokens, as in FDT (Chen et al., 2023,
https://arxiv.org/abs/2303.14865).

    regions --q--> nearness to each of 128 tokens --best over regions--> sparsemax --> weights, most of them 0
    words   --q--> nearness to the same tokens ----best over words-----> sparsemax --> weights, most of them 0

The vector of a picture or a text is the sum of the tokens, so weighed; the loss is CLIP's. Without the dictionary a
vector is the mean of regions or words, projected.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts.alignment_exams import first
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.transformer_blocks import WIDTH
from labs.systems.parts.two_things import TRAIN, lexicon, material
from labs.systems.parts.two_towers import TwoTowers

TOKENS, LONGEST = 128, 16
START = 0.02  # how sharply tokens are chosen at first: with 1 all pictures choose the same one, and none ever learns
STEPS, BATCH, RATE = 300, 128, 2e-3
GRAIN, LOUD = 0.7, 6.5  # noise, in units of the deviation of the eyes' features; that deviation
WAYS = ("dictionary", "no dictionary")


def sparsemax(scores: Float[Tensor, "n tokens"]) -> Float[Tensor, "n tokens"]:
    """The nearest point of the simplex: weights that add up to 1, and many of them 0 (Martins and Astudillo, 2016,
    https://arxiv.org/abs/1602.02068)."""
    ordered = scores.sort(dim=1, descending=True).values
    above, count = ordered.cumsum(1) - 1, torch.arange(1, scores.shape[1] + 1)
    kept = (ordered * count > above).sum(1, keepdim=True)
    return (scores - above.gather(1, kept - 1) / kept).clamp(min=0)


class Finite(TwoTowers):
    """Both towers end in weights over one dictionary."""

    def __init__(self) -> None:
        super().__init__(lexicon(), LONGEST)
        self.dictionary = nn.Parameter(torch.randn(TOKENS, WIDTH) / WIDTH**0.5)
        self.sharp = nn.Parameter(torch.tensor(START).log())

    def weights(
        self, rows: Float[Tensor, "n rows width"], there: Bool[Tensor, "n rows"] | None, side: int
    ) -> Float[Tensor, "n tokens"]:
        """How much of each token is in a picture (side 0) or a text (1), of whose rows some may not be there."""
        near = self.project[side](rows) @ self.dictionary.T  # (n, rows, tokens)
        if there is not None:
            near = near.masked_fill(~there[..., None], -torch.inf)
        return sparsemax(near.amax(1) * self.sharp.exp())

    def picture(self, seen: Float[Tensor, "n 9 width"]) -> Float[Tensor, "n width"]:
        return self.weights(seen, None, 0) @ self.dictionary

    def text(self, told: Float[Tensor, "n words width"], texts: Int[Tensor, "n words"]) -> Float[Tensor, "n width"]:
        return self.weights(told, texts != PAD, 1) @ self.dictionary


@cache
def shown(split: str) -> Tensor:
    """The regions with grain on what the eyes saw."""
    found = material(split).regions / LOUD
    noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(50 + len(split)))
    noise[..., -4:] = 0
    return found + GRAIN * noise


@cache
def trained(seed: int, way: str, shuffled: bool = False) -> TwoTowers:
    """Towers that learned by contrast; with `shuffled`, from the captions of other pictures.

    Raises ValueError for a way that is none of `WAYS`.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model = TwoTowers(lexicon(), LONGEST) if way == "no dictionary" else Finite()
    regions, texts = shown("train"), material("train").captions.roll(int(shuffled), 0)
    at = batches(TRAIN, BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        one, other = (nn.functional.normalize(part, dim=-1) for part in model.vectors(regions[now], texts[now]))
        return contrastive_loss(one @ other.T * model.scale, torch.eye(len(now)))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Is the own caption the first of a gallery for a picture, and the own picture for a caption?"""
    return first(*trained(seed, way, shuffled).vectors(shown("heldout"), material("heldout").captions))
