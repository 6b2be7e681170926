"""A fixed budget of compute, divided between the parameters of a language model and the words that it reads.

    compute = 6 x parameters x words      so twice the parameters leave half the words

Chinchilla (Hoffmann et al., 2022, https://arxiv.org/abs/2203.15556) trains models of several sizes with the same
compute, and finds the best of them in the middle: IsoFLOP profiles. Each has a rate that falls over just its steps. No
word is read twice.
"""

import random
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts.base_words import END, words, write
from labs.systems.parts.fading_attention import Decoder
from labs.systems.parts.instructions import ASKED, question
from labs.systems.parts.learn import learn
from labs.world import splits
from labs.world.captions import caption
from labs.world.vocabulary import LANGUAGES

BUDGET = 6e9  # floating-point operations
STYLES = ("plain", "places", "prose")
WIDTHS, LAYERS = (4, 8, 16, 32), 2
LENGTH, BATCH, RATE = 32, 8, 2e-2  # words of a row, rows of a step
EXAM = 200  # rows of texts about held-out scenes


def text(rng: random.Random, split: str) -> list[int]:
    """A scene told in some style and either language, and two questions about it with their answers."""
    scene, language = splits.sample(rng, split, count=2, kind="free"), rng.choice(LANGUAGES)
    found = [END, *write(caption(scene, rng.choice(STYLES), language))]
    for kind in rng.sample(ASKED, 2):
        asked = question(scene, rng, kind, language)
        found += [*write(f"{asked.text} {asked.answer}"), END] if asked else []
    return found


@cache
def rows(split: str, count: int, seed: int) -> Int[Tensor, "rows words"]:
    """Texts one after the other, cut into rows; each row has one word more than is told of it."""
    rng, stream = random.Random(f"stream {split} {seed}"), []
    while len(stream) < count * (LENGTH + 1):
        stream += text(rng, split)
    return torch.tensor(stream[: count * (LENGTH + 1)]).view(count, LENGTH + 1)


def build(width: int, seed: int) -> Decoder:
    """An untrained one."""
    torch.manual_seed(seed)
    return Decoder(len(words()), width, LAYERS)


def parameters(model: Decoder) -> int:
    """All of them; what it reads with it also writes with."""
    return sum(one.numel() for one in model.parameters())


def steps(width: int) -> int:
    """How many a model of that width can afford. Raises ValueError for one too large for a single step."""
    count = int(BUDGET / (6 * parameters(build(width, 0)) * BATCH * LENGTH))
    if count < 1:
        raise ValueError(f"a width of {width} is too large for a budget of {BUDGET:g}")
    return count


@cache
def trained(seed: int, width: int) -> Decoder:
    """A model that has spent the budget, frozen. All sizes read the same stream, as far as they get."""
    model = build(width, seed)
    read = rows("train", BATCH * max(map(steps, WIDTHS)), seed)

    def loss(step: int) -> Tensor:
        return surprise(model, read[step * BATCH : (step + 1) * BATCH]).mean()

    learn(model.parameters(), loss, steps(width), RATE)
    return model.eval().requires_grad_(False)


def surprise(model: Decoder, read: Int[Tensor, "rows words"]) -> Tensor:
    """(rows, words - 1): minus the log-probability of every word but the first, in nats."""
    return cross_entropy(model(read[:, :-1]).transpose(1, 2), read[:, 1:], reduction="none")


def predicts(seed: int, width: int, untrained: bool = False) -> Scores:
    """The mean log-probability of a word in each row about held-out scenes, in nats."""
    model = build(width, seed).requires_grad_(False) if untrained else trained(seed, width)
    return Scores((-surprise(model, rows("heldout", EXAM, seed)).mean(1)).tolist(), range(EXAM))
