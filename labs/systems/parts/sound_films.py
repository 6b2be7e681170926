"""Films with their sound: one thing crosses a grainy picture in eight frames, and in one of them it is heard.

    frame     0    1    2    3    4    5    6    7
    seen      A    A    A    A    A    A    A    A      on its way from one edge to the opposite one
    heard     .    .    .    .    .   (A)   .    .      its own voice: timbre tells the shape, pitch the colour

colour, shape    static: any frame tells them, the sound tells them too       right of eight
way              temporal: it is in the order of the frames alone             right of two, it and its opposite
place            where it was when it was heard: takes both senses, frame     right of three, the cells of its path
                 by frame; and of one picture, where it is

Films go as often one way as the opposite way, so that frames in any order tell nothing of it. What the frozen tower
of the mini-clip makes of a frame is computed once. Things of the exams have a colour and a shape that never go together
in training; "choice" are held-out films on which settings were chosen, "exam" those of the claims.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from labs.models.pixels import to_pixels
from labs.systems.parts import eyes
from labs.systems.parts.dark import darken
from labs.systems.parts.senses import log_mel
from labs.world import sound
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, PLACES, SHAPES

SLOTS, CELLS, SEEN, HEARD = 8, 9, 128, 64  # frames; regions of a frame; numbers of each region, and of each sound
COUNTS = {"train": 1536, "choice": 240, "exam": 300}  # films
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data
EXAM = "exam"  # the split that is asked
GRAIN, HISS = 0.25, 0.2  # noise of pictures, of which 1 is the way from black to white; of sounds, in their units
WATCHED = (0, 2, 5, 7)  # four of the frames
EDGE = 1 / 6  # where a path begins, and how far from the edge it ends
WAYS = {"left": "right", "right": "left", "up": "down", "down": "up"}  # and their opposites
ANSWERS = {"colour": tuple(COLOURS), "shape": SHAPES, "way": tuple(WAYS), "place": PLACES}
STATIC, PART = ("colour", "shape"), 64  # films at once


class Film(NamedTuple):
    """A thing and its background, which way it goes, and the frame in which it is heard."""

    scene: Scene
    way: str
    beep: int

    def moments(self) -> list[Scene]:
        """The scene frame by frame."""
        thing, ends = self.scene.things[0], np.linspace(EDGE, 1 - EDGE, SLOTS)
        along = (ends if self.way in ("right", "down") else ends[::-1]).tolist()
        axis = "x" if self.way in ("left", "right") else "y"
        return [replace(self.scene, things=(replace(thing, **{axis: at}),)) for at in along]

    def answers(self) -> dict[str, str]:
        """What is true of it."""
        heard = self.moments()[self.beep].things[0]
        return {"colour": heard.colour, "shape": heard.shape, "way": self.way, "place": heard.place}

    def offered(self) -> dict[str, tuple[str, ...]]:
        """Between which answers an exam has to choose."""
        path = tuple(dict.fromkeys(moment.things[0].place for moment in self.moments()))
        return {"colour": ANSWERS["colour"], "shape": SHAPES, "way": (self.way, WAYS[self.way]), "place": path}


@cache
def films(split: str) -> tuple[Film, ...]:
    """All films of a split. Raises ValueError for one that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    shown = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    rng = random.Random(f"sound films {split}")
    return tuple(_filmed(scene, rng) for scene in shown)


def _filmed(scene: Scene, rng: random.Random) -> Film:
    """Which third of its path is heard is as likely as any other."""
    silent = Film(scene, rng.choice(list(WAYS)), 0)
    places = [moment.things[0].place for moment in silent.moments()]
    third = rng.choice(silent.offered()["place"])
    return silent._replace(beep=rng.choice([slot for slot in range(SLOTS) if places[slot] == third]))


# ---------------------------------------------------------------------------------------------------------------
# What eyes and ears make of them; mean 0 and variance 1 over the training films


@cache
def frames(split: str) -> Float[Tensor, "films 8 10 128"]:
    """Each frame as a whole, then its nine regions in reading order: means of two by two patches."""
    usual = _passed("train")[0].flatten(0, 1)
    return (_passed(split)[0] - usual.mean(0)) / usual.std(0)


@cache
def before_last(split: str) -> Float[Tensor, "films 4 37 128"]:
    """What all layers of the tower but the last make of four frames, the whole and its 36 patches: `WATCHED`."""
    return _passed(split)[1]


@cache
def _passed(split: str) -> tuple[Float[Tensor, "films 8 10 128"], Float[Tensor, "films 4 37 128"]]:
    """The tower's last hidden states, patches two by two, and those before its last layer; one pass for both."""
    tower, shown, last, before = eyes.dual_encoder().model.vision_model, films(split), [], []
    for at in range(0, len(shown), PART):
        with torch.no_grad():
            found = tower(to_pixels(pictures(shown[at : at + PART], at)), output_hidden_states=True)
        seen = found.last_hidden_state
        regions = avg_pool2d(seen[:, 1:].transpose(1, 2).unflatten(2, (6, 6)), 2).flatten(2).transpose(1, 2)
        last.append(torch.cat([seen[:, :1], regions], dim=1).unflatten(0, (-1, SLOTS)))
        before.append(found.hidden_states[-2].unflatten(0, (-1, SLOTS))[:, list(WATCHED)])
    return torch.cat(last), torch.cat(before)


def pictures(shown: Sequence[Film], number: int) -> list[Image.Image]:
    """The grainy frames of films, one film after another; `number` draws the grain."""
    return darken([moment for film in shown for moment in film.moments()], GRAIN, number)


@cache
def sounds(split: str) -> Float[Tensor, "films 8 64"]:
    """What is heard during each frame: the mean power of each mel band, and hiss."""
    generator = torch.Generator().manual_seed(list(COUNTS).index(split))
    quiet = log_mel(torch.zeros(round(sound.SECONDS * sound.RATE))).mean(0)
    found = quiet.repeat(len(films(split)), SLOTS, 1)
    for i, film in enumerate(films(split)):
        found[i, film.beep] = _voice(film.scene.things[0])
    return found - quiet + HISS * torch.randn(found.shape, generator=generator)


def _voice(thing: Thing) -> Float[Tensor, "64"]:
    """From the middle of the picture, so that it tells nothing of where the thing is."""
    played = sound.play(Scene((replace(thing, x=0.5, y=0.5),)))
    return log_mel(torch.from_numpy(played.mean(0))).mean(0)
