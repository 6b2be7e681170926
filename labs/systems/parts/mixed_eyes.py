"""Pairs that contrastive eyes confuse and label-free eyes tell apart, and a mixture of both eyes, as in MMVP (Tong et
al., 2024, https://arxiv.org/abs/2401.06209).

    mined pairs    two pictures that are alike to contrastive eyes and unlike to label-free ones
    mixture        rows of both eyes side by side ("interleaved"), or added up ("additive"), before a reader

The paper mixes patches; here an eye gives one row a picture.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from labs.systems.claim import Scores
from labs.systems.parts import two_eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.transformer_blocks import WIDTH
from labs.systems.parts.two_eyes import CHOICES, EYE, rows, scenes, truth

STEPS, BATCH, RATE = 200, 128, 5e-3
PAIRS, ALIKE = 150, 0.02  # how many pairs are mined, of this share of all, the most alike to contrastive eyes
MIXES = ("contrastive", "label-free", "interleaved", "additive")
EXAM = "exam"  # the split that is asked


def mine(seed: int, split: str) -> Int[Tensor, "pairs 2"]:
    """Pairs of pictures alike to contrastive eyes, and of these the ones most unlike to label-free eyes.

    Angles are those between rows less their mean; the words of the scenes are not looked at.
    """
    alike, unlike = (normalize(rows(seed, labels, split), dim=-1) for labels in (True, False))
    one, other = torch.triu_indices(len(alike), len(alike), 1)
    near, far = (alike[one] * alike[other]).sum(1), (unlike[one] * unlike[other]).sum(1)
    most = near.topk(int(ALIKE * len(near))).indices
    chosen = most[far[most].topk(min(PAIRS, len(most)), largest=False).indices]
    return torch.stack([one[chosen], other[chosen]], dim=1)


class Mixture(nn.Module):
    """Rows of both eyes, mixed, before a small reader with a head for each kind of question.

    Raises ValueError for a mix that is none of `MIXES`.
    """

    def __init__(self, mix: str):
        super().__init__()
        if mix not in MIXES:
            raise ValueError(f"mix must be one of {', '.join(MIXES)}, not {mix!r}")
        self.mix, self.adapters = mix, nn.ModuleList(nn.Linear(EYE, WIDTH) for _ in range(2))
        self.think = nn.Sequential(nn.Linear(2 * WIDTH, 2 * WIDTH), nn.GELU(), nn.LayerNorm(2 * WIDTH))
        self.heads = nn.ModuleDict({kind: nn.Linear(2 * WIDTH, len(words)) for kind, words in CHOICES.items()})

    def tokens(self, one: Float[Tensor, "n 12"], other: Float[Tensor, "n 12"]) -> Float[Tensor, "n 2 64"]:
        """Two places for what is seen; who has one eye, or adds both up, leaves the second empty."""
        told, free = (adapter(part) for adapter, part in zip(self.adapters, (one, other), strict=True))
        nothing = torch.zeros_like(told)
        places = {
            "contrastive": (told, nothing), "label-free": (free, nothing), "interleaved": (told, free),
            "additive": ((told + free) / 2, nothing),
        }  # fmt: skip
        return torch.stack(places[self.mix], dim=1)

    def forward(self, one: Float[Tensor, "n 12"], other: Float[Tensor, "n 12"]) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        thought = self.think(self.tokens(one, other).flatten(1))
        return {kind: head(thought) for kind, head in self.heads.items()}


@cache
def taught(seed: int, mix: str) -> Mixture:
    """A reader of frozen eyes, after lessons in place, colour and shape."""
    torch.manual_seed(seed)
    model, seen, at = (
        Mixture(mix),
        [rows(seed, labels, "train") for labels in (True, False)],
        batches(two_eyes.COUNTS["train"], BATCH, seed),
    )

    def loss(step: int) -> Tensor:
        now = at(step)
        told = model(*(part[now] for part in seen))
        return torch.stack([cross_entropy(told[kind], truth("train", kind)[now]) for kind in CHOICES]).mean()

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def tells(seed: int, mix: str, asked: tuple[str, ...], mined: bool = True, another: bool = False) -> Scores:
    """Right answers about both pictures of each mined pair, or about all held-out pictures."""
    told = taught(seed, mix)(*(rows(seed, labels, EXAM) for labels in (True, False)))
    about = mine(seed, EXAM).flatten() if mined else torch.arange(len(scenes(EXAM)))
    right = [told[kind].argmax(1).roll(int(another), 0)[about] == truth(EXAM, kind)[about] for kind in asked]
    return Scores(torch.cat(right).float().tolist(), about.tolist() * len(asked))
