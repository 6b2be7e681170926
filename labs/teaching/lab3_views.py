"""Figures of worksheet 3: a recording with its labels, windows with what is true and what was said, right answers."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from labs.evaluation.interval import Interval
from labs.teaching.looks import COLOURS, CONTROL
from labs.world.motion import CHANNELS, GRAVITY

# Of six, those in which most goes on; what is taken off is gravity.
DRAWN = {
    "accelerometer x": ("-", 0.0),
    "accelerometer y": ("-.", GRAVITY),
    "gyroscope x": ("--", 0.0),
    "gyroscope y": (":", 0.0),
}


def recording(
    frames: Float[Tensor, "frames bands"], felt: Float[Tensor, "steps 6"], seconds: float, labels: Sequence[str]
) -> Figure:
    """The same seconds through both sensors, one under the other, with what each label says."""
    figure = Figure((9, 4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _sound(above, frames, seconds)
    _motion(below, felt, seconds)
    below.set_xlabel("seconds")
    _name_channels(figure, below)
    for number, label in enumerate(labels):
        middle = (number + 0.5) * seconds / len(labels)
        above.text(middle, len(frames[0]) * 1.02, label, ha="center", va="bottom", fontsize=8)
        for axes in (above, below):
            axes.axvline(number * seconds / len(labels), color=CONTROL, linewidth=0.7)
    return figure


def windows(
    frames: Sequence[Float[Tensor, "frames bands"]], felt: Sequence[Float[Tensor, "steps 6"]], titles: Sequence[str]
) -> Figure:
    """One-second windows side by side, sound above motion, each with its title."""
    figure = Figure((3 * len(titles), 3.6), layout="constrained")
    upper, lower = figure.subplots(2, len(titles), sharex=True, squeeze=False)
    for axes, below, heard, moved, title in zip(upper, lower, frames, felt, titles, strict=True):
        _sound(axes, heard, 1.0)
        _motion(below, moved, 1.0)
        axes.set_title(title, fontsize=8, loc="left")
        below.set_xlabel("seconds")
    for axes in [*upper[1:], *lower[1:]]:
        axes.set_ylabel("")
    _name_channels(figure, lower[0])
    return figure


def falling(losses: Sequence[float]) -> Figure:
    """The loss of each step."""
    figure = Figure((7, 2.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, color=COLOURS["text"], linewidth=1)
    axes.set(xlabel="step", ylabel="nats a word", ylim=(0, None))
    axes.set_title(f"In {len(losses)} steps from {losses[0]:.1f} to {losses[-1]:.2f} nats", loc="left", fontsize=10)
    return figure


def bars(conditions: Mapping[str, Mapping[str, Interval]], title: str) -> Figure:
    """Right answers kind by kind, a bar for each of four conditions with its 95 % interval: the third is about sound,
    the fourth about motion."""
    figure = Figure((9, 3), layout="constrained")
    axes, wide = figure.subplots(), 0.8 / len(conditions)
    kinds = list(next(iter(conditions.values())))
    shades = (CONTROL, COLOURS["text"], COLOURS["sound"], COLOURS["motion"])
    for number, ((name, found), shade) in enumerate(zip(conditions.items(), shades, strict=True)):
        places = [kind + (number - (len(conditions) - 1) / 2) * wide for kind in range(len(kinds))]
        ends = [[100 * (one.mean - one.low), 100 * (one.high - one.mean)] for one in found.values()]
        axes.bar(places, [100 * one.mean for one in found.values()], wide, yerr=[*zip(*ends, strict=True)], color=shade,
                 label=name, error_kw={"linewidth": 0.8})  # fmt: skip
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set(ylabel="right answers, %", ylim=(0, 103))
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _sound(axes: Axes, frames: Float[Tensor, "frames bands"], seconds: float) -> None:
    axes.imshow(frames.T, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, 0, frames.shape[1]))
    axes.set_ylabel("mel band", color=COLOURS["sound"])


def _motion(axes: Axes, felt: Float[Tensor, "steps 6"], seconds: float) -> None:
    for name, (style, off) in DRAWN.items():
        values = felt[:, list(CHANNELS).index(name)] - off
        axes.plot([seconds * step / len(felt) for step in range(len(felt))], values, style, color=COLOURS["motion"],
                  linewidth=1, label=name)  # fmt: skip
    axes.set_ylabel("m/s², rad/s", color=COLOURS["motion"])


def _name_channels(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    named = [f"{name}, less gravity" if DRAWN[name][1] else name for name in names]
    figure.legend(handles, named, fontsize=7, ncols=len(named), frameon=False, loc="outside lower center")
