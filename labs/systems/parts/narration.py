"""Narration foretold and retold before any caption is seen, as in MV-GPT (Seo et al., 2022,
https://arxiv.org/abs/2201.08264).

    forward    clip, narration now   --> narration to come
    backward   clip, narration to come --> narration now
    caption    clip                  --> caption: colour, size, way

A film goes on with the same thing, which goes on its way or takes another one. Who narrates it says about half of the
words; one more word stands for what is left unsaid. So no narration tells the other, and the clip must be looked at.
"""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import shots, sound_films
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter

WAYS = {"both ways": ("forward", "backward"), "forward alone": ("forward",), "captions alone": ()}
UNSAID, TAGS = shots.WORDS, {name: shots.WORDS + 1 + i for i, name in enumerate(("forward", "backward", "caption"))}
FEW, STEPS, CAPTION_STEPS, BATCH, RATE = 48, 400, 100, 32, 2e-3
SAID, TURNS = 0.5, 0.5  # how often a word is said, how often a thing takes another way


def narrated(true: Int[Tensor, "n 3"], generator: torch.Generator) -> Int[Tensor, "n 3"]:
    """About half of the words."""
    return torch.where(torch.rand(true.shape, generator=generator) < SAID, true, UNSAID)


def gone_on(true: Int[Tensor, "n 3"], generator: torch.Generator) -> Int[Tensor, "n 3"]:
    """The words for what comes next: the same thing, maybe another way."""
    ways = torch.randint(shots.COUNTS[2], (len(true),), generator=generator) + shots.starts()[2]
    turned = torch.rand(len(true), generator=generator) < TURNS
    return torch.cat([true[:, :2], torch.where(turned, ways, true[:, 2])[:, None]], 1)


def row(task: str, split: str, now: Int[Tensor, " n"], narration: Int[Tensor, "n 3"]) -> list[Tensor]:
    """What is given: a clip, what is said, and what is asked for."""
    return [shots.seen(split)[now], narration, torch.full((len(now), 1), TAGS[task])]


def silent(count: int) -> Int[Tensor, "count 3"]:
    """Nothing is said."""
    return torch.full((count, len(shots.KINDS)), UNSAID)


@cache
def taught(seed: int, way: str, captions: int = FEW, shuffled: bool = False) -> MixedWriter:
    """Pre-trained in one of `WAYS`, all in as many steps, then taught so many captions.

    With `shuffled`, narrations are those of other films."""
    torch.manual_seed(seed)
    model, true = MixedWriter(shots.WORDS + 4, shots.WIDE, layers=2), shots.words("train")
    at, order = batches(len(true), BATCH, seed), batches(captions, min(BATCH, captions), seed)

    def foretell(step: int) -> Tensor:
        task, now = WAYS[way][step % len(WAYS[way])], at(step)
        generator = torch.Generator().manual_seed(1000 * seed + step)
        about = true[at(step + 1)] if shuffled else true[now]
        present, future = narrated(about, generator), narrated(gone_on(about, generator), generator)
        known, wanted = (present, future) if task == "forward" else (future, present)
        return model.loss([*row(task, "train", now, known), wanted], given=3)

    def caption(step: int) -> Tensor:
        now = order(step)
        return model.loss([*row("caption", "train", now, silent(len(now))), true[now]], given=3)

    if WAYS[way]:
        learn(model.parameters(), foretell, STEPS, RATE)
    learn(model.parameters(), caption, CAPTION_STEPS, RATE)
    return model.eval().requires_grad_(False)


def captions(seed: int, way: str, few: bool = True, another: bool = False) -> Scores:
    """1 for each word of a caption that is right, or right of `another` film."""
    true = shots.words(sound_films.EXAM)
    model = taught(seed, way, FEW if few else len(shots.words("train")))
    given = row("caption", sound_films.EXAM, torch.arange(len(true)), silent(len(true)))
    told = model.write(given, len(shots.KINDS), (0, shots.WORDS))
    return shots.scored(shots.same(told, true, another))
