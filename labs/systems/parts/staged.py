"""A projection that learns the senses in stages, as in OneLLM (Han et al., 2023, https://arxiv.org/abs/2312.03700)."""

from functools import cache

import torch

from labs.systems.parts import projected
from labs.systems.parts.hub import as_pictures_are, pictures, vectors
from labs.systems.parts.one_thing import TELLS, ask, scenes
from labs.systems.parts.projected import Projected

STEPS = 200  # for each sense


@cache
def taught(seed: int, *stages: tuple[str, ...]) -> Projected:
    """A projection after one stage after the other, of `STEPS` steps for each sense that is new; in a stage all its
    senses are mixed. Whatever the order, so many senses take so many steps."""
    model, met = projected.build(seed, as_pictures_are(pictures("train")[:100])), set()
    for stage, together in enumerate(stages):
        shown = torch.cat([as_pictures_are(vectors(sense, "train", seed)) for sense in together])
        pairs = [one for sense in together for one in ask(scenes("train"), TELLS[sense])]
        projected.train(model, shown, pairs, STEPS * len(set(together) - met), seed + 100 * stage)
        met |= set(together)
    return model.requires_grad_(False)
