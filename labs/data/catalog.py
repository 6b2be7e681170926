"""Which data set plays which role: pictures with questions and answers, the same call in every profile.

    records = open_set("vqa", run, count=60)

`mini` is drawn from the micro-world and needs no network; the real profiles name data sets of the Hub (labs.data.real).
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from labs.data.arrow_entries import open_arrow
from labs.data.real import COLAB, FULL, DataEntry
from labs.data.record import DataError
from labs.data.records import Records, of, read
from labs.models import catalog, downloads
from labs.models.why_not import why_not
from labs.world import records as world

REAL = {"colab": COLAB, "full": FULL}
MINI = {"vqa": world.write_llava_everyday, "story": world.write_llava_stories, "instructions": world.write_llava}
SPEAKERS = {"human": "user", "gpt": "assistant"}


def open_set(
    role: str, run: Path, profile: str | None = None, count: int = 100, ask: Callable[[str], str] = str
) -> Records:
    """The first `count` records of what plays `role`; `ask` words a question as the model wants to be asked.

    What is downloaded is recorded in the folder `run`, and a record that is there is obeyed; the micro-world's are
    written to it. Raises CatalogError for a role or profile that does not exist, DataError for what cannot be opened.
    """
    chosen = profile or catalog.profile()
    known = MINI if chosen == "mini" else REAL.get(chosen, {})
    if role not in known:
        have = f"it has {', '.join(known)}" if known else f"choose one of mini, {', '.join(REAL)}"
        raise catalog.CatalogError(f"profile {chosen!r} has no data for {role!r}: {have}.")
    if chosen == "mini":
        folder = run / "data" / f"{role}-{count}"
        if not (folder / "records.json").exists():  # which is written last
            shutil.rmtree(folder, ignore_errors=True)
            MINI[role](folder, "heldout", count)
        return read(folder / "records.json", folder / "images")
    entry = known[role]
    rows = open_arrow(download(entry, run))
    return of([to_entry(row, entry, ask) for row in islice(rows, count)], entry.name)


def download(entry: DataEntry, run: Path) -> Path:
    """Fetch the files of a data set, or find them in the cache; returns their pattern. Raises DataError."""
    from huggingface_hub import snapshot_download

    commit = downloads.pinned(run, entry.name, "datasets")
    try:
        folder = Path(snapshot_download(
            entry.name, repo_type="dataset", revision=commit, allow_patterns=[entry.files, "README.md"]
        ))  # fmt: skip
    except (OSError, ValueError) as error:
        raise DataError(why_not(entry.name, error, run=run if commit else None)) from error
    if not any(folder.glob(entry.files)):
        raise DataError(f"{entry.name} has no files {entry.files}: its entry in labs/data/real.py is out of date.")
    downloads.record(run, entry.name, entry.licence, "datasets")
    return folder / entry.files


def to_entry(row: dict, entry: DataEntry, ask: Callable[[str], str] = str) -> dict:
    """A row of a data set as an entry in the format of chat templates; `also` are further accepted answers."""
    shown = _column(row, entry.pictures, entry)
    shown = shown if isinstance(shown, list) else [shown]
    if entry.talk:
        return {"images": shown, "messages": [_turn(turn) for turn in _column(row, entry.talk, entry)]}
    question = entry.asks or str(_column(row, entry.question, entry))
    answer, *also = _texts(_column(row, entry.answer, entry))
    turns = [{"role": "user", "content": ask(question)}, {"role": "assistant", "content": answer}]
    return {"images": shown, "messages": turns, "also": also}


def _column(row: dict, names: Sequence[str], entry: DataEntry) -> Any:
    for name in names:
        if row.get(name) is not None:
            return row[name]
    raise DataError(
        f"{entry.name} has no column {' or '.join(names)}, but {', '.join(row)}: "
        "its entry in labs/data/real.py is out of date."
    )


def _texts(answer: Any) -> list[str]:
    """One answer, a list of them, or VQA v2's list of what ten people said."""
    several = answer if isinstance(answer, list) else [answer]
    return [str(one["answer"] if isinstance(one, dict) else one) for one in several]


def _turn(turn: dict) -> dict:
    """A turn with the keys and the parts of chat templates; Arrow fills up what a part has not with None."""
    role = turn.get("role") or turn.get("from")
    content = turn.get("content") or turn.get("value")
    if isinstance(content, list):
        content = [{key: value for key, value in part.items() if value is not None} for part in content]
    return {"role": SPEAKERS.get(str(role), role), "content": content}
