"""A picture from the audience: judged by its content, bounded in bytes and pixels, and gone from the disk at once."""

from pathlib import Path

from PIL import Image

from labs.models.pictures import PictureError, open_picture

MEGABYTES = 8  # of a file
MEGAPIXELS = 24  # what telephones take; checked in the header, before anything is decoded
SIDE = 672  # pixels of the longer side that is kept


def take(path: str | Path) -> Image.Image:
    """Read an uploaded file as an RGB picture, at most `SIDE` pixels a side; whatever happens, the file is deleted.

    Raises PictureError, which names neither folders nor paths.
    """
    file = Path(path)
    try:
        return _read(file)
    except PictureError as error:
        raise PictureError(str(error).replace(str(file), "Your file")) from None
    finally:
        file.unlink(missing_ok=True)


def _read(file: Path) -> Image.Image:
    if file.stat().st_size > MEGABYTES * 1_000_000:
        raise PictureError(f"{file} has more than {MEGABYTES} MB: save it smaller, or as JPEG.")
    _check_pixels(file)
    picture = open_picture(file)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return picture


def _check_pixels(file: Path) -> None:
    """From the header alone; what has none that Pillow knows is left to `open_picture` to refuse."""
    try:
        with Image.open(file) as header:
            width, height = header.size
    except (OSError, ValueError, Image.DecompressionBombError, SyntaxError):
        return
    if width * height > MEGAPIXELS * 1_000_000:
        raise PictureError(
            f"{file} has {width} x {height} pixels: make it smaller, {MEGAPIXELS} megapixels are the limit."
        )
