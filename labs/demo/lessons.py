"""What can be taught on stage: a skill's lessons on disk, its held-out exam, and how answers to it are judged."""

import functools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from labs.data.records import Record, read
from labs.evaluation import domains as exams
from labs.evaluation import skill
from labs.evaluation.exam import Exam
from labs.evaluation.metrics import exact_match
from labs.models.entry import Loaded
from labs.systems.parts.domain_adapters import COURSES, RANK, Course
from labs.tuning.lora import LoraSpec
from labs.tuning.rows import spoken
from labs.world import thermal_camera
from labs.world.domains import NAMES
from labs.world.domains import records as domain_records

THERMAL = "thermal camera"
LESSONS = {
    THERMAL: "where is the hottest thing, where the coldest, how many are warm",
    "medical": "drawn radiographs: a finding, and on which side",
    "writing": "a picture retold as advertisement, poem or report",
    "code": "the HTML of a screen or a table that is shown",
    "sentiment": "a face and words: sincere or ironic",
    "arithmetic": "sums, with the steps that lead to them",
    "retrieval": "the card, among 288, that a picture asks for",
}
THERMAL_COURSE = Course(1600, 200, 8, 1e-3, 12)


class Held(NamedTuple):
    """A held-out exam, and how right each of the answers to its questions is, from 0 to 1."""

    exam: Exam
    scores: Callable[[Sequence[str]], list[float]]


def course(name: str) -> Course:
    """How long a skill is taught."""
    return THERMAL_COURSE if name == THERMAL else COURSES[name]


def lessons(name: str, loaded: Loaded, folder: Path, side: int) -> Sequence[Record]:
    """The records of a skill, written to `folder` the first time; `side` is that of the pictures in pixels."""
    file = folder / "records.json"
    if not file.exists():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # what an interruption left
        _write(name, loaded, part, side)
        part.rename(folder)
    return read(file, folder / "images")


def held(name: str, loaded: Loaded, cases: int, seed: int, side: int) -> Held:
    """Held-out cases that no lesson shows; another seed, other cases."""
    if name == THERMAL:
        exam = skill.thermal_items(cases, seed, side, loaded.entry.briefly)
        return Held(exam, functools.partial(_exact, exam))
    asked = exams.questions(name, cases, seed)
    return Held(asked.exam, asked.scores)


def adapter(name: str, loaded: Loaded, records: Sequence[Record]) -> LoraSpec:
    """Where the adapter of a skill goes: the domains say words that the base never learned, so their rows learn too."""
    if name == THERMAL:
        return LoraSpec()
    return LoraSpec(r=RANK, lora_alpha=2 * RANK, rows=spoken(loaded.processor, records))


def offered(mini: bool) -> list[str]:
    """The skills that a profile teaches: the courses of the six domains are made for the mini model."""
    return [THERMAL, *NAMES] if mini else [THERMAL]


def _write(name: str, loaded: Loaded, folder: Path, side: int) -> None:
    count = course(name).cases
    if name == THERMAL:
        thermal_camera.write_llava(folder, count, size=side, ask=loaded.entry.briefly)
    else:
        domain_records.write_llava(name, folder, "train", count)


def _exact(exam: Exam, told: Sequence[str]) -> list[float]:
    return [exact_match(text, item.answer) for text, item in zip(told, exam.new, strict=True)]
