"""What a visitor is shown: the loss beside that of the sound script, what the tuned model says, and a few scores."""

import re
from collections.abc import Sequence

from matplotlib.figure import Figure

from labs.evaluation.interval import Interval, interval
from labs.teaching import lab2_skill
from labs.teaching.looks import COLOURS, CONTROL
from labs.teaching.museum.exhibit import SEED, USERS, Exhibit

SHOWN = 3  # pictures
WIDTH = 16  # letters of a line beneath one


def figure(shown: Exhibit, sound: Exhibit) -> Figure:
    """The loss of both scripts, and the first pictures of users with the answers they get."""
    drawn = Figure((10, 2.6), layout="constrained")
    axes = drawn.subplots(1, 1 + SHOWN, width_ratios=(2, *[1] * SHOWN))
    axes[0].plot(range(1, len(sound.losses) + 1), sound.losses, "--", color=CONTROL, label="sound script")
    axes[0].plot(range(1, len(shown.losses) + 1), shown.losses, color=COLOURS["text"], label=shown.room)
    axes[0].set(xlabel="step", ylabel="training loss (nats a token)", ylim=(0, None))
    axes[0].set_title(f"{shown.room}: loss {shown.losses[0]:.1f} -> {_end(shown):.2f}", fontsize=9)
    axes[0].legend(fontsize=8)
    exam = lab2_skill.exam(SHOWN, SEED)
    for one, picture, item, told in zip(axes[1:], exam.pictures, exam.new, shown.told, strict=False):
        one.imshow(picture)
        one.set(xticks=[], yticks=[])
        one.set_xlabel(f"told: {_folded(told)}\ntrue: {_folded(item.answer)}", fontsize=7)
    return drawn


def lines(shown: Exhibit, sound: Exhibit) -> list[str]:
    """The same in words, with what no figure shows; of both scripts, with intervals."""
    said = [f"{'':44} {shown.room:24} {sound.room}"]
    rows = {"loss, mean of the last ten steps": lambda one: f"{_end(one):.2f} nats a token"}
    asked = f"its own exam, n = {len(shown.own)} and {len(sound.own)}"
    rows[asked] = lambda one: str(interval(one.own, one.heldout.keys.shown.tolist()))
    rows[f"users ask the tuned model, n = {USERS}"] = lambda one: str(_of(one.used))
    rows[f"answers to users in the new form, n = {USERS}"] = lambda one: str(_of(list(map(_formed, one.told))))
    for name in shown.by_row:
        number = len(sound.by_row[name])
        rows[f"things named, its way, {name} row, n = {number}"] = lambda one, name=name: str(in_row(one, name))
    return said + [f"{name:44} {told(shown):24} {told(sound)}" for name, told in rows.items()]


def in_row(shown: Exhibit, name: str) -> Interval:
    """The share of things in a row of users' pictures that are named rightly, with whole pictures drawn anew."""
    pictures, right = zip(*shown.by_row[name], strict=True)
    return interval([float(one) for one in right], pictures)


def _end(shown: Exhibit) -> float:
    return sum(shown.losses[-10:]) / 10


def _of(scores: Sequence) -> Interval:
    return interval([float(score) for score in scores], range(len(scores)))


def _formed(told: str) -> bool:
    """Whether an answer is a list of things, right or wrong: red star, blue moon."""
    return re.fullmatch(r"\w+ \w+(, \w+ \w+)+", told) is not None


def _folded(text: str) -> str:
    words, rows = text.split(", "), [""]
    for word in words:
        rows[-1] += f"{word}, " if len(rows[-1]) + len(word) <= WIDTH else ""
        if not rows[-1].endswith(f"{word}, "):
            rows.append(f"{word}, ")
    return "\n".join(row.rstrip() for row in rows).rstrip(",")
