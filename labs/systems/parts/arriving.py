"""Frames that come one after another, each encoded while the next one is awaited, or all of them when a question comes.

    frame    0    1    2    3 question         frame    0    1    2    3 question
    eyes      [0]  [1]  [2]   [3] answer       eyes                      [0][1][2][3] answer

It is taken for granted that encoding a frame takes less time than passes until the next one comes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.systems.parts import eyes
from labs.systems.parts.lookout import look


class Arriving:
    """What has come of a film. With `meanwhile` a frame is encoded before the next one comes, and its features kept."""

    def __init__(self, meanwhile: bool):
        self.meanwhile = meanwhile
        self.waiting: list[Image.Image] = []
        self.kept: list[Float[Tensor, "1 36 128"]] = []

    def arrive(self, frame: Image.Image) -> None:
        """There has been time since the last frame came."""
        if self.meanwhile:
            self.encode()
        self.waiting.append(frame)

    def encode(self) -> None:
        """Encode whatever waits."""
        self.kept += [look([frame]) for frame in self.waiting]
        self.waiting.clear()

    def watch(self) -> Float[Tensor, "1 frames 36 128"]:
        """A question has come: what waits is encoded first."""
        self.encode()
        return torch.stack(self.kept, dim=1)


@contextmanager
def passes() -> Iterator[list[int]]:
    """The pictures that go through the eyes within it, call by call."""
    rows: list[int] = []
    tower = eyes.dual_encoder().model.vision_model
    hook = tower.register_forward_hook(lambda *call: rows.append(len(call[2][0])))
    try:
        yield rows
    finally:
        hook.remove()


def passes_left(frames: Sequence[Image.Image], meanwhile: bool) -> int:
    """How many frames go through the eyes after the question, which comes with the last one."""
    film = Arriving(meanwhile)
    for frame in frames:
        film.arrive(frame)
    with passes() as left:
        film.watch()
    return sum(left)
