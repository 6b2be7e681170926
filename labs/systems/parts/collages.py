"""Pictures as frozen eyes describe them: scenes cell by cell, and collages of things cut out of several scenes.

Experiments that need many pictures of chosen things lay out anew what the eyes made of some hundred scenes; nothing is
drawn or looked at again. A thing out of a scene of one split is never met in another.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import eyes
from labs.systems.parts.regions import WIDTH, boxes, cells
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

COUNTS = {"train": 600, "choice": 240, "exam": 240}  # scenes; settings are chosen on "choice"
SEEDS = {"train": 11, "choice": 11, "exam": 12}  # of the data
THINGS, CELLS, NOTHING = (5, 4, 3), 9, -1
SEEN = WIDTH  # numbers of a region: 128 and its box
PAIRS = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
KNOWN = torch.tensor([pair not in HELD_OUT_PAIRS for pair in PAIRS])  # which pairs training shows


class Looked(NamedTuple):
    """Scenes of a split as they are seen, standardised as those of training."""

    scenes: tuple[Scene, ...]
    patches: Float[Tensor, "scenes 36 128"]
    cells: Float[Tensor, "scenes 9 132"]  # regions with their boxes
    kinds: Int[Tensor, "scenes 9"]  # indices into `PAIRS`, or NOTHING


@cache
def looked(split: str) -> Looked:
    """Three to five things a scene. Raises KeyError for a split that is none of `COUNTS`."""
    (scenes, patches), (_, known) = _look(split), _look("train")
    patches = (patches - known.mean((0, 1))) / (known.std((0, 1)) + 1e-4)
    kinds = torch.full((len(scenes), CELLS), NOTHING)
    for row, scene in zip(kinds, scenes, strict=True):
        for thing in scene.things:
            row[thing.cell] = PAIRS.index((thing.colour, thing.shape))
    return Looked(scenes, patches, torch.cat([cells(patches), boxes().expand(len(scenes), -1, -1)], -1), kinds)


@cache
def _look(split: str) -> tuple[tuple[Scene, ...], Float[Tensor, "scenes 36 128"]]:
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], THINGS, SEEDS[split])
    return scenes, eyes.look(scenes)[:, 1:]


@cache
def _rows(split: str) -> tuple[Float[Tensor, "rows 128"], Int[Tensor, " 65"], Int[Tensor, " 65"]]:
    """All cells, kind by kind, the empty ones first; where each kind begins, and how many there are of it."""
    found = looked(split)
    order = found.kinds.flatten().argsort(stable=True)
    many = torch.bincount(found.kinds.flatten() + 1, minlength=len(PAIRS) + 1)
    return found.cells.flatten(0, 1)[order, :-4], many.cumsum(0) - many, many


def cut_out(split: str, kinds: Int[Tensor, "*some"], draw: torch.Generator) -> Float[Tensor, "*some 128"]:
    """What is seen of one thing of each kind, or of an empty cell, any of the split."""
    rows, first, many = _rows(split)
    number = (torch.rand(kinds.shape, generator=draw) * many[kinds + 1]).long()
    return rows[first[kinds + 1] + number]


def collage(
    split: str, kinds: Int[Tensor, "n things"], draw: torch.Generator
) -> tuple[Float[Tensor, "n 9 132"], Int[Tensor, "n 9"]]:
    """Pictures of things of these kinds, each in a cell of its own, and what is in each cell."""
    n, things = kinds.shape
    filled = torch.cat([kinds, kinds.new_full((n, CELLS - things), NOTHING)], dim=1)
    where = torch.rand(n, CELLS, generator=draw).argsort(1)
    laid = filled.gather(1, where)
    return torch.cat([cut_out(split, laid, draw), boxes().expand(n, -1, -1)], dim=-1), laid


def different(split: str, n: int, things: int, draw: torch.Generator) -> Int[Tensor, "n things"]:
    """Kinds for `n` pictures, no two of a picture alike: in training known ones, else as many known as held out."""
    share = 0.0 if split == "train" else 0.5
    weights = torch.where(KNOWN, (1 - share) / KNOWN.sum(), share / (~KNOWN).sum())
    return weights.expand(n, -1).multinomial(things, generator=draw)


def altered(split: str, kinds: Int[Tensor, " n"], draw: torch.Generator) -> Int[Tensor, " n"]:
    """Kinds that share the colour or the shape, never both: what is easily taken for another."""
    colour, shape, every = kinds[:, None] // 8, kinds[:, None] % 8, torch.arange(len(PAIRS))
    near = (colour == every // 8) ^ (shape == every % 8)
    return (near & (KNOWN | (split != "train"))).float().multinomial(1, generator=draw)[:, 0]


def words(kinds: Int[Tensor, "*some"]) -> Int[Tensor, "*some 2"]:
    """The words for kinds, by number: a colour, 0 to 7, and a shape, 8 to 15."""
    return torch.stack([kinds // 8, 8 + kinds % 8], dim=-1)
