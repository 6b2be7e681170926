"""The rows of a Hugging Face dataset, read one at a time from disk: their pictures are not decoded, nothing is kept."""

import json
import mmap
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from labs.data.record import DataError

ROWS, BYTES = 100, 1 << 20  # of a parquet file, read at a time


class ArrowEntries(Sequence):
    """Rows of files in Arrow's stream format, as `save_to_disk` writes them."""

    def __init__(self, files: Sequence[BinaryIO]):
        self.maps, self.batches = [], []
        for file in files:
            with file:  # which stays mapped
                self.maps.append(mapped := mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            for batch in pa.ipc.open_stream(pa.py_buffer(mapped)):
                self.batches.append(batch)
                _hand_back(mapped)
        self.ends = np.cumsum([batch.num_rows for batch in self.batches], dtype=int)

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    def __getitem__(self, number: int) -> dict:
        which = int(np.searchsorted(self.ends, number, side="right"))
        batch = self.batches[which]
        (row,) = batch.slice(number - int(self.ends[which]) + batch.num_rows, 1).to_pylist()
        for mapped in self.maps:
            _hand_back(mapped)
        return row


def open_arrow(path: Path) -> ArrowEntries:
    """The rows of a folder of `save_to_disk`, of a parquet file, or of all parquet files of a folder or a pattern."""
    if (path / "dataset_dict.json").exists():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        raise DataError(f"{path} holds several splits: name the folder of one, {' or '.join(splits)}.")
    files = [] if (path / "state.json").exists() else _parquet_files(path)
    try:
        if not files:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            return ArrowEntries([(path / file["filename"]).open("rb") for file in state["_data_files"]])
        with tempfile.TemporaryFile() as spool:  # as an Arrow file, of which any row can be read by itself
            _write_rows(files, spool)
            return ArrowEntries([spool])
    except (OSError, LookupError, ValueError) as error:  # pyarrow's are of these kinds
        why = str(error).strip().partition("\n")[0].rstrip(".")
        raise DataError(f"{path} cannot be read as a dataset ({why}): save or download it again.") from None


def _parquet_files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.parquet") if path.is_dir() else path.parent.glob(path.name))
    if not files and path.is_dir():
        what = "name the JSON file with the records, a folder of `save_to_disk` or one of parquet files"
        raise DataError(f"{path} is a folder: {what}.")
    if not files:
        raise DataError(f"there is no data file {path}: check the name and the folder.")
    splits = sorted({match[1] for file in files if (match := re.match(r"(.+)-\d+-of-\d+\.parquet", file.name))})
    if len(splits) > 1:
        raise DataError(f"{path} holds several splits: name the files of one, as in {path}/{splits[-1]}-*.parquet.")
    return files


def _write_rows(files: Sequence[Path], out: BinaryIO) -> None:
    """The rows of parquet files, a few at a time, in Arrow's stream format."""
    schema = parquet.read_schema(files[0])
    with pa.ipc.new_stream(out, schema) as writer:
        for file in files:
            with parquet.ParquetFile(file, buffer_size=BYTES, pre_buffer=False) as opened:
                for batch in opened.iter_batches(ROWS, use_threads=False):
                    writer.write_batch(batch.cast(schema))
    out.flush()


def _hand_back(mapped: mmap.mmap) -> None:
    """What was read of a mapped file counts as this process's memory, as long as there is any to spare."""
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)
