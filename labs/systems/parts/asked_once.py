"""Answers that cost money are kept in a file, one JSON line each: what was answered is neither asked nor paid again.

What is still to be asked is counted before the first question, and refused where it is more than was allowed.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from labs.evaluation.exam import Exam, Item, opened, several
from labs.models.real import BRIEF
from labs.systems.parts.closed_client import Client, ClosedError

WORDING = f"{BRIEF} Write numbers as words, and all in lower case and British spelling."  # answers are matched exactly


class Plan(NamedTuple):
    """What is still to be asked, and how much that is to send; `kept` were answered before."""

    items: int
    pictures: int
    kept: int
    bytes: int

    def __str__(self) -> str:
        kept = f"{self.kept} answered before"
        return f"{self.items} questions about {self.pictures} pictures to ask, {self.bytes / 1e6:.1f} MB; {kept}"


def plan(client: Client, exam: Exam, keep: Path) -> Plan:
    """What `answers` would ask. Nothing is sent."""
    kept, todo, done, pictures = _read(keep), {}, set(), set()
    for item in exam.new:
        mark, size = _marked(client, exam, item)
        if mark in kept:
            done.add(mark)
        else:
            todo[mark] = size
            pictures.add(item.picture)
    return Plan(len(todo), len(pictures), len(done), sum(todo.values()))


def answers(client: Client, exam: Exam, keep: Path, limit: int) -> list[str]:
    """One to each new item, asked one after the other in their order; those in the file `keep` are not asked again.

    Raises ClosedError, before anything is asked, where more than `limit` are to be asked; later where the server gives
    no answer, and then what it answered before is in the file.
    """
    todo = plan(client, exam, keep)
    if todo.items > limit:
        raise ClosedError(
            f"there are {todo.items} questions to ask, more than the limit of {limit}: raise it or ask less."
        )
    kept, told = _read(keep), []
    for item in exam.new:
        mark, _ = _marked(client, exam, item)
        if mark not in kept:
            kept[mark] = client.ask(worded(item), *_pictures(exam, item))
            _add(keep, {"mark": mark, "model": client.model, "question": worded(item), "answer": kept[mark]})
        told.append(kept[mark])
    return told


def worded(item: Item) -> str:
    """The question, and how it is to be answered."""
    return f"{item.question} {WORDING}"


def _pictures(exam: Exam, item: Item) -> list[Image.Image]:
    return [opened(picture) for picture in several(exam.pictures[item.picture])]


def _marked(client: Client, exam: Exam, item: Item) -> tuple[str, int]:
    """What tells a question from all others: server, model, settings, words and pictures. And its bytes."""
    sent = json.dumps(client.request(worded(item), *_pictures(exam, item)), sort_keys=True)
    return hashlib.sha256(f"{client.base} {sent}".encode()).hexdigest(), len(sent)


def _read(keep: Path) -> dict[str, str]:
    """mark -> answer. A line that was cut off is none: its question is asked again."""
    found = {}
    for line in keep.read_text(encoding="utf-8").splitlines() if keep.exists() else ():
        try:
            one = json.loads(line)
            found[one["mark"]] = one["answer"]
        except (ValueError, LookupError, TypeError):
            continue
    return found


def _add(keep: Path, one: dict[str, str]) -> None:
    keep.parent.mkdir(parents=True, exist_ok=True)
    with keep.open("a+b") as file:
        if file.tell():  # behind a line that was cut off begins a new one
            file.seek(-1, 2)
            file.write(b"" if file.read(1) == b"\n" else b"\n")
        file.write(json.dumps(one).encode() + b"\n")
