"""Scene -> video clip. Each thing moves steadily in its direction; frame 0 is the picture of the scene.

In the whole clip a moving thing travels one radius of its own. Its centre so keeps to its cell, its place stays true
in every frame, and it never leaves the picture, though its rim may. More frames make the motion smoother, not longer.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from labs.world.picture import SIZE, check_size, draw
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import MOTIONS

FRAMES = 8
FRAMES_PER_SECOND = 8
_FILE_TYPES = (".gif", ".webp")


def film(scene: Scene, frames: int = FRAMES, size: int = SIZE) -> np.ndarray:
    """Film the scene: uint8 (frames, size, size, 3)."""
    check_size(size)
    if frames < 2:
        raise ValueError(f"frames must be at least 2, not {frames}")
    return np.stack([np.asarray(draw(moved(scene, i / (frames - 1)), size)) for i in range(frames)])


def moved(scene: Scene, progress: float) -> Scene:
    """The scene later on: `progress` is 0 at the start of the clip and 1 at its end."""
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be from 0 to 1, not {progress}")
    return replace(scene, things=tuple(_shift(thing, progress) for thing in scene.things))


def as_pictures(clip: np.ndarray) -> list[Image.Image]:
    """The frames of a clip as RGB pictures."""
    return [Image.fromarray(frame) for frame in clip]


def save(clip: np.ndarray, path: str | Path, frames_per_second: int = FRAMES_PER_SECOND) -> None:
    """Save a clip as an endless animation: .webp keeps every pixel, .gif has 256 colours a frame."""
    if Path(path).suffix not in _FILE_TYPES:
        raise ValueError(f"path must end in one of {_FILE_TYPES}, not {str(path)!r}")
    first, *rest = as_pictures(clip)
    duration = round(1000 / frames_per_second)  # milliseconds a frame
    first.save(path, save_all=True, append_images=rest, duration=duration, loop=0, lossless=True)


def _shift(thing: Thing, progress: float) -> Thing:
    x, y = MOTIONS[thing.motion]
    return replace(
        thing,
        x=thing.x + x * progress * _travel(thing.radius, thing.x, thing.column, x),
        y=thing.y + y * progress * _travel(thing.radius, thing.y, thing.row, y),
    )


def _travel(radius: float, start: float, cell: int, direction: int) -> float:
    """One radius, or nearly up to the edge of the cell for a thing that was put close to it by hand."""
    room = (cell + 1) / 3 - start if direction > 0 else start - cell / 3
    return min(radius, 0.99 * room)
