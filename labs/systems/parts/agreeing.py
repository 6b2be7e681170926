"""Embeddings of all senses and of some of them that are made to agree, as in LANISTR; then few labels.

    all senses   -> encoder -> z        -> stopped gradient  <-- agree -->  predictor <- z' <- encoder <- some masked
    beside masked modelling: of each sense's row half of the numbers are hidden, and told from the rest of that row

Similarity-based multimodal masking: negative cosine similarity of what a predictor makes of the masked embedding with
the full one, through which no gradient flows, as in SimSiam (Chen and He, 2020, https://arxiv.org/abs/2011.10566).
Source: LANISTR (Ebrahimi et al., 2023, https://arxiv.org/abs/2305.16556).
"""

from functools import cache
from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from labs.systems.claim import Scores
from labs.systems.parts import sense_rows
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.probe import standard_probe
from labs.systems.parts.sense_rows import CHOICES, SENSES, right, rows, truth

WIDTH = 64
STEPS, BATCH, RATE = 500, 128, 2e-3
LABELS, ALL = 64, 2048  # scenes whose shape is told; all of them
HIDDEN = 0.5  # share of a row's numbers in masked modelling
WAYS = {  # weights of masked modelling, of agreement, and of telling masked senses from the others
    "masked and agreeing": (1.0, 1.0, 0.0), "masked alone": (1.0, 0.0, 0.0), "told across senses": (0.0, 0.0, 1.0),
    "untrained": (0.0, 0.0, 0.0),
}  # fmt: skip


class Embedder(nn.Module):
    """Rows of the senses that are there -> one embedding; of masked ones nothing but their absence is read."""

    def __init__(self) -> None:
        super().__init__()
        count, size = len(SENSES), sense_rows.WIDTH
        self.read = nn.ModuleList(nn.Sequential(nn.Linear(size, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
                                  for _ in SENSES)  # fmt: skip
        self.absent = nn.Parameter(0.5 * torch.randn(count, WIDTH))
        self.fuse = nn.Sequential(nn.Linear(count * WIDTH, 2 * WIDTH), nn.BatchNorm1d(2 * WIDTH), nn.GELU(),
                                  nn.Linear(2 * WIDTH, WIDTH), nn.BatchNorm1d(WIDTH))  # fmt: skip
        self.predict = nn.Sequential(nn.Linear(WIDTH, WIDTH // 4), nn.BatchNorm1d(WIDTH // 4), nn.GELU(),
                                     nn.Linear(WIDTH // 4, WIDTH))  # fmt: skip
        self.complete = nn.ModuleList(nn.Linear(WIDTH, size) for _ in SENSES)
        self.tell = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, count * size))

    def each(self, given: Float[Tensor, "n senses 32"]) -> Float[Tensor, "n senses width"]:
        """Each sense by itself."""
        return torch.stack([part(given[:, i]) for i, part in enumerate(self.read)], dim=1)

    def forward(self, given: Float[Tensor, "n senses 32"], there: Bool[Tensor, "n senses"]) -> Float[Tensor, "n width"]:
        return self.fuse(torch.where(there[..., None], self.each(given), self.absent).flatten(1))

    def masked_modelling(
        self, given: Float[Tensor, "n senses 32"], hidden: Bool[Tensor, "n senses 32"]
    ) -> Float[Tensor, ""]:
        """Hidden numbers of each row, told from the others of that row."""
        read = self.each(given * ~hidden)
        told = torch.stack([part(read[:, i]) for i, part in enumerate(self.complete)], dim=1)
        return ((told - given) ** 2)[hidden].mean()

    def across(self, given: Float[Tensor, "n senses 32"], there: Bool[Tensor, "n senses"]) -> Float[Tensor, ""]:
        """Rows of masked senses, told from the embedding of the others: what needs no agreement to join senses."""
        return ((self.tell(self(given, there)).view_as(given) - given) ** 2)[~there].mean()

    def agreement(self, some: Float[Tensor, "n width"], whole: Float[Tensor, "n width"]) -> Float[Tensor, ""]:
        """-1 where what is predicted from masked embeddings points where the full ones do, which learn nothing."""
        return -cosine_similarity(self.predict(some), whole.detach(), dim=-1).mean()


def mask(scenes: int, generator: torch.Generator) -> Bool[Tensor, "{scenes} senses"]:
    """Which senses are there: one to all but one of them, as many as comes by chance."""
    order = torch.rand(scenes, len(SENSES), generator=generator).argsort(1).argsort(1)
    return order < torch.randint(1, len(SENSES), (scenes, 1), generator=generator)


@cache
def pretrain(seed: int, way: str) -> Embedder:
    """An embedder that has learned from all training scenes without labels. Raises KeyError for none of `WAYS`."""
    torch.manual_seed(seed)
    model, given, weights = Embedder(), rows("train"), WAYS[way]
    at, generator = batches(len(given), BATCH, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows_now, there = given[at(step)], mask(BATCH, generator)
        hidden = torch.rand(rows_now.shape, generator=generator) < HIDDEN
        whole = model(rows_now, torch.ones_like(there))
        terms = (model.masked_modelling(rows_now, hidden), model.agreement(model(rows_now, there), whole),
                 model.across(rows_now, there))  # fmt: skip
        return sum(weight * term for weight, term in zip(weights, terms, strict=True) if weight)

    if any(weights):
        learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


@cache
def shapes(seed: int, way: str, there: tuple[str, ...], labels: int = LABELS) -> Int[Tensor, " scenes"]:
    """Shapes of the exam's scenes, of which only some senses are `there`, told by a linear layer on the frozen embedder
    that has learned from few scenes with all senses there."""
    model, known, asked = pretrain(seed, way), rows("train")[:labels], rows(sense_rows.EXAM)
    whole = model(known, torch.ones(known.shape[:2], dtype=torch.bool))
    some = torch.tensor([sense in there for sense in SENSES]).expand(len(asked), -1)
    return standard_probe(whole, truth("train")[:labels], model(asked, some), len(CHOICES["shape"]), seed)


def few_labels(seed: int, way: str, labels: int = LABELS, lacking: int = 2, another: bool = False) -> Scores:
    """Right shapes where so many senses are missing, in all combinations."""
    parts = combinations(SENSES, len(SENSES) - lacking)
    return right(torch.cat([shapes(seed, way, part, labels) for part in parts]), another=another)
