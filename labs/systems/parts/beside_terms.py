"""What may stand beside the contrast of pairs: clusters, two views of a picture, words with regions, a sentence bank.

| term     | loss                                                                  | source                      |
|----------|-----------------------------------------------------------------------|-----------------------------|
| Clusters | pictures and captions each choose the cluster of their joint vector   | MCN (Chen et al., 2021)     |
| TwoViews | two spoilt views of a picture find each other: one sense by itself    | benchmark (Roy et al., 2024) |
| Local    | pairs are scored by each word and the regions that it attends to      | benchmark (Roy et al., 2024) |
| Bank     | sentences, rebuilt from prototypes, which pictures tell               | PRIOR (Cheng et al., 2023)  |

MCN: https://arxiv.org/abs/2104.12671. Benchmark of medical contrastive methods: https://arxiv.org/abs/2406.07450, whose
losses within one sense and whose local features these two stand for. PRIOR: https://arxiv.org/abs/2307.12577.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gumbel_softmax, normalize

from labs.models.connectors.attention import Attention
from labs.systems.parts.objectives import contrast
from labs.systems.parts.transformer_blocks import HEADS, WIDTH
from labs.systems.parts.two_towers import TwoTowers
from labs.systems.parts.web import lexicon

CLUSTERS, MEMORY, EVERY, ROUNDS = 32, 512, 20, 5  # vectors remembered; steps from one clustering to the next
SPOILT, AWAY = 0.5, 0.2  # noise of a view, and the share of its regions that are hidden
SHARP = 10.0  # of words' attention to regions
PROTOTYPES = 64
PHRASES = ((2, 3), (6, 7))  # where colours and shapes stand in "<cls> a red circle and a blue star <end>"
NAMING = [place for phrase in PHRASES for place in phrase]


class Now(NamedTuple):
    """What a step has computed already: tokens of both towers, and the pairs' vectors."""

    regions: Float[Tensor, "n 9 132"]
    captions: Int[Tensor, "n words"]
    seen: Float[Tensor, "n 9 width"]
    told: Float[Tensor, "n words width"]
    one: Float[Tensor, "n width"]
    two: Float[Tensor, "n width"]


class Clusters(nn.Module):
    """k-means over the joint vectors of the last pairs; a fresh one has no clusters, and no loss, for `EVERY` steps."""

    def __init__(self):
        super().__init__()
        self.memory, self.centres, self.steps = torch.zeros(0, WIDTH), None, 0

    def forward(self, model: TwoTowers, now: Now, generator: torch.Generator) -> Float[Tensor, ""]:
        """Cross-entropy of both senses' similarities to all centres, with the joint vector's own as the truth."""
        one, two = normalize(now.one, dim=-1), normalize(now.two, dim=-1)
        joint = normalize(one + two, dim=-1).detach()
        self.memory, self.steps = torch.cat([joint, self.memory])[:MEMORY], self.steps + 1
        if self.steps % EVERY == 0 and len(self.memory) >= CLUSTERS:
            start = self.memory[torch.randperm(len(self.memory), generator=generator)[:CLUSTERS]]
            self.centres = k_means(self.memory, start if self.centres is None else self.centres)
        if self.centres is None:
            return torch.zeros(())
        own = (joint @ self.centres.T).argmax(1)
        return sum(cross_entropy(model.scale * part @ self.centres.T, own) for part in (one, two)) / 2


def k_means(points: Float[Tensor, "n width"], centres: Float[Tensor, "k width"]) -> Float[Tensor, "k width"]:
    """Spherical k-means: unit vectors, each with its nearest centre; centres without any stay where they are."""
    for _ in range(ROUNDS):
        own = nn.functional.one_hot((points @ centres.T).argmax(1), len(centres)).to(points.dtype)
        centres = torch.where(own.sum(0)[:, None] > 0, normalize(own.T @ points, dim=-1), centres)
    return centres


class TwoViews(nn.Module):
    """Contrast within pictures, behind a projection of its own."""

    def __init__(self):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, model: TwoTowers, now: Now, generator: torch.Generator) -> Float[Tensor, ""]:
        """No caption is read."""
        views = [self.project(model.see(spoil(now.regions, generator)).mean(1)) for _ in range(2)]
        return contrast(*views, model.scale.detach())


def spoil(regions: Float[Tensor, "n 9 132"], generator: torch.Generator) -> Float[Tensor, "n 9 132"]:
    """A view: noise on features, not on boxes, and some regions hidden."""
    noise = SPOILT * torch.randn(regions.shape, generator=generator)
    noise[..., -4:] = 0
    away = torch.rand(regions.shape[:2], generator=generator) < AWAY
    return (regions + noise).masked_fill(away[..., None], 0.0)


class Local(nn.Module):
    """Colours and shapes attend to regions; how near each lies to what it took, added up, is the score of a pair."""

    def forward(self, model: TwoTowers, now: Now, generator: torch.Generator) -> Float[Tensor, ""]:
        near = model.scale * local_scores(now.seen, now.told)
        own = torch.arange(len(near))
        return (cross_entropy(near, own) + cross_entropy(near.T, own)) / 2


def local_scores(seen: Float[Tensor, "n 9 width"], told: Float[Tensor, "m words width"]) -> Float[Tensor, "n m"]:
    """The mean over a caption's colours and shapes of the cosine of each with the regions that it attends to."""
    seen, told = normalize(seen, dim=-1), normalize(told[:, NAMING], dim=-1)
    near = torch.einsum("nrd,mwd->nmwr", seen, told)
    taken = normalize(torch.einsum("nmwr,nrd->nmwd", (SHARP * near).softmax(-1), seen), dim=-1)
    return (taken * told).sum(-1).mean(-1)


class Bank(nn.Module):
    """PRIOR's sentence prototypes; a caption has a sentence for each thing."""

    def __init__(self):
        super().__init__()
        self.prototypes = nn.Parameter(torch.randn(PROTOTYPES, WIDTH))
        self.rebuild = nn.Linear(WIDTH, len(PHRASES[0]) * len(lexicon()))
        self.asks, self.look = (
            nn.Parameter(torch.randn(1, len(PHRASES), WIDTH) * 0.1),
            Attention(WIDTH, HEADS, bias=True),
        )

    def forward(self, model: TwoTowers, now: Now, generator: torch.Generator) -> Float[Tensor, ""]:
        """Sentences are rebuilt from a prototype that stands for them; pictures tell which one that is."""
        phrases = now.captions[:, PHRASES]  # (n, sentences, words)
        sentences = model.read(phrases.flatten(0, 1)).mean(1)
        near = sentences @ self.prototypes.T / WIDTH**0.5
        chosen = gumbel_softmax(near, hard=True)
        words = self.rebuild(chosen @ self.prototypes).unflatten(1, (len(PHRASES[0]), -1))
        rebuilt = cross_entropy(words.flatten(0, 1), phrases.flatten())
        asked = self.look(self.asks.expand(len(phrases), -1, -1), now.seen).flatten(0, 1)
        return rebuilt + cross_entropy(asked @ self.prototypes.detach().T / WIDTH**0.5, near.argmax(1))


TERMS = {"clusters": Clusters, "two views": TwoViews, "local": Local, "bank": Bank}
