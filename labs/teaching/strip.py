"""Pictures side by side with text beneath, as one picture: a story, or questions with their answers."""

import textwrap
from collections.abc import Sequence

import matplotlib
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, LETTER = 200, 12, 13  # pixels


def strip(pictures: Sequence[Image.Image], captions: Sequence[Sequence[str]], names: Sequence[str] = ()) -> Image.Image:
    """Lay `pictures` in a row. `captions[r][i]` is the text in row r beneath picture i; `names[r]` heads row r.

    Raises ValueError where a row has not one text for each picture.
    """
    for row in captions:
        if len(row) != len(pictures):
            raise ValueError(f"every row needs one text a picture, got {len(row)} texts for {len(pictures)} pictures")
    # Pillow's own font has no accents; matplotlib ships one that has
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", LETTER)
    wrapped = [[textwrap.wrap(text, SIDE // 8) for text in row] for row in captions]
    heights = [(max(map(len, row)) + bool(names)) * (LETTER + 4) + GAP for row in wrapped]
    page = Image.new("RGB", (len(pictures) * (SIDE + GAP) + GAP, SIDE + 2 * GAP + sum(heights)), "white")
    pen = ImageDraw.Draw(page)
    for column, picture in enumerate(pictures):
        page.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (GAP + column * (SIDE + GAP), GAP))
    y = SIDE + 2 * GAP
    for number, row in enumerate(wrapped):
        top = y
        if names:
            pen.text((GAP, y), names[number], font=font, fill=(110, 110, 110))
            top += LETTER + 4
        for column, lines in enumerate(row):
            pen.multiline_text((GAP + column * (SIDE + GAP), top), "\n".join(lines), font=font, fill=(20, 20, 20))
        y += heights[number]
    return page
