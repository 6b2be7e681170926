"""Edit triplets: a scene, an instruction, and the scene once the instruction has been carried out.

Source of the form: InstructPix2Pix (https://arxiv.org/abs/2211.09800). There a language model writes the
instruction and an image model guesses the picture after it; here both follow from the change itself.
"""

import random
from dataclasses import dataclass, replace

from labs.world import splits
from labs.world.captions import describe
from labs.world.grammar import agree, at, check_language, phrase, sentence, word
from labs.world.questions import refer
from labs.world.scene import Scene, Thing, sample_thing
from labs.world.vocabulary import COLOURS, ES_SIZES, SHAPES, SIZES

KINDS = ("recolour", "resize", "reshape", "move", "remove", "add")
MOST = 5  # things in a scene
TEMPLATES = {
    "en": {
        "recolour": ("paint {the} {new}", "make {the} {new}"),
        "resize": ("make {the} {new}", "change {the}: it should be {new}"),
        "reshape": ("turn {the} into {new}", "put {new} in the place of {the}"),
        "move": ("put {the} {new}", "place {the} {new}"),
        "remove": ("remove {the}", "take {the} away"),
        "add": ("add {new}", "draw {new}"),
    },
    "es": {
        "recolour": ("pinta {the} de {new}", "pinta {the} de color {new}"),
        "resize": ("haz {the} {new}", "cambia {the}: tiene que ser {new}"),
        "reshape": ("convierte {the} en {new}", "cambia {the} por {new}"),
        "move": ("pon {the} {new}", "coloca {the} {new}"),
        "remove": ("quita {the}", "borra {the}"),
        "add": ("añade {new}", "dibuja {new}"),
    },
}


@dataclass(frozen=True)
class Edit:
    """Carrying out `instruction` on `before` gives `after`; `kind` is one of `KINDS`."""

    before: Scene
    instruction: str
    after: Scene
    kind: str


def sample_edit(rng: random.Random, split: str = "train", language: str = "en", kind: str | None = None) -> Edit:
    """Draw an edit whose two scenes both belong to the split; by default any kind, each as often.

    Raises ValueError for a split, a language or a kind that does not exist.
    """
    check_language(language)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, not {kind!r}")
    kind = kind or rng.choice(KINDS)
    while True:
        edit = _try(splits.sample(rng, split), kind, rng, language)
        if edit and splits.is_held_out(edit.after) == (split == "heldout"):
            return edit


def _try(before: Scene, kind: str, rng: random.Random, language: str) -> Edit | None:
    """An edit of this scene, or None where it has no room for it or no phrase that fits the thing alone."""
    count = len(before.things)
    if (kind == "add" and count == MOST) or (kind == "remove" and count == 1):
        return None
    taken = {thing.cell for thing in before.things}
    cell = rng.choice([cell for cell in range(9) if cell not in taken])
    old = None if kind == "add" else rng.choice(before.things)
    the = refer(before, old, rng, language) if old else ""
    if the is None:
        return None
    new = sample_thing(rng, cell) if old is None else _changed(old, kind, cell, rng)
    things = tuple(thing for thing in before.things if thing is not old) + ((new,) if new else ())
    template = rng.choice(TEMPLATES[language][kind])
    text = template.format(the=the, new=_name(kind, new, the, language))
    return Edit(before, sentence(text), replace(before, things=things), kind)


def _changed(thing: Thing, kind: str, cell: int, rng: random.Random) -> Thing | None:
    """What becomes of the thing; `cell` is where it goes if it moves."""
    if kind == "recolour":
        return replace(thing, colour=rng.choice([colour for colour in COLOURS if colour != thing.colour]))
    if kind == "reshape":
        return replace(thing, shape=rng.choice([shape for shape in SHAPES if shape != thing.shape]))
    if kind == "move":  # keeps its distance from the middle of the cell
        x, y = thing.x - thing.column / 3, thing.y - thing.row / 3
        return replace(thing, x=x + cell % 3 / 3, y=y + cell // 3 / 3)
    if kind == "resize":
        size = next(size for size in SIZES if size != thing.size)
        x, y = _inside(thing.x, thing.column, SIZES[size]), _inside(thing.y, thing.row, SIZES[size])
        return replace(thing, size=size, x=x, y=y)
    return None


def _inside(centre: float, cell: int, radius: float) -> float:
    """The centre, shifted only as far as a thing that grows needs to keep to its cell."""
    return min(max(centre, cell / 3 + radius), (cell + 1) / 3 - radius)


def _name(kind: str, new: Thing | None, the: str, language: str) -> str:
    """The words for what is new."""
    if kind == "recolour":
        return word(language, new.colour)
    if kind == "reshape":
        return phrase(language, new.shape, article="a")
    if kind == "move":
        return at(language, new.place)
    if kind == "add":
        return f"{describe(new, language)} {at(language, new.place)}"
    if kind == "remove":
        return ""
    gender = "f" if the.startswith("la ") else "m"  # "la cosa roja" may be a circle
    return new.size if language == "en" else agree(ES_SIZES[new.size], gender)
