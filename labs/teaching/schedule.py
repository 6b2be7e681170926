"""Which sections of the notebooks a room sees, and when, read off the tags of their headings.

"225:4" four minutes of the tutorial's 225, "90:2" two of the 90-minute path; a section without the tag is skipped there
rows("225")        the timetable; raises LabsError, in one sentence, for tags that say nothing or do not add up
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import labs
from labs.errors import LabsError
from labs.teaching import sections as notebook
from labs.teaching.sections import Section

TAG = re.compile(r"(225|90):([1-9]\d?)")
LENGTHS = {"225": 225, "90": 90}
PARTS = {  # of the tutorial, with the minutes of its own schedule (https://doi.org/10.1145/3664647.3689177)
    1: ("Introduction", 20),
    2: ("Multimodal pretrained models", 30),
    3: ("Multimodal large models", 30),
    4: ("Multimodal instruction tunings", 40),
    5: ("Break", 30),
    6: ("Demo", 60),
    7: ("Summary and future direction", 15),
}
SUMMARY = "07_summary"
RESERVED = {"225": 15, "90": 5}  # for the summary, as long as its notebook is not there
TALK = 0.5  # of a section's minutes: what takes longer to run than the rest is opened as it was executed


@dataclass(frozen=True)
class Row:
    """What is shown from one minute to another: a section, or (`section` is None) the break or what is reserved."""

    start: int
    minutes: int
    part: int
    section: Section | None = None
    seconds: float | None = None  # of running its cells; None where nobody measured

    @property
    def live(self) -> bool:
        """Whether its cells are run in front of the room; otherwise it is opened as it was executed."""
        return self.seconds is not None and self.seconds <= 60 * self.minutes * (1 - TALK)


def rows(path: str, folder: Path | None = None) -> list[Row]:
    """The timetable of a path, "225" or "90", from the notebooks in `folder`. Raises LabsError as `check` does."""
    if path not in LENGTHS:
        raise LabsError(f"there is no path {path!r}: the paths are {', '.join(LENGTHS)}.")
    folder = folder or labs.home() / "notebooks"
    took, found = seconds(), []
    for file in sorted(folder.glob("*.ipynb")):
        for one in notebook.sections(file):
            if minutes := minutes_of(one).get(path):
                found.append((part_of(one.notebook), minutes, one, took.get(one.notebook, {}).get(one.heading)))
    if path == "225":
        found.append((5, PARTS[5][1], None, None))
    if not (folder / f"{SUMMARY}.ipynb").exists():
        found.append((7, RESERVED[path], None, None))
    made, clock = [], 0
    for part, minutes, one, run in sorted(found, key=lambda row: row[0]):  # stable: notebooks stay in their order
        made.append(Row(clock, minutes, part, one, run))
        clock += minutes
    check(path, made)
    return made


def check(path: str, made: list[Row]) -> None:
    """Raises LabsError where a path is not as long as it says or, in the tutorial's own, a part is not."""
    sums = minutes_by_part(made)
    if sum(sums.values()) != LENGTHS[path]:
        raise LabsError(f"the path of {LENGTHS[path]} minutes has {sum(sums.values())}: change tags of its sections.")
    for part, (name, minutes) in PARTS.items():
        if path == "225" and sums.get(part) != minutes:
            raise LabsError(f"part {part}, {name}, has {sums.get(part, 0)} of {minutes} minutes: change its tags.")


def minutes_by_part(made: list[Row]) -> dict[int, int]:
    """The minutes of each part of the tutorial that is in the timetable."""
    return {part: sum(row.minutes for row in made if row.part == part) for part in sorted({row.part for row in made})}


def part_of(name: str) -> int:
    """The part of the tutorial that a notebook belongs to, by its number; what comes before the first is in it."""
    if not re.match(r"0[0-7]_", name):
        raise LabsError(f"{name} is in no part of the tutorial: its name has to begin with 00 to 07.")
    return max(1, int(name[:2]))


def minutes_of(one: Section) -> dict[str, int]:
    """The minutes of a section in each path. Raises LabsError for one that begins with a digit and is none."""
    said: dict[str, int] = {}
    place = f"{one.notebook}, section {one.heading!r}"
    if lost := [tag for tag in one.inside if tag[:1].isdigit()]:
        raise LabsError(f"{place}: the tag {lost[0]!r} is on a cell beneath the heading: put it on the heading's.")
    for tag in (tag for tag in one.tags if tag[:1].isdigit()):
        found = TAG.fullmatch(tag)
        if not found or found[1] in said:
            what = "is the second of its path" if found else "is not like 225:4 or 90:2"
            raise LabsError(f"{place}: the tag {tag!r} {what}.")
        said[found[1]] = int(found[2])
    return said


def seconds() -> dict[str, dict[str, float]]:
    """What running each section takes on one core, by notebook and heading (scripts/section_seconds.py)."""
    file = labs.home() / "data" / "bench" / "sections.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: one["seconds"] for name, one in known.items()}
