"""python scripts/presenters.py

Bring the presenters' pages up to date: the timetable in labs/PRESENTERS.md from the tags of the notebooks' headings,
that page for printing as labs/presenters.html, and what labs/README.md says of each notebook, from its first cell and
data/cards.
"""

import re
from collections.abc import Callable
from pathlib import Path

from badges import notebooks
from markdown_it import MarkdownIt
from marked import filled, table

from labs.preflight import costs
from labs.teaching import report, schedule
from labs.teaching.sections import cells_of

ROOT = Path(__file__).resolve().parents[1]
LABS = ROOT / "labs"
PRINT = """\
body { max-width: 62rem; font-size: 15px; line-height: 1.4; } td, th { vertical-align: top; }
th { white-space: nowrap; }
h1 + p + table td:not(:nth-child(4)) { white-space: nowrap; font-variant-numeric: tabular-nums; }
@page { size: A4; margin: 9mm 11mm; }
@media print {
 body { font-size: 8.6pt; line-height: 1.27; margin: 0; padding: 0; max-width: none; } a { color: inherit; }
 h1 { font-size: 13pt; margin: 0 0 3pt; } h2 { font-size: 10.5pt; margin: 8pt 0 2pt; } p, ul, ol { margin: 2pt 0; }
 table { width: 100%; margin: 3pt 0; } td, th { padding: .8pt 4pt; } tr { break-inside: avoid; }
 h1 + p + table { font-size: 6.9pt; line-height: 1.08; } h1 + p + table :is(td, th) { padding: .2pt 4pt; }
 h1 + p + table + h2 { break-before: page; }
}
"""
CARD = {  # what a notebook says of itself in its first cell
    "able": r"\*\*You will be able to\*\* (.*?)(?=\n\n)",
    "need": r"\*\*You need\*\* (.*?)(?=\n\*\*|\n\n)",
}


def main() -> None:
    for file, make in pages().items():
        file.write_text(make(), encoding="utf-8", newline="\n")


def pages() -> dict[Path, Callable[[], str]]:
    """Each page with what makes its text anew, those first that others are made from."""
    page, index = LABS / "PRESENTERS.md", LABS / "README.md"
    return {
        page: lambda: filled(page.read_text(encoding="utf-8"), "timetable", timetable(), page.name),
        LABS / "presenters.html": lambda: printed(page.read_text(encoding="utf-8")),
        index: lambda: filled(index.read_text(encoding="utf-8"), "notebooks", index_of_notebooks(), index.name),
    }


def timetable() -> str:
    """A line for each part of the tutorial, and one for each section that either path shows."""
    paths = {path: schedule.rows(path) for path in schedule.LENGTHS}
    lines = []
    for part, (name, _) in schedule.PARTS.items():
        mine = {path: [row for row in made if row.part == part] for path, made in paths.items()}
        lines.append([*(f"**{_clock(one)}**" if one else "–" for one in mine.values()), "", f"**{part} {name}**", ""])
        lines += [_line(together) for together in _together(mine)]
    return table(["225 minutes", "90 minutes", "notebook, cells", "what is shown", "computes"], lines)


def _together(mine: dict[str, list[schedule.Row]]) -> list[dict[str, schedule.Row]]:
    """The sections that any path shows, in the notebooks' order, each with its row in the paths that do."""
    found: dict = {}
    for path, made in mine.items():
        for row in made:
            if row.section:
                found.setdefault((row.section.notebook, row.section.first), {})[path] = row
    return [found[place] for place in sorted(found)]


def _line(shown: dict[str, schedule.Row]) -> list[str]:
    row = next(iter(shown.values()))
    one = row.section
    took = "" if row.seconds is None else f", {row.seconds:.0f} s" if row.seconds >= 0.5 else ", at once"
    how = "live" if all(each.live for each in shown.values()) else "opened"
    cells = f"[{_number(one.notebook)}](../notebooks/{one.notebook}.ipynb) {one.first}–{one.last}"
    what = one.heading if one.first > 1 else "Its question, and the set-up"
    return [*(_clock([shown[path]]) if path in shown else "–" for path in schedule.LENGTHS), cells, what, how + took]


def _number(name: str) -> str:
    """The number that a notebook's name begins with: 00, 06_1."""
    return re.match(r"\d\d(_\d)?", name)[0]


def _clock(made: list[schedule.Row]) -> str:
    """From when to when, in hours and minutes from the start."""
    ends = (made[0].start, made[-1].start + made[-1].minutes)
    return "–".join(f"{minute // 60}:{minute % 60:02}" for minute in ends)


def printed(text: str) -> str:
    """The page as HTML that opens anywhere and prints on A4."""
    title, _, body = text.partition("\n")
    return report.page(title.lstrip("# "), [MarkdownIt().enable("table").render(body)], PRINT)


def index_of_notebooks() -> str:
    """A line for each notebook and worksheet: minutes, from tags and data/cards, and what its first cell promises."""
    shown = {path: _minutes(path) for path in schedule.LENGTHS}
    lines = []
    for path in notebooks():
        folder = "" if path.parent == LABS else "../notebooks/"
        card = promises("".join(cells_of(path)[0]["source"]), path.name)
        card = [re.sub(r"\]\((?!http)", f"]({folder}", said) for said in card]
        minutes = [str(one.get(path.stem, "–")) for one in shown.values()]
        lines.append([f"[{path.stem}]({folder}{path.name})", *minutes, computes(path.stem), *card])
    head = ["notebook", "shown in the 225", "in the 90", "computes", "you will be able to", "you need"]
    return table(head, lines)


def promises(text: str, name: str) -> list[str]:
    """What a first cell says of itself, each on one line. Raises ValueError where it does not."""
    found = [re.search(pattern, text, re.DOTALL) for pattern in CARD.values()]
    if None in found:
        raise ValueError(f"{name}: its first cell has to say **You will be able to** and **You need**")
    return [" ".join(said[1].split()).rstrip(".") for said in found]


def _minutes(path: str) -> dict[str, int]:
    """The minutes of each notebook in a path."""
    found: dict[str, int] = {}
    for row in schedule.rows(path):
        if row.section:
            found[row.section.notebook] = found.get(row.section.notebook, 0) + row.minutes
    return found


def computes(name: str) -> str:
    """How long a notebook computes on which device, from data/cards alone."""
    took = [f"{cost['minutes']} min, {card['device']}" for card in costs.cards(ROOT / "data" / "cards")
            if (cost := card["labs"].get(name))]  # fmt: skip
    return "; ".join(took) or costs.UNKNOWN


if __name__ == "__main__":
    main()
