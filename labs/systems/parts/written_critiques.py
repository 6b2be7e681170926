"""Learning from critiques in words, of whatever is sensed, as in Align Anything (Ji et al., 2024,
https://arxiv.org/abs/2412.15838).

    sensed, <describe>                          --> reply       red small left
    reply                         --annotator-->    critique    fine fine wrong
    sensed, reply, critique, <revise>           --> revision    red small up
    preference                                      revision over reply, learned by DPO

    binary preference: of two drawn replies the annotator says which one is better; learned by the same DPO

A critique names in words which part of a reply is wrong, not what were right. To describe and to revise is learned from
a few shots with true words; then both ways learn from equally many comparisons on other shots.
"""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import preferring_rows, shots, sound_films
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter

WAYS = ("critiques", "critiques of other replies", "binary", "revised without critique", "neither")
TELLS = {"seen": (0, 1, 2), "felt": (1, 2)}  # the kinds of word that are told of a sense
FINE, WRONG, DESCRIBE, REVISE = range(shots.WORDS, shots.WORDS + 4)
FEW, COMPARED, STEPS, BATCH, RATE = 24, 1024, 250, 32, 2e-3
SPOILT = 0.4  # how often a word of a reply to be revised in lessons is another one


def critique(reply: Int[Tensor, "n words"], true: Int[Tensor, "n words"]) -> Int[Tensor, "n words"]:
    """For each word whether it is right: what an annotator writes."""
    return torch.where(reply == true, FINE, WRONG)


def rows(sense: str, now: Int[Tensor, " n"], split: str = "train") -> list[Tensor]:
    """What is sensed of some shots, and the request to describe it."""
    return [shots.SENSES[sense](split)[now], torch.full((len(now), 1), DESCRIBE)]


def revising(rows: list[Tensor], reply: Int[Tensor, "n words"], said: Int[Tensor, "n words"]) -> list[Tensor]:
    """The same with a reply and its critique, and the request to revise it."""
    return [rows[0], reply, said, torch.full_like(rows[1], REVISE)]


def true_words(sense: str, split: str) -> Int[Tensor, "shots words"]:
    """What is true of shots, as far as it is told of this sense."""
    return shots.words(split)[:, list(TELLS[sense])]


def spoil(
    true: Int[Tensor, "n words"], sense: str, generator: torch.Generator, share: float = SPOILT
) -> Int[Tensor, "n words"]:
    """Some words become others of their kind."""
    counts, start = (torch.tensor(shots.COUNTS)[list(TELLS[sense])], shots.starts()[list(TELLS[sense])])
    other = (torch.rand(true.shape, generator=generator) * counts).long() + start
    return torch.where(torch.rand(true.shape, generator=generator) < share, other, true)


def texts_alone(sense: str, generator: torch.Generator) -> tuple[list[Tensor], int]:
    """Made-up words, spoilt, with their critique, and nothing sensed: here a critique is all there is to go by."""
    true = spoil(true_words(sense, "train")[:1].expand(BATCH, -1), sense, generator, 1.0)
    spoilt = spoil(true, sense, generator)
    nothing = [torch.zeros_like(shots.SENSES[sense]("train")[:BATCH]), torch.full((BATCH, 1), DESCRIBE)]
    return [*revising(nothing, spoilt, critique(spoilt, true)), true], 4


@cache
def first(seed: int, sense: str) -> MixedWriter:
    """Describes and revises as a few shots have taught it."""
    torch.manual_seed(seed)
    model, true = MixedWriter(shots.WORDS + 4, shots.WIDE, layers=2), true_words(sense, "train")
    at = batches(FEW, BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        given = rows(sense, now)
        spoilt = spoil(true[now], sense, torch.Generator().manual_seed(1000 * seed + step))
        revised = revising(given, spoilt, critique(spoilt, true[now]))
        told = model.loss([*given, true[now]], given=2) + model.loss([*revised, true[now]], given=4)
        return told + model.loss(*texts_alone(sense, torch.Generator().manual_seed(1000 * seed + step)))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def compared(seed: int, sense: str, way: str) -> tuple[list[Tensor], Tensor, Tensor]:
    """Rows of other shots, what is preferred of each, and to what. Raises ValueError for an unknown way."""
    model, now = first(seed, sense), torch.arange(FEW, FEW + COMPARED)
    given, true, length = rows(sense, now), true_words(sense, "train")[now], len(TELLS[sense])
    reply, other = (model.write(given, length, (0, shots.WORDS), draw=2 * seed + i) for i in range(2))
    if way == "binary":
        more = ((reply == true).sum(1) - (other == true).sum(1))[:, None]  # words that are right
        return given, torch.where(more < 0, other, reply), torch.where(more > 0, other, reply)  # of equals no pair
    said = {"critiques": critique(reply, true), "revised without critique": torch.full_like(reply, WRONG)}
    said["critiques of other replies"] = said["critiques"].roll(1, 0)
    if way not in said:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    return given, model.write(revising(given, reply, said[way]), length, (0, shots.WORDS)), reply


@cache
def taught(seed: int, sense: str, way: str) -> MixedWriter:
    """The first model after comparisons of one way, or of "neither"."""
    if way == "neither":
        return first(seed, sense)
    given, won, lost = compared(seed, sense, way)
    differ = (won != lost).any(1)
    return preferring_rows.prefer(first(seed, sense), [part[differ] for part in given], won[differ], lost[differ], seed)


def describes(seed: int, sense: str, way: str, another: bool = False) -> Scores:
    """1 for each right word about a shot of the exam, or as a control about `another` one."""
    true = true_words(sense, sound_films.EXAM)
    given = rows(sense, torch.arange(len(true)), sound_films.EXAM)
    told = taught(seed, sense, way).write(given, true.shape[1], (0, shots.WORDS))
    return shots.scored(shots.same(told, true, another))
