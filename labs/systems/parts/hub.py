"""What is sensed as vectors of the pictures' space, and three ways to hand them to what has learned from pictures.

as it is    the vector of the sense's encoder, which lies beside those of pictures: the modality gap (Liang et al.,
            2022, https://arxiv.org/abs/2203.02053)
centred     moved by the difference of both means
cached      the mean of the nearest pictures instead, as in ImageBind-LLM (https://arxiv.org/abs/2309.03905)
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts.bound import BATCH, bind
from labs.systems.parts.joint_space import see
from labs.systems.parts.one_thing import scenes

GAPS = ("as it is", "centred", "cached")
CACHED = 8  # pictures of the cache that stand in for what is sensed


@cache
def vectors(sense: str, split: str, seed: int) -> Float[Tensor, "scenes space"]:
    """Scenes through "picture", the hub, or through a sense bound to it; of length 1."""
    if sense == "picture":
        return pictures(split)
    shown, encoder = scenes(split), bind(sense, seed)
    return torch.cat([encoder.embed(shown[at : at + BATCH]) for at in range(0, len(shown), BATCH)])


@cache
def pictures(split: str) -> Float[Tensor, "scenes space"]:
    """The same by the hub, which is frozen: for every seed."""
    return see(scenes(split))


def as_pictures_are(found: Float[Tensor, "scenes space"]) -> Float[Tensor, "scenes space"]:
    """In units in which pictures to learn from have mean 0 and spread 1: what a projection reads."""
    usual = pictures("train")
    return (found - usual.mean(0)) / (usual - usual.mean(0)).std()


def sensed(seed: int, sense: str, how: str = "as it is") -> Float[Tensor, "scenes space"]:
    """Held-out scenes through a sense, as a projection reads them: one of `GAPS`.

    Centred: moved so that the mean lies where that of pictures lies, both over scenes to learn from. Cached: the mean
    of the pictures to learn from that lie nearest.
    """
    if how not in GAPS:
        raise ValueError(f"how must be one of {', '.join(GAPS)}, not {how!r}")
    found, known = vectors(sense, "heldout", seed), pictures("train")
    if how == "centred":
        found = found - vectors(sense, "train", seed).mean(0) + known.mean(0)
    elif how == "cached":
        found = known[nearest(found, known, CACHED)].mean(1)
    return as_pictures_are(found)


def nearest(
    asked: Float[Tensor, "scenes space"], known: Float[Tensor, "pictures space"], count: int
) -> Int[Tensor, "scenes count"]:
    """Which known vectors lie nearest to each; all have length 1."""
    return (asked @ known.T).topk(count, dim=1).indices
