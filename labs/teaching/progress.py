"""How far a learner has come, in one local file: `progress.json` in the folder of runs. No server, no account.

bar("lab2")            a line: solved, tried, left
report("lab2")         one page that opens anywhere, to hand in or to keep
record("lab2.study", "what I found", accuracy=0.71)        the open study, in your words and figures
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from filelock import FileLock

import labs
from labs.errors import LabsError
from labs.files import write_json
from labs.preflight.notebook import runs
from labs.teaching import exercises
from labs.teaching import report as pages

WIDTH = 24  # characters of the bar
WORDS = {"solved": "solved", "wrong": "tried", "unwritten": "not begun"}


def names(lab: str) -> list[str]:
    """All checked exercises of a worksheet, by their full names. Raises LabsError for another worksheet."""
    labs_here = [module.name for module in iter_modules(exercises.__path__) if module.ispkg]
    if lab not in labs_here:
        raise LabsError(f"there is no worksheet {lab!r}: the worksheets are {', '.join(labs_here)}.")
    (folder,) = exercises.__path__
    return [f"{lab}.{module.name}" for module in iter_modules([str(Path(folder) / lab)])]


def load() -> dict[str, Any]:
    """What is known, by the exercises' full names. A damaged file is put aside, and said so."""
    file = _file()
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if not all(isinstance(one, dict) for one in known.values()):
            raise ValueError
    except (ValueError, AttributeError):
        aside = next(
            place for n in range(1, 1000) if not (place := file.with_name(f"{file.name}.damaged-{n}")).exists()
        )
        file.replace(aside)
        print(f"{file} could not be read: it is kept as {aside.name}, and your progress begins anew.")
        return {}
    return known


def note(name: str, **facts: Any) -> None:
    """Add facts to what is known of an exercise: whole numbers are added up, and what was solved once stays so."""
    with _changing() as known:
        one = known.setdefault(name, {})
        for key, value in facts.items():
            counts = isinstance(value, int) and not isinstance(value, bool)
            kept = key == "state" and one.get(key) == "solved"
            one[key] = one.get(key, 0) + value if counts else one[key] if kept else value


def record(name: str, found: str, **figures: float | str) -> None:
    """Keep what an open study found, in your words, with its figures; it appears in the report."""
    with _changing() as known:
        known[name] = {"found": found, "figures": figures, "day": date.today().isoformat()}
    print(f"{name}: kept for the report.")


def bar(lab: str) -> str:
    """One line: what of the worksheet is solved, tried and not begun."""
    known, all_of_it = load(), names(lab)
    states = [known.get(name, {}).get("state", "unwritten") for name in all_of_it]
    solved, tried = states.count("solved"), states.count("wrong")
    full, half = (round(WIDTH * part / len(states)) for part in (solved, solved + tried))
    drawn = "#" * full + "+" * (half - full) + "." * (WIDTH - half)
    return f"{lab} [{drawn}] {solved} of {len(states)} solved" + (f", {tried} tried" if tried else "")


def report(lab: str) -> Path:
    """Write one page about the worksheet, beside the progress file; returns where it lies."""
    known, rows = load(), []
    rooms = [name for name, one in known.items() if name.startswith(f"{lab}.") and "state" in one]
    for name in dict.fromkeys([*names(lab), *sorted(rooms)]):  # the failure museum's rooms have no file of their own
        one = known.get(name, {})
        rows.append([name, WORDS[one.get("state", "unwritten")], one.get("attempts", 0), one.get("hints", 0),
                     "yes" if one.get("seen") else "no"])  # fmt: skip
    parts = [pages.paragraph(bar(lab), "verdict"), pages.paragraph(date.today().isoformat(), "note")]
    parts.append(pages.table(["exercise", "state", "attempts", "hints", "reference read"], rows))
    for name, one in known.items():
        if name.startswith(f"{lab}.") and "found" in one:
            rows = [[key, value if isinstance(value, str) else f"{value:.4g}"] for key, value in one["figures"].items()]
            parts += [pages.heading(name), pages.paragraph(one["found"]), pages.table(["figure", "measured"], rows)]
    file = _file().with_name(f"{lab}.html")
    file.write_text(pages.page(f"Worksheet {lab}", parts), encoding="utf-8")
    print(f"{bar(lab)}\nreport: {file.relative_to(labs.home()) if file.is_relative_to(labs.home()) else file}")
    return file


@contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    file = _file()
    with FileLock(f"{file}.lock"):  # two notebooks may be open at once
        known = load()
        yield known
        write_json(file, known)


def _file() -> Path:
    folder = runs()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabsError(f"{folder} cannot be made ({error.strerror}): set LABS_RUNS to a folder of your own.") from None
    return folder / "progress.json"
