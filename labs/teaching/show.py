"""Pictures, animations and sounds in a notebook, each with words for whoever cannot see or hear it."""

import io

import numpy as np
from IPython.display import Audio, Image, display
from matplotlib.figure import Figure
from PIL import Image as Pillow

from labs.world import clip, sound

DOTS_PER_INCH = 90
PALETTE = 256  # colours of what is shown: a notebook full of pictures is about half as large, and looks the same


def show(
    what: Figure | Pillow.Image, alt: str, width: int | None = None, dots_per_inch: int = DOTS_PER_INCH,
    colours: int = PALETTE,
) -> None:  # fmt: skip
    """Display a figure or a picture as PNG; `alt` says what it shows, `width` is in pixels on the page.

    A large figure of few colours is smaller still with fewer of them.
    """
    if not alt.strip():
        raise ValueError("alt must say what the picture shows")
    display(Image(png(what, dots_per_inch, colours), format="png", width=width, metadata={"alt": alt}))


def png(what: Figure | Pillow.Image, dots_per_inch: int = DOTS_PER_INCH, colours: int = PALETTE) -> bytes:
    """A figure or a picture as a small PNG file of at most so many colours."""
    if isinstance(what, Figure):
        drawn = io.BytesIO()
        what.savefig(drawn, format="png", dpi=dots_per_inch)
        what = Pillow.open(drawn)
    small = what.convert("RGB").quantize(colours, Pillow.Quantize.MAXCOVERAGE, kmeans=5, dither=Pillow.Dither.NONE)
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return file.getvalue()


def animate(frames: np.ndarray, alt: str, width: int = 200) -> None:
    """Display a clip (frames, height, width, 3) of 8-bit colours as an endless animation."""
    first, *rest = clip.as_pictures(frames)
    buffer = io.BytesIO()
    pause = round(1000 / clip.FRAMES_PER_SECOND)  # milliseconds
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=pause, loop=0)
    display(Image(buffer.getvalue(), format="gif", width=width, metadata={"alt": alt}))


def hear(samples: np.ndarray, words: str) -> None:
    """Display a player for (channels, samples) in [-1, 1]; `words` says what is heard."""
    print(f"sound, {samples.shape[1] / sound.RATE:.2f} s: {words}")
    display(Audio(sound.as_wave(samples)))
