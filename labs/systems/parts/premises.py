"""What is not there: whether a model that was asked to point says so, and says what is there instead (SESAME)."""

import random
from functools import cache

import torch

from labs.evaluation.metrics import exact_match
from labs.systems.claim import Scores
from labs.systems.parts import pointing_exam, pointing_taught
from labs.systems.parts.limit_tuning import Said, ask, load
from labs.systems.parts.pointed import THINGS, Absent, absent, correction, name, request


@cache
def asked_in_vain() -> tuple[Absent, ...]:
    """Something that is not there, for each held-out scene."""
    rng = random.Random("asked in vain")
    return tuple(absent(scene, rng, unseen=True) for scene in pointing_exam.scenes())


@cache
def told(seed: int, mix: str) -> tuple[Said, ...]:
    """What a model replies to that."""
    asked = [request(false.colour, false.shape) for false in asked_in_vain()]
    return tuple(ask(pointing_taught.taught(seed, mix), pointing_exam.pictures(), asked, pointing_exam.LONGEST))


@cache
def found_missing() -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """What the untuned model finds missing if it is asked beforehand: of what is there, and of what is not."""
    there = [scene.things[number % THINGS] for number, scene in enumerate(pointing_exam.scenes())]
    model, pictures = load(), pointing_exam.pictures()
    answers = [
        ask(model, pictures, [f"Is there {name(one)}?" for one in asked], 3) for asked in (there, asked_in_vain())
    ]
    true, false = (tuple(one.text == "no" for one in each) for each in answers)
    return true, false


def responded(seed: int, mix: str, first: bool = False) -> Scores:
    """Rightly: one thing of each scene found, and what is not there not pointed to. `first` asks beforehand."""
    number = torch.arange(len(pointing_exam.scenes()))
    hits = torch.tensor(pointing_exam.hits(pointing_exam.written(seed, mix)).values).view(-1, THINGS)
    true = hits[number, number % THINGS].bool()
    false = torch.tensor([one.text.startswith("no") for one in told(seed, mix)])
    if first:
        missed, missing = map(torch.tensor, found_missing())
        true, false = true & ~missed, false | missing
    return Scores(torch.cat([true, false]).float().tolist(), [*number.tolist()] * 2)


def corrected(seed: int, mix: str) -> Scores:
    """Where one thing has the shape that was asked for in another colour: 1 if the reply says so, and nothing else."""
    both = zip(told(seed, mix), asked_in_vain(), strict=True)
    found = [(exact_match(said.text, correction(false)), number) for number, (said, false) in enumerate(both)
             if false.instead]  # fmt: skip
    return Scores([value for value, _ in found], [number for _, number in found])
