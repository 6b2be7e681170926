"""One reader tuned on coarse texts of films and fine texts of motion together, as in MotionLLM (Chen et al., 2024,
https://arxiv.org/abs/2405.20340).

    film    --translator--\\                     coarse, few: colour, size
    motion  --translator---> one language model  fine, many:  size, way

Each sense has a translator of its own, one linear layer; the language model is shared. A question is one word, its
answer another. Films and motions of lessons are of different things.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from labs.systems.claim import Scores
from labs.systems.parts import shots, sound_films
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter

TELLS = {"seen": (0, 1, 2), "felt": (1, 2)}  # the kinds of word that a sense is asked for
WAYS = {"together": ("seen", "felt"), "films alone": ("seen",), "motion alone": ("felt",)}
FILMS, STEPS, BATCH, RATE = 48, 200, 32, 2e-3  # films known; steps of each sense


def translated(sense: str, rows: Float[Tensor, "n rows 256"]) -> Float[Tensor, "n rows 512"]:
    """Each sense in numbers of its own, so that one linear layer before the language model is two translators."""
    return pad(rows, (0, shots.WIDE) if sense == "seen" else (shots.WIDE, 0))


def row(sense: str, split: str, now: Int[Tensor, " n"], kind: int) -> list[Tensor]:
    """What is sensed of some shots, and a question."""
    return [translated(sense, shots.SENSES[sense](split)[now]), torch.full((len(now), 1), shots.WORDS + kind)]


@cache
def taught(seed: int, way: str) -> MixedWriter:
    """The reader; each sense is met in as many steps in every way. Raises KeyError for a way that there is not."""
    torch.manual_seed(seed)
    model = MixedWriter(shots.WORDS + len(shots.KINDS), 2 * shots.WIDE, layers=2)
    senses, true = WAYS[way], shots.words("train")
    at = {"seen": batches(FILMS, BATCH, seed), "felt": batches(len(true) - FILMS, BATCH, seed + 1)}

    def loss(step: int) -> Tensor:
        sense, turn = senses[step % len(senses)], step // len(senses)
        kind = TELLS[sense][turn % len(TELLS[sense])]
        now = at[sense](turn) + (FILMS if sense == "felt" else 0)
        return model.loss([*row(sense, "train", now, kind), true[now, kind, None]], given=2)

    learn(model.parameters(), loss, STEPS * len(senses), RATE)
    return model.eval().requires_grad_(False)


def answers(seed: int, ways: dict[str, str], another: bool = False) -> Scores:
    """1 for each right answer about the exam's shots, each sense asked of the reader that was tuned in a way."""
    true, told, wanted = shots.words(sound_films.EXAM), [], []
    for sense, way in ways.items():
        for kind in TELLS[sense]:
            given = row(sense, sound_films.EXAM, torch.arange(len(true)), kind)
            told.append(taught(seed, way).write(given, 1, (0, shots.WORDS)))
            wanted.append(true[:, kind, None])
    return shots.scored(shots.same(torch.cat(told, 1), torch.cat(wanted, 1), another))
