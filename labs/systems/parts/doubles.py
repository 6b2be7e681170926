"""Near-duplicates: a picture that was saved anew, and three ways to notice that it is the same.

equal bytes        finds copies, and nothing that was compressed, brightened or cut
average hash       8 x 8 grey cells, brighter or darker than their mean: 64 bits, compared by how many differ
embedding          the cosine of what the frozen eyes make of both
"""

import io
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image, ImageEnhance
from torch import Tensor

from labs.evaluation.exam import Item
from labs.systems.parts import priors
from labs.systems.parts.joint_space import see
from labs.world import splits
from labs.world.picture import draw

SIDE = 8  # cells of the hash


def saved_anew(picture: Image.Image, rng: random.Random) -> Image.Image:
    """The same picture as the web has it a second time: cut by a pixel, a little brighter or darker, compressed."""
    left, top = rng.randrange(2), rng.randrange(2)
    cut = picture.crop((left, top, picture.width - 1 + left, picture.height - 1 + top)).resize(picture.size)
    lit = ImageEnhance.Brightness(cut).enhance(rng.uniform(0.9, 1.1))
    file = io.BytesIO()
    lit.save(file, "JPEG", quality=rng.randint(70, 90))
    return Image.open(file).convert("RGB")


class Leaky(NamedTuple):
    """Training pictures and a test, some of whose pictures are doubles of them and bring their questions along."""

    album: list[Image.Image]
    known: list[Item]
    pictures: list[Image.Image]
    asked: list[Item]
    double_of: list[int | None]  # for each test picture the training picture it is a double of


def leaky_test(known: int = 500, fresh: int = 120, leaked: int = 40, seed: int = 0) -> Leaky:
    """A test of `fresh` held-out scenes and `leaked` doubles of the `known` training pictures."""
    rng = random.Random(f"leaky test {seed}")
    seen, questions = priors.known_questions(known, seed)
    album, new = [draw(scene) for scene in seen], [splits.sample(rng, "heldout") for _ in range(fresh)]
    copied = rng.sample(range(known), leaked)
    pictures = [draw(scene) for scene in new] + [saved_anew(album[place], rng) for place in copied]
    asked = priors.questions_about(new, rng)
    for number, place in enumerate(copied, fresh):
        asked += [replace(item, picture=number) for item in questions if item.picture == place]
    return Leaky(album, questions, pictures, asked, [None] * fresh + copied)


def nearest_among(alike: Float[Tensor, "n n"]) -> float:
    """The similarity that 95 of 100 pictures of one set do not reach with any other of the set."""
    others = alike.masked_fill(torch.eye(len(alike), dtype=torch.bool), -1)
    return others.max(1).values.quantile(0.95).item()


def average_hash(pictures: Sequence[Image.Image]) -> Bool[Tensor, "pictures 64"]:
    """Which cells are brighter than the mean of all cells."""
    grey = np.stack(
        [np.asarray(one.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), float) for one in pictures]
    )
    cells = torch.from_numpy(grey).flatten(1)
    return cells > cells.mean(1, keepdim=True)


def hashes_alike(one: Sequence[Image.Image], other: Sequence[Image.Image]) -> Float[Tensor, "n m"]:
    """The share of the bits of two average hashes that agree."""
    a, b = 2.0 * average_hash(one) - 1, 2.0 * average_hash(other) - 1
    return (1 + a @ b.T / SIDE**2) / 2


def vectors_alike(one: Sequence[Image.Image], other: Sequence[Image.Image]) -> Float[Tensor, "n m"]:
    """The cosines of what the bundled mini-clip makes of the pictures."""
    return see(one) @ see(other).T
