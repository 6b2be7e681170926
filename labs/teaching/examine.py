"""A learner's function put to the test: case by case beside the reference, with the likely mistake in words.

An exercise is a module of `labs.teaching.exercises`, one file each: its docstring is the task; the function of the
file's name is the reference; `HINTS` are two; `CASES` are what must hold; `MISTAKES` are wrong functions by the
sentence that helps whoever wrote the like. Whose answers agree with a wrong function's is told that sentence.
"""

import ast
import ctypes
import inspect
import textwrap
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from labs.teaching.same import difference

SECONDS = 20.0  # that all cases of one function may take together; then a loop without an end is taken for one
UNWRITTEN, WRONG, SOLVED = "unwritten", "wrong", "solved"
ENDLESS = "Endless"


@dataclass(frozen=True)
class Case:
    """One thing that must hold. `call` is given the function, calls it, and returns what is compared."""

    says: str
    call: Callable[[Callable], Any]
    tolerance: float = 1e-4


@dataclass(frozen=True)
class Raised:
    """What stands in the place of a value where a function raised."""

    kind: str
    words: str
    line: str = field(default="", compare=False)  # of the learner's function, from which it comes

    def __repr__(self) -> str:
        """As a table shows it."""
        return f"raises {self.kind}" if self.kind != ENDLESS else "does not end"


@dataclass(frozen=True)
class Result:
    """One case after its call; `wrong` says how the value differs, None where it does not."""

    says: str
    got: Any
    expected: Any
    wrong: str | None


@dataclass(frozen=True)
class Examined:
    """`state` is unwritten, wrong or solved; `mistake` is the likeliest one in words, where there is a guess."""

    state: str
    results: tuple[Result, ...] = ()
    mistake: str | None = None

    @property
    def passed(self) -> int:
        """How many cases hold."""
        return sum(result.wrong is None for result in self.results)


def examine(function: Callable, task: ModuleType) -> Examined:
    """Call the function in every case, and compare with the reference."""
    if unwritten(function):
        return Examined(UNWRITTEN)
    got, expected = answers(function, task), answers(reference(task), task)
    if all(isinstance(one, Raised) and one.kind == "NotImplementedError" for one in got):
        return Examined(UNWRITTEN)
    results = tuple(
        Result(case.says, one, other, _wrong(one, other, case.tolerance))
        for case, one, other in zip(task.CASES, got, expected, strict=True)
    )
    if all(result.wrong is None for result in results):
        return Examined(SOLVED, results)
    return Examined(WRONG, results, _mistake(results, task))


def reference(task: ModuleType) -> Callable:
    """The right answer: the function that bears the file's name."""
    return getattr(task, task.__name__.rpartition(".")[2])


def unwritten(function: Callable) -> bool:
    """Whether a `...` still stands where something is to be written, or nothing stands there at all."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # no source: then what it does must tell
        return False
    if not isinstance(tree, ast.FunctionDef):
        return False
    values = (node.value for node in ast.walk(tree) if isinstance(node, (ast.Expr, ast.Assign, ast.Return)))
    gap = any(isinstance(value, ast.Constant) and value.value is ... for value in values)
    body = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return gap or all(isinstance(node, ast.Pass) for node in body)


def answers(function: Callable, task: ModuleType) -> list[Any]:
    """What the function gives in every case, `Raised` where it raises or does not end."""
    given: list[Any] = []
    over = threading.Event()

    def work() -> None:
        for case in task.CASES:
            if over.is_set():
                return
            try:
                given.append(case.call(function))
            except (Exception, SystemExit) as error:
                given.append(_raised(error))

    thread = threading.Thread(target=work, daemon=True)  # the only way to end a loop on every system
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        over.set()
        late = len(given)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        thread.join(1)
        given[late:] = []
    missing = len(task.CASES) - len(given)
    endless = Raised(ENDLESS, f"not done after {SECONDS:.0f} seconds: a loop without an end?")
    return given + [endless] * missing


def _wrong(got: Any, expected: Any, tolerance: float) -> str | None:
    if isinstance(expected, Raised):
        same = isinstance(got, Raised) and got.kind == expected.kind
        return None if same else f"it must be refused with {expected.kind}"
    if isinstance(got, Raised):
        return got.words if got.kind == ENDLESS else f"it raises {got.kind}: {got.words}   {got.line}".rstrip()
    return difference(got, expected, tolerance)


def _mistake(results: tuple[Result, ...], task: ModuleType) -> str | None:
    """The sentence of the wrong function that agrees with most of what is wrong; on what is right it must not weigh."""
    found: list[tuple[int, int, str]] = []
    for words, wrong in task.MISTAKES.items():
        theirs = answers(wrong, task)
        agree = [_alike(one.got, other) for one, other in zip(results, theirs, strict=True)]
        known = sum(same for same, one in zip(agree, results, strict=True) if one.wrong is not None)
        found.append((known, sum(agree), words))
    known, _, words = max(found, key=lambda one: one[:2], default=(0, 0, ""))
    return words if known else None


def _alike(got: Any, other: Any) -> bool:
    if isinstance(got, Raised) or isinstance(other, Raised):
        return isinstance(got, Raised) and isinstance(other, Raised) and got == other and got.kind != ENDLESS
    return difference(got, other) is None


def _raised(error: BaseException) -> Raised:
    words = str(error).strip().splitlines() or ["without a word"]
    line = traceback.extract_tb(error.__traceback__)[-1].line if error.__traceback__ else ""
    return Raised(type(error).__name__, words[0], line or "")
