"""Batches chosen as a whole, as in JEST (Evans et al., 2024, https://arxiv.org/abs/2406.17711).

    super-batch of noisy pairs --learner, reference--> loss of every picture with every caption, both
    learnability of (picture, caption) = learner's loss - reference's loss
    sub-batch: chunk by chunk; a pair is drawn by its own learnability and that with all pairs drawn before

What the learner finds hard and the reference, which has learned from few clean pairs, finds easy can be learned; of
wrong captions both have a high loss. The loss is a sum over pairs of picture and caption (SigLIP), so that parts add
up.
"""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize

from labs.systems.claim import Scores
from labs.systems.parts import eyes, two_things
from labs.systems.parts.assembled import Embedding, Encoder, Model, Whole
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.regions import WIDTH as REGION
from labs.systems.parts.regions import regions as regions_of
from labs.world.captions import caption

WIDTH, LAYERS, HEADS = 64, 1, 4
CLEAN, NOISY, WRONG = 512, 3072, 0.7  # clean pairs of the reference; pairs of the learner, and the wrong among them
SUPER, SUB, CHUNKS = 256, 64, 8  # pairs of a super-batch and of a sub-batch, which is chosen in so many chunks
STEPS, REFERENCE_STEPS, RATE = 150, 200, 2e-3
WAYS = ("learnability", "hard", "uniform", "right pairs")
COUNT, SEED = 300, 9  # held-out scenes of the exam, no two with the same caption


class Pairs(nn.Module):
    """A tower of regions and one of words, a scale and a bias: a sigmoid for each picture with each caption."""

    def __init__(self, words: int):
        super().__init__()
        self.see = Model(Embedding(WIDTH, numbers=REGION), Encoder(WIDTH, LAYERS, HEADS), Whole(WIDTH, WIDTH))
        self.read = Model(Embedding(WIDTH, words=words), Encoder(WIDTH, LAYERS, HEADS), Whole(WIDTH, WIDTH))
        self.scale, self.bias = nn.Parameter(torch.tensor(2.3)), nn.Parameter(torch.tensor(-5.0))

    def forward(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "m words"]) -> Float[Tensor, "n m"]:
        """Logits."""
        seen, told = normalize(self.see(regions), dim=1), normalize(self.read(captions), dim=1)
        return self.scale.exp() * seen @ told.T + self.bias

    def losses(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, "n n"]:
        """Of every picture with every caption, its own on the diagonal."""
        own = 2 * torch.eye(len(regions)) - 1
        return -logsigmoid(own * self(regions, captions))


def choose(scores: Float[Tensor, "n n"], count: int, chunks: int, generator: torch.Generator) -> Int[Tensor, " count"]:
    """The pairs of a sub-batch. Raises ValueError if `count` cannot be split into equal chunks."""
    if count % chunks:
        raise ValueError(f"count must be a multiple of {chunks} chunks, not {count}")
    drawn = torch.zeros(len(scores), dtype=torch.bool)
    for _ in range(chunks):
        logits = scores.diagonal() + scores[drawn].sum(0) + scores[:, drawn].sum(1)
        chances = logits.masked_fill(drawn, -torch.inf).softmax(0).clamp(min=1e-12).masked_fill(drawn, 0)
        drawn[torch.multinomial(chances, count // chunks, generator=generator)] = True
    return drawn.nonzero()[:, 0]


@cache
def pairs(seed: int) -> tuple[Float[Tensor, "n 9 132"], Int[Tensor, "n words"], Tensor]:
    """The learner's pairs, and which of them are right; the others have a caption of another scene."""
    given, generator = two_things.material("train"), torch.Generator().manual_seed(seed)
    regions, captions = given.regions[CLEAN : CLEAN + NOISY], given.captions[CLEAN : CLEAN + NOISY]
    wrong = torch.rand(len(captions), generator=generator) < WRONG
    captions = captions.clone()
    captions[wrong] = captions[wrong].roll(1, 0)
    return regions, captions, ~wrong


@cache
def reference(seed: int) -> Pairs:
    """What has learned from the clean pairs alone."""
    given = two_things.material("train")
    regions, captions, at = given.regions[:CLEAN], given.captions[:CLEAN], batches(CLEAN, SUB, seed)
    return _taught(seed + 100, lambda model, step: model.losses(regions[at(step)], captions[at(step)]), REFERENCE_STEPS)


@cache
def learner(seed: int, way: str) -> Pairs:
    """What has learned from sub-batches chosen in one of `WAYS`; a uniform one is the start of a super-batch.

    hard: by the learner's loss alone. Raises ValueError for another way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    regions, captions, right = pairs(seed)
    if way == "right pairs":
        regions, captions = regions[right], captions[right]
    at, generator = batches(len(regions), min(SUPER, len(regions)), seed), torch.Generator().manual_seed(seed)
    guide = reference(seed)

    def chosen(model: Pairs, step: int) -> Tensor:
        rows = at(step)
        if way in ("uniform", "right pairs"):
            return rows[:SUB]
        with torch.no_grad():
            scores = model.losses(regions[rows], captions[rows])
            if way == "learnability":
                scores = scores - guide.losses(regions[rows], captions[rows])
        return rows[choose(scores, SUB, CHUNKS, generator)]

    def losses(model: Pairs, step: int) -> Tensor:
        now = chosen(model, step)
        return model.losses(regions[now], captions[now])

    return _taught(seed, losses, STEPS)


@cache
def exam() -> tuple[Float[Tensor, "n 9 132"], Int[Tensor, "n words"]]:
    """Held-out scenes of two things and their captions. Settings were chosen on those of `two_things`."""
    found = {caption(scene, "plain"): scene for scene in eyes.scenes("heldout", 2 * COUNT, (2,), seed=SEED)}
    shown = list(found.items())[:COUNT]
    return regions_of([scene for _, scene in shown]), two_things.lexicon().write([text for text, _ in shown])


def finds(seed: int, way: str, another: bool = False) -> Scores:
    """Is a held-out picture's caption the first of all, for the learner or the "reference"? Or `another` picture's?"""
    model, (seen, told) = reference(seed) if way == "reference" else learner(seed, way), exam()
    with torch.no_grad():
        first = model(seen, told).argmax(1)
    truth = torch.arange(len(first)).roll(int(another))
    return Scores((first == truth).float().tolist(), list(range(len(first))))


def _taught(seed: int, losses: Callable[[Pairs, int], Tensor], steps: int) -> Pairs:
    torch.manual_seed(seed)
    model = Pairs(len(two_things.lexicon()))
    learn(model.parameters(), lambda step: losses(model, step).sum(1).mean(), steps, RATE)
    return model.eval().requires_grad_(False)
