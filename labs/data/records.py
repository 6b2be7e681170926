"""Data for tuning, checked before it begins and read when it is needed: 100,000 records take no more than a thousand.

Files: a JSON list in LLaVA's format, or JSON lines; a Hugging Face dataset as parquet files or saved with
`save_to_disk`. In all of them a record may be written in either format of `labs.data.record`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labs.data.check import Keys, check
from labs.data.json_entries import JsonEntries
from labs.data.record import DataError, Record, to_record
from labs.data.report import Report

if TYPE_CHECKING:
    import datasets


class Records(Sequence[Record]):
    """Records that `get` reads anew whenever they are asked for. A part or a slice of them is another view.

    `keys` are a few bytes for each record, which say what is about the same pictures without reading it again.
    """

    def __init__(self, get: Callable[[int], Record], numbers: np.ndarray, keys: Keys, report: Report):
        self.get, self.numbers, self.keys, self.report = get, numbers, keys, report

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.part(np.arange(len(self))[index])
        return self.get(int(self.numbers[index]))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Sequence) and len(self) == len(other)
        return same and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def part(self, places: np.ndarray) -> "Records":
        """The records at some places of these."""
        return Records(self.get, self.numbers[places], self.keys.take(places), self.report)


def read(data: "str | Path | datasets.Dataset", images: Path | None = None) -> Records:
    """Open a data file, folder or dataset and check it; pictures are looked for in `images`, by default beside it.

    Raises DataError with one sentence for all faults of form, or for all missing or broken pictures together. Its
    `report`, as that of the records, is a table of everything that was looked at.
    """
    source = str(data) if isinstance(data, (str, Path)) else "the dataset"
    entries = _open(data)
    folder = Path(images or (source if Path(source).is_dir() else Path(source).parent))
    if not folder.is_dir():
        raise DataError(f"--images {folder} is not a folder: name the folder that holds the pictures of {source}.")
    if not len(entries):
        raise DataError(f"{source} holds no records: add at least one.")
    return _checked(partial(_read_one, entries, source, folder), len(entries), source)


def of(entries: Sequence[dict], source: str) -> Records:
    """Entries that are in memory, checked; what they show is in them. Raises DataError as `read` does."""
    return _checked(
        lambda number: to_record(entries[number], f"{source}, record {number}", Path()), len(entries), source
    )


def as_records(records: Sequence[Record]) -> Records:
    """The same records with their keys and report, made here unless they come from `read`."""
    if isinstance(records, Records):
        return records
    return _checked(records.__getitem__, len(records), "the records")


def _open(data: "str | Path | datasets.Dataset") -> "Sequence | datasets.Dataset":
    if not isinstance(data, (str, Path)):
        return data.with_format("arrow")  # in which pictures stay as they are stored
    if Path(data).is_dir() or Path(data).suffix == ".parquet":
        from labs.data.arrow_entries import open_arrow

        return open_arrow(Path(data))
    return JsonEntries(Path(data))


def _read_one(entries: "Sequence | datasets.Dataset", source: str, folder: Path, number: int) -> Record:
    entry = entries[number]
    entry = entry.to_pylist()[0] if hasattr(entry, "to_pylist") else entry  # an Arrow table of one row
    return to_record(entry, f"{source}, record {number}", folder)


def _checked(get: Callable[[int], Record], count: int, source: str) -> Records:
    keys, report = check(get, count, source)
    if report.refusal:
        error = DataError(report.refusal)
        error.report = report
        raise error
    return Records(get, np.arange(count), keys, report)
