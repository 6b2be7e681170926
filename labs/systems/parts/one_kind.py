"""A projection that learns one kind of question, about what no picture shows: which way a thing moves, how far it is.

It stands behind a new tower, which learns with it or stays as it came, or behind vectors of the joint space, whose
encoders are frozen.
"""

from collections.abc import Sequence
from functools import cache

from jaxtyping import Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import projected
from labs.systems.parts.hub import as_pictures_are, vectors
from labs.systems.parts.one_thing import ask, scenes
from labs.systems.parts.projected import Projected, answers, train
from labs.systems.parts.sensor_towers import perceived

STEPS = 150


@cache
def asked_one(seed: int, sense: str, kind: str, tower: type[nn.Module], frozen: bool) -> Projected:
    """A projection that learned one kind of question: behind a new tower, or from vectors of the joint space."""
    shown = _shown(seed, sense, "train", tower)
    model = projected.build(seed, shown[:100], tower)
    model.tower.requires_grad_(not frozen)
    train(model, shown, ask(scenes("train"), (kind,)), STEPS, seed)
    return model.eval().requires_grad_(False)


def _shown(seed: int, sense: str, split: str, tower: type[nn.Module]) -> Float[Tensor, "scenes ..."]:
    if tower is nn.Identity:
        return as_pictures_are(vectors(sense, split, seed))
    return perceived(sense, split)


def alone(
    seed: int, sense: str, kind: str, tower: type[nn.Module] = nn.Identity, frozen: bool = False,
    shifts: Sequence[int] = (0,),
) -> Scores:  # fmt: skip
    """1 where the one kind of question is answered rightly that a projection has learned; `frozen` leaves the tower as
    it came, at random."""
    model = asked_one(seed, sense, kind, tower, frozen)
    return answers(model, _shown(seed, sense, "heldout", tower), ask(scenes("heldout"), (kind,)), shifts)
