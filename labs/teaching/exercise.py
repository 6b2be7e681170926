"""Exercises that never block a class: what is unwritten, wrong or crashing is replaced by the reference, and says so.

@exercise("lab2.lora_forward")
def lora_forward(x, weight, A, B, alpha):
    ...

check(lora_forward)        every case: got, expected, and the likely mistake
hint(lora_forward)         the first hint, then the second
solution(lora_forward)     after an attempt: the reference's source

LABS_TEACHING=solution shows every reference where it is used; =instructor also the hints and the usual mistakes.
"""

import functools
import inspect
import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labs.errors import LabsError
from labs.teaching import progress
from labs.teaching.examine import SOLVED, UNWRITTEN, WRONG, Examined, examine, reference
from labs.teaching.same import short

ROLES = ("student", "instructor", "solution")
GOES_ON = "the notebook goes on with the reference"


class Answer:
    """What `exercise` makes of a function: to be called as the function itself."""

    def __init__(self, name: str, written: Callable) -> None:
        """Examine the function, and note how far it is."""
        functools.update_wrapper(self, written)
        self.name, self.task, self.written = name, task(name), written
        written.__globals__[written.__name__] = written  # one that calls itself must find itself, and no earlier one
        self.examined: Examined = examine(written, self.task)
        self.reference, self.failed = reference(self.task), False
        if self.examined.state != UNWRITTEN:
            progress.note(name, state=self.examined.state, attempts=1)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The learner's answer if the function passed; the reference's where it did not, or where it raises."""
        if self.examined.state != SOLVED or self.failed:
            return self.reference(*given, **named)
        try:
            return self.written(*given, **named)
        except Exception as error:
            told = self.reference(*given, **named)  # which raises, too, where that is right
            self.failed = True
            print(f"{self.name}: passed its cases, but raised {type(error).__name__} here ({error}); {GOES_ON}.")
            return told

    def __repr__(self) -> str:
        """One line: the name and how it stands."""
        found = self.examined
        if found.state == UNWRITTEN:
            return f"{self.name}: not written yet; {GOES_ON}."
        cases = f"{found.passed} of {len(found.results)} cases hold"
        return f"{self.name}: {cases}." if found.state == SOLVED else f"{self.name}: {cases}; {GOES_ON}."


def exercise(name: str) -> Callable[[Callable], Answer]:
    """Above a function to be written: `name` is worksheet and exercise. Raises LabsError for a name that is none."""
    task(name)

    def decorate(function: Callable) -> Answer:
        answer = Answer(name, function)
        print(answer)
        _for_presenters(answer)
        return answer

    return decorate


def check(answer: Callable) -> None:
    """Show every case with what was got and expected, the likely mistake, and how far the worksheet is.

    Like `hint` and `solution` it raises LabsError for a function without `exercise` above it.
    """
    found = _answer(answer).examined
    if found.state == UNWRITTEN:
        print(f"{answer!r} hint({answer.__name__}) helps you to begin.")
    else:
        _console().print(_table(answer.name, found))
    if found.state == WRONG:
        print(f"Likely: {found.mistake}" if found.mistake else "No usual mistake looks like this one.")
        print(f"hint({answer.__name__}) gives a hint, solution({answer.__name__}) the reference.")
        if progress.load().get(answer.name, {}).get("state") == SOLVED:
            print("It was solved before, and counts as solved.")
    print(progress.bar(answer.name.partition(".")[0]))


def hint(answer: Callable) -> None:
    """The first hint, then the second; they are counted, and cost nothing."""
    taken = progress.load().get(_answer(answer).name, {}).get("hints", 0)
    which = min(taken, len(answer.task.HINTS) - 1)
    print(f"Hint {which + 1} of {len(answer.task.HINTS)}: {answer.task.HINTS[which]}")
    progress.note(answer.name, hints=1 if taken < len(answer.task.HINTS) else 0)


def solution(answer: Callable) -> None:
    """The reference's source, once something was tried."""
    tried = progress.load().get(_answer(answer).name, {}).get("attempts", 0)
    if not tried and role() == "student":
        print(f"{answer.name}: write something first, however wrong, and run its cell; then the reference is yours.")
        return
    progress.note(answer.name, seen=True)
    print(inspect.getsource(answer.reference))


def task(name: str) -> ModuleType:
    """The module of an exercise. Raises LabsError for a name that is none."""
    lab, _, one = name.partition(".")
    if not one or name not in progress.names(lab):
        raise LabsError(f"there is no exercise {name!r}: {lab} has {', '.join(progress.names(lab))}.")
    return import_module(f"labs.teaching.exercises.{name}")


def role() -> str:
    """For whom the notebook runs, from LABS_TEACHING. Raises LabsError for a role that is none."""
    asked = os.environ.get("LABS_TEACHING", "student")
    if asked not in ROLES:
        raise LabsError(f"LABS_TEACHING is {asked!r}: set it to one of {', '.join(ROLES)}.")
    return asked


def _for_presenters(answer: Answer) -> None:
    if role() == "student":
        return
    print(inspect.getsource(answer.reference))
    if role() == "instructor":
        for kind, lines in (("hint", answer.task.HINTS), ("usual mistake", answer.task.MISTAKES)):
            print("\n".join(f"{kind}: {line}" for line in lines))


def _answer(answer: Callable) -> Answer:
    if not isinstance(answer, Answer):
        raise LabsError("this function is no exercise: is @exercise(...) missing in the line above its `def`?")
    return answer


def _table(name: str, found: Examined) -> Table:
    table = Table(
        "", "what must hold", "got", "expected", "how it differs", title=name, title_justify="left", show_lines=True
    )
    for result in found.results:
        mark = "holds" if result.wrong is None else "fails"
        expected = "the same" if result.wrong is None else short(result.expected)
        cells = (mark, result.says, short(result.got), expected, result.wrong or "")
        table.add_row(*map(escape, cells))
    return table


def _console() -> Console:
    return Console(width=112)
