"""Masks over the picture that they are about: what prompts were answered with, and the maps of a whole scene."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from labs.world.picture import SIZE, draw
from labs.world.scene import Scene

MARK = {"color": "white", "markeredgecolor": "black"}


def prompted(
    scene: Scene, masks: Bool[Tensor, "prompts 72 72"], titles: Sequence[str], marks: Mapping[int, Tensor]
) -> Figure:
    """The picture, darkened outside of each mask; `marks` gives the points that some prompts were made of, (n, 2)."""
    figure = Figure((1.6 * len(masks), 2.0), layout="constrained")
    picture = np.asarray(draw(scene))
    for number, (axes, mask, title) in enumerate(zip(_row(figure, len(masks)), masks, titles, strict=True)):
        axes.imshow((picture * np.where(mask.numpy(), 1.0, 0.3)[..., None]).astype(np.uint8))
        axes.contour(mask.float().numpy(), [0.5], colors="white", linewidths=1)
        if number in marks:
            axes.plot(*marks[number].T.numpy(), "o", markersize=4, **MARK)
        axes.set_title(title, fontsize=8)
    return figure


def maps(scene: Scene, semantic: Int[Tensor, "72 72"], panoptic: Int[Tensor, "72 72"], names: Sequence[str]) -> Figure:
    """The picture, what kind of thing each pixel shows, and which thing, with the name of each at its centre."""
    figure = Figure((6.6, 2.4), layout="constrained")
    titles = ("picture", "semantic: which kind", "panoptic: which thing, with its name")
    for axes, shown, title in zip(
        _row(figure, 3), (np.asarray(draw(scene)), semantic.numpy(), panoptic.numpy()), titles, strict=True
    ):
        axes.imshow(shown, cmap="tab10", vmin=0, vmax=9, interpolation="nearest")
        axes.set_title(title, fontsize=8)
    for number in panoptic.unique().tolist():
        if number:
            y, x = (panoptic == number).nonzero().float().mean(0).tolist()
            x = min(max(x, SIZE / 5), SIZE * 4 / 5)  # so that the name stays in the picture
            axes.text(x, y, names[number - 1], ha="center", fontsize=7, bbox={"color": "white", "pad": 1, "alpha": 0.8})
    return figure


def _row(figure: Figure, count: int) -> list[Axes]:
    row = figure.subplots(1, count, squeeze=False)[0]
    for axes in row:
        axes.axis("off")
    return list(row)
