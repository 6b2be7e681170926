"""The folder of a tuning run: what it holds, whether it may be used, and where a run goes on.

config.json     what was asked for; a folder with another config is never touched
versions.json   the libraries
checkpoints/    checkpoint-STEP, the newest two; a file `complete` is written last, with the checksums of the others
adapter/        the result (`model/` after full tuning)
metrics.json    the loss curve and the held-out scores; written last of all, it marks the run as finished
"""

import errno
import hashlib
import json
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labs.errors import LabsError

COMPLETE = "complete"
_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "numpy", "pillow")


class RunError(LabsError, ValueError):
    """A run cannot begin, or cannot go on: why, and what to do."""


def open_run(out: Path, config: dict) -> Path | None:
    """Begin a run in `out`, or find where it was interrupted: the checkpoint to go on from, None for the beginning.

    Raises RunError if the folder holds a finished run, a run with another config, or anything else.
    """
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file: name a folder for the run.")
    if not out.exists() or not any(out.iterdir()):
        out.mkdir(parents=True, exist_ok=True)
        versions = {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}
        write_json(out / "versions.json", versions)
        write_json(out / "config.json", config)  # last: from here on the folder is a run
        return None
    if (out / "metrics.json").exists():
        raise RunError(f"{out} already holds a finished run: choose another folder, or move this one away.")
    _check_same(out, config)
    for begun in set((out / "checkpoints").glob("checkpoint-*")) - set(checkpoints(out)):
        shutil.rmtree(begun)  # the run was stopped while it wrote this
    return _newest_whole(out)


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
    return {file.relative_to(checkpoint).as_posix(): _checksum(file) for file in files}


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_json(file: Path, content: object) -> None:
    """Write the file whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


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


def describe(model: Any) -> dict:
    """What tells one model's run from another's: class, name, adapters, and the number of trainable parameters."""
    adapters = getattr(model, "peft_config", {})
    kept = ("r", "lora_alpha", "lora_dropout", "target_modules")
    spec = {name: getattr(adapters["default"], name) for name in kept} if adapters else None
    if spec:
        spec["target_modules"] = sorted(spec["target_modules"])
    return {
        "model": model.config._name_or_path,
        "lora": spec,
        "four_bit": bool(getattr(model, "is_loaded_in_4bit", False)),
        "trainable": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }


def _check_same(out: Path, config: dict) -> None:
    try:
        before = json.loads((out / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        raise RunError(f"{out} is not empty and holds no run to go on with: choose an empty or a new folder.") from None
    other = sorted(key for key in before.keys() | config.keys() if before.get(key) != config.get(key))
    if other:
        raise RunError(
            f"{out} holds an unfinished run with another {', '.join(other)}: "
            "repeat its settings to go on, or choose another folder."
        )


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])
