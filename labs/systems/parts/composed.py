"""Two models tuned apart, each for a camera, made into one that answers for both: merged, summed, or decoupled.

    merged      every weight of the language model is the mean of both (NaiveMC)
    summed      the base and both changes, in full: task arithmetic (Ilharco et al., 2022, https://arxiv.org/abs/2212.04089)
    decoupled   tuned with weights of their own for visual tokens in every layer: these stay each camera's own, and all
                that words go through is the mean of both (DAMC)

Which camera took a picture is known, as which sense brings an input always is. A picture of neither is read by the
visual weights of the base.
"""

from functools import cache

from labs.models.connectors.experts import add_experts
from labs.models.entry import Loaded
from labs.systems.parts import updates
from labs.systems.parts.new_skills import lessons
from labs.systems.parts.updates import Weights, fill, mean, weights

CAMERAS = {"thermal": "plain", "depth": "reversed"}  # and of which chain its model is the first update
ORDINARY = "ordinary"  # pictures of neither
HOWS = ("apart", "merged", "summed", "apart, decoupled", "decoupled", "decoupled, all merged")


def decoupled_base() -> Loaded:
    """The base with a copy of every matrix of every layer for visual tokens; copies and originals learn."""
    loaded = updates.base()
    add_experts(loaded.model, loaded.model.config.image_token_id)
    return loaded


@cache
def decoupled(camera: str, seed: int) -> Weights:
    """The decoupled base after a camera's lessons."""
    return weights(updates.update(decoupled_base(), lessons(camera, seed), seed))


def parent(camera: str, seed: int) -> Weights:
    """The base after a camera's lessons. Raises ValueError for a camera that there is not."""
    if camera not in CAMERAS:
        raise ValueError(f"camera must be one of {', '.join(CAMERAS)}, not {camera!r}")
    return updates.chain(CAMERAS[camera], seed)[1]


def reader(how: str, seed: int, camera: str) -> Loaded:
    """The model of `HOWS`, as it reads pictures of a camera, or ordinary ones. "apart" is the camera's own model.

    Raises ValueError for another way.
    """
    if how not in HOWS:
        raise ValueError(f"how must be one of {', '.join(HOWS)}, not {how!r}")
    if how == "apart":
        return fill(updates.base(), parent(camera, seed))
    if "decoupled" in how:
        return fill(decoupled_base(), _decoupled(how, seed, camera))
    both = [parent(name, seed) for name in CAMERAS]
    base = weights(updates.base())
    return fill(updates.base(), mean(both) if how == "merged" else mean([*both, base], (1.0, 1.0, -1.0)))


def _decoupled(how: str, seed: int, camera: str) -> Weights:
    if how.startswith("apart"):
        return decoupled(camera, seed)
    together = mean([decoupled(name, seed) for name in CAMERAS])
    if how == "decoupled, all merged":
        return together
    own = weights(decoupled_base()) if camera == ORDINARY else decoupled(camera, seed)
    return {name: own[name] if ".expert." in name else tensor for name, tensor in together.items()}
