"""A short quiz at the end of a section, in the notebook, with no server.

quiz("section_1", "?????")        put a letter in the place of each ?, and run the cell again

A quiz is a module of `labs.teaching.quizzes` with `QUESTIONS`. Figures in explanations are those of data/claims.json:
"{clip/zero-shot}" becomes what that claim's two arms came to.
"""

import re
import textwrap
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from labs.errors import LabsError
from labs.systems.outcome import Outcome, kept
from labs.teaching import progress, quizzes

WIDTH = 112  # characters of a line
LETTERS = "abcd"
OPEN = "?"
CLAIM = re.compile(r"\{(\w+/[^}]+)\}")


@dataclass(frozen=True)
class Question:
    """What is asked; the options, the right one first; and why. `quiz` puts them in another order."""

    asks: str
    right: str
    why: str
    wrong: dict[str, str]  # option -> why it is tempting, and not right
    place: int  # of the right option among all, from 0

    def options(self) -> list[tuple[str, str]]:
        """All options with their explanations, in the order in which they are shown."""
        shown = list(self.wrong.items())
        shown.insert(self.place, (self.right, self.why))
        return shown


def quiz(name: str, answers: str) -> None:
    """Show the questions, and beside each answer whether it is right, and why.

    Raises LabsError for a quiz that is none, and for answers that are not one letter or `?` for each question.
    """
    asked = questions(name)
    letters = answers.lower().replace(" ", "")
    known = LETTERS[: len(asked[0].options())] + OPEN
    if len(letters) != len(asked) or set(letters) - set(known):
        raise LabsError(f"{name} has {len(asked)} questions: write {len(asked)} letters of {known}, not {answers!r}.")
    right = 0
    for number, (question, letter) in enumerate(zip(asked, letters, strict=True), 1):
        told, good = _told(number, question, letter)
        print(told)
        right += good
    if set(letters) == {OPEN}:
        print(f"Put {len(asked)} letters in the place of {answers!r}.")
        return
    print(f"{right} of {len(asked)} right")
    progress.note(f"{name}.quiz", right=f"{right} of {len(asked)}")


def questions(name: str) -> tuple[Question, ...]:
    """The questions of a quiz. Raises LabsError where there is none of that name."""
    there = [module.name for module in iter_modules(quizzes.__path__)]
    if name not in there:
        raise LabsError(f"there is no quiz {name!r}: there are {', '.join(there)}.")
    return import_module(f"labs.teaching.quizzes.{name}").QUESTIONS


def filled(text: str) -> str:
    """The text with its claims' figures. Raises KeyError where a claim has not been measured."""
    return CLAIM.sub(lambda found: _figures(kept(found[1])), text)


def _figures(one: Outcome) -> str:
    than, better = one.said["than"], one.show(one.arms[one.said["better"]].mean)
    against = one.show(one.arms[than].mean) if isinstance(than, str) else one.show(than)
    return f"{better} against {against}"


def _told(number: int, question: Question, letter: str) -> tuple[str, bool]:
    lines, good = _wrapped(f"{number}. {question.asks}", 3), False
    for mark, (option, why) in zip(LETTERS, question.options(), strict=False):
        lines += _wrapped(f"   {mark}) {option}", 6)
        if mark == letter:
            good = option == question.right
            lines += _wrapped(f"      {'Right' if good else 'No'}: {filled(why)}", 6)
    return "\n".join(lines), good


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent)
