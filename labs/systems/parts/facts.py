"""What a caption states about things: (colour, shape) pairs, read off its words whatever its style."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES, TEMPERATURES

_BLANKS = {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "place": sorted(PLACES, key=len, reverse=True)}
_NAMED = re.compile(rf"\b({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})\b")


def stated(text: str) -> set[tuple[str, str]]:
    """Each colour and shape that the text says are in one thing."""
    return set(_NAMED.findall(text.lower()))


def there(scene: Scene) -> set[tuple[str, str]]:
    """Those that the scene shows."""
    return {(thing.colour, thing.shape) for thing in scene.things}


class Summary(NamedTuple):
    """What a set of captions is worth: shares from 0 to 1, and counts."""

    true: float  # of what a caption states, the share that the picture shows
    told: float  # of what a picture shows, the share that its caption states
    frames: int  # different sentences, their facts blanked out
    words: int  # different words
    warmth: int  # captions that tell how warm a thing is, which no picture shows


def summed_up(texts: Sequence[str], scenes: Sequence[Scene]) -> Summary:
    """One caption for each scene. What states nothing counts as told nothing, and is left out of what is true."""
    pairs = [(stated(text), there(scene)) for text, scene in zip(texts, scenes, strict=True)]
    true = [len(said & shown) / len(said) for said, shown in pairs if said]
    told = [len(said & shown) / len(shown) for said, shown in pairs]
    words = [re.findall(r"\w+", text.lower()) for text in texts]
    return Summary(
        sum(true) / max(1, len(true)), sum(told) / len(told), len({frame(text) for text in texts}),
        len({word for text in words for word in text}), sum(not TEMPERATURES.keys().isdisjoint(text) for text in words),
    )  # fmt: skip


def frame(text: str) -> str:
    """The sentence with its facts blanked out: "a <size> <colour> <shape> at the <place>"."""
    for name, words in _BLANKS.items():
        text = re.sub(rf"\b({'|'.join(words)})\b", f"<{name}>", text.lower())
    return re.sub(r"\d+", "<number>", text)
