"""A picture of the micro-world that somebody puts together, or that is drawn at random; and what may be asked of it."""

import random
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from labs.errors import LabsError
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.questions import KINDS, Question, ask
from labs.world.scene import Scene, Thing, sample_thing
from labs.world.vocabulary import PLACES

SIDE = 288  # pixels
NOTHING = "nothing"
Chosen = tuple[str, str, str, str]  # size, colour, shape or NOTHING, place


class ComposeError(LabsError, ValueError):
    """What was chosen is no scene."""


def drawn(seed: int) -> Scene:
    """A scene of two to five things with a colour and a shape that no lesson showed in one thing."""
    rng = random.Random(f"demo {seed}")
    while True:
        scene = splits.sample(rng, "heldout")
        if 2 <= len(scene.things) <= 5:
            return scene


def composed(chosen: Sequence[Chosen], ground: Scene) -> Scene:
    """A scene of the things chosen, on the background of `ground`. Raises ComposeError, in one sentence."""
    wanted = [one for one in chosen if one[2] != NOTHING]
    if not wanted:
        raise ComposeError("There is nothing in the picture: choose a shape for one thing at least.")
    places = [place for *_, place in wanted]
    if twice := [place for place in PLACES if places.count(place) > 1]:
        raise ComposeError(f"Two things cannot share a place: move one of those at {twice[0]!r}.")
    return replace(ground, things=tuple(_thing(*one) for one in wanted), sign=None)


def chosen_of(scene: Scene, count: int) -> list[Chosen]:
    """The first `count` things of a scene as they would have been chosen; `NOTHING` where it has fewer."""
    things = [(thing.size, thing.colour, thing.shape, thing.place) for thing in scene.things[:count]]
    free = [place for place in PLACES if place not in {thing.place for thing in scene.things}]
    return things + [("big", "red", NOTHING, place) for place in free[: count - len(things)]]


def picture(scene: Scene) -> Image.Image:
    """At `SIDE` pixels."""
    return draw(scene, SIDE)


def suggest(scene: Scene, count: int, seed: int) -> list[Question]:
    """Questions of different kinds about a scene, with their true answers."""
    rng = random.Random(f"suggested {seed}")
    asked = [ask(scene, rng, kind) for kind in rng.sample(KINDS, len(KINDS))]
    return [one for one in asked if one][:count]


def words(scene: Scene | None) -> str:
    """What the picture shows, for whoever cannot see it."""
    return f"A drawn picture. {caption(scene)}" if scene else "The picture that you uploaded"


def _thing(size: str, colour: str, shape: str, place: str) -> Thing:
    cell = PLACES.index(place)
    middle = {"x": (cell % 3 + 0.5) / 3, "y": (cell // 3 + 0.5) / 3}
    return replace(sample_thing(random.Random(cell), cell, shape, colour), size=size, shade=1.0, **middle)
