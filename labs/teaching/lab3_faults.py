"""Usual faults in recordings of one's own, each made in a copy of a folder that has none; and what is said of them."""

import csv
import wave
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np

from labs.errors import LabsError
from labs.teaching import lab3_own
from labs.world import motion

Rows = list[list[str]]
FAULTS: dict[str, Callable[[Path], None]] = {
    "sound at 44.1 kHz": lambda folder: _sound(folder, lambda samples: samples, 44_100),
    "microphone off": lambda folder: _sound(folder, np.zeros_like),
    "half a second": lambda folder: _sound(folder, lambda samples: samples[:8_000]),
    "motion at 50 Hz": lambda folder: _rows(folder, lambda rows: rows[::2]),
    "an empty cell": lambda folder: _rows(folder, lambda rows: [*rows[:70], [*rows[70][:-1], ""], *rows[71:]]),
    "a gap": lambda folder: _rows(folder, lambda rows: rows[:80] + rows[110:]),
    "a dead axis": lambda folder: _rows(folder, lambda rows: [[*row[:-1], "0.0"] for row in rows]),
    "in units of g": lambda folder: _rows(folder, lambda rows: [_in_g(row) for row in rows]),
    "lying flat": lambda folder: _rows(folder, lambda rows: [[*row[:2], row[3], row[2], *row[4:]] for row in rows]),
    "an unknown word": lambda folder: _rows(folder, lambda rows: [[*rows[0][:-1], "walking"], *rows[1:]], "labels.csv"),
}


def said(name: str, folder: Path, place: Path) -> str:
    """Copy the good files of `folder` to `place`, make the fault, and return the sentence that refuses them."""
    copytree(folder, place, dirs_exist_ok=True)
    FAULTS[name](place)
    try:
        lab3_own.read(place)
    except LabsError as error:
        return str(error)
    return "nothing is said: this fault is not found"


def _sound(folder: Path, change: Callable[[np.ndarray], np.ndarray], rate: int = 16_000) -> None:
    file = str(folder / "mine.wav")
    with wave.open(file, "rb") as opened:
        form, samples = opened.getparams(), np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    with wave.open(file, "wb") as opened:
        opened.setparams(form._replace(framerate=rate, nframes=0))
        opened.writeframes(change(samples).tobytes())


def _rows(folder: Path, change: Callable[[Rows], Rows], name: str = "mine.csv") -> None:
    file = folder / name
    with file.open(encoding="utf-8-sig", newline="") as opened:
        names, *rows = csv.reader(opened)
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([names, *change(rows)])


def _in_g(row: list[str]) -> list[str]:
    """Columns are time, three of the accelerometer, three of the gyroscope, as lab3_own.write orders them."""
    return [row[0], *(f"{float(x) / motion.GRAVITY:.4f}" for x in row[1:4]), *row[4:]]
