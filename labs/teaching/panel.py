"""One scene through all its senses, in one figure."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labs.systems.parts.senses import perceive
from labs.teaching.looks import COLOURS
from labs.world import clip, depth, motion, points, series, thermal
from labs.world.picture import draw
from labs.world.scene import Scene

SIDE = 200  # pixels of what is drawn


def panel(scene: Scene) -> Figure:
    """Eight axes: picture, video, depth, thermal, sound, motion, series, points."""
    figure = Figure((11, 5.6), layout="constrained")
    grid = figure.subplots(2, 4)
    drawn = (_picture, _video, _depth, _thermal, _sound, _motion, _series, _points)
    for axes, draw_one in zip(grid.flat, drawn, strict=True):
        draw_one(axes, scene)
        name = draw_one.__name__.lstrip("_")
        axes.set_title(name, color=COLOURS[name], fontweight="bold", loc="left")
    return figure


def _picture(axes: Axes, scene: Scene) -> None:
    axes.imshow(draw(scene, SIDE))
    axes.axis("off")


def _video(axes: Axes, scene: Scene) -> None:
    frames = clip.film(scene, 4, SIDE)
    axes.imshow(np.concatenate([np.concatenate(frames[:2], 1), np.concatenate(frames[2:], 1)], 0))
    axes.axis("off")


def _depth(axes: Axes, scene: Scene) -> None:
    axes.imshow(depth.as_picture(depth.depth_map(scene, SIDE)), cmap="gray", vmin=0, vmax=255)
    axes.text(0.5, -0.08, "bright is near", transform=axes.transAxes, ha="center", fontsize=7)
    axes.axis("off")


def _thermal(axes: Axes, scene: Scene) -> None:
    axes.imshow(thermal.as_picture(thermal.temperature_map(scene, SIDE)))
    axes.text(0.5, -0.08, "bright is hot, dark is cold", transform=axes.transAxes, ha="center", fontsize=7)
    axes.axis("off")


def _sound(axes: Axes, scene: Scene) -> None:
    heard = perceive("sound", [scene])[0].numpy()
    axes.imshow(heard.T, origin="lower", aspect="auto", cmap="magma", extent=(0, len(heard) / 100, 0, heard.shape[1]))
    axes.set(xlabel="seconds", ylabel="mel band")


def _motion(axes: Axes, scene: Scene) -> None:
    felt = motion.feel(scene)
    time = np.arange(len(felt)) / motion.RATE
    for name, values in zip(motion.CHANNELS, felt.T, strict=True):
        if name in ("accelerometer x", "gyroscope x", "gyroscope y"):
            axes.plot(time, values, label=name, linewidth=1)
    axes.set(xlabel="seconds", ylabel="m/s², rad/s")
    _beneath(axes)


def _series(axes: Axes, scene: Scene) -> None:
    readings = series.sweep(scene)
    spread = (readings - readings.min(0)) / np.ptp(readings, 0).clip(1e-9)
    for name, values in zip(series.CHANNELS, spread.T, strict=True):
        axes.plot(np.linspace(0, 1, len(values)), values, label=name, linewidth=1)
    axes.set_xlabel("from left to right", fontsize=8)
    axes.set_ylabel("each from least to most", fontsize=8)
    _beneath(axes)


def _beneath(axes: Axes) -> None:
    axes.legend(fontsize=6, ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _points(axes: Axes, scene: Scene) -> None:
    x, y, z, *colours = points.scan(scene, 1500).T
    order = np.argsort(-z)  # the farthest first
    marks = matplotlib.rcParams["lines.markersize"] * (1.4 - z[order]) ** 2
    axes.scatter((x + 0.35 * z)[order], (-y + 0.35 * z)[order], s=marks, c=np.stack(colours, 1)[order])
    axes.axis("off")
    axes.set_aspect("equal")
