"""Captions in two languages that never met: English ones of some pictures, Spanish ones of others.

One text tower reads both, and no content word stands in both. KELIP (Ko and Gu, 2022, https://arxiv.org/abs/2203.14463)
learned Korean and English so, from two sets of pictures, and found translations close to each other.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import pad

from labs.systems.parts.dual_encoder import DualEncoder
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD, Lexicon
from labs.systems.parts.objectives import contrast
from labs.systems.parts.two_things import material, scenes
from labs.world.captions import caption
from labs.world.vocabulary import LANGUAGES

STEPS, BATCH, RATE = 300, 64, 3e-3  # pairs of a step: half of them in each language
WAYS = ("through pictures", "shuffled", "translations")


@cache
def lexicon() -> Lexicon:
    """All words of the training captions, of both languages."""
    return Lexicon(text for language in LANGUAGES for text in _captions("train", language))


@cache
def texts(split: str, language: str) -> Int[Tensor, "scenes words"]:
    """The captions of a split's scenes of two things, in one language."""
    return lexicon().write(_captions(split, language))


@cache
def train(seed: int, way: str = "through pictures") -> DualEncoder:
    """A dual encoder that has learned English from the first half of the pictures and Spanish from the second.

    shuffled: each Spanish caption beside another picture, a control. translations: no pictures at all, but the English
    and the Spanish caption of one scene as a pair: what joining through pictures goes without.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model, regions, half = DualEncoder(lexicon()), material("train").regions, len(scenes("train")) // 2
    english, spanish = (texts("train", language) for language in LANGUAGES)
    at, other = batches(half, BATCH // 2, seed), batches(half, BATCH // 2, seed + 1000)
    told = batches(half, BATCH // 2, seed + 2000) if way == "shuffled" else other

    def loss(step: int) -> Tensor:
        first, second = at(step), half + other(step)
        if way == "translations":
            pairs = torch.cat([first, second])
            return contrast(model.words(english[pairs]), model.words(spanish[pairs]), model.log_scale.exp())
        words = _stack([english[first], spanish[half + told(step)]])
        return model.pair_loss(regions[torch.cat([first, second])], words, torch.Generator())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def _stack(parts: Sequence[Int[Tensor, "n words"]]) -> Int[Tensor, "all words"]:
    longest = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, longest - part.shape[1]), value=PAD) for part in parts])


def _captions(split: str, language: str) -> list[str]:
    return [caption(scene, "plain", language) for scene in scenes(split)]
