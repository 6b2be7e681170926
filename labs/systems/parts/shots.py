"""Shots: one thing crosses the picture, is heard and is felt; what is told of it in words. Films are shots in a row.

    seen    the frozen eyes' rows for the first and the last frame, side by side                1 x 256
    heard   its voice, pitch tells the colour and loudness the size; filled up with zeros       1 x 256
    felt    a hand goes along with it and follows its rim: 50 time steps of five channels each  2 x 256
    words   colour, size, way                                                                   3, numbers of `WORDS`

Grainy frames, hiss and noise of sensors; the things are those of labs.systems.parts.sound_films: in the exams they have
a colour and a shape that never go together in training. Colour is not felt, and the way is not heard.
"""

from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from labs.systems.claim import Scores
from labs.systems.parts import eyes, gestures, senses, sound_films
from labs.systems.parts.dark import darken
from labs.world.vocabulary import COLOURS, SIZES

KINDS = {"colour": tuple(COLOURS), "size": tuple(SIZES), "way": tuple(sound_films.WAYS)}
COUNTS = tuple(map(len, KINDS.values()))  # words of each kind
WORDS = sum(COUNTS)
WIDE = 256  # numbers of a row
SHIFTS = (1, 2, 3)  # of controls: films so many places on


@cache
def seen(split: str) -> Float[Tensor, "shots 1 256"]:
    """Mean 0 and variance 1 over training shots."""
    return _usual(_seen(split), _seen("train"))


@cache
def _seen(split: str) -> Float[Tensor, "shots 1 256"]:
    ends = [moments[at] for moments in map(sound_films.Film.moments, sound_films.films(split)) for at in (0, -1)]
    return eyes.look(darken(ends, sound_films.GRAIN, len(ends)))[:, 0].unflatten(0, (-1, 1, 2)).flatten(2)


@cache
def heard(split: str) -> Float[Tensor, "shots 1 256"]:
    """Its voice and hiss."""
    things = [replace(film.scene, things=(replace(film.scene.things[0], x=0.5, y=0.5),))
              for film in sound_films.films(split)]  # fmt: skip
    played = senses.perceive("sound", things).mean(1, keepdim=True)
    return pad(_noisy(played, split, sound_films.HISS), (0, WIDE - played.shape[-1]))


@cache
def felt(split: str) -> Float[Tensor, "shots 2 256"]:
    """What the hand's sensor feels, half of the time a row."""
    moving = [replace(film.scene, things=(replace(film.scene.things[0], motion=film.way),))
              for film in sound_films.films(split)]  # fmt: skip
    series = senses.perceive("motion", moving)[..., : gestures.CHANNELS] / torch.tensor(gestures.SPREAD)
    rows = _noisy(series, split, gestures.NOISE).unflatten(1, (2, -1)).flatten(2)
    return pad(rows, (0, WIDE - rows.shape[-1]))


SENSES = {"seen": seen, "heard": heard, "felt": felt}


@cache
def words(split: str) -> Int[Tensor, "shots 3"]:
    """Colour, size and way as numbers of words; each kind has words of its own."""
    told = [(film.scene.things[0].colour, film.scene.things[0].size, film.way) for film in sound_films.films(split)]
    rows = [[kinds.index(word) for word, kinds in zip(row, KINDS.values(), strict=True)] for row in told]
    return torch.tensor(rows) + starts()


def starts() -> Int[Tensor, " 3"]:
    """The first word of each kind."""
    counts = torch.tensor(COUNTS)
    return counts.cumsum(0) - counts


def films(split: str, count: int, shots: int, seed: int) -> Int[Tensor, "films shots"]:
    """Films of so many shots, drawn from all of a split: their numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(words(split)), (count, shots), generator=generator)


def same(
    told: Int[Tensor, "films asked"], truth: Int[Tensor, "films asked"], another: bool
) -> Float[Tensor, "films asked"]:
    """1 where told rightly; as a control, how often what was told of `another` film each, three of them, is right."""
    return torch.stack([told.roll(by, 0) == truth for by in (SHIFTS if another else (0,))]).float().mean(0)


def scored(right: Float[Tensor, "films asked"]) -> Scores:
    """How right each film's answers are, one after another."""
    return Scores(right.flatten().tolist(), torch.arange(len(right)).repeat_interleave(right.shape[1]).tolist())


def _noisy(rows: Tensor, split: str, much: float) -> Tensor:
    generator = torch.Generator().manual_seed(list(sound_films.COUNTS).index(split))
    return rows + much * torch.randn(rows.shape, generator=generator)


def _usual(rows: Tensor, train: Tensor) -> Tensor:
    usual = train.flatten(0, 1)
    return (rows - usual.mean(0)) / usual.std(0)
