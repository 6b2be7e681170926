"""Round faces with a feeling each, drawn of strokes.

A stroke has its points, x and y in turn, in radii of the face from its middle; y runs down. A disc and the like are
given by the corners of their box; what a plural names is drawn on both sides.
"""

from PIL import Image, ImageDraw

from labs.world.picture import SIZE, check_size

PAPERS = ((214, 226, 240), (236, 220, 226), (216, 232, 214), (70, 78, 104), (96, 76, 92))
SKINS = ((255, 205, 60), (250, 214, 84), (246, 194, 52))  # of an emoji, nobody's
_OVERSAMPLE = 6

_INK, _WHITE, _RED, _WATER = (58, 36, 20), (255, 255, 255), (220, 30, 60), (40, 110, 235)
_STROKES = {
    "happy": (("discs", _INK, (0.24, -0.39, 0.5, -0.05)), ("smile", _INK, (-0.55, -0.4, 0.55, 0.6))),
    "laughing": (
        ("lines", _INK, (0.16, -0.12, 0.4, -0.38, 0.64, -0.12)),
        ("bowl", _INK, (-0.62, -0.55, 0.62, 0.75)), ("box", _WHITE, (-0.5, 0.12, 0.5, 0.28)),
    ),
    "loving": (
        ("discs", _RED, (0.06, -0.54, 0.44, -0.16)), ("discs", _RED, (0.4, -0.54, 0.78, -0.16)),
        ("polygons", _RED, (0.08, -0.27, 0.76, -0.27, 0.42, 0.11)), ("smile", _INK, (-0.5, -0.35, 0.5, 0.6)),
    ),
    "sad": (
        ("discs", _INK, (0.25, -0.25, 0.49, 0.05)), ("lines", _INK, (0.62, -0.32, 0.18, -0.55)),
        ("frown", _INK, (-0.45, 0.3, 0.45, 1.1)), ("disc", _WATER, (0.31, 0.06, 0.61, 0.54)),
    ),
    "angry": (
        ("discs", _INK, (0.25, -0.25, 0.51, 0.05)),
        ("polygons", _INK, (0.77, -0.47, 0.67, -0.65, 0.07, -0.33, 0.17, -0.15)),
        ("box", _INK, (-0.46, 0.32, 0.46, 0.62)), ("boxes", _WHITE, (0.04, 0.42, 0.36, 0.52)),
    ),
    "scared": (
        ("discs", _INK, (0.06, -0.58, 0.74, 0.14)), ("discs", _WHITE, (0.14, -0.5, 0.66, 0.06)),
        ("discs", _INK, (0.3, -0.3, 0.5, -0.1)), ("disc", _INK, (-0.2, 0.22, 0.2, 0.82)),
    ),
}  # fmt: skip


def draw(face: str, shift: tuple[float, float], paper: int, skin: int, size: int = SIZE) -> Image.Image:
    """The face as an RGB picture of `size` x `size` pixels; `shift` in picture widths, `paper` and `skin` indices."""
    check_size(size)
    side = size * _OVERSAMPLE
    page = Image.new("RGB", (side, side), PAPERS[paper])
    pen, radius, middle = ImageDraw.Draw(page), 0.45 * side, [side * (0.5 + part) for part in shift]
    head = (("disc", _INK, (-1.0, -1.0, 1.0, 1.0)), ("disc", SKINS[skin], (-0.95, -0.95, 0.95, 0.95)))
    for kind, colour, points in head + _STROKES[face]:
        for way in (1, -1) if kind in ("discs", "boxes", "lines", "polygons") else (1,):
            at = [(middle[0] + way * radius * x, middle[1] + radius * y)
                  for x, y in zip(points[::2], points[1::2], strict=True)]  # fmt: skip
            _stroke(pen, kind, colour, at, round(0.14 * radius))
    return page.reduce(_OVERSAMPLE)


def _stroke(pen: ImageDraw.ImageDraw, kind: str, colour: tuple[int, ...], at: list, width: int) -> None:
    left, right = sorted((at[0][0], at[1][0]))
    box = (left, at[0][1], right, at[1][1])
    match kind:
        case "disc" | "discs":
            pen.ellipse(box, fill=colour)
        case "box" | "boxes":
            pen.rectangle(box, fill=colour)
        case "bowl":
            pen.pieslice(box, 0, 180, fill=colour)
        case "smile" | "frown":
            pen.arc(box, *((20, 160) if kind == "smile" else (205, 335)), fill=colour, width=width)
        case "polygons":
            pen.polygon(at, fill=colour)
        case "lines":
            pen.line(at, fill=colour, width=width, joint="curve")
