"""Words -> the nearest sounds, motions and depth maps: encoders that never met a word, bound to pictures alone.

They learn in two minutes, the first time the demo runs; afterwards they lie on the disk.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

import labs
from labs.errors import LabsError
from labs.systems.parts import bound, eyes
from labs.systems.parts.joint_space import read
from labs.world.scene import Scene

SENSES = ("sound", "motion", "depth")
KNOWN, KEPT, DRAW = 320, 80, 99  # scenes of one thing in the gallery: usual pairs of colour and shape, and kept ones
NEAREST = 3  # of them that are shown


class Found(NamedTuple):
    """A scene that one sense finds near the words; `score` is the cosine."""

    scene: Scene
    score: float


class Senses:
    """Three encoders and what they make of the gallery. They learn in a process of their own, so that nobody waits."""

    def __init__(self, folder: Path):
        self.folder, self.learning = folder, None
        self.found: dict[str, torch.Tensor] = {}

    @property
    def gallery(self) -> Sequence[Scene]:
        """Scenes that no encoder learned from."""
        return eyes.scenes("train", KNOWN, seed=DRAW) + eyes.scenes("heldout", KEPT, seed=DRAW)

    def begin(self) -> None:
        """Let those learn that do not lie on the disk yet."""
        if self._missing():
            command = [sys.executable, "-m", "labs.demo.senses", str(self.folder)]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
            self.learning = subprocess.Popen(
                command, cwd=labs.home(), env=environment, stderr=subprocess.PIPE, text=True
            )

    def end(self) -> None:
        """Stop the learning, if it goes on; what has been learned stays."""
        if self.learning:
            self.learning.kill()
            self.learning.communicate()

    def search(self, words: str) -> dict[str, list[Found]]:
        """The nearest of each sense, best first. Raises LabsError while they are learning, and for no words."""
        if not words.strip():
            raise LabsError("There are no words to look for: write some, such as: a big red star at the left.")
        self._open()
        near = {sense: normalize(rows, dim=-1) @ read([words])[0] for sense, rows in self.found.items()}
        return {
            sense: [Found(self.gallery[at], scores[at].item()) for at in scores.topk(NEAREST).indices.tolist()]
            for sense, scores in near.items()
        }

    def _missing(self) -> list[str]:
        return [sense for sense in SENSES if not file_of(self.folder, sense).exists()]

    def _open(self) -> None:
        """Embed the gallery with each encoder, once. Raises LabsError as long as one is missing."""
        if missing := self._missing():
            if self.learning is None or self.learning.poll() is None:
                said = f"{len(SENSES) - len(missing)} of {len(SENSES)} are ready"
                raise LabsError(f"The senses are still learning, {said}: it takes two minutes, the first time.")
            why = self.learning.stderr.read().strip().splitlines()[-1:]
            raise LabsError(f"The senses could not be taught ({' '.join(why)}): start the demo again.")
        for sense in SENSES:
            if sense not in self.found:
                encoder = bound.build(sense)
                encoder.load_state_dict(load_file(file_of(self.folder, sense)))
                self.found[sense] = encoder.eval().embed(self.gallery)


def file_of(folder: Path, sense: str) -> Path:
    """Where the encoder of a sense lies."""
    return folder / f"{sense}.safetensors"


def teach(folder: Path) -> None:
    """Bind each sense that is missing to pictures, by the recipe of `labs.systems.imagebind`, and save its encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    for sense in SENSES:
        if not (file := file_of(folder, sense)).exists():
            part = file.with_suffix(".part")  # whoever looks for the file finds a whole one
            save_file({name: one.contiguous() for name, one in bound.bind(sense).state_dict().items()}, part)
            part.replace(file)


if __name__ == "__main__":
    teach(Path(sys.argv[1]))
