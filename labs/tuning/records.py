"""Tuning data in LLaVA's JSON format -> checked records in the `messages` format of the chat templates.

    {"id": "7", "image": "7.png", "conversations": [{"from": "human", "value": "<image>\\nWhat colour is it?"},
                                                    {"from": "gpt", "value": "red"}]}

`image` may be a list, for several pictures, and may be missing, for text alone. Everything is checked before training.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from labs.errors import LabsError
from labs.models.pictures import PictureError, open_picture

IMAGE = "<image>"
ROLES = {"human": "user", "gpt": "assistant"}
NAMED = 5  # of many broken files, so many are named


class DataError(LabsError, ValueError):
    """The data cannot be used for tuning: what is wrong, in which file and record, and what to do."""


@dataclass(frozen=True)
class Record:
    """One conversation. A picture is a content part {"type": "image", "path": ...}, in the order of the text."""

    name: str
    messages: list[dict]

    @property
    def pictures(self) -> list[Path]:
        """The picture files, in the order in which the conversation shows them."""
        parts = [part for message in self.messages for part in message["content"]]
        return [Path(part["path"]) for part in parts if part["type"] == "image"]


def read(file: Path, images: Path | None = None) -> list[Record]:
    """Read and check a data file; pictures are looked for in `images`, by default the file's own folder.

    Raises DataError with one sentence for the first fault of form, or for all missing or broken pictures together.
    """
    file = Path(file)
    folder = Path(images) if images is not None else file.parent
    entries = _load(file)
    if images is not None and not folder.is_dir():
        raise DataError(f"--images {folder} is not a folder: name the folder that holds the pictures of {file}.")
    records = [_record(entry, file, number, folder) for number, entry in enumerate(entries)]
    check_pictures([path for record in records for path in record.pictures], str(file))
    return records


def check_pictures(paths: Sequence[Path], source: str) -> None:
    """Open every picture once. Raises DataError with the number of bad ones and the first five by name."""
    paths = list(dict.fromkeys(paths))
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(paths)} pictures of {source} are missing, {_first(missing)}: "
            "put them there or name their folder with --images."
        )
    broken = []
    for path in tqdm(paths, desc="checking pictures", disable=len(paths) < 1000, leave=False):
        try:
            open_picture(path)
        except PictureError:
            broken.append(str(path))
    if broken:
        raise DataError(
            f"{len(broken)} of {len(paths)} pictures of {source} are unreadable, empty or cut short, "
            f"{_first(broken)}: replace them or take their records out."
        )


def _load(file: Path) -> list:
    """The list in the file, not yet looked into."""
    if file.is_dir():
        raise DataError(f"{file} is a folder: name the JSON file with the records.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no data file {file}: check the name and the folder.") from None
    except UnicodeDecodeError:
        raise DataError(f"{file} is not JSON, it is no UTF-8 text: name a JSON file in LLaVA's format.") from None
    if not text.strip():
        raise DataError(f"{file} is empty: write a JSON list of records into it.")
    try:
        entries = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise DataError(f"{file} is not JSON ({where}): mend it; it must hold one list of records.") from None
    if not isinstance(entries, list):
        raise DataError(f"{file} holds a JSON {type(entries).__name__}, not a list: put the records in [ ].")
    if not entries:
        raise DataError(f"{file} holds an empty list: add at least one record.")
    return entries


def _record(entry: object, file: Path, number: int, folder: Path) -> Record:
    """One entry of the list, checked and converted."""
    name = f"{file}, record {number}"
    if not isinstance(entry, dict):
        raise DataError(f"{name} is a {type(entry).__name__}: each record must be an object with `conversations`.")
    if "id" in entry:
        name += f" (id {entry['id']!r})"
    turns, pictures = _turns(entry.get("conversations"), name), _pictures(entry.get("image"), name)
    questions = [turn["value"] for turn in turns[::2]]
    shown = sum(question.count(IMAGE) for question in questions)
    if shown != len(pictures):
        raise DataError(
            f"{name} has {shown} {IMAGE} in its questions and {len(pictures)} pictures in `image`: "
            f"write one {IMAGE} for each picture, where it is to be seen."
        )
    paths = iter(pictures)
    messages = [{"role": ROLES[turn["from"]], "content": _content(turn, folder, paths)} for turn in turns]
    return Record(name, messages)


def _turns(turns: object, name: str) -> list[dict]:
    """`conversations`, or DataError unless human and gpt take turns and each has something to say."""
    if not isinstance(turns, list) or not turns:
        raise DataError(f"{name} has no `conversations`: give it a list of turns of human and gpt.")
    for number, turn in enumerate(turns):
        expected = ("human", "gpt")[number % 2]
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            raise DataError(f"{name}, turn {number} has no text: write it as `from` and `value`.")
        if turn.get("from") != expected:
            raise DataError(
                f"{name}, turn {number} is from {turn.get('from')!r}, not {expected!r}: "
                "let human and gpt take turns, human first."
            )
        if not turn["value"].strip():
            what = "answer" if expected == "gpt" else "question"
            raise DataError(f"{name}, turn {number} is an empty {what}: write it or take the record out.")
        if expected == "gpt" and IMAGE in turn["value"]:
            raise DataError(f"{name}, turn {number} has {IMAGE} in an answer: only human may show pictures.")
    if len(turns) % 2:
        raise DataError(f"{name} has no answer to its last question: add a turn from gpt or take the question out.")
    return turns


def _pictures(image: object, name: str) -> list[str]:
    pictures = [] if image is None else [image] if isinstance(image, str) else image
    if not isinstance(pictures, list) or not all(isinstance(picture, str) and picture for picture in pictures):
        raise DataError(f"{name} has an `image` that is neither a file name nor a list of file names: mend it.")
    return pictures


def _content(turn: dict, folder: Path, paths) -> list[dict]:
    """The parts of a turn: pictures and texts in order, without the line breaks that set a placeholder apart."""
    if turn["from"] == "gpt":
        return [{"type": "text", "text": turn["value"].strip()}]
    parts: list[dict] = []
    for number, text in enumerate(turn["value"].split(IMAGE)):
        if number:
            parts.append({"type": "image", "path": str(folder / next(paths))})
        if text.strip("\n"):
            parts.append({"type": "text", "text": text.strip("\n")})
    return parts


def _first(names: list[str]) -> str:
    return ("first " if len(names) > 1 else "") + ", ".join(names[:NAMED])
