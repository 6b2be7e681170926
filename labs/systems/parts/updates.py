"""One model updated again and again, a skill at a time, and the weights of its language model after every update.

    base --thermal--> 1 --cells--> 2 --counts--> 3 --depth--> 4

Each update is a tuning of its own on the engine: all weights of the language model, a rate that warms up again and
falls to nothing, as many rows and steps whatever came before. Eyes and projector stay as they are.

plain      each update learns from rows of its own skill alone
replay     a share of its rows are old ones instead: of every skill before, and of what the base could do
merged     after each update the weights go back a part of the way to where they were before it, and the next update
           begins there
reversed   plain, the last skill first
"""

import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from labs.data import records
from labs.models.entry import Loaded
from labs.systems.parts import camera, new_skills
from labs.systems.parts.new_skills import SAMPLERS, Shown
from labs.tuning.fit import fit

Weights = Mapping[str, Tensor]  # of a language model, by name

ORDER = tuple(SAMPLERS)
WAYS = ("plain", "replay", "merged", "reversed")
STEPS, BATCH, RATE = 100, 8, 6e-4  # the rate of full tuning that labs.systems.lora found on other scenes
REPLAYED = 0.25  # of the rows of an update
BACK = 0.5  # of the way, where updates are merged


def base() -> Loaded:
    """The bundled mini-llava, of which the language model may be changed."""
    loaded = camera.load()
    loaded.model.requires_grad_(False)
    loaded.model.get_decoder().requires_grad_(True)
    return loaded


def update(loaded: Loaded, rows: Sequence[Shown], seed: int) -> Loaded:
    """The model after `STEPS` on these rows, changed in place: whatever of it can learn does."""
    taught = records.of([camera.entry(*row) for row in rows], "an update")
    with TemporaryDirectory() as folder:
        fit(
            loaded.model, loaded.processor, taught, [], Path(folder) / "run", steps=STEPS, batch=BATCH,
            learning_rate=RATE, seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    return loaded


def order(way: str) -> tuple[str, ...]:
    """The skills as they come. Raises ValueError for a way that there is not."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    return ORDER[::-1] if way == "reversed" else ORDER


def rows(way: str, number: int, seed: int) -> list[Shown]:
    """What update number 0, 1, ... learns from, the same number of rows in every way."""
    skills = order(way)
    new = new_skills.lessons(skills[number], seed)
    if way != "replay":
        return new
    rng = random.Random(f"replay {number} {seed}")
    sources = [new_skills.ordinary(seed), *(new_skills.lessons(skill, seed) for skill in skills[:number])]
    count = round(REPLAYED * len(new))
    old = [rng.choice(sources[turn % len(sources)]) for turn in range(count)]
    return [*old, *new[count:]]


@cache
def chain(way: str, seed: int) -> tuple[Weights, ...]:
    """The weights of the base, and after each of the four updates."""
    loaded = base()
    found = [weights(loaded)]
    for number in range(len(ORDER)):
        update(loaded, rows(way, number, seed), seed)
        found.append(weights(loaded))
        if way == "merged":
            found[-1] = mean(found[-2:], (BACK, 1 - BACK))
            fill(loaded, found[-1])
    return tuple(found)


def weights(loaded: Loaded) -> Weights:
    """A copy of those of the language model."""
    return {name: tensor.detach().clone() for name, tensor in loaded.model.get_decoder().state_dict().items()}


def fill(loaded: Loaded, given: Weights) -> Loaded:
    """The model with these weights in its language model, changed in place."""
    loaded.model.get_decoder().load_state_dict(given)
    return loaded


def mean(several: Sequence[Weights], shares: Sequence[float] | None = None) -> Weights:
    """Weight by weight the sum of so large shares, equal ones if none are named. Raises ValueError for unequal models.

    Shares need not add up to 1: twice (1, 1) and of the base -1 is the sum of both changes (task arithmetic, Ilharco
    et al., 2022, https://arxiv.org/abs/2212.04089).
    """
    first = several[0]
    if any(one.keys() != first.keys() for one in several):
        raise ValueError("models whose weights have other names cannot be merged")
    shares = shares or [1 / len(several)] * len(several)
    return {name: torch.stack([share * one[name] for share, one in zip(shares, several, strict=True)]).sum(0)
            for name in first}  # fmt: skip
