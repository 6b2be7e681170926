"""Maps and pictures in rows, each row with its name and each column with its title."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure


def grid(
    rows: Sequence[Sequence[np.ndarray]],
    names: Sequence[str],
    titles: Sequence[str],
    scales: Sequence[int] | None = None,
) -> Figure:
    """Pictures, (height, width, 3), in their colours; maps, (height, width), on one scale in rows of one number."""
    scales = list(range(len(rows))) if scales is None else scales
    figure = Figure((1.5 * len(titles), 1.55 * len(rows) + 0.2), layout="constrained")
    lines = figure.subplots(len(rows), len(titles), squeeze=False)
    for line, row, name, scale in zip(lines, rows, names, scales, strict=True):
        alike = [other for other, its in zip(rows, scales, strict=True) if its == scale]
        maps = [one for other in alike for one in other if one.ndim == 2]
        limits = {"vmin": min(one.min() for one in maps), "vmax": max(one.max() for one in maps)} if maps else {}
        for axes, one in zip(line, row, strict=True):
            axes.imshow(one, **(limits if one.ndim == 2 else {}))
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, fontsize=8)
    for axes, title in zip(figure.axes, titles, strict=False):  # those of the first row
        axes.set_title(title, fontsize=8)
    return figure
