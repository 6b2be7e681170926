"""Held-out items of the micro-world: the same ones for every model, drawn from a seed."""

import random
from dataclasses import dataclass

from PIL import Image

from labs.world import splits
from labs.world.everyday import ask_everyday
from labs.world.picture import draw
from labs.world.questions import KINDS, ask
from labs.world.scene import Scene
from labs.world.stories import Story, sample_story


@dataclass(frozen=True)
class Item:
    """A question about picture number `picture`."""

    picture: int
    kind: str
    question: str
    answer: str


def questions(pictures: int, seed: int = 0, kinds=KINDS, language: str = "en") -> tuple[list[Scene], list[Item]]:
    """Held-out scenes, with a question of every type that the scene offers."""
    rng = random.Random(f"held-out questions {seed}")
    scenes = [splits.sample(rng, "heldout") for _ in range(pictures)]
    asked = [(i, ask(scene, rng, kind, language)) for i, scene in enumerate(scenes) for kind in kinds]
    return scenes, [Item(i, q.kind, q.text, q.answer) for i, q in asked if q]


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


def shuffled(pictures: list[Image.Image]) -> list[Image.Image]:
    """Every picture replaced by its neighbour's: real pictures, but of other scenes."""
    return pictures[1:] + pictures[:1]


def blank(pictures: list[Image.Image]) -> list[Image.Image]:
    """Every picture replaced by one of its mean colour."""
    return [
        Image.new("RGB", picture.size, picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
        for picture in pictures
    ]


def out_of_order(story: Story, rng: random.Random) -> list[Image.Image]:
    """The story's pictures in an order that leaves none in its place."""
    order = list(range(len(story.scenes)))
    while any(i == place for place, i in enumerate(order)):
        rng.shuffle(order)
    return [draw(story.scenes[i]) for i in order]
