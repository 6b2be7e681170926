"""Held-out items of the micro-world: the same ones for every model, drawn from a seed. Controls for any pictures."""

import random
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from PIL import Image

from labs.evaluation.exam import Exam, Item, looks_of, several
from labs.world import splits
from labs.world.everyday import ask_everyday
from labs.world.picture import SIZE, draw
from labs.world.questions import KINDS, ask
from labs.world.scene import Scene
from labs.world.stories import Story, sample_story


def questions(pictures: int, seed: int = 0, kinds=KINDS, language: str = "en") -> tuple[list[Scene], list[Item]]:
    """Held-out scenes, with a question of every type that the scene offers."""
    rng = random.Random(f"held-out questions {seed}")
    scenes = [splits.sample(rng, "heldout") for _ in range(pictures)]
    asked = [(i, ask(scene, rng, kind, language)) for i, scene in enumerate(scenes) for kind in kinds]
    return scenes, [Item(i, q.kind, q.text, q.answer) for i, q in asked if q]


def exam(pictures: int, seed: int = 0, size: int = SIZE) -> Exam:
    """The same as an exam: what every mini model could do before it was tuned for something else."""
    scenes, items = questions(pictures, seed)
    return Exam([draw(scene, size) for scene in scenes], items)


def everyday_questions(pictures: int, seed: int = 0, kinds=KINDS) -> tuple[list[Scene], list[Item]]:
    """The same, asked as people type in wordings that training never sees."""
    rng = random.Random(f"held-out everyday questions {seed}")
    scenes = [splits.sample(rng, "heldout") for _ in range(pictures)]
    asked = [(i, ask_everyday(scene, rng, kind, kept=True)) for i, scene in enumerate(scenes) for kind in kinds]
    return scenes, [Item(i, q.kind, q.text, q.answer) for i, q in asked if q]


def stories(count: int, seed: int = 0) -> list[Story]:
    """Held-out stories."""
    rng = random.Random(f"held-out stories {seed}")
    return [sample_story(rng, "heldout") for _ in range(count)]


# ---------------------------------------------------------------------------------------------------------------
# Controls: the same items with the pictures taken away in two ways


def shuffled(pictures: Sequence) -> list:
    """Every picture replaced by the next that its entry does not show: real pictures, but of other scenes.

    Pictures count as the same if they look the same. Raises ValueError where an entry has no other picture.
    """
    looks, end, result = looks_of(pictures), 0, []
    flat = list(zip((picture for entry in pictures for picture in several(entry)), sum(looks, []), strict=True))
    for entry, seen in zip(pictures, looks, strict=True):
        end += len(seen)
        others = [picture for picture, look in flat[end:] + flat[:end] if look not in seen]
        if seen and not others:
            raise ValueError("shuffling needs two different pictures at least: all of these look the same")
        other = tuple(islice(cycle(others), len(seen)))
        result.append(other if isinstance(entry, Sequence) else other[0])
    return result


def blank(pictures: Sequence) -> list:
    """Every picture replaced by one of its mean colour."""
    return [_blank(entry) for entry in pictures]


def out_of_order(story: Story, rng: random.Random, size: int = SIZE) -> list[Image.Image]:
    """The story's pictures in an order that leaves none in its place."""
    order = list(range(len(story.scenes)))
    while any(i == place for place, i in enumerate(order)):
        rng.shuffle(order)
    return [draw(story.scenes[i], size) for i in order]


def _blank(entry: Any) -> Any:
    if isinstance(entry, Sequence):
        return [_blank(picture) for picture in entry]
    if callable(entry):
        return lambda: _blank(entry())
    return Image.new("RGB", entry.size, entry.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
