"""A recording of your own in a folder: mine.wav, mine.csv and labels.csv, as labs.teaching.lab3_files reads them."""

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from labs.errors import LabsError
from labs.teaching.lab3_files import SHORTEST, read_labels, read_motion, read_sound
from labs.teaching.lab3_rig import RATES, Recording
from labs.world import motion, sound


def read(folder: Path) -> Recording:
    """The three files of a folder; no depth camera. Raises LabsError with one sentence for what does not fit."""
    heard, felt = read_sound(folder / "mine.wav"), read_motion(folder / "mine.csv")
    seconds = {"mine.wav": len(heard) / RATES["sound"], "mine.csv": len(felt) / RATES["motion"]}
    (short, least), (long, most) = sorted(seconds.items(), key=lambda one: one[1])
    if most - least > SHORTEST:
        raise LabsError(f"{long} lasts {most:.1f} s and {short} {least:.1f}: cut both to the same seconds.")
    labels = read_labels(folder / "labels.csv")
    if labels[0]["start"] >= least:
        raise LabsError(f"labels.csv starts at {labels[0]['start']:g} s, after {short} has ended: are these seconds?")
    return Recording(heard, felt, torch.zeros(0, 36, 36), labels)


def write(folder: Path, recording: Recording) -> None:
    """The three files of a recording, as `read` wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    sound.write_wave(folder / "mine.wav", recording.sound.numpy()[None])
    felt = [[f"{number:.4f}" for number in row] for row in recording.motion.tolist()]
    steps = [[f"{step / RATES['motion']:.2f}", *row] for step, row in enumerate(felt)]
    names = list(recording.labels[0])
    _write_rows(folder / "mine.csv", ["time", *motion.CHANNELS], steps)
    _write_rows(folder / "labels.csv", names, [[label[name] for name in names] for label in recording.labels])


def unlike(windows: Float[Tensor, "windows steps channels"], train: Float[Tensor, "others steps channels"]) -> float:
    """How far what was recorded lies from what was learned from, the mean over channels; 0 is the same.

    Of each channel counts what is more: by how many spreads of training its mean is off, or the logarithm of how many
    times larger or smaller its spread is.
    """
    (spread, mean), (other, level) = (torch.std_mean(one, dim=(0, 1)) for one in (train, windows))
    spread, other = spread.clamp(min=1e-4), other.clamp(min=1e-4)
    return torch.stack([(level - mean) / spread, (other / spread).log()]).abs().amax(0).mean().item()


def _write_rows(file: Path, names: Sequence[str], rows: Sequence[Sequence]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([names, *rows])
