"""Which scenes a model may learn from, and which are kept back to test it.

The split is by content, not by seed. Eight of the 64 colour-shape pairs (each colour and each shape once) and two
pairs of shapes are never seen together in training; a held-out scene shows at least one of these combinations.
A story is kept back in the same way, by its plot (`labs.world.stories`).
"""

import random

from labs.world.scene import Scene, sample_scene
from labs.world.vocabulary import COLOURS, SHAPES

SPLITS = ("train", "heldout")
HELD_OUT_PAIRS = frozenset((colour, SHAPES[(3 * i + 1) % 8]) for i, colour in enumerate(COLOURS))
HELD_OUT_COMPANY = frozenset({frozenset({"heart", "moon"}), frozenset({"ring", "cross"})})


def is_held_out(scene: Scene) -> bool:
    """True if the scene shows a combination that training never shows."""
    return has_held_out_pair(scene) or has_held_out_company(scene)


def has_held_out_pair(scene: Scene) -> bool:
    """True if some thing has a colour and a shape that training never shows in one thing."""
    return any((thing.colour, thing.shape) in HELD_OUT_PAIRS for thing in scene.things)


def has_held_out_company(scene: Scene) -> bool:
    """True if two shapes stand in one scene that training never shows together."""
    shapes = {thing.shape for thing in scene.things}
    return any(pair <= shapes for pair in HELD_OUT_COMPANY)


def sample(rng: random.Random, split: str = "train", **kwargs) -> Scene:
    """Draw a scene of `split`; keyword arguments go to `sample_scene`."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    while True:
        scene = sample_scene(rng, **kwargs)
        if is_held_out(scene) == (split == "heldout"):
            return scene
