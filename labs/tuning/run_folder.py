"""The folder of a tuning run: what it holds, whether it may be used, and where a run goes on.

config.json     what was asked for; a folder with another config is never touched
versions.json   the libraries
checkpoints/    checkpoint-STEP, the newest two; a file `complete` is written last, with the checksums of the others
adapter/        the result (`model/` after full tuning)
downloads.json  which commit of a model of the Hub it began with (labs.models.downloads)
.lock           held while a process trains here
metrics.json    the loss curve and the held-out scores; written last of all, it marks the run as finished
"""

import errno
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from labs.files import checksum, write_json
from labs.models.downloads import RECORD
from labs.tuning.run_identity import RunError, check_same, check_versions, versions

COMPLETE, LOCK = "complete", ".lock"


def open_run(out: Path, config: dict) -> Path | None:
    """Begin a run in `out`, or find where it was interrupted: the checkpoint to go on from, None for the beginning.

    Raises RunError if the folder holds a finished run, a run with another config or begun with other libraries, or
    anything else.
    """
    if not {file.name for file in out.iterdir()} - {LOCK, RECORD}:
        write_json(out / "versions.json", versions())
        write_json(out / "config.json", config)  # last: from here on the folder is a run
        return None
    if finished(out):
        raise RunError(f"{out} already holds a finished run: choose another folder, or move this one away.")
    check_same(out, config)
    check_versions(out)
    for begun in set((out / "checkpoints").glob("checkpoint-*")) - set(checkpoints(out)):
        shutil.rmtree(begun)  # the run was stopped while it wrote this
    return _newest_whole(out)


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Make the folder and be the only run in it. Raises RunError if another process trains there, or it is a file."""
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file: name a folder for the run.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            yield
    except Timeout:
        raise RunError(
            f"another notebook or command is training into {out}: wait until it has ended, or choose another folder."
        ) from None


def finished(out: Path) -> bool:
    """Whether the folder holds a run that was brought to its end."""
    return (out / "metrics.json").exists()


def checkpoints(out: Path) -> list[Path]:
    """The checkpoints that were written to the end, the oldest first."""
    return sorted((mark.parent for mark in out.glob(f"checkpoints/checkpoint-*/{COMPLETE}")), key=_step)


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as written to the end."""
    write_json(checkpoint / COMPLETE, _checksums(checkpoint))


def _newest_whole(out: Path) -> Path | None:
    """The newest checkpoint that is as it was written. Newer ones are set aside and named."""
    for checkpoint in reversed(checkpoints(out)):
        found = _checksums(checkpoint)
        sealed = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8") or "{}")
        changed = [name for name in sealed.keys() | found.keys() if sealed.get(name) != found.get(name)]
        if not changed:
            return checkpoint
        aside = checkpoint.rename(checkpoint.with_name(f"damaged-{checkpoint.name}"))
        print(f"{checkpoint} is damaged ({', '.join(sorted(changed))} is not as it was written): kept as {aside.name}, "
              "the run goes on from the one before.", file=sys.stderr)  # fmt: skip
    return None


def _checksums(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of every file but the mark."""
    files = [file for file in sorted(checkpoint.rglob("*")) if file.is_file() and not file.name.startswith(COMPLETE)]
    return {file.relative_to(checkpoint).as_posix(): checksum(file) for file in files}


def kept(out: Path) -> str:
    """What is left of an interrupted run, in words."""
    whole = checkpoints(out)
    return f"{whole[-1]} is the last good checkpoint" if whole else "there was no checkpoint yet"


@contextmanager
def full_disk_said(out: Path) -> Iterator[None]:
    """A full disk within it becomes a RunError."""
    try:
        yield
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise RunError(f"the disk of {out} is full: free some space and repeat the command; {kept(out)}.") from None


def is_full_disk(error: BaseException) -> bool:
    """True if the disk, or a limit on it, ended the writing, also where a library has wrapped the system's error."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    # safetensors wraps the system's words; torch's writer of archives hides them
    signs = ("No space left", "File too large", "quota exceeded", "PytorchStreamWriter failed", "unexpected pos")
    return any(sign in str(error) for sign in signs)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])
