"""A scene: what there is, before any sense perceives it. Everything else in `labs.world` is computed from it.

+-----------+-----------+-----------+
| top left  |    top    | top right |     A thing keeps to one cell of a three-by-three grid,
+-----------+-----------+-----------+     so its place has one name and no two things overlap.
|   left    |  centre   |   right   |     x runs right and y runs down, both from 0 to 1.
+-----------+-----------+-----------+
|bottom left|  bottom   |bottom righ|
+-----------+-----------+-----------+
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from labs.world.vocabulary import COLOURS, DEPTHS, MOTIONS, PLACES, SHAPES, SIGNS, SIZES, TEMPERATURES

BACKGROUNDS = ("plain", "gradient", "stripes", "speckle", "horizon")
# Pale, dark and middling, none of them close to the colour of a thing.
TONES = ((236, 235, 230), (222, 212, 194), (206, 218, 230), (44, 47, 56), (66, 56, 50), (132, 134, 136))


@dataclass(frozen=True)
class Thing:
    """One object. Words are the English ones of `vocabulary`; x and y are the centre, in picture widths."""

    shape: str
    colour: str
    size: str
    x: float
    y: float
    depth: str = "middle"
    temperature: str = "warm"
    motion: str = "still"
    tilt: int = 0  # degrees, anti-clockwise
    shade: float = 1.0  # brightness of this very thing, about 1

    def __post_init__(self) -> None:
        tables = {
            "shape": SHAPES, "colour": COLOURS, "size": SIZES,
            "depth": DEPTHS, "temperature": TEMPERATURES, "motion": MOTIONS,
        }  # fmt: skip
        for name, table in tables.items():
            if getattr(self, name) not in table:
                raise ValueError(f"{name} must be one of {tuple(table)}, not {getattr(self, name)!r}")
        if not (0 <= self.x < 1 and 0 <= self.y < 1):
            raise ValueError(f"x and y must lie in [0, 1), not ({self.x}, {self.y})")

    @property
    def radius(self) -> float:
        """In picture widths."""
        return SIZES[self.size]

    @property
    def column(self) -> int:
        return int(self.x * 3)

    @property
    def row(self) -> int:
        return int(self.y * 3)

    @property
    def cell(self) -> int:
        """0 to 8, in reading order."""
        return self.row * 3 + self.column

    @property
    def place(self) -> str:
        return PLACES[self.cell]


@dataclass(frozen=True)
class Scene:
    """Things in reading order on a background, at times with a written sign in a cell of its own."""

    things: tuple[Thing, ...]
    background: str = "plain"
    tone: tuple[int, int, int] = TONES[0]
    texture: int = 0  # seed of the background's random detail
    sign: str | None = None
    sign_cell: int = 0

    def __post_init__(self) -> None:
        cells = [thing.cell for thing in self.things] + ([self.sign_cell] if self.sign else [])
        if len(set(cells)) != len(cells):
            raise ValueError(f"every thing and the sign need a cell of their own, got cells {cells}")
        if self.background not in BACKGROUNDS:
            raise ValueError(f"background must be one of {BACKGROUNDS}, not {self.background!r}")
        object.__setattr__(self, "things", tuple(sorted(self.things, key=lambda thing: thing.cell)))


# ---------------------------------------------------------------------------------------------------------------
# Sampling. Kinds of scene: "free" draws every attribute on its own; "crowd" repeats colours and shapes, so that
# counting has something to count; "odd" lets all things but one share a colour or a shape.

KINDS_OF_SCENE = ("free", "crowd", "odd")


def sample_thing(rng: random.Random, cell: int, shape: str | None = None, colour: str | None = None) -> Thing:
    """Draw a thing inside `cell`; give `shape` or `colour` to fix them."""
    size = rng.choice(tuple(SIZES))
    slack = 1 / 6 - SIZES[size] - 0.005  # keeps the thing inside its cell
    return Thing(
        shape=shape or rng.choice(SHAPES),
        colour=colour or rng.choice(tuple(COLOURS)),
        size=size,
        x=(cell % 3 + 0.5) / 3 + rng.uniform(-slack, slack),
        y=(cell // 3 + 0.5) / 3 + rng.uniform(-slack, slack),
        depth=rng.choice(tuple(DEPTHS)),
        temperature=rng.choice(tuple(TEMPERATURES)),
        motion=rng.choice(tuple(MOTIONS)),
        tilt=rng.randrange(-15, 16, 5),
        shade=round(rng.uniform(0.88, 1.06), 2),
    )


def sample_scene(rng: random.Random, count: int | None = None, kind: str | None = None, sign: bool = False) -> Scene:
    """Draw any scene of one to five things, whatever split it belongs to; see `splits.sample` for a split's scenes."""
    kind = kind or rng.choices(KINDS_OF_SCENE, (3, 1, 1))[0]
    count = count or (rng.randint(3, 5) if kind == "odd" else rng.choices((1, 2, 3, 4, 5), (2, 3, 4, 4, 2))[0])
    cells = rng.sample(range(9), count + 1)
    shapes, colours = _draw_attributes(rng, kind, count)
    things = tuple(sample_thing(rng, *rest) for rest in zip(cells, shapes, colours, strict=False))
    return Scene(things, sign=rng.choice(SIGNS) if sign else None, sign_cell=cells[-1], **sample_background(rng))


def sample_background(rng: random.Random) -> dict:
    """Draw the background fields of a scene."""
    return {"background": rng.choice(BACKGROUNDS), "tone": rng.choice(TONES), "texture": rng.randrange(1 << 16)}


def _draw_attributes(rng: random.Random, kind: str, count: int) -> tuple[Sequence[str], Sequence[str]]:
    if kind == "crowd":
        return rng.choices(rng.sample(SHAPES, 2), k=count), rng.choices(rng.sample(tuple(COLOURS), 2), k=count)
    shapes, colours = rng.choices(SHAPES, k=count), rng.choices(tuple(COLOURS), k=count)
    if kind == "odd":
        shared = rng.choice((shapes, colours))
        common, other = rng.sample(SHAPES if shared is shapes else tuple(COLOURS), 2)
        shared[:] = [common] * count
        shared[rng.randrange(count)] = other
    return shapes, colours
