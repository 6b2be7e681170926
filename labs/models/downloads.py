"""What a run took from the Hub: recorded beside it, and obeyed when the run is repeated.

RUN/downloads.json     {"models": {Hub id: {"commit", "gigabytes", "licence", "files"}}, "datasets": {...}}

A commit names its files for good; the Hub's `main` may be another one tomorrow.
"""

import json
from pathlib import Path

from labs.errors import LabsError
from labs.files import checksum, write_json

RECORD = "downloads.json"
HEX = set("0123456789abcdef")


class DownloadError(LabsError, ValueError):
    """What was downloaded is not whole, or the record of it cannot be read: which file, and what to do."""


def pinned(run: Path | None, name: str, kind: str = "models") -> str | None:
    """The commit that a run's record names for a model or data set; None where there is no record of it."""
    return None if run is None else _read(run).get(kind, {}).get(name, {}).get("commit")


def record(run: Path, name: str, licence: str, kind: str = "models", revision: str = "main") -> dict:
    """Write what the cache holds of a model or data set to the run's record; compare new files with their checksums.

    Raises DownloadError for a file that is not whole.
    """
    known = _read(run)
    before = known.setdefault(kind, {}).get(name, {})
    snapshot = snapshot_of(name, kind, before.get("commit"), revision)
    files = {file.relative_to(snapshot).as_posix(): file for file in sorted(snapshot.rglob("*")) if file.is_file()}
    for file in files.keys() - set(before.get("files", ())):
        _check(files[file], name)
    size = sum(file.stat().st_size for file in files.values())
    found = {"commit": snapshot.name, "gigabytes": round(size / 1e9, 6), "licence": _licence(snapshot) or licence,
             "files": list(files)}  # fmt: skip
    if found != before:
        known[kind][name] = found
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / RECORD, known)
    return found


def snapshot_of(name: str, kind: str = "models", commit: str | None = None, revision: str = "main") -> Path:
    """The folder in the cache of a commit, by default of what `revision` stood for when it was asked for last.

    Raises DownloadError if there is none.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"{kind}--{name.replace('/', '--')}"
    named = folder / "refs" / revision  # the revision refs/pr/2 is the file refs/refs/pr/2
    snapshot = folder / "snapshots" / (commit or (named.read_text().strip() if named.exists() else "none"))
    if not snapshot.is_dir():
        raise DownloadError(f"{name} is not in the cache {HF_HUB_CACHE}: open the network and run this again.")
    return snapshot


def gigabytes(run: Path) -> float:
    """What a run has downloaded in all."""
    return sum((one["gigabytes"] for kind in _read(run).values() for one in kind.values()), 0.0)


def _read(run: Path) -> dict:
    file = run / RECORD
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError:
        raise DownloadError(f"{file} is damaged: delete it, and today's versions are downloaded.") from None


def _check(file: Path, name: str) -> None:
    """The cache calls a large file by its SHA-256, and lets a link lead to it."""
    blob = file.resolve()
    if len(blob.name) != 64 or not set(blob.name) <= HEX:
        return
    if checksum(blob) != blob.name:
        raise DownloadError(
            f"{file.name} of {name} is not as the Hub has it: delete {blob} and run this again with the network open."
        )


def _licence(snapshot: Path) -> str | None:
    """As the page in the cache states it, where that was downloaded too."""
    from huggingface_hub import RepoCard

    page = snapshot / "README.md"
    return RepoCard.load(page).data.get("license") if page.exists() else None
