"""Ideal prompts learned from texts alone, as in P-Former (Jian et al., 2023, https://arxiv.org/abs/2307.07063).

    1 texts    a sentence --P-Former--> 4 prompts --frozen language model--> the same sentence       no picture is seen
    2 pairs    a picture --Q-Former--> 4 prompts --frozen language model--> the same
                                          '-- near the prompts of the picture's own sentence

The second loss is what the paper adds to BLIP-2's training, which stays as it is without it.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from labs.models.connectors.qformer import QFormer
from labs.systems.claim import Scores
from labs.systems.parts import told
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.prompted_talker import LANGUAGE, PROMPTS, describes, descriptions, scenes, seen, teach

WIDTH, LONGEST, REGION = 64, 8, 132
TEXT_STEPS, STEPS = 300, 100
WEIGHT = 3.0  # of the prompts' distance
WAYS = ("aligned", "language loss alone", "another's prompts")


class Prompter(nn.Module):
    """Rows of numbers -> prompts, by a Q-Former."""

    def __init__(self, size: int):
        super().__init__()
        self.queries, self.out = QFormer(WIDTH, size, PROMPTS), nn.Linear(WIDTH, LANGUAGE)

    def forward(self, rows: Float[Tensor, "n rows size"]) -> Float[Tensor, "n 4 96"]:
        return 0.2 * self.out(self.queries(rows))


class PFormer(Prompter):
    """Words of a sentence -> the prompts that make the language model say it."""

    def __init__(self) -> None:
        super().__init__(WIDTH)
        self.words, self.places = nn.Embedding(len(told.lexicon()), WIDTH), nn.Parameter(torch.randn(LONGEST, WIDTH))

    def forward(self, words: Int[Tensor, "n words"]) -> Float[Tensor, "n 4 96"]:
        rows = self.words(words) + self.places[: words.shape[1]]
        return super().forward(rows * (words != PAD)[..., None])


def sentences(split: str) -> Int[Tensor, "n 8"]:
    """Each scene's description in words, filled up."""
    rows = told.lexicon().write([told.tell(scene) for scene in scenes(split)])
    return nn.functional.pad(rows, (0, LONGEST - rows.shape[1]), value=PAD)


@cache
def ideal(seed: int) -> PFormer:
    """The P-Former after the first stage."""
    torch.manual_seed(seed)
    return teach(PFormer(), sentences("texts"), descriptions("texts"), seed, TEXT_STEPS)


@cache
def taught(seed: int, way: str) -> Prompter:
    """The Q-Former after the second stage. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    beside = None
    if way != "language loss alone":
        wanted = ideal(seed)(sentences("pairs")).roll(int(way != "aligned"), 0)

        def beside(prompts: Tensor, now: Tensor) -> Tensor:
            return WEIGHT * mse_loss(prompts, wanted[now])

    torch.manual_seed(seed)
    return teach(Prompter(REGION), seen("pairs"), descriptions("pairs"), seed, STEPS, beside)


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """What is told rightly of held-out pictures."""
    return describes(taught(seed, way), another)
