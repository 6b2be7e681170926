"""A chest radiograph made of ellipses: what it shows and its picture. No medical data: `labs.world.domains.medical`.

Light goes from 0 to 1 on a grid in picture widths; an edge is one pixel soft.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labs.world.picture import SIZE, check_size

FINDINGS = ("clear", "nodule", "shadow", "fluid")
SIDES = {"right": 0.29, "left": 0.71}  # the patient's; the middle of that lung, in picture widths from the left
ZONES = {"top": 0.27, "centre": 0.47, "bottom": 0.67}  # the middle of the zone, in picture heights from the top
SIZES = {"small": 0.042, "big": 0.082}  # radius of a nodule, in picture widths
HEARTS = {"normal": 0.14, "enlarged": 0.22}  # half the width; the chest is 0.75 wide inside
LUNGS = (0.165, 0.33)  # half the width and half the height of a lung, whose middle lies at 0.47


@dataclass(frozen=True)
class Radiograph:
    """One picture's truth. `side`, `zone` and `size` are None where there is none; fluid lies at the bottom."""

    finding: str
    side: str | None = None
    zone: str | None = None
    size: str | None = None  # of a nodule
    heart: str = "normal"
    device: str | None = None  # the side of the pacemaker
    x: float = 0.0  # how far the finding lies from the middle of its zone, from -1 to 1
    y: float = 0.0
    exposure: float = 1.0  # brightness of the whole, about 1
    grain: int = 0  # seed of the noise

    def __post_init__(self) -> None:
        sides, zones = ((None,), (None,)) if self.finding == "clear" else (tuple(SIDES), tuple(ZONES))
        allowed = {
            "finding": FINDINGS,
            "side": sides,
            "zone": ("bottom",) if self.finding == "fluid" else zones,
            "size": tuple(SIZES) if self.finding == "nodule" else (None,),
            "heart": tuple(HEARTS),
            "device": (None, *SIDES),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {values}, not {getattr(self, name)!r}")


def centre(case: Radiograph) -> tuple[float, float]:
    """Where the finding lies, in picture widths: the middle of a nodule or a shadow, of the top of fluid."""
    if case.side is None:
        raise ValueError("clear lungs have no finding that lies anywhere")
    height = 0.60 + 0.02 * case.y if case.finding == "fluid" else ZONES[case.zone] + 0.02 * case.y
    outwards = 0.02 if case.side == "left" else -0.02  # away from the heart
    return SIDES[case.side] + outwards + 0.02 * case.x, height


def draw(case: Radiograph, size: int = SIZE) -> Image.Image:
    """Draw the radiograph as an RGB picture of `size` x `size` pixels, all grey."""
    check_size(size)
    x, y = _grid(size)
    light = _chest(size)
    if case.finding == "fluid":
        light = _fluid(light, case, size)
    light = _over(light, 0.62, _inside(np.abs(x - 0.5) - 0.05, size) * _inside(0.04 - y, size))  # the spine
    light = _over(light, 0.68, _inside(_oval(x, y, 0.55, 0.66, HEARTS[case.heart], 0.15), size))
    if case.finding in ("nodule", "shadow"):
        light = _spot(light, case, size)
    if case.device:
        light = _over(light, 1.0, _pacemaker(case.device, size))
    light = case.exposure * light + np.random.default_rng(case.grain).normal(0, 0.02, light.shape)
    picture = Image.fromarray(np.clip(255 * light, 0, 255).astype(np.uint8)).convert("RGB")
    font = ImageFont.load_default(size=size / 7)
    ImageDraw.Draw(picture).text((0.94 * size, 0.08 * size), "L", fill=(250, 250, 250), font=font, anchor="mm")
    return picture


@lru_cache(maxsize=8)
def _chest(size: int) -> np.ndarray:
    """The body, the lungs and their ribs, which fall outwards."""
    x, y = _grid(size)
    light = 0.04 + 0.40 * _inside(_oval(x, y, 0.5, 0.62, 0.47, 0.56, 4), size)
    for middle in SIDES.values():
        lung = _inside(_oval(x, y, middle, 0.47, *LUNGS, 3), size)
        light = _over(light, 0.13, lung)
        for number in range(5):
            middle_of_rib = 0.17 + 0.125 * number + 0.9 * (x - middle) ** 2 + 0.15 * np.abs(x - 0.5)
            light += 0.13 * lung * _inside(np.abs(y - middle_of_rib) - 0.011, size)
    return light


def _fluid(light: np.ndarray, case: Radiograph, size: int) -> np.ndarray:
    """The lung is white up to a level that climbs at the rim."""
    x, y = _grid(size)
    level = centre(case)[1] - 2.2 * (x - SIDES[case.side]) ** 2
    lung = _oval(x, y, SIDES[case.side], 0.47, *LUNGS, 3)
    return _over(light, 0.80, _inside(lung, size) * _inside(level - y, size))


def _spot(light: np.ndarray, case: Radiograph, size: int) -> np.ndarray:
    """A nodule has an edge, a shadow is a cloud without one."""
    x, y = _grid(size)
    middle, height = centre(case)
    if case.finding == "nodule":
        return _over(light, 0.92, _inside(np.hypot(x - middle, y - height) - SIZES[case.size], size))
    return _over(light, 0.74, 0.9 * np.exp(-(((x - middle) / 0.085) ** 2) - ((y - height) / 0.085) ** 2))


@lru_cache(maxsize=16)
def _pacemaker(side: str, size: int) -> np.ndarray:
    """How much of each pixel a box at the shoulder and a wire to the heart cover."""
    x, y = _grid(size)
    middle = SIDES[side] + (0.09 if side == "left" else -0.09)
    box = np.maximum(np.abs(x - middle) - 0.075, np.abs(y - 0.115) - 0.055)
    wire = np.full_like(x, np.inf)
    for step in np.linspace(0, 1, 80):
        along = middle + (0.51 - middle) * step**0.7, 0.12 + 0.48 * step**1.8
        wire = np.minimum(wire, np.hypot(x - along[0], y - along[1]) - 0.009)
    return np.maximum(_inside(wire, size), _inside(box, size))


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the middle of each pixel, in picture widths: both (size, size)."""
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    return x, y


def _oval(x: np.ndarray, y: np.ndarray, cx: float, cy: float, rx: float, ry: float, power: int = 2) -> np.ndarray:
    """About the distance from the rim, in picture widths, negative inside; the higher the power, the squarer."""
    return min(rx, ry) * ((np.abs((x - cx) / rx) ** power + np.abs((y - cy) / ry) ** power) ** (1 / power) - 1)


def _inside(distance: np.ndarray, size: int) -> np.ndarray:
    return np.clip(0.5 - distance * size, 0, 1)


def _over(light: np.ndarray, tone: float, mask: np.ndarray) -> np.ndarray:
    return light + mask * (tone - light)
