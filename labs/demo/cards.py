"""What the pages show: pictures, maps and answers as HTML. Whatever a model wrote or somebody typed is escaped."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFilter

from labs.demo.reply import LITTLE, Reply, windows
from labs.world.vocabulary import PLACES

SIDE = 168  # pixels of a map
LONG = 60  # characters of an answer that is set smaller
PALE, FRAME = 225.0, (214, 36, 40)  # brightness of what does not matter; colour of the frame


def cards(picture: Image.Image, replies: Sequence[Reply], warnings: Sequence[str], truths: dict[str, str]) -> str:
    """A card for each answer, after the warnings; `truths` holds true answers of the questions that have one."""
    return careful(warnings) + "".join(_card(picture, one, truths.get(one.question)) for one in replies)


def careful(warnings: Sequence[str]) -> str:
    """What a model cannot know, each in a paragraph."""
    return "".join(f'<p class="warning" role="note">Careful: {escape(text)}</p>' for text in warnings)


def image(picture: Image.Image, alt: str, side: int) -> str:
    """An <img> with the picture inside."""
    return f'<img src="{inside(picture)}" alt="{escape(alt)}" width="{side}">'


def inside(picture: Image.Image) -> str:
    """The picture as an address that holds it all, so that there is no file and no request."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)  # forty people wait for it
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def heat(picture: Image.Image, rests: Float[np.ndarray, "windows windows"]) -> Image.Image:
    """The picture, pale where nothing hangs on it, as it is where much does; the part that tells most in a frame."""
    seen = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), float)
    share = _spread(rests)[..., None]
    pale = 0.25 * seen + 0.15 * seen.mean(-1, keepdims=True) + 0.6 * PALE
    drawn = Image.fromarray((share * seen + (1 - share) * pale).clip(0, 255).astype(np.uint8))
    if rests.max() > LITTLE:
        row, column = _cell(rests)
        box = [round(edge * SIDE / 3) for edge in (column, row, column + 1, row + 1)]
        ImageDraw.Draw(drawn).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=FRAME, width=3)
    return drawn


def where(reply: Reply) -> str:
    """What an answer rests on, in words."""
    if not reply.looked:
        return "on no single part of the picture"
    row, column = _cell(reply.rests)
    return f"mostly on this part: {PLACES[3 * row + column]}"


def _spread(rests: Float[np.ndarray, "windows windows"]) -> Float[np.ndarray, "side side"]:
    """Each pixel's share, 0 to 1: the mean of the windows that cover it, smoothed by half a window."""
    lost, covered = np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), 1e-9)
    for (left, top, right, bottom), nats in zip(windows((SIDE, SIDE)), rests.flat, strict=True):
        lost[top:bottom, left:right] += nats
        covered[top:bottom, left:right] += 1
    share = lost / covered / max((lost / covered).max(), LITTLE)
    blurred = Image.fromarray((255 * share).astype(np.uint8)).filter(ImageFilter.GaussianBlur(SIDE / 14))
    return np.asarray(blurred, float) / 255


def _cell(rests: Float[np.ndarray, "windows windows"]) -> tuple[int, int]:
    """Row and column, of three each, of the part of the picture on which most rests."""
    share, third = _spread(rests), SIDE // 3
    parts = share[: 3 * third, : 3 * third].reshape(3, third, 3, third).mean((1, 3))
    row, column = divmod(int(parts.argmax()), 3)
    return row, column


def _card(picture: Image.Image, reply: Reply, truth: str | None) -> str:
    alike = reply.blind.strip().lower() == reply.answer.strip().lower()
    without = f"{escape(reply.blind)}{' (the same: it need not have looked)' if alike else ''}"
    true = f"<dt>True answer</dt><dd>{escape(truth)}</dd>" if truth else ""
    percent, long = round(100 * reply.sure), " long" if len(reply.answer) > LONG else ""
    return (
        '<article class="card">'
        + image(heat(picture, reply.rests), f"The answer rests {where(reply)}.", SIDE)
        + f'<div><h3>{escape(reply.question)}</h3><p class="answer{long}">{escape(reply.answer)}</p>'
        + f'<p><meter min="0" max="100" value="{percent}" aria-label="how sure"></meter> {percent} % sure</p>'
        + f"<dl>{true}<dt>Without looking</dt><dd>{without}</dd>"
        + f"<dt>The answer rests</dt><dd>{where(reply)}</dd></dl></div></article>"
    )
