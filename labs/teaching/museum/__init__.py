"""The failure museum of worksheet 2: five runs, each spoiled by one classic bug, to be named from its symptoms.

room = museum.visit("A")                     runs the script of the room, and shows what it looks like from outside
room.batch, room.rows, room.train ...        everything that went in and came out, to be poked at
museum.name("A", "unmasked labels", lambda room: ...)      a name, and one measurement of what goes in

A measurement proves a bug if the same script without it comes out differently. That twin is made for the purpose, up
to its first step, so that a measurement may look at what goes in (labs.teaching.museum.exhibit.GOES_IN) and not at what
comes out: a symptom is no proof.
"""

import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from labs.errors import LabsError
from labs.teaching import progress
from labs.teaching.exercise import role
from labs.teaching.museum import (
    ignored_picture,
    seen_exam,
    symptoms,
    truncated_picture,
    unmasked_labels,
    wrong_template,
)
from labs.teaching.museum.exhibit import GOES_IN, Exhibit, prepare, run, sound
from labs.teaching.same import difference, short
from labs.teaching.show import show

_ROOMS = {
    "A": wrong_template, "B": unmasked_labels, "C": seen_exam, "D": truncated_picture, "E": ignored_picture,
}  # fmt: skip
ROOMS = tuple(_ROOMS)
BUGS = tuple(sorted(room.NAME for room in _ROOMS.values()))
NEAR = 1e-3  # below it two measurements are the same


def visit(room: str) -> Exhibit:
    """Run a room's script and show its symptoms, beside those of the sound script; returns everything to poke at."""
    shown = visited(room)
    told = symptoms.lines(shown, sound())
    said = "; ".join(" ".join(line.split()) for line in told[1:])
    show(symptoms.figure(shown, sound()), f"Room {room} and the sound script: loss, and three answers to users. {said}")
    print("\n".join(told))
    return shown


def name(room: str, bug: Any = ..., proof: Callable[[Exhibit], Any] | None = None) -> None:
    """Say which bug a room has, one of `BUGS`, and prove it: `proof` of the room is another than of its twin.

    Nothing is said of the bug before it is named. Instructors, and who asks for solutions, are told the name.
    """
    kept = _ROOMS[_known(room)]
    if bug is ... and role() == "student":
        print(f"Room {room} has no name yet. The bugs: {', '.join(BUGS)}.")
        return
    named = kept.NAME if bug is ... else _meant(bug)
    if named != kept.NAME:
        other = next(one for one in _ROOMS.values() if named == one.NAME)
        progress.note(f"lab2.room_{room}", state="wrong", attempts=1)
        print(_folded(f"Room {room}: another one. Of {named} the signs would be these. {other.SIGN} Look again."))
        return
    proven = _check(room, proof) if proof else None
    if bug is not ...:
        progress.note(f"lab2.room_{room}", state="solved" if proven else "wrong", attempts=1)
    print(f"Room {room}: {named}{', and proven' if proven else ''}.")
    for words, text in (("Why", kept.SIGN), ("What looks like it", kept.ALIKE), ("The engine", kept.ENGINE)):
        print(_folded(f"{words}: {text}"))
    print(textwrap.indent(kept.engine(visited(room)), "    "))
    if not proven:
        print(f"Now prove it by a measurement of what goes in: museum.name({room!r}, {named!r}, lambda room: ...)")
        if proof or role() != "student":
            print(_folded(f"One that would do: {kept.MEASURE}."))


@cache
def visited(room: str) -> Exhibit:
    """A room's run, which is made once."""
    return run(_ROOMS[_known(room)].SCRIPT, f"room {room}")


@cache
def _before(room: str, twin: bool = False) -> Exhibit:
    """What goes into a room, or into its twin, up to the first step."""
    kept = _ROOMS[room]
    return prepare(kept.TWIN if twin else kept.SCRIPT, "the twin" if twin else f"room {room}")


def _check(room: str, proof: Callable[[Exhibit], Any]) -> bool:
    """Whether the measurement comes out otherwise in the twin; says what it found, or why it could not."""
    (here, failed), (there, failed_too) = (_measured(proof, _before(room, twin)) for twin in (False, True))
    if failed_too:
        print(_folded(f"The measurement raises {there}. It may look at {', '.join(GOES_IN)}."))
        return False
    differ = failed or difference(here, there, NEAR) is not None
    here = f"raises {here}" if failed else short(here)
    print(f"measured here: {here}; in its twin, the same script without the bug: {short(there)}")
    if not differ:
        print("Both are the same: this does not show the bug.")
    return differ


def _measured(proof: Callable[[Exhibit], Any], shown: Exhibit) -> tuple[Any, bool]:
    """What the visitor's function finds, or how it fails, and whether it does: what is missing may be the proof."""
    try:
        return proof(shown), False
    except Exception as error:  # whatever the visitor's function does
        return f"{type(error).__name__} ({error})", True


def _meant(bug: str) -> str:
    """The bug's name, of which a part is enough. Raises LabsError where it is none, or more than one."""
    found = [one for one in BUGS if bug.lower().strip() in one] if bug.strip() else []
    if len(found) != 1:
        raise LabsError(f"{bug!r} is {'more than one' if found else 'none'} of the bugs: {', '.join(BUGS)}.")
    return found[0]


def _known(room: str) -> str:
    if room not in _ROOMS:
        raise LabsError(f"there is no room {room!r}: the rooms are {', '.join(_ROOMS)}.")
    return room


def _folded(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 112)
