"""What is asked about films with their sound: answers to choose from, and what is right; frames in any order."""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import sound_films
from labs.systems.parts.sound_films import ANSWERS, films


@cache
def truth(split: str, kind: str) -> Int[Tensor, " films"]:
    """The number of the true answer to one kind of question, a key of `ANSWERS`."""
    return torch.tensor([ANSWERS[kind].index(film.answers()[kind]) for film in films(split)])


def truths(kinds: Sequence[str]) -> dict[str, Int[Tensor, " films"]]:
    """Of all training films."""
    return {kind: truth("train", kind) for kind in kinds}


@cache
def offered(split: str, kind: str) -> Bool[Tensor, "films answers"]:
    """Between which answers one has to choose."""
    told = [film.offered()[kind] for film in films(split)]
    return torch.tensor([[answer in some for answer in ANSWERS[kind]] for some in told])


def right(told: dict[str, Tensor], asked: Sequence[str], shift: int = 0) -> Scores:
    """1 for each right answer to the exam, one kind after another; `told` holds logits, (films, answers) a kind.

    As a control, with `shift` films are told what belongs to others, so many places on.
    """
    values = []
    for kind in asked:
        found = told[kind].roll(shift, 0).masked_fill(~offered(sound_films.EXAM, kind), -torch.inf).argmax(1)
        values += (found == truth(sound_films.EXAM, kind)).float().tolist()
    return Scores(values, list(range(len(films(sound_films.EXAM)))) * len(asked))


def shuffled(seen: Float[Tensor, "films frames ..."], seed: int) -> Float[Tensor, "films frames ..."]:
    """A control: the frames of each film in an order of their own."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([one[torch.randperm(len(one), generator=generator)] for one in seen])
