"""The data sets that multimodal models learn from and are judged by, read from data/datasets.csv and drawn.

Each figure says where it stands: looked up in a primary source, from memory, or as a talk had it. Sizes count what a
set is made of (pairs, clips, hours ...), so heights compare well within a kind and roughly between kinds.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import labs
from labs.teaching.looks import COLOURS

KINDS = {"vision-language": "picture", "interleaved": "text", "video": "video", "sound": "sound",
         "sensors": "motion", "3-D": "points"}  # fmt: skip
USES = {"pre-training": "o", "instruction": "^", "evaluation": "s", "both": "D"}  # and how each is marked
STATES = ("checked", "from memory, unchecked", "as in the talk, unchecked")
GAP, LETTER, MARK = 0.018, 0.0093, 0.006  # of the axes: between labels, width of a letter, half of a mark's


@dataclass(frozen=True)
class DataSet:
    """One row. `status` is that of the size, `licence_status` that of the licence."""

    name: str
    year: int
    kind: str
    senses: tuple[str, ...]
    use: str
    size: int
    unit: str
    licence: str
    source: str
    status: str
    licence_status: str
    note: str

    def __post_init__(self) -> None:
        rules = {"kind": KINDS, "use": USES, "status": STATES, "licence_status": STATES}
        for column, allowed in rules.items():
            found = getattr(self, column)
            if found not in allowed:
                raise ValueError(f"{column} of {self.name} must be one of {', '.join(allowed)}, not {found!r}")
        if self.size < 1 or not self.source.startswith("https://"):
            raise ValueError(f"{self.name} needs a size above 0 and an https source, not {self.size}, {self.source!r}")

    @property
    def amount(self) -> str:
        """Size and unit, with a question mark where nobody has checked."""
        return f"{size_in_words(self.size)} {self.unit}{_mark(self.status)}"

    @property
    def terms(self) -> str:
        """The licence, marked in the same way."""
        return f"{self.licence}{_mark(self.licence_status)}"


def read(path: Path | None = None) -> list[DataSet]:
    """All rows, kind by kind and year by year. Raises ValueError for one that breaks a rule."""
    with (path or labs.home() / "data" / "datasets.csv").open(encoding="utf-8", newline="") as file:
        return [_row(**row) for row in csv.DictReader(file)]


def size_in_words(size: int) -> str:
    """5,850,000,000 -> "5.85 billion"; below a million the number itself."""
    for scale, word in ((10**9, "billion"), (10**6, "million")):
        if size >= scale:
            return f"{size / scale:.3g} {word}"
    return f"{size:,}"


def plot(rows: Sequence[DataSet]) -> Figure:
    """Size against year, on a logarithmic axis: to learn from on the left, to be judged by on the right.

    Colours are kinds and marks are uses; a name in italics has a size that nobody has checked.
    """
    figure = Figure((13, 8.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _scatter(left, [row for row in rows if row.use in ("pre-training", "instruction")], "to learn from")
    _scatter(right, [row for row in rows if row.use in ("evaluation", "both")], "to be judged by, or for both")
    left.set_ylabel("size: pairs, questions, clips, hours ... (logarithmic)")
    for kind, sense in KINDS.items():
        left.plot([], [], "o", color=COLOURS[sense], label=kind)
    for use, mark in USES.items():
        right.plot([], [], mark, color="#777777", label=use)
    left.legend(loc="lower left", fontsize=8)
    right.legend(loc="upper left", fontsize=8)
    middle = {use: size_in_words(round(median(row.size for row in rows if row.use == use))) for use in USES}
    figure.suptitle(f"Half of the sets for pre-training are larger than {middle['pre-training']}, "
                    f"half of those for evaluation smaller than {middle['evaluation']}")  # fmt: skip
    return figure


def _scatter(axes: Axes, rows: Sequence[DataSet], title: str) -> None:
    axes.set(title=title, xlabel="year of the paper", yscale="log", ylim=(2e2, 6e10))
    years = range(min(row.year for row in rows), max(row.year for row in rows) + 1)
    axes.set_xlim(years[0] - 0.5, years[-1] + 1.9)
    axes.set_xticks(years)
    axes.grid(axis="y", color="#e6e6e6")
    spots = axes.transAxes.inverted().transform(axes.transData.transform([(row.year, row.size) for row in rows]))
    taken = [(x - MARK, x + MARK, y) for x, y in spots]  # left, right and height, in parts of the axes
    for row, (x, y) in sorted(zip(rows, spots, strict=True), key=lambda pair: pair[0].size):
        colour, left = COLOURS[KINDS[row.kind]], x + 2 * MARK
        axes.plot(row.year, row.size, USES[row.use], color=colour, markersize=5)
        height = _free(left, left + LETTER * len(row.name), y, taken)
        style = "normal" if row.status == STATES[0] else "italic"
        axes.text(left, height, row.name, transform=axes.transAxes, color=colour, fontsize=7, va="center", style=style)


def _free(left: float, right: float, wanted: float, taken: list[tuple[float, float, float]]) -> float:
    """The height nearest to the one wanted at which a label meets no other; it is taken from then on."""
    for step in range(2 * len(taken) + 1):
        height = wanted + GAP * ((step + 1) // 2) * (-1) ** step
        if not any(left < other[1] and other[0] < right and abs(height - other[2]) < GAP for other in taken):
            break
    taken.append((left, right, height))
    return height


def _row(year: str, size: str, senses: str, **others: str) -> DataSet:
    return DataSet(year=int(year), size=int(size), senses=tuple(senses.split()), **others)


def _mark(status: str) -> str:
    return "" if status == STATES[0] else " ?"
