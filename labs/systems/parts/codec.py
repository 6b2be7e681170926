"""Pictures, sounds and texts of close-ups as whole numbers, and back: what an any-to-any model reads and writes.

| modality | numbers                              | of a book of                     | read back as              |
|----------|--------------------------------------|----------------------------------|---------------------------|
| text     | 4, one a word                        | 24 words, 5 of them special      | text                      |
| picture  | 37, one of its colour, 36 of patches | 32 colours and then 128 patches  | 72 x 72 pixels            |
| sound    | 21, one of its pitch, 20 of timbre   | 32 pitches and then 128 timbres  | 5 times of 64 mel bands   |

Books are small on purpose: with four times as many patches hardly any shape is lost, and no limit could be seen.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product

import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from labs.systems.parts.close_ups import listen, look, scenes, tell
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.taken_apart import Apart, picture_apart, picture_together, sound_apart, sound_together
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES, SIZES

SENSES = {"picture": (look, picture_apart, picture_together), "sound": (listen, sound_apart, sound_together)}
HEADS, BODIES, LEARNED_FROM = 32, 128, 1024  # codes of each kind; training scenes


@cache
def books(modality: str) -> tuple[CodeBook, CodeBook]:
    """Of heads and of bodies of "picture" or "sound", learned from training scenes."""
    perceive, apart, _ = SENSES[modality]
    head, body = apart(perceive(scenes("train", LEARNED_FROM)))
    return learn_codes(head.flatten(0, 1), HEADS), learn_codes(body.flatten(0, 1), BODIES)


@cache
def lexicon() -> Lexicon:
    """All words of these texts."""
    return Lexicon(f"a {' '.join(words)}" for words in product(SIZES, COLOURS, SHAPES))


def sizes() -> dict[str, int]:
    """How many words and codes each modality has."""
    return {"text": len(lexicon()), "picture": HEADS + BODIES, "sound": HEADS + BODIES}


def encode(modality: str, of: Sequence[Scene]) -> Int[Tensor, "scenes length"]:
    """Scenes as numbers, from 0 in each modality. Raises ValueError for an unknown modality."""
    if modality == "text":
        return lexicon().write([tell(scene) for scene in of])[:, 1:-1]
    if modality not in SENSES:
        raise ValueError(f"modality must be one of {', '.join(sizes())}, not {modality!r}")
    perceive, apart, _ = SENSES[modality]
    head, body = apart(perceive(of))
    return torch.cat([books(modality)[0].encode(head), books(modality)[1].encode(body) + HEADS], dim=1)


def decode(modality: str, codes: Int[Tensor, "scenes length"]) -> list[str] | list[Image.Image] | Tensor:
    """Texts, pictures or sounds again. Where a head stands in a body's place, or a body in a head's, the nearest number
    that may stand there is read."""
    if modality == "text":
        return [lexicon().read(row) for row in codes]
    heads, bodies = codes[:, :1].clamp(max=HEADS - 1), (codes[:, 1:] - HEADS).clamp(min=0)
    return SENSES[modality][2](Apart(books(modality)[0].decode(heads), books(modality)[1].decode(bodies)))
