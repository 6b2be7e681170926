"""A window of a motion sensor and a cloud of points, as their records hold them."""

import numpy as np
from matplotlib.figure import Figure

from labs.world.motion import CHANNELS, RATE


def sensors(window: np.ndarray, label: str, cloud: np.ndarray) -> Figure:
    """Left one window (steps, 6) with its label, right a cloud (points, 6), looked at from the front and above."""
    figure = Figure((8, 2.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    time = np.arange(len(window)) / RATE
    for number, style in ((0, "-"), (3, "--"), (4, ":")):
        left.plot(time, window[:, number], style, color="#2f7d4f", label=list(CHANNELS)[number])
    left.set(xlabel="seconds", ylabel="m/s², rad/s")
    left.set_title(f"one window of {len(window)} steps: {label}", loc="left")
    left.legend(fontsize=7, ncols=3, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    x, y, z, *colours = cloud[np.argsort(-cloud[:, 2])].T  # the farthest first
    right.scatter(x + 0.35 * z, -y + 0.35 * z, s=4, c=np.stack(colours, 1))
    right.set_title(f"{len(cloud):,} points", loc="left")
    right.set_aspect("equal")
    right.axis("off")
    return figure
