"""How a frozen language model learns to look as Flamingo does: from pairs about one picture, and from pages of many."""

import random
from functools import cache

import torch
from torch import Tensor

from labs.systems.parts.episodes import SHOWN, page, pool
from labs.systems.parts.gated_talker import LATENTS, GatedTalker
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lookout import look, material
from labs.systems.parts.talker import talker
from labs.tuning.packing import Row

STEPS, RATE, PAIRS, PAGES = 600, 3e-3, 12, 4  # rows of each kind at a step
SHOTS, NAMED = 4, 6  # examples of each name on a page, at most; pictures to name there


def build(seed: int, every: int = 1) -> GatedTalker:
    """A resampler and gated layers, new, around the frozen language model."""
    language = talker()
    torch.manual_seed(seed)
    return GatedTalker(language, LATENTS, every)


@cache
def pooled(split: str) -> Tensor:
    """What the eyes make of all single things: (scenes, 36, 128)."""
    return look(pool(split))


@cache
def trained(seed: int, every: int, pages: bool, blind: bool) -> GatedTalker:
    """After pairs and pages; or after pairs alone, as many more.

    `blind` shows other scenes' pictures beside pairs and any pictures as a page's examples, whose names then mean
    nothing: the pictures to be named keep their places, and no answer has anything to do with what is seen.
    No argument has a default: however it is called, the same model is trained once.
    """
    model, given = build(seed, every), material("train", hinted=0.2)
    lessons, pairs = given.lessons(), PAIRS if pages else PAIRS + PAGES
    at, met = batches(len(given.scenes), pairs, seed), batches(len(given.scenes), pairs, seed + 1000)

    def loss(step: int) -> Tensor:
        rng, chosen = random.Random(f"{seed} {step}"), at(step)
        rows, seen = [Row([*SHOWN], lessons[i]) for i in chosen.tolist()], given.seen[met(step) if blind else chosen]
        if pages:
            extra = [page(rng, "train", rng.randint(1, SHOTS), NAMED, blind) for _ in range(PAGES)]
            rows += [one.row for one in extra]
            seen = torch.cat([seen, pooled("train")[[number for one in extra for number in one.pictures]]])
        return model.loss(seen, rows)

    learn(model.parameters_to_learn(), loss, STEPS, RATE)
    return model.requires_grad_(False)
