"""A matrix of scores, rows against columns, each cell with its figure: which adapter does what in which domain."""

from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray

SHADES, DARK = "Greens", 0.55  # lighter is less; figures are white on cells darker than this part of the range


def matrix(
    scores: Float[ndarray, "rows columns"], rows: Sequence[str], columns: Sequence[str], title: str
) -> Figure:  # fmt: skip
    """Scores from 0 to 100. Raises ValueError unless there is a name for every row and column."""
    if scores.shape != (len(rows), len(columns)):
        raise ValueError(f"{len(rows)} rows and {len(columns)} columns are named, and the scores are {scores.shape}")
    figure = Figure((1.6 + 0.95 * len(columns), 0.9 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(scores, cmap=SHADES, vmin=0, vmax=100, aspect="auto")
    for (row, column), score in [((r, c), scores[r, c]) for r in range(len(rows)) for c in range(len(columns))]:
        ink = "white" if score > 100 * DARK else "black"
        axes.text(column, row, f"{score:.0f}", ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(columns)), columns, fontsize=9)
    axes.set_yticks(range(len(rows)), rows, fontsize=9)
    axes.tick_params(length=0)
    axes.set_title(title, fontsize=10, loc="left")
    return figure
