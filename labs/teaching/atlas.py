"""The map of the field, to be searched, listed and drawn: which papers have a file here that shows their idea."""

import html
from collections import Counter
from collections.abc import Sequence
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Column, Table
from rich.text import Text

from labs.systems.parts.atlas import FAMILIES, PARTS, WHY, Paper, read
from labs.teaching import report
from labs.teaching.looks import COLOURS

ALSO = {"picture": "image", "image": "picture", "sound": "audio", "audio": "sound"}  # whoever seeks one means both
SHOWN, NOT = "a file here shows it", f"none can: {', '.join(WHY).lower()}"
MARKS = {SHOWN: "o", NOT: "x"}  # in the order in which they stand in a cell
ORIGINS = {"list": "papers of the list", "texts": "systems that the texts name besides", "added": "added for a file"}
EARLY, WIDE = 2019, 8  # all years up to this one share a column; marks side by side in a cell


def search(
    words: str = "", family: str | None = None, shown: bool | None = None, part: str | None = None
) -> list[Paper]:
    """Those in which every word occurs somewhere; the newest first. Raises ValueError for an unknown family or part."""
    for name, asked, allowed in (("family", family, tuple(FAMILIES)), ("part", part, PARTS)):
        if asked is not None and asked not in allowed:
            raise ValueError(f"there is no {name} {asked!r}: choose one of {', '.join(allowed)}")
    found = [
        paper for paper in read()
        if family in (None, paper.family) and shown in (None, paper.shown) and (part is None or part in paper.part)
        and all(word in paper.text or ALSO.get(word, word) in paper.text for word in words.lower().split())
    ]  # fmt: skip
    return sorted(found, key=lambda paper: -paper.year)


def table(papers: Sequence[Paper]) -> Table:
    """A line a paper: what it does, and which file here shows it, or why none does."""
    lines = Table(*(Column(name, overflow="fold") for name in ("system", "what it does", "here")), show_lines=True)
    for one in papers:
        name = Text(one.system, style=f"link {one.source}" if one.source else "")
        lines.add_row(name + f"\n{one.year}, {one.family}", Text(one.mechanism), Text(one.here))
    return lines


def families(papers: Sequence[Paper] | None = None) -> dict[str, tuple[int, int]]:
    """family -> how many of its papers a file here shows, of how many; the most shown first."""
    papers = read() if papers is None else papers
    each = {family: [paper.shown for paper in papers if paper.family == family] for family in FAMILIES}
    order = sorted(filter(each.get, each), key=lambda family: -sum(each[family]))
    return {family: (sum(each[family]), len(each[family])) for family in order}


def map_figure(papers: Sequence[Paper] | None = None) -> Figure:
    """Families from top to bottom, the most shown first, years from left to right, a mark a paper."""
    papers = read() if papers is None else papers
    counts = families(papers)
    years = sorted({max(paper.year, EARLY) for paper in papers})
    figure = Figure((12, 0.36 * len(counts) + 1.9), layout="constrained")
    axes = figure.subplots()
    for (row, family), (column, year) in product(enumerate(counts), enumerate(years)):
        _cell(axes, column, row, [one for one in papers if one.family == family and max(one.year, EARLY) == year])
    axes.barh(range(1, len(counts), 2), len(years), height=1, left=-0.5, color="#f3f3f0", zorder=0)
    axes.vlines([column + 0.5 for column in range(len(years) - 1)], -0.5, len(counts) - 0.5, color="#dddddd", zorder=0)
    axes.set_yticks(range(len(counts)), [f"{family}  {here} of {all_}" for family, (here, all_) in counts.items()])
    axes.set_xticks(range(len(years)), [f"to {year}" if year == EARLY else str(year) for year in years])
    axes.set(xlim=(-0.5, len(years) - 0.5), ylim=(len(counts) - 0.5, -0.5), xlabel="year of the first version")
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for name, mark in MARKS.items():
        axes.plot([], [], mark, color=COLOURS["picture"], markersize=5, label=name)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(MARKS), frameon=False, borderaxespad=0)
    figure.suptitle(finding(papers), x=0.01, ha="left")
    return figure


def finding(papers: Sequence[Paper]) -> str:
    """What the drawing says. Those that were added for a file are counted apart: all of them are shown."""
    of = {origin: [one.shown for one in papers if one.origin == origin] for origin in ORIGINS}
    each = ", ".join(f"{sum(of[origin])} of {len(of[origin])} {said}" for origin, said in ORIGINS.items() if of[origin])
    reasons = Counter(one.why for one in papers if not one.shown).most_common()
    others = f"The other {sum(count for _, count in reasons)} can have none here: "
    others += ", ".join(f"{why} {count}" for why, count in reasons)
    return f"A file here shows {each}" + (f"\n{others}" if reasons else "")


def page() -> str:
    """The whole atlas as one page without scripts: a fold for each family, to be searched by the browser."""
    parts = [report.paragraph(finding(read()))]
    for family, (here, all_) in families().items():
        title = html.escape(f"{family}: {FAMILIES[family]} ({here} of {all_} shown)")
        parts.append(
            f"<details><summary>{title}</summary><ul>{''.join(map(_item, search(family=family)))}</ul></details>"
        )
    return report.page("The map of the field", parts)


def _item(one: Paper) -> str:
    name = html.escape(one.system)
    name = f"<a href='{html.escape(one.source, quote=True)}'>{name}</a>" if one.source else name
    text = html.escape(f" ({one.year}), {one.title}. {one.mechanism}.")
    return f"<li><b>{name}</b>{text} <span class='note'>{html.escape(one.here)}</span></li>"


def _cell(axes: Axes, column: int, row: int, papers: Sequence[Paper]) -> None:
    order = sorted(papers, key=lambda paper: not paper.shown)
    top = row - 0.18 * ((len(order) - 1) // WIDE)  # of several lines of marks the first
    for number, paper in enumerate(order):
        x, y = column - 0.42 + 0.12 * (number % WIDE), top + 0.36 * (number // WIDE)
        axes.plot(x, y, MARKS[SHOWN if paper.shown else NOT], color=COLOURS["picture"], markersize=5)
