"""What belongs together when a language model learns to embed: four kinds of query, each with the text that is wanted.

    text       a caption                                        the same scene in another wording or language
    picture    a picture                                        its caption
    edited     a picture of one thing, "make it blue."          the caption of the picture after that
    alike      a picture of one thing, "the same colour."       the caption of another thing of that colour

With every wanted text comes one that is nearly right, and wrong: a caption with two colours exchanged, the caption of
the picture before the edit or after another one, a thing that is alike in another respect. All is for training.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.parts.embed_scenes import RESPECTS, cube, edit, like, scene_with_twin
from labs.world import splits
from labs.world.captions import caption
from labs.world.scene import Scene, Thing

REQUEST = " Say what is where."  # the words that every row ends with
COUNT = 1024  # pairs of each kind


class Side(NamedTuple):
    """What is embedded: a scene's picture, or no picture, and words."""

    scene: Scene | None
    words: str


class Pair(NamedTuple):
    """A query, what is wanted, a decoy. Of "edited" also all decoys that differ in one word from what is wanted.

    Of "alike" also what is asked for, and the things that the two texts tell of.
    """

    query: Side
    wanted: Side
    decoy: Side
    near: tuple[Side, ...] = ()
    value: tuple[str, str] | None = None
    things: tuple[Thing, ...] = ()


def told(scene: Scene, rng: random.Random | None = None) -> Side:
    """A scene as a text: its caption with places, or one of four that say the same, in two languages."""
    style, language = (rng.choice(("places", "prose")), rng.choice(("en", "es"))) if rng else ("places", "en")
    return Side(None, caption(scene, style, language).rstrip(".") + "." + REQUEST)


def shown(scene: Scene, words: str = "") -> Side:
    """A scene as a picture, perhaps with words about what is sought."""
    return Side(scene, words + REQUEST if words else REQUEST.strip())


def _text(rng: random.Random) -> Pair:
    scene, twin = scene_with_twin(rng, "train")
    query, wanted = (told(scene, rng) for _ in range(2))
    while query == wanted:
        wanted = told(scene, rng)
    return Pair(query, wanted, told(twin, rng))


def _picture(rng: random.Random) -> Pair:
    scene, twin = scene_with_twin(rng, "train")
    return Pair(shown(scene), told(scene), told(twin))


def _edited(rng: random.Random) -> Pair:
    one = edit(rng, "train")
    near = cube(one, rng)[1:4]
    if any(map(splits.is_held_out, near)):
        return _edited(rng)
    near = tuple(map(told, near))
    return Pair(shown(one.before, one.words), told(one.after), rng.choice(near), near)


def _alike(rng: random.Random) -> Pair:
    scene, respect = splits.sample(rng, count=1), rng.choice(RESPECTS)
    both = [like(scene, name, rng) for name in (respect, rng.choice([name for name in RESPECTS if name != respect]))]
    if any(map(splits.is_held_out, both)):
        return _alike(rng)
    value = respect, getattr(scene.things[0], respect)
    return Pair(shown(scene, asked_alike(respect)), told(both[0]), told(both[1]), (), value,
                tuple(one.things[0] for one in both))  # fmt: skip


def asked_alike(respect: str) -> str:
    """What is said to ask for a thing that is alike in one respect."""
    return f"The same {respect}."


KINDS: dict[str, Callable[[random.Random], Pair]] = {
    "text": _text, "picture": _picture, "edited": _edited, "alike": _alike,
}  # fmt: skip


@cache
def pairs(kind: str) -> tuple[Pair, ...]:
    """All pairs of a kind: the same for every arm and seed."""
    rng = random.Random(f"embed {kind}")
    return tuple(KINDS[kind](rng) for _ in range(COUNT))


def right(chosen: Sequence[Pair]) -> Float[Tensor, "pairs 2*pairs"]:
    """1 where one of the wanted texts, then of the decoys, is right for a query: its own, or one that says as much."""
    documents = [(pair[1 + side], pair.things[side] if pair.things else None) for side in (0, 1) for pair in chosen]
    return torch.tensor([[float(_fits(pair, *document)) for document in documents] for pair in chosen])


def _fits(pair: Pair, text: Side, thing: Thing | None) -> bool:
    if pair.value is None:
        return text == pair.wanted
    return getattr(thing, pair.value[0]) == pair.value[1]
