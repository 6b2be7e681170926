"""Pictures as rows of vectors or of codes, for one model that reads and writes them beside texts.

    vectors    what the shared eyes make of a picture, a row of 128 numbers for each of nine cells
    codes      the nearest of `CODES` such rows, for each cell
    text       size, colour, shape and cell, a word each

Emu (Sun et al., 2023, https://arxiv.org/abs/2307.05222) regresses vectors; code books are its rivals.
"""

from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter
from labs.systems.parts.ranges import Ranges
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES, SIZES

COUNTS = {"train": 3000, "choice": 300, "exam": 300}  # scenes
SEEDS = {"train": 0, "choice": 2, "exam": 3}  # of the data; settings were chosen on "choice"
EXAM = "exam"  # the split that is asked
CODES, CELLS, NUMBERS, OFFERED = 256, 9, 128, 20
STEPS, BATCH, RATE = 250, 32, 2e-3  # steps of each direction
KINDS = {"size": tuple(SIZES), "colour": tuple(COLOURS), "shape": SHAPES, "cell": tuple(range(CELLS))}
WAYS = ("vectors", "codes")


class Row(NamedTuple):
    """A scene as text and as a picture, which is vectors or codes."""

    text: Int[Tensor, "n 4"]
    picture: Tensor


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each. Raises ValueError for a split that is none of `COUNTS`."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])


@cache
def _seen(split: str) -> Float[Tensor, "scenes 9 128"]:
    patches = eyes.look(scenes(split))[:, 1:].unflatten(1, (3, 2, 3, 2))
    return patches.mean((2, 4)).flatten(1, 2)


@cache
def vectors(split: str) -> Float[Tensor, "scenes 9 128"]:
    """What the eyes make of pictures; each number about 0 with deviation 1 over training scenes."""
    usual = _seen("train")
    return (_seen(split) - usual.mean((0, 1))) / (usual.std((0, 1)) + 1e-4)


@cache
def book() -> CodeBook:
    """Of one cell."""
    return learn_codes(vectors("train").flatten(0, 1), CODES)


@cache
def vocabulary() -> Ranges:
    """Words, codes and tags."""
    return Ranges({"text": sum(map(len, KINDS.values())), "picture": CODES})


@cache
def told(split: str) -> Int[Tensor, "scenes 4"]:
    """The words of all scenes, as numbers of the vocabulary."""
    found, start = [], 0
    for kind, kinds in KINDS.items():
        found.append(torch.tensor([start + kinds.index(getattr(scene.things[0], kind)) for scene in scenes(split)]))
        start += len(kinds)
    return torch.stack(found, 1)


def rows(split: str, way: str) -> Row:
    """All scenes of a split; raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    picture = vectors(split)
    return Row(told(split), picture if way == "vectors" else book().encode(picture) + vocabulary().start["picture"])


@cache
def train(seed: int, way: str, shuffled: bool = False) -> MixedWriter:
    """One model, which writes texts from pictures and pictures from texts in turn; with `shuffled`, a control, those
    of another scene, anew at each step."""
    torch.manual_seed(seed)
    model = MixedWriter(vocabulary().size, NUMBERS if way == "vectors" else 0)
    data, words = rows("train", way), vocabulary()
    at, met = batches(COUNTS["train"], BATCH, seed), batches(COUNTS["train"], BATCH, seed + 1000)

    def loss(step: int) -> Tensor:
        chosen, asked = at(step // 2), ("text", "picture")[step % 2]
        wanted = met(step) if shuffled else chosen
        given = data.picture[chosen] if asked == "text" else data.text[chosen]
        return model.loss([given, words.tag(asked, len(chosen)), getattr(data, asked)[wanted]], given=2)

    learn(model.parameters(), loss, 2 * STEPS, RATE)
    return model.eval().requires_grad_(False)


def reads(seed: int, way: str, shuffled: bool = False) -> Scores:
    """1 for each colour and each shape that is told rightly of a picture. The control draws what it says."""
    model, data, words = train(seed, way, shuffled), rows(EXAM, way), vocabulary()
    asked = [data.picture, words.tag("text", len(data.text))]
    said = model.write(asked, len(KINDS), words.of("text"), draw=seed if shuffled else None)
    good = (said == data.text)[:, 1:3]
    return Scores(good.float().flatten().tolist(), torch.arange(len(good)).repeat_interleave(2).tolist())


def writes(seed: int, way: str, shuffled: bool = False, true: bool = False) -> Scores:
    """1 where what is written from a text lies nearest to the picture of its scene, of `OFFERED` pictures; `true`
    codes or vectors instead of written ones are the ceiling."""
    data, words = rows(EXAM, way), vocabulary()
    made = data.picture
    if not true:
        write = partial(train(seed, way, shuffled).write, [data.text, words.tag("picture", len(data.text))], CELLS)
        made = write() if way == "vectors" else write(words.of("picture"), seed if shuffled else None)
    if way == "codes":
        made = book().decode(made - words.start["picture"])
    offered = vectors(EXAM).flatten(1).unflatten(0, (-1, OFFERED))
    nearest = torch.cdist(made.flatten(1).unflatten(0, (-1, OFFERED)), offered).argmin(2)
    return Scores((nearest == torch.arange(OFFERED)).flatten().float().tolist(), list(range(len(made))))
