"""Who looks at whom: a square for each pair of tokens, for one mask or for several side by side."""

from collections.abc import Mapping, Sequence

from jaxtyping import Int
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from labs.teaching.looks import COLOURS

SHADES = ("white", COLOURS["picture"], COLOURS["sound"])  # not at all; in one way; in another
SQUARE = 0.17  # inches


def looking(
    masks: Mapping[str, Int[Tensor, "asking asked"]], asking: Sequence[str], asked: Sequence[str], ways: Sequence[str]
) -> Figure:
    """A panel a mask, under its title: 0 where a row does not look at a column, else the number of the way it does.

    `ways` names the ways, from 1. Raises ValueError where a mask has another size than its names, or for a third way.
    """
    if len(ways) >= len(SHADES):
        raise ValueError(f"there are shades for {len(SHADES) - 1} ways, named are {', '.join(ways)}")
    for title, mask in masks.items():
        if mask.shape != (len(asking), len(asked)):
            raise ValueError(f"{title!r} is {tuple(mask.shape)}, named are {len(asking)} rows, {len(asked)} columns")
    width = SQUARE * len(asked) + 1.1
    figure = Figure((width * len(masks) + 0.4, SQUARE * len(asking) + 1.4), layout="constrained")
    for axes, (title, mask) in zip(figure.subplots(1, len(masks), squeeze=False)[0], masks.items(), strict=True):
        axes.imshow(mask.numpy(), cmap=ListedColormap(SHADES), vmin=0, vmax=2)
        axes.set_xticks(range(len(asked)), asked, rotation=90, fontsize=7)
        axes.set_yticks(range(len(asking)), asking, fontsize=7)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("is looked at", fontsize=8)
        axes.set_xticks([x - 0.5 for x in range(1, len(asked))], minor=True)
        axes.set_yticks([y - 0.5 for y in range(1, len(asking))], minor=True)
        axes.grid(which="minor", color="#dddddd", linewidth=0.5)
        axes.tick_params(which="both", length=0)
    figure.axes[0].set_ylabel("looks", fontsize=8)
    marks = [Patch(facecolor=SHADES[number + 1], label=way) for number, way in enumerate(ways)]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8)
    return figure
