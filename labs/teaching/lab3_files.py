"""A sound, a motion sensor's rows and labels from files of your own, by the standard library; what does not fit is
refused with one sentence: where, what, and how to mend it.

mine.wav     16-bit PCM, 16,000 samples a second, one or two channels
mine.csv     time, and the six channels of labs.world.motion, in m/s2 and rad/s, 100 rows a second
labels.csv   start, stop, in seconds, and a column for each thing that is known: colour, shape, size, place, motion
"""

import csv
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from labs.errors import LabsError
from labs.teaching.lab3_rig import QUESTIONS, RATES
from labs.world import motion
from labs.world.vocabulary import COLOURS, MOTIONS, PLACES, SHAPES, SIZES

SHORTEST = 1.0  # seconds: one window
OFF, GAP = 0.02, 2.5  # so far may a clock be off, as a share of its rate; so many steps in which nothing comes
SILENT = 1e-4  # peak of a file in which there is nothing to hear
WORDS = {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "place": PLACES, "motion": MOTIONS}
UP = "accelerometer y"  # along which gravity pulls, as the rig is worn
EARTH = (8.0, 12.0)  # m/s2: between them lies the usual size of what an accelerometer on Earth feels


def read_sound(file: Path) -> Float[Tensor, " samples"]:
    """The mean of the channels, within [-1, 1]. Raises LabsError."""
    try:
        with wave.open(str(file), "rb") as opened:
            rate, bits, channels = opened.getframerate(), 8 * opened.getsampwidth(), opened.getnchannels()
            found = opened.readframes(opened.getnframes())
    except FileNotFoundError:
        raise LabsError(f"there is no {file.name}: record one, and put it into {file.parent}.") from None
    except (wave.Error, EOFError) as error:
        why = str(error) or "it ends too soon"
        raise LabsError(f"{file.name} is no WAV file of PCM samples ({why}): save it as 16-bit WAV.") from None
    if bits != 16:
        raise LabsError(f"{file.name} has samples of {bits} bits: save it with 16.")
    if rate != RATES["sound"]:
        by = f"ffmpeg -i {file.name} -ar {RATES['sound']} -ac 1 new.wav"
        raise LabsError(f"{file.name} has {rate:,} samples a second, the model {RATES['sound']:,}: resample it ({by}).")
    whole = len(found) // (2 * channels)
    heard = np.frombuffer(found[: 2 * channels * whole], "<i2").reshape(whole, channels).mean(1) / 32768
    _long_enough(file, whole / rate)
    if np.abs(heard).max() < SILENT:
        raise LabsError(f"{file.name} is silent: is the microphone switched on?")
    return torch.from_numpy(heard).float()


def read_motion(file: Path) -> Float[Tensor, "steps 6"]:
    """Steps of the six channels, in the order and units of labs.world.motion. Raises LabsError."""
    numbers = _numbers(file, _rows(file), ("time", *motion.CHANNELS))
    _long_enough(file, len(numbers) / RATES["motion"])
    _steady(file, numbers[:, 0])
    felt = numbers[:, 1:]
    for name, channel in zip(motion.CHANNELS, felt.T, strict=True):
        if np.ptp(channel) < 1e-9:
            raise LabsError(f"{file.name}: {name} is {channel[0]:g} all the time; is that sensor switched on?")
    usual = float(np.median(np.linalg.norm(felt[:, :3], axis=1)))
    if not EARTH[0] < usual < EARTH[1]:
        mend = f"write m/s2 with gravity in it, {motion.GRAVITY} at rest"
        raise LabsError(f"{file.name} feels {usual:.2f} as a rule: in units of g, or without gravity? {mend}.")
    upright = abs(float(np.median(felt[:, list(motion.CHANNELS).index(UP)])))
    if upright < usual / 2:
        raise LabsError(f"{file.name} feels gravity, {usual:.1f}, but only {upright:.1f} of it on {UP}: turn the axes.")
    return torch.from_numpy(felt).float()


def read_labels(file: Path) -> list[dict]:
    """What is known when; an empty cell is not known. Raises LabsError."""
    rows, labels = _rows(file), []
    spans = _numbers(file, rows, ("start", "stop"))
    for line, (row, (start, stop)) in enumerate(zip(rows, spans, strict=True), start=2):
        if stop <= start:
            raise LabsError(f"{file.name}, line {line} stops at {stop:g} s, not after its start: mend it.")
        known = {kind: row[kind].strip().lower() for kind in QUESTIONS if (row.get(kind) or "").strip()}
        for kind, word in known.items():
            if word not in WORDS[kind]:
                raise LabsError(f"{file.name}, line {line}: {word!r} is no {kind} that the talker has a word for: take "
                                f"one of {', '.join(WORDS[kind])}.")  # fmt: skip
        labels.append({"start": float(start), "stop": float(stop)} | known)
    if not any(len(label) > 2 for label in labels):
        raise LabsError(f"{file.name} tells nothing: name columns as what is known, {', '.join(QUESTIONS)}.")
    return labels


def _steady(file: Path, time: np.ndarray) -> None:
    """Whether rows come at the sensor's rate, without a gap."""
    steps = np.diff(time)
    if (steps <= 0).any():
        line = int(np.flatnonzero(steps <= 0)[0]) + 3
        raise LabsError(f"{file.name}, line {line}: time does not go on; sort the rows, and leave doubles out.")
    rate = 1 / np.median(steps)
    if abs(rate / RATES["motion"] - 1) > OFF:
        by = "np.interp, channel by channel"
        slow = "is time in seconds?" if rate < 1 else f"resample it ({by})."
        raise LabsError(f"{file.name} has {rate:.3g} rows a second, the model {RATES['motion']}: {slow}")
    if (gaps := np.flatnonzero(steps > GAP / rate)).size:
        where = f"{steps[gaps[0]]:.2f} s long after {time[gaps[0]]:.2f} s"
        raise LabsError(f"{file.name} has a gap, {where}: take what lies before it, or after it.")


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened, skipinitialspace=True))
    except FileNotFoundError:
        raise LabsError(f"there is no {file.name}: write one, and put it into {file.parent}.") from None
    except UnicodeDecodeError:
        raise LabsError(f"{file.name} is no text in UTF-8: save it as CSV.") from None
    if not rows:
        raise LabsError(f"{file.name} has no rows: one line of names, then a line for each step.")
    return rows


def _numbers(file: Path, rows: Sequence[dict], names: Sequence[str]) -> np.ndarray:
    """The columns of these names (rows, names)."""
    if missing := [name for name in names if name not in rows[0]]:
        raise LabsError(f"{file.name} has no column {missing[0]!r}: its first line must name {', '.join(names)}.")
    table = np.array([[_number(row[name]) for name in names] for row in rows])
    for line, column in np.argwhere(~np.isfinite(table))[:1]:
        name = names[column]
        found = rows[line][name]
        raise LabsError(
            f"{file.name}, line {line + 2}: {name} is {found!r}, which is no number; mend it, or cut it out."
        )
    return table


def _number(text: str | None) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


def _long_enough(file: Path, seconds: float) -> None:
    if seconds < SHORTEST:
        raise LabsError(f"{file.name} lasts {seconds:.2f} s, and a window {SHORTEST:g} s: record for longer.")
