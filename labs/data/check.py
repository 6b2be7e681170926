"""One look at every record and every picture before training: what is wrong with them, and their keys."""

import os
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from labs.data.keys import Keys, key_of
from labs.data.record import FORM, FormError, Record
from labs.data.report import LOOK, WRONG, Finding, Report
from labs.models.pictures import PictureError, open_picture

NAMED = 5  # of many faults, so many are named
MAJORITY, FEW = 0.5, 20  # one answer with a larger share of more answers than these is a reason to look


def check(get: Callable[[int], Record], count: int, source: str) -> tuple[Keys, Report]:
    """Read the records 0 ... count - 1. What the report refuses is not among the keys."""
    album, faults = Album(), []
    good, talks, shown, pictures, owners, answers, speakers = (array("q") for _ in range(7))
    for number in tqdm(range(count), desc="checking records", disable=count < 1000, leave=False):
        try:
            record = get(number)
        except FormError as error:
            faults.append((error.check, str(error)))
            continue
        seen = array("q", [album.key(picture, record.name) for picture in record.pictures])
        owners.extend([len(good)] * len(seen))
        good.append(number)
        talks.append(key_of(_said(record) + seen.tobytes()))
        shown.append(key_of(seen.tobytes()) if seen else 0)
        pictures.extend(seen)
        for answer in _answers(record):
            answers.append(key_of(answer.encode(errors="surrogatepass")))
            speakers.append(number)
    keys = Keys(*(np.asarray(values) for values in (talks, shown, pictures, owners)))
    findings = [_fault(name, [sentence for check, sentence in faults if check == name]) for name in FORM]
    findings += [Finding(f"{what} pictures", len(names), _first(names), WRONG) for what, names in album.bad.items()]
    findings += [_duplicates(keys, good)]
    if answers:
        findings += [_majority(np.asarray(answers), speakers, get)]
    refusal = _fault("form", [sentence for _, sentence in faults]).note or album.refusal(source)
    return keys, Report(f"{source}: {count:,} records, {len(album.keys):,} pictures", findings, refusal)


class Album:
    """The pictures met so far. Each file is opened once, and so is each picture inside a data set."""

    def __init__(self):
        self.keys: dict[int, int] = {}  # what names a picture -> its content
        self.bad: dict[str, list[str]] = {"missing": [], "unreadable": []}

    def key(self, picture: Path | bytes, record: str) -> int:
        """The key of a picture's content; 0 if it is missing or broken."""
        inside = isinstance(picture, bytes)
        name = key_of(picture if inside else str(picture).encode(errors="surrogatepass"))
        if name not in self.keys:
            self.keys[name] = 0
            try:
                if inside or os.path.exists(picture):
                    open_picture(picture)
                    self.keys[name] = name if inside else key_of(picture.read_bytes())
                else:
                    self.bad["missing"].append(str(picture))
            except PictureError:
                self.bad["unreadable"].append(record if inside else str(picture))
        return self.keys[name]

    def refusal(self, source: str) -> str | None:
        """One sentence about all missing pictures, else about all broken ones."""
        missing, unreadable = self.bad["missing"], self.bad["unreadable"]
        if missing:
            return (f"{len(missing)} of {len(self.keys)} pictures of {source} are missing, {_first(missing)}: "
                    "put them there or name their folder with --images.")  # fmt: skip
        if unreadable:
            return (f"{len(unreadable)} of {len(self.keys)} pictures of {source} are unreadable, empty or cut short, "
                    f"{_first(unreadable)}: replace them or take their records out.")  # fmt: skip
        return None


def _said(record: Record) -> bytes:
    words = [[message["role"], *(part.get("text", "") for part in message["content"])] for message in record.messages]
    return repr(words).encode()


def _answers(record: Record) -> list[str]:
    return [message["content"][0]["text"] for message in record.messages if message["role"] == "assistant"]


def _fault(check: str, sentences: list[str]) -> Finding:
    """The sentence about the first record, and how many more have a fault."""
    more = f"; and {len(sentences) - 1} more records have faults." if len(sentences) > 1 else "."
    return Finding(check, len(sentences), sentences[0].removesuffix(".") + more if sentences else "", WRONG)


def _duplicates(keys: Keys, numbers: array) -> Finding:
    """Records that show and say what an earlier one does."""
    _, first, which = np.unique(keys.talks, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(which)))
    pairs = [f"record {numbers[n]} repeats {numbers[first[which[n]]]}" for n in again[:NAMED]]
    return Finding("duplicates", len(again), _first(pairs), LOOK)


def _majority(answers: np.ndarray, speakers: array, get: Callable[[int], Record]) -> Finding:
    """How far one gets with always the same answer."""
    different, first, counts = np.unique(answers, return_index=True, return_counts=True)
    most = counts.argmax()
    said = _answers(get(speakers[first[most]]))
    text = next(answer for answer in said if key_of(answer.encode(errors="surrogatepass")) == different[most])
    share = counts[most] / len(answers)
    note = f"{text[:40]!r}: {100 * share:.0f} % of {len(answers)} answers, {len(different)} different ones"
    state = LOOK if share > MAJORITY and len(answers) > FEW else ""
    return Finding("most frequent answer", int(counts[most]), note, state)


def _first(names: list[str]) -> str:
    return ("first " if len(names) > 1 else "") + ", ".join(names[:NAMED])
