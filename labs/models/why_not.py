"""Why a model or data set could not be opened, and what to do, in one sentence."""

import errno
from collections.abc import Iterator
from pathlib import Path

from labs.models.downloads import RECORD

PACKAGES = {
    "transformers": "its processor needs more packages, so pip install torchvision num2words as fit this torch",
    "diffusers": "it opens through diffusers, so pip install diffusers",
}


def why_not(
    name: str, error: BaseException, bundled: bool = False, run: Path | None = None, library: str = "transformers"
) -> str:
    """About a folder or Hub id whose opening ended in `error`; `run` holds the record that named its commit."""
    said = [f"{type(one).__name__} {one}" for one in _chain(error)]
    full = any(getattr(one, "errno", None) == errno.ENOSPC for one in _chain(error)) or _says(said, "No space left")
    if bundled:
        mend = "fetch data/checkpoints again"
    elif isinstance(error, ImportError):
        mend = PACKAGES[library]
    elif _says(said, "GatedRepo", "gated repo"):
        mend = f"accept its terms on https://huggingface.co/{name} and log in with `hf auth login`, or choose another"
    elif full:
        mend = "the disk is full, free some space or set HF_HOME to a folder on another disk"
    elif half_downloaded(name):
        mend = "only half of it was downloaded, so open the network and run this again, which goes on from there"
    elif run is not None:
        mend = f"{run / RECORD} names a commit of it, so open the network, or delete that file to take today's"
    else:
        mend = "check the name and the network"
    reason = next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"{name} cannot be opened: {mend} ({reason})."


def half_downloaded(name: str) -> bool:
    """Whether a download of it was begun and not ended."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return any(Path(HF_HUB_CACHE).glob(f"*--{name.replace('/', '--')}/blobs/*.incomplete"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _says(said: list[str], *signs: str) -> bool:
    return any(sign in text for sign in signs for text in said)
