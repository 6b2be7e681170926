"""Scene -> picture. Anti-aliased, any size from 64 pixels, a pure function of the scene."""

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, DEPTHS

SIZE = 72  # pixels a side, the size the mini models see: 6 x 6 patches of 12
SMALLEST = 64  # below it a small star loses its points
_OVERSAMPLE = 8


def check_size(size: int) -> None:
    """Raise ValueError if `size`, in pixels, is too small for the shapes to be told apart."""
    if size < SMALLEST:
        raise ValueError(f"size must be at least {SMALLEST} pixels, not {size}")


def draw(scene: Scene, size: int = SIZE) -> Image.Image:
    """Draw the scene as an RGB picture of `size` x `size` pixels, far things first."""
    check_size(size)
    picture = _background(scene, size)
    for thing in sorted(scene.things, key=lambda thing: -DEPTHS[thing.depth]):
        mask, corner = stamp(thing, size)
        picture.paste(paint(thing), corner, mask)
    if scene.sign:
        board, corner = signboard(scene.sign, scene.sign_cell, size)
        picture.paste(board, corner)
    return picture


def paint(thing: Thing) -> tuple[int, ...]:
    """The 8-bit red, green and blue of this very thing: its colour, a little lighter or darker."""
    return tuple(min(255, round(part * thing.shade)) for part in COLOURS[thing.colour])


def stamp(thing: Thing, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """The thing's coverage (8-bit, anti-aliased) and the pixel at which its top left corner lies."""
    mask = _mask(thing.shape, round(thing.radius * size * 4) / 4, thing.tilt)
    return mask, (round(thing.x * size - mask.width / 2), round(thing.y * size - mask.height / 2))


@lru_cache(maxsize=4096)
def _mask(shape: str, radius: float, tilt: int) -> Image.Image:
    side = 2 * math.ceil(radius) + 2
    big = Image.new("L", (side * _OVERSAMPLE, side * _OVERSAMPLE))
    centre, r = side * _OVERSAMPLE / 2, radius * _OVERSAMPLE
    pen = ImageDraw.Draw(big)
    if shape in ("circle", "ring", "moon"):
        pen.ellipse(_disc(centre, centre, r), fill=255)
        if shape == "ring":
            pen.ellipse(_disc(centre, centre, r * 0.52), fill=0)
        if shape == "moon":
            angle = math.radians(tilt)
            shift = (centre + 0.55 * r * math.cos(angle), centre - 0.55 * r * math.sin(angle))
            pen.ellipse(_disc(*shift, r * 0.82), fill=0)
    else:
        outline = [(centre + r * x, centre + r * y) for x, y in _turned(_OUTLINES[shape], tilt)]
        pen.polygon(outline, fill=255)
    return big.reduce(_OVERSAMPLE)


def _disc(x: float, y: float, r: float) -> tuple[float, float, float, float]:
    return (x - r, y - r, x + r, y + r)


def _turned(outline: list[tuple[float, float]], tilt: int) -> list[tuple[float, float]]:
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return [(c * x + s * y, c * y - s * x) for x, y in outline]


def _spokes(radii: tuple[float, ...], points: int) -> list[tuple[float, float]]:
    """A closed outline whose corners lie in turn at the given radii, the first one straight up."""
    corners = [(radii[i % len(radii)], 2 * math.pi * i / points) for i in range(points)]
    return [(r * math.sin(angle), -r * math.cos(angle)) for r, angle in corners]


def _heart() -> list[tuple[float, float]]:
    angles = [2 * math.pi * i / 48 for i in range(48)]
    x = [16 * math.sin(t) ** 3 / 16 for t in angles]
    y = [-(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16 - 0.1 for t in angles]
    return list(zip(x, y, strict=True))


_ARM = 0.34
_OUTLINES = {
    "square": [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)],
    "triangle": _spokes((1.0,), 3),
    "star": _spokes((1.0, 0.42), 10),
    "cross": [(-_ARM, -1.0), (_ARM, -1.0), (_ARM, -_ARM), (1.0, -_ARM), (1.0, _ARM), (_ARM, _ARM),
              (_ARM, 1.0), (-_ARM, 1.0), (-_ARM, _ARM), (-1.0, _ARM), (-1.0, -_ARM), (-_ARM, -_ARM)],
    "heart": _heart(),
}  # fmt: skip


def _background(scene: Scene, size: int) -> Image.Image:
    if scene.background == "plain":
        return Image.new("RGB", (size, size), scene.tone)
    light = _light(scene.background, size, scene.texture)
    pixels = np.asarray(scene.tone, np.float32) + light[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@lru_cache(maxsize=512)
def _light(background: str, size: int, texture: int) -> np.ndarray:
    """Brightness added to the tone, (size, size), within +-22 of 255."""
    y, x = np.mgrid[0:size, 0:size] / size
    if background == "gradient":
        angle = 2 * math.pi * (texture % 360) / 360
        return (22 * ((x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle))).astype(np.float32)
    if background == "stripes":
        return (10 * np.sin(2 * math.pi * ((x, y)[texture % 2] * (4 + texture % 5)))).astype(np.float32)
    if background == "horizon":
        return np.where(y > 0.3 + 0.4 * (texture % 97) / 97, -14.0, 8.0).astype(np.float32)
    return np.random.default_rng(texture).normal(0, 7, (size, size)).astype(np.float32)  # speckle


@lru_cache(maxsize=256)
def signboard(word: str, cell: int, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """A written sign, and the pixel at which its top left corner lies."""
    width, height = round(size * 0.31), round(size * 0.17)
    board = Image.new("RGB", (width * 4, height * 4), (250, 250, 246))
    pen = ImageDraw.Draw(board)
    pen.rectangle((0, 0, width * 4 - 1, height * 4 - 1), outline=(30, 30, 30), width=4)
    font = ImageFont.load_default(size=height * 2.9)
    pen.text((width * 2, height * 2), word, fill=(20, 20, 20), font=font, anchor="mm")
    corner = (round((cell % 3 + 0.5) / 3 * size - width / 2), round((cell // 3 + 0.5) / 3 * size - height / 2))
    return board.reduce(4), corner
