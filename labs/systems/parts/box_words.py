"""Boxes as words: four numbers in digits, or four tokens of their own, one for each line of a grid on the picture.

    numbers    05,03,14,12          digits, which every tokenizer has: Qwen-VL, Shikra
    places     <5><3><14><12>       31 tokens that are added to the vocabulary: Kosmos-2, OFA

Both name the same lines, those nearest to the edges left, top, right and bottom: none is the finer one. Of the grid's
30 steps a cell of the micro-world takes ten, so that the first digit tells the cell and the second where in it.
"""

import re
from collections.abc import Sequence
from typing import Literal

import torch

from labs.models.entry import Loaded
from labs.tuning.rows import alike_rows
from labs.world.picture import SIZE

Notation = Literal["numbers", "places"]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels

GRID = 30  # steps a side; Qwen-VL has 1000, on pictures of 448 pixels
PLACES = tuple(f"<{line}>" for line in range(GRID + 1))
_FORMS = {"numbers": re.compile(r"(\d\d),(\d\d),(\d\d),(\d\d)"), "places": re.compile(r"<(\d+)>" * 4)}


def write_box(box: Sequence[float | int], notation: Notation = "numbers") -> str:
    """A box in words. Raises ValueError for one that does not lie in the picture, or has no inside on the grid."""
    x0, y0, x1, y1 = (round(edge * GRID / SIZE) for edge in box)
    if not (0 <= x0 < x1 <= GRID and 0 <= y0 < y1 <= GRID):
        raise ValueError(f"a box must have an inside and lie in {SIZE} x {SIZE} pixels, not be {tuple(box)}")
    lines = (x0, y0, x1, y1)
    return ",".join(f"{line:02}" for line in lines) if notation == "numbers" else "".join(PLACES[n] for n in lines)


def read_box(text: str, notation: Notation = "numbers") -> Box | None:
    """The box that a reply gives; None where it gives none, or one without an inside."""
    found = _FORMS[notation].search(text.replace(" ", ""))
    if not found:
        return None
    x0, y0, x1, y1 = map(int, found.groups())
    inside = x0 < x1 <= GRID and y0 < y1 <= GRID
    return (x0 * SIZE / GRID, y0 * SIZE / GRID, x1 * SIZE / GRID, y1 * SIZE / GRID) if inside else None


def add_words(loaded: Loaded, words: Sequence[str]) -> tuple[int, ...]:
    """Give tokenizer and model (changed in place) a token for each new word; gives their numbers.

    Their rows begin as those of words that nobody learned: `labs.tuning.rows.draw_anew` draws them where they learn.
    """
    unlearned = alike_rows(loaded.model)[0]
    loaded.processor.tokenizer.add_tokens(list(words))
    first = loaded.model.get_input_embeddings().num_embeddings
    loaded.model.resize_token_embeddings(first + len(words), mean_resizing=False)
    with torch.no_grad():
        rows = loaded.model.get_input_embeddings().weight
        rows[first:] = rows[unlearned]
    return tuple(range(first, first + len(words)))
