"""Boxes on a picture, as a record has them and as they lie where their four numbers are misread."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from labs.world.picture import draw
from labs.world.scene import Scene

SIDE = 200  # pixels


def iou(one: Sequence[int], other: Sequence[int]) -> float:
    """What two boxes (left, top, right, bottom) share, as a part of what they cover together; 0 for an empty one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0, width) * max(0, height)
    return common / (_area(one) + _area(other) - common)


def corners(record: dict) -> tuple[int, int, int, int]:
    """A record's box as left, top, right and bottom."""
    return record["x"], record["y"], record["x"] + record["width"], record["y"] + record["height"]


def with_boxes(scene: Scene, records: Sequence[dict]) -> Figure:
    """The scene at 200 pixels a side; boxes as the records mean them, and dashed as if they were two corners."""
    figure = Figure((7.6, 3.8), layout="constrained")
    for axes, title, misread in zip(figure.subplots(1, 2), ("corner, width, height", "read as two corners"), (0, 1),
                                    strict=True):  # fmt: skip
        axes.imshow(draw(scene, SIDE))
        axes.set(title=title, xlim=(0, SIDE), ylim=(SIDE, 0))
        axes.axis("off")
        for one in records:
            x, y, width, height = (one[key] for key in ("x", "y", "width", "height"))
            size = (width - x, height - y) if misread else (width, height)
            style = "--" if misread else "-"
            axes.add_patch(Rectangle((x, y), *size, fill=False, edgecolor="black", linewidth=3, linestyle=style))
            axes.add_patch(Rectangle((x, y), *size, fill=False, edgecolor="white", linewidth=1.2, linestyle=style))
    return figure


def _area(box: Sequence[int]) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])
