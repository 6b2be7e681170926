"""Narration made into captions, as in HowToCaption (Shvetsova et al., 2023, https://arxiv.org/abs/2310.04900).

    clip       0          1           2          3
    shown      red star   blue ring   ...                       what is said comes late, by nought, one or two clips,
    said       .          now the star, my sister ...           between other talk
    written    .          red star    ...                       a language model reads it all and writes captions
    moved      red star   <--'                                  to the clip near by that fits best; half of them stay

What fits is judged by a model that has learned from captions where they were said.
"""

import random
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import sought_pictures
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.sentence_writer import LENGTH, VOCABULARY, talk, writer
from labs.systems.parts.sought_pictures import bags, finds, fitted, scenes, seen

LATE, NEAR, KEPT = (0, 1, 2), 2, 0.5  # clips; how far a caption may be moved; share that stays
WAYS = ("raw narration", "rewritten", "rewritten and moved", "true captions")


class Pairs(NamedTuple):
    """Numbers of clips, and texts."""

    clips: Int[Tensor, " pairs"]
    texts: Float[Tensor, "pairs words"]


@cache
def narrations(seed: int) -> list[tuple]:
    """For each film of eight clips a talk, and at which clip each of its sentences is said."""
    rng, shown, found = random.Random(f"narrations {seed}"), scenes("train"), []
    for start in range(0, len(shown), LENGTH):
        one = talk([name_of(scene) for scene in shown[start : start + LENGTH]], rng)
        times, now = {}, 0
        for at in range(LENGTH):
            times[at] = now = max(now, at + rng.choice(LATE))
        found.append((one, [times[at] for at in one.thing]))
    return found


@cache
def pairs(seed: int, way: str) -> Pairs:
    """Clips and texts in one of `WAYS`; raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "true captions":
        texts = [" ".join(name_of(scene)) for scene in scenes("train")]
        return Pairs(torch.arange(len(texts)), bags(texts, VOCABULARY))
    if way == "rewritten and moved":
        return moved(pairs(seed, "rewritten"), model(seed, "rewritten"))
    said: dict[int, list[str]] = {}
    talks = narrations(seed)
    written = writer(seed).write([one for one, _ in talks])
    for film, (one, times) in enumerate(talks):
        for sentence, caption, time in zip(one.sentences, written[film], times, strict=True):
            text = sentence if way == "raw narration" else " ".join(caption or ())
            if text and time < LENGTH:
                said.setdefault(film * LENGTH + time, []).append(text)
    if way == "raw narration":  # all that is heard while a clip is seen
        return Pairs(torch.tensor([*said]), bags([" ".join(some) for some in said.values()], VOCABULARY))
    flat = [(clip, text) for clip, some in said.items() for text in some]
    return Pairs(torch.tensor([clip for clip, _ in flat]), bags([text for _, text in flat], VOCABULARY))


def moved(given: Pairs, judge: Bridge) -> Pairs:
    """Each caption at the clip of its film, near where it was said, that fits it best; the best of all stay."""
    near = given.clips[:, None] + torch.arange(-NEAR, NEAR + 1)
    elsewhere = near.div(LENGTH, rounding_mode="floor") != given.clips[:, None] // LENGTH
    fit = judge(seen("train"), given.texts).T.gather(1, near.clamp(0, len(seen("train")) - 1))
    best, at = fit.masked_fill(elsewhere, -torch.inf).max(1)
    kept = best.argsort(descending=True)[: round(KEPT * len(best))]
    return Pairs(near[kept, at[kept]], given.texts[kept])


@cache
def model(seed: int, way: str, shuffled: bool = False) -> Bridge:
    """What has learned from such pairs, or from those of `shuffled` clips."""
    clips, texts = pairs(seed, way)
    return fitted(seen("train")[clips.roll(len(clips) // 2) if shuffled else clips], texts, seed)


def retrieves(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Does a short text find its clip?"""
    texts = [" ".join(name_of(scene)) for scene in scenes(sought_pictures.EXAM)]
    return finds(model(seed, way, shuffled), bags(texts, VOCABULARY))
