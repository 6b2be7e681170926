"""Is a picture or a question like the micro-world? By a measured rule, with numpy alone and no network.

A picture is taken apart at the size the mini models see. Whatever a scene shows is one of these:

    background   the commonest tone of the picture, a little lighter or darker from place to place
    thing        a patch in one of the eight colours, a little lighter or darker, with a soft rim
    sign         one small board without colour
    frame        a band of one tone along the edges, which a slide or a page may have added

How much is left over tells scenes from photographs and drawings. A question is judged by its unknown words.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from labs.models.words import known_words, split_words
from labs.world.picture import SIZE
from labs.world.scene import TONES
from labs.world.vocabulary import COLOURS

# The limits were fixed on 4,000 training scenes, drawn at 64 to 256 pixels, of which 6 in 7 were also blurred, made
# up to 15 % lighter or darker, framed, enlarged or saved as JPEG of quality 60: 3 in 1,000 of them break a limit.
# In brackets: what 99 in 100 keep.
MAX_TONE = 18.0  # 8-bit steps from the nearest of the six background tones (10)
MAX_LEFT_OVER = 0.03  # share of the picture that is nothing of a scene (0.013)
MIN_THINGS, MAX_THINGS = 0.004, 0.33  # share of the picture in a thing's colour (0.008 to 0.231)
MAX_WIDTH = 19  # side in pixels of the largest square inside a patch of thing colours (the largest square thing: 18)
MAX_UNKNOWN = 0.1  # share of a question's words; questions in all wordings have none

_LIGHT, _TINT = 40, 16  # how far a background pixel may be from the tone: in brightness, and in hue
_NEAR = 45  # how far a thing's pixel may be from its colour, as a distance in red, green and blue
_SHADES = np.linspace(0.75, 1.22, 12)  # of a thing: 0.88 to 1.06, in a picture made 15 % lighter or darker
_PALETTE = np.minimum(255, _SHADES[:, None, None] * np.array(list(COLOURS.values()))).reshape(-1, 3).astype(np.float32)
_BOARD = (16, 26)  # pixels: a sign of 12 x 22 and its rim


@dataclass(frozen=True)
class Familiar:
    """`ok`, or the reasons why not: plain sentences."""

    ok: bool
    reasons: tuple[str, ...] = ()


class Measured(NamedTuple):
    """What the rule for pictures looks at; see the limits above for the units."""

    tone: float
    left_over: float
    things: float
    is_wide: bool


def judge_picture(picture: Image.Image) -> Familiar:
    """Is the RGB picture, of any size, like a scene of the micro-world?"""
    found = measure(picture)
    said = []
    if found.tone > MAX_TONE:
        said.append("its background has none of the known tones")
    if found.left_over > MAX_LEFT_OVER:
        said.append(f"{found.left_over:.0%} of it is neither a background nor a thing nor a sign")
    if found.things < MIN_THINGS:
        said.append("nothing in it has a thing's colour")
    if found.things > MAX_THINGS or found.is_wide:
        said.append("a coloured area is larger than things are")
    return _familiar("picture", said)


def judge_question(question: str) -> Familiar:
    """Is the question asked in the micro-world's words, English or Spanish?"""
    words = split_words(question)
    unknown = [word for word in dict.fromkeys(words) if word not in known_words()]
    if not words:
        return _familiar("question", ["it has no words"])
    if sum(word in unknown for word in words) <= MAX_UNKNOWN * len(words):
        return _familiar("question", [])
    shown = ", ".join(f'"{word[:20]}"' for word in unknown[:5]) + (" ..." if len(unknown) > 5 else "")
    return _familiar("question", [f"it has never met {shown}"])


def _familiar(what: str, said: list[str]) -> Familiar:
    if not said:
        return Familiar(True)
    why = " and ".join(said)
    return Familiar(False, (f"This {what} is unlike the micro-world, which is all that the mini model knows ({why}): "
                            "do not trust the answer.",))  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------
# Taking a picture apart


def measure(picture: Image.Image) -> Measured:
    """Take an RGB picture apart at SIZE x SIZE pixels."""
    pixels = _without_frame(picture)
    tone = np.median(pixels, axis=(0, 1))
    away = pixels - tone
    light = away.mean(axis=2)
    background = (np.abs(light) < _LIGHT) & (np.abs(away - light[..., None]).max(axis=2) < _TINT)
    things = ~background
    things[things] = np.linalg.norm(pixels[things][:, None] - _PALETTE, axis=2).min(axis=1, initial=255) < _NEAR
    rest = ~background & ~_grow(things, 5)  # a soft rim is two pixels wide
    rest_is_grey = rest & (np.ptp(pixels, axis=2) < _LIGHT)
    return Measured(
        tone=_from_known_tones(tone),
        left_over=float(rest.sum() - _most_in_one_board(rest_is_grey)) / SIZE**2,
        things=float(things.mean()),
        is_wide=bool(_shrink(things, MAX_WIDTH).any()),
    )


def _from_known_tones(tone: np.ndarray) -> float:
    """Steps between a tone (3,) and the nearest known one, after evening out a brightness of up to 20 %."""
    known = np.array(TONES, float)
    brightness = np.clip(tone.mean() / known.mean(axis=1), 0.8, 1.2)
    return float(np.abs(np.minimum(255, known * brightness[:, None]) - tone).max(axis=1).min())


def _most_in_one_board(mask: np.ndarray) -> int:
    """The largest number of the mask's pixels that one signboard covers."""
    height, width = _BOARD
    table = np.pad(mask, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return int((table[height:, width:] - table[:-height, width:] - table[height:, :-width]
                + table[:-height, :-width]).max())  # fmt: skip


def _grow(mask: np.ndarray, side: int) -> np.ndarray:
    """True where a square of `side` pixels round a pixel meets the mask."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(side))) > 0


def _shrink(mask: np.ndarray, side: int) -> np.ndarray:
    """True where a square of `side` pixels round a pixel lies in the mask."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MinFilter(side))) > 0


def _without_frame(picture: Image.Image) -> np.ndarray:
    """The picture inside its frame, if it has one: float32 (SIZE, SIZE, 3)."""
    whole = _resized(picture, (0.0, 0.0, float(picture.width), float(picture.height)))
    tone = np.median(whole, axis=(0, 1))
    sides = [whole, whole[::-1], whole.swapaxes(0, 1), whole.swapaxes(0, 1)[::-1]]
    top, bottom, left, right = (_band(side, tone) for side in sides)
    x, y = picture.width / SIZE, picture.height / SIZE
    box = (left * x, top * y, (SIZE - right) * x, (SIZE - bottom) * y)
    return _resized(picture, box) if any((top, bottom, left, right)) else whole


def _band(lines: np.ndarray, tone: np.ndarray, most: int = SIZE // 8) -> int:
    """How many of the first lines belong to a frame: of one tone, and not that of the picture."""
    for count, line in enumerate(lines[:most]):
        own = np.median(line, axis=0)
        is_even = (np.abs(line - own).max(axis=1) > _LIGHT).mean() < 0.1
        if not is_even or np.abs(own - tone).max() < _LIGHT:
            return count + 1 if count else 0  # the line between frame and picture is half of each
    return most


def _resized(picture: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box, reducing_gap=2), np.float32)
