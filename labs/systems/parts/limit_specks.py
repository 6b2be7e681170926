"""Things too far away to be told: specks of a few pixels, of which eyes like these get the colour and not the shape.

The picture holds them, and whoever wrote about it knew what they were: so annotators see more of a photograph than an
encoder that is given 224 pixels of it.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from labs.systems.parts.facts import there
from labs.world.picture import SIZE, draw, paint, stamp
from labs.world.scene import Scene, Thing, sample_thing
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

WIDTH = 3  # pixels of a speck, where a small thing has 12
NAMES = tuple((colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in HELD_OUT_PAIRS)


def draw_far(near: Scene, far: Sequence[Thing]) -> Image.Image:
    """The picture of a scene, and of some things that are so far away that they are `WIDTH` pixels wide."""
    picture = draw(near)
    for thing in far:
        mask, _ = stamp(replace(thing, size="big"), SIZE)
        mask = mask.resize((WIDTH, WIDTH), Image.Resampling.BOX)
        picture.paste(paint(thing), tuple(round(at * SIZE - WIDTH / 2) for at in (thing.x, thing.y)), mask)
    return picture


def joins(scene: Scene, pair: tuple[str, str], rng: random.Random) -> Thing:
    """A thing of that colour and shape in a place where the scene has none."""
    free = sorted(set(range(9)) - {thing.cell for thing in scene.things})
    return sample_thing(rng, rng.choice(free), pair[1], pair[0])


def absent(scene: Scene, rng: random.Random, but: Sequence[tuple[str, str]] = ()) -> tuple[str, str]:
    """A colour and a shape that the scene does not show in one thing, and none of `but`."""
    return rng.choice([pair for pair in NAMES if pair not in there(scene) and pair not in but])
