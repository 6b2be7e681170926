"""Pictures and bilingual texts of which parts are hidden: segments of words, and regions, whose codes are to be told.

    a red circle and a blue star , un círculo rojo y una estrella azul        nine regions, each one of `CODES` codes
      [        ]                      [          ]                                      [ ]     [ ]

InterBERT (Lin et al., 2020, https://arxiv.org/abs/2003.13198) learns from pairs alone; BEiT-3 (Wang et al., 2022,
https://arxiv.org/abs/2208.10442) by the same objective from texts, pictures and pairs in turn. What is hidden of an
English text is told by its Spanish half (the exam "text"), or, where both are hidden, by the picture ("pair").
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import heard_scenes
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK, SPECIAL, Lexicon
from labs.systems.parts.objectives import IGNORE, surprise
from labs.systems.parts.pair_layers import BOX, PairEncoder
from labs.world.captions import caption
from labs.world.vocabulary import LANGUAGES

CODES, LONGEST = 128, 17  # of the code book; tokens of a text
STEPS, BATCH, RATE = 500, 32, 3e-3
START, SEGMENT, UNSEEN = 0.35, 3, 0.3  # most often that a segment starts at a word; its words; share of hidden regions
PAIRS_ALONE, ALL_KINDS = ("pair",), ("pair", "text", "pair", "picture", "pair")
ENGLISH, SPANISH = (1, 2, 3, 5, 6, 7), (9, 10, 11, 13, 14, 15)  # where phrases stand in a text
ASKED = (2, 3, 6, 7)  # colour and shape of the first thing and of the second


class Pairs(NamedTuple):
    """What is seen and said of scenes of two things."""

    regions: Float[Tensor, "scenes 9 132"]
    codes: Int[Tensor, "scenes 9"]
    texts: Int[Tensor, "scenes 17"]


@cache
def lexicon() -> Lexicon:
    """The words of both languages."""
    return Lexicon(_texts("train"))


@cache
def code_book() -> CodeBook:
    """Learned from the regions of the training scenes."""
    return learn_codes(heard_scenes.heard("train").regions[..., :-BOX].flatten(0, 1)[::4], CODES)


@cache
def pairs(split: str) -> Pairs:
    """All of a split of `heard_scenes`."""
    regions = heard_scenes.heard(split).regions
    return Pairs(regions, code_book().encode(regions[..., :-BOX]), lexicon().write(_texts(split)))


def segments(words: Int[Tensor, "n words"], generator: torch.Generator) -> Bool[Tensor, "n words"]:
    """Which words are hidden: segments begin at random, in one text seldom and in another often."""
    often = START * torch.rand(len(words), 1, generator=generator)
    starts = torch.rand(words.shape, generator=generator) < often
    hidden = starts.clone()
    for later in range(1, SEGMENT):
        hidden[:, later:] |= starts[:, :-later]
    return hidden & (words >= len(SPECIAL))


def loss(
    model: PairEncoder, words: Int[Tensor, "n words"], regions: Float[Tensor, "n regions 132"],
    codes: Int[Tensor, "n regions"], generator: torch.Generator,
) -> Float[Tensor, ""]:  # fmt: skip
    """The one objective: the mean cost of telling hidden words, and that of telling hidden codes."""
    hidden, unseen = segments(words, generator), torch.rand(codes.shape, generator=generator) < UNSEEN
    told, shown = model(words.masked_fill(hidden, MASK), regions, unseen)
    each = ((told, words, hidden), (shown, codes, unseen))
    costs = [surprise(logits, true.masked_fill(~which, IGNORE)).sum() / which.sum() for logits, true, which in each
             if which.any()]  # fmt: skip
    return torch.stack(costs).sum()


def build(seed: int, layout: str) -> PairEncoder:
    """Untrained, of one of `pair_layers.LAYOUTS`."""
    torch.manual_seed(seed)
    return PairEncoder(lexicon(), LONGEST, CODES, layout)


@cache
def train(seed: int, layout: str, kinds: tuple[str, ...] = PAIRS_ALONE) -> PairEncoder:
    """An encoder that has learned from what `kinds` says, one of them a step, with as many steps of pairs whatever else
    there is."""
    model, given = build(seed, layout), pairs("train")
    at, generator = batches(len(given.texts), BATCH, seed), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        rows, kind = at(step), kinds[step % len(kinds)]
        words = given.texts[rows][:, : 0 if kind == "picture" else None]
        seen = slice(0 if kind == "text" else None)
        return loss(model, words, given.regions[rows][:, seen], given.codes[rows][:, seen], generator)

    learn(model.parameters(), loss_at, STEPS * len(kinds) // kinds.count("pair"), RATE)
    return model.eval().requires_grad_(False)


def tells(seed: int, layout: str, exam: str, kinds: tuple[str, ...] = PAIRS_ALONE, another: bool = False) -> Scores:
    """Right colours and shapes of both things, all hidden: the "text" tells them, or in a "pair" the picture alone.

    As a control there is `another` scene's picture, or Spanish half. Raises ValueError for another exam.
    """
    if exam not in ("text", "pair"):
        raise ValueError(f"exam must be text or pair, not {exam!r}")
    given = pairs(heard_scenes.EXAM)
    words, regions = given.texts.clone(), given.regions.roll(int(another), 0)
    words[:, ENGLISH] = MASK
    if exam == "text":
        words[:, SPANISH], regions = words[:, SPANISH].roll(int(another), 0), regions[:, :0]
    else:
        words[:, SPANISH] = MASK
    told = train(seed, layout, kinds)(words, regions)[0].argmax(-1)
    found = (told == given.texts)[:, ASKED].float()
    return Scores(found.flatten().tolist(), torch.arange(len(found)).repeat_interleave(len(ASKED)).tolist())


def _texts(split: str) -> list[str]:
    return [", ".join(caption(scene, "plain", one) for one in LANGUAGES) for scene in heard_scenes.scenes(split)]
