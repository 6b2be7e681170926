"""Pages of three things, each shown or named, and what frozen encoders make of pictures and of names.

In the exam a page's partner names what the page shows and shows what it names; the names of held-out things are those
that training never showed.
"""

import random
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.parts import eyes, joint_space
from labs.systems.parts.heard_scenes import SEEDS
from labs.systems.parts.lexicon import DECODE, END
from labs.systems.parts.web import lexicon
from labs.world.captions import caption

COUNTS = {"train": 2048, "choice": 300, "exam": 300}  # pictures of one thing
PAGES, LENGTH = {"train": 2048, "choice": 200, "exam": 200}, 3  # pages of a split; entries of each
GRAIN = 0.05  # deviation of the noise of a picture's vector, whose numbers are about 0.09


class Pages(NamedTuple):
    """Entries as pictures and as names, whichever a page has of each, and frozen vectors of both."""

    pictures: Float[Tensor, "pages 3 128"]
    names: Int[Tensor, "pages 6"]
    texts: Float[Tensor, "pages 3 128"]

    def only(self, rows: Int[Tensor, " n"]) -> "Pages":
        """Some of the pages."""
        return Pages(*(part[rows] for part in self))

    def entries(self, shown: Bool[Tensor, "pages 3"]) -> Float[Tensor, "pages 3 128"]:
        """Frozen vectors: of pictures where they are shown, else of names."""
        return self.pictures.where(shown[..., None], self.texts)


@cache
def pages(split: str) -> Pages:
    """Pages of scenes drawn at random; held-out ones have but names that training never showed."""
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    generator, rng = torch.Generator().manual_seed(50 + SEEDS[split]), random.Random(f"pages {split}")
    seen, names = joint_space.see(scenes), [caption(scene, "tags") for scene in scenes]
    seen = seen + GRAIN * torch.randn(seen.shape, generator=generator)
    known, drawn = joint_space.read(names), {}
    while len(drawn) < PAGES[split]:
        page = tuple(rng.randrange(len(scenes)) for _ in range(LENGTH))
        drawn.setdefault(tuple(names[i] for i in page) if split != "train" else page, page)
    chosen = torch.tensor(list(drawn.values()))
    return Pages(seen[chosen], lexicon().write(names, end=())[:, 1:][chosen].flatten(1), known[chosen])


def answers(given: Pages) -> Int[Tensor, "pages words"]:
    """<decode>, colours and shapes, <end>."""
    ends = torch.full((len(given.names), 1), END)
    return torch.cat([torch.full_like(ends, DECODE), given.names, ends], dim=1)


def halves(count: int) -> Bool[Tensor, "pages 3"]:
    """What is shown in each page of an exam; in its partner it is named, and the other way round."""
    return torch.rand(count, LENGTH, generator=torch.Generator().manual_seed(0)) < 0.5
