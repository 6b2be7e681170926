"""A small web of pictures: half of its captions belong to other pictures; and a few pairs that people have written.

Nothing but `Pairs` is handed on to filters and captioners: which captions are wrong is known to the tests and to plots.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.parts import eyes
from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.regions import regions
from labs.world.captions import caption
from labs.world.vocabulary import COLOURS, SHAPES

COUNTS = {"web": 2000, "people": 200, "heldout": 400}  # pictures of two things each
WORDS = 9  # of every caption, its start and end included: "a red circle and a blue star"


class Pairs(NamedTuple):
    """Pictures and captions."""

    regions: Float[Tensor, "pairs 9 132"]
    captions: Int[Tensor, "pairs words"]

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(*(torch.cat(parts) for parts in zip(self, other, strict=True)))

    def only(self, chosen: Bool[Tensor, " pairs"]) -> "Pairs":
        """Those that are chosen."""
        return Pairs(self.regions[chosen], self.captions[chosen])


@cache
def lexicon() -> Lexicon:
    """The words of all captions."""
    return Lexicon(["a and an", *COLOURS, *SHAPES])


@cache
def true_pairs(name: str) -> Pairs:
    """The pictures of "web", "people" or "heldout" with captions that are all true."""
    split = "heldout" if name == "heldout" else "train"
    # the held-out scenes of data seed 0 were looked at while this was written
    scenes = eyes.scenes(split, COUNTS[name], (2,), seed=int(name != "web"))
    return Pairs(regions(scenes), lexicon().write([caption(scene, "plain") for scene in scenes]))


def wrong_on_web(seed: int, share: float = 0.5) -> Bool[Tensor, " pairs"]:
    """Which pictures of the web stand beside the caption of another."""
    return torch.rand(COUNTS["web"], generator=torch.Generator().manual_seed(seed)) < share


def web(seed: int, share: float = 0.5) -> Pairs:
    """What is found on the web: the wrong captions are other pictures' own, shuffled among themselves."""
    true, wrong = true_pairs("web"), wrong_on_web(seed, share)
    captions, where = true.captions.clone(), wrong.nonzero()[:, 0]
    captions[where] = captions[where.roll(1)]
    return Pairs(true.regions, captions)


def words_right(captions: Int[Tensor, "pairs words"], true: Int[Tensor, "pairs words"]) -> Float[Tensor, " pairs"]:
    """The share of a true caption's four colours and shapes that stand in their places."""
    names = torch.tensor([lexicon().number[name] for name in (*COLOURS, *SHAPES)])
    asked = torch.isin(true, names)
    return ((captions == true) & asked).sum(1) / asked.sum(1)
