"""Who says what a picture or a sound shows that a model has written: the name of the nearest true one.

Pictures are compared in the joint space of the frozen mini-clip, sounds by their mel bands, with true close-ups of
every name, those that training kept back too: a judge must know them all. The judge never meets the model's training.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import close_ups, codec
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.joint_space import see
from labs.world.scene import Scene

KNOWN = 1500  # true close-ups


class Known(NamedTuple):
    """What the judge compares with, and (colour, shape) of each."""

    vectors: Float[Tensor, "known width"]
    names: tuple[tuple[str, str], ...]


def names(modality: str, codes: Int[Tensor, "n length"]) -> list[tuple[str, str]]:
    """Colour and shape of each; of texts, the words that stand in their places."""
    shown = codec.decode(modality, codes)
    if modality == "text":
        words = [codec.lexicon().words[number] for number in codes[:, 2:].flatten().tolist()]
        return list(zip(words[::2], words[1::2], strict=True))
    return judge(modality, see(shown) if modality == "picture" else shown.flatten(1))


def judge(modality: str, vectors: Float[Tensor, "n width"]) -> list[tuple[str, str]]:
    """The names of the true ones that lie nearest."""
    known = recall(modality)
    return [known.names[nearest] for nearest in torch.cdist(vectors, known.vectors).argmin(1).tolist()]


@cache
def recall(modality: str) -> Known:
    """All that the judge knows of "picture" or "sound"."""
    scenes = close_ups.of_every_name(KNOWN)
    vectors = see(scenes) if modality == "picture" else close_ups.listen(scenes).flatten(1)
    return Known(vectors, tuple(name_of(scene) for scene in scenes))


def names_of_true(modality: str, scenes: Sequence[Scene]) -> list[tuple[str, str]]:
    """What the judge says of true pictures or sounds: how far it can be trusted."""
    return judge(modality, see(scenes) if modality == "picture" else close_ups.listen(scenes).flatten(1))
