"""Any PNG, JPEG or WebP file -> an upright RGB picture; anything else -> one clear sentence."""

import io
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from labs.errors import LabsError

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MEGAPIXELS = 50  # a decoded picture of this size takes 150 MB of memory
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")


class PictureError(LabsError, ValueError):
    """A file cannot be used as a picture: what it is, which file, what to do."""


def as_png(picture: Image.Image) -> bytes:
    """The picture as a file that `open_picture` reads again pixel by pixel; quickly packed, not small."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def open_picture(path: str | Path | bytes) -> Image.Image:
    """Read a PNG, JPEG or WebP file as an RGB picture: turned upright as its EXIF data says, laid on white.

    Of an animation, the first frame. Instead of a path, a file's bytes will do. Raises PictureError for anything that
    is not a whole picture of one of these formats with at most 50 megapixels.
    """
    opened, path = (io.BytesIO(path), "a picture of the dataset") if isinstance(path, bytes) else (None, str(path))
    try:
        with opened or _open_file(Path(path)) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about sizes and broken EXIF data: both are dealt with here
            return _read(file, path)
    except FileNotFoundError:
        raise PictureError(f"There is no picture {path}: check the name and the folder.") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read: give yourself read permission or copy the file.") from None
    except PictureError:
        raise
    except (OSError, ValueError) as error:  # a name too long, a zero byte in it, a disk that fails
        raise PictureError(f"{path} cannot be read ({error}): check the name or copy the file.") from None


def _open_file(path: Path) -> io.BufferedIOBase:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{path} is a folder: name the pictures in it one by one.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{path} is no ordinary file: save the picture as PNG, JPEG or WebP.")
    if status.st_size == 0:
        raise PictureError(f"{path} is an empty file of 0 bytes: download or save the picture again.")
    return path.open("rb")


def _read(file: io.BufferedIOBase, path: str) -> Image.Image:
    picture = _open_header(file, path)
    width, height = picture.size
    if width * height > MEGAPIXELS * 1_000_000:
        raise _too_large(path, f"{width} x {height} pixels, {width * height / 1e6:.0f} megapixels")
    try:
        picture.load()
    except Exception:  # each decoder has exceptions of its own for broken data
        raise _damaged(path) from None
    try:
        picture = ImageOps.exif_transpose(picture)
    except Exception:  # broken EXIF data do not spoil a picture
        pass
    return to_rgb(picture)


def _open_header(file: io.BufferedIOBase, path: str) -> Image.Image:
    """Size and format, without decoding."""
    looks_right = file.read(4).startswith(_SIGNATURES)
    file.seek(0)
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(path, "more than 170 megapixels") from None
    except UnidentifiedImageError:
        raise _damaged(path) if looks_right else _unsupported(file, path) from None
    except Exception:  # a header that leads the decoder astray
        raise _damaged(path) from None


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode; transparency lets white through, 16 bits become 8."""
    if picture.mode.startswith(("I", "F")):
        grey = np.asarray(picture, np.float64)
        return Image.fromarray((grey.clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def _too_large(path: str, how_large: str) -> PictureError:
    return PictureError(f"{path} is too large ({how_large}): make it smaller, {MEGAPIXELS} megapixels are the limit.")


def _damaged(path: str) -> PictureError:
    return PictureError(f"{path} is damaged or cut short: download or save the picture again.")


def _unsupported(file: io.BufferedIOBase, path: str) -> PictureError:
    try:
        file.seek(0)
        kind = Image.open(file).format
    except Exception:  # nothing that Pillow knows
        return PictureError(f"{path} is not a picture, whatever its name says: name a PNG, JPEG or WebP file.")
    return PictureError(f"{path} is a {kind} picture, which is not supported: save it as PNG, JPEG or WebP.")
