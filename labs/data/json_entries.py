"""The entries of a JSON list, or of JSON lines, read one at a time: of the file only where each stands is in memory."""

import json
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from labs.data.record import DataError

CHARACTERS = 1 << 20  # read at a time while the file is looked through
LIST = (re.compile(r"\ufeff?\s*\[\s*"), re.compile(r"\s*,\s*"), re.compile(r"\s*\]\s*"))  # before, between, after
LINES = (re.compile(r"\ufeff?\s*"), re.compile(r"\s*"), re.compile(r"\s*"))


class JsonEntries(Sequence):
    """Raises DataError unless the file is UTF-8 and JSON, a list or, in a file named .jsonl, one value a line."""

    def __init__(self, file: Path):
        self.file, lines = file, file.suffix == ".jsonl"
        try:
            self.places = _places(file, LINES if lines else LIST)
        except FileNotFoundError:
            raise DataError(f"there is no data file {file}: check the name and the folder.") from None
        except UnicodeDecodeError:
            raise DataError(f"{file} is not JSON, it is no UTF-8 text: name a JSON file in LLaVA's format.") from None
        except (ValueError, RecursionError):
            raise _fault(file, lines) from None

    def __len__(self) -> int:
        return len(self.places) // 3

    def __getitem__(self, number: int) -> object:
        start, length, checksum = self.places[3 * number : 3 * number + 3]
        with self.file.open("rb") as opened:
            opened.seek(start)
            entry = opened.read(length)
        if crc32(entry) != checksum:
            raise DataError(f"{self.file} has changed since it was checked: begin again.")
        return json.loads(entry)


def _places(file: Path, marks: tuple[re.Pattern, re.Pattern, re.Pattern]) -> array:
    """The first byte, the length and the checksum of each entry. Raises ValueError if anything is amiss."""
    places, decode, mark = array("q"), json.JSONDecoder().raw_decode, marks[0]
    text, at, byte = "", 0, 0  # `text` from `at` on is not yet understood, and begins at `byte` in the file
    with file.open(encoding="utf-8", newline="") as opened:
        while True:
            before = mark.match(text, at)
            try:
                end = decode(text, before.end() if before else len(text))[1]
            except ValueError:  # the end, a fault, or an entry that goes on
                more = opened.read(max(CHARACTERS, len(text) - at))
                if not more:
                    break
                text, at = text[at:] + more, 0
                continue
            start, entry = byte + len(before[0].encode()), text[before.end() : end].encode()
            places.extend((start, len(entry), crc32(entry)))
            byte, at, mark = start + len(entry), end, marks[1]
    if not places or not marks[2].fullmatch(text, at):
        raise ValueError("no list, or no end of it")
    return places


def _fault(file: Path, lines: bool) -> DataError:
    """What is wrong with a file, which is read as a whole to find out."""
    text = file.read_text(encoding="utf-8-sig")
    if not text.strip():
        return DataError(f"{file} is empty: write a JSON list of records into it.")
    for number, part in enumerate(text.split("\n") if lines else [text]):
        try:
            entries = json.loads(part) if part.strip() else None
        except (json.JSONDecodeError, RecursionError) as error:
            where = f"line {number + getattr(error, 'lineno', 1)}: {getattr(error, 'msg', 'nested too deeply')}"
            must = "it must hold one list of records, or one record a line and be named .jsonl"
            return DataError(f"{file} is not JSON ({where}): mend it; {must}.")
    if not isinstance(entries, list):
        return DataError(f"{file} holds a JSON {type(entries).__name__}, not a list: put the records in [ ].")
    return DataError(f"{file} holds an empty list: add at least one record.")
