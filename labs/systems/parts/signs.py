"""Small things and written signs on large pictures, and what is asked about them."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from jaxtyping import Float
from torch import Tensor

from labs.systems.parts import eyes, told
from labs.systems.parts.lookout import Material
from labs.systems.parts.talk import pair
from labs.systems.parts.tiles import look
from labs.world.scene import Scene
from labs.world.vocabulary import SIGNS

TRAIN, HELDOUT, ASKED = 3072, 300, 6
UNREAD = SIGNS[-2:]  # words that stand on no sign in training: the language model knows them from texts alone
KINDS = ("colour", "shape")


@cache
def material(split: str, tiled: bool, words: tuple[str, ...] = SIGNS) -> Material:
    """Scenes of one or two things and a sign that says one of `words`, with several questions each.

    Held-out ones have one about a colour, one about a shape and one about the sign.
    """
    scenes = scenes_with_signs(split, words)
    asked = []
    for number, scene in enumerate(scenes):
        rng = random.Random(f"signs {number}")
        if split == "train":
            asked.append(told.questions(scene, rng, ASKED, (*KINDS, "sign", "sign")))
        else:
            asked.append([one for kind in (*KINDS, "sign") if (one := told.question(scene, rng, kind))])
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    return Material(scenes, _seen(split, words, tiled), pairs, [[one.kind for one in some] for some in asked])


@cache
def scenes_with_signs(split: str, words: Sequence[str]) -> tuple[Scene, ...]:
    """The scenes; every word stands on as many signs, but for the rest of a division."""
    rng, found = random.Random(f"signs {split}"), []
    for number, scene in enumerate(eyes.fresh(split, TRAIN if split == "train" else HELDOUT, (1, 2))):
        free = sorted(set(range(9)) - {thing.cell for thing in scene.things})
        found.append(replace(scene, sign=words[number % len(words)], sign_cell=rng.choice(free)))
    return tuple(found)


@cache
def _seen(split: str, words: tuple[str, ...], tiled: bool) -> Float[Tensor, "scenes regions 128"]:
    return look(scenes_with_signs(split, words), tiled)
