"""Short texts to translate from English into Spanish; read as words, or heard as tones, three syllables a word.

Texts name one to four things, as tags or in a phrase. A syllable is one of 16 low tones with one of 16 high ones
(labs.world.sound), here as two marks in 32 noisy bands; three syllables are read at once, as encoders of speech shorten
what they hear.
"""

import random
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.lexicon import PAD, Lexicon, split
from labs.world.captions import caption
from labs.world.sound import HIGH_TONES, LOW_TONES, SYLLABLES, syllables
from labs.world.vocabulary import ES_COLOURS

COUNTS, SEEDS = {"train": 4096, "choice": 240, "exam": 240}, {"train": 5, "choice": 5, "exam": 6}  # texts; data seeds
EXAM = "exam"  # the split that is asked
BANDS, NOISE = 96, 0.3  # of three syllables; their noise
STYLES, THINGS = ("tags", "plain"), (1, 2, 3, 4)


@cache
def texts(split: str) -> tuple[tuple[str, str], ...]:
    """English and Spanish of each text. Raises KeyError for an unknown split."""
    shown = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], THINGS, SEEDS[split])
    rng = random.Random(f"translated {split}")
    styles = [rng.choice(STYLES) for _ in shown]
    both = zip(shown, styles, strict=True)
    return tuple((caption(scene, style), caption(scene, style, "es")) for scene, style in both)


@cache
def lexicon() -> Lexicon:
    """All words of both languages."""
    return Lexicon(text for both in texts("train") for text in both)


@cache
def written(split: str, language: int) -> Int[Tensor, "texts words"]:
    """All texts in English (0) or Spanish (1)."""
    return lexicon().write([both[language] for both in texts(split)])


@cache
def heard(split: str) -> Float[Tensor, "texts words 96"]:
    """English texts, spoken; zeros at the end."""
    generator = torch.Generator().manual_seed(SEEDS[split])
    spoken = [torch.stack([tones(word) for word in words(both[0])]) for both in texts(split)]
    noisy = [clean + NOISE * torch.randn(clean.shape, generator=generator) for clean in spoken]
    return torch.nn.utils.rnn.pad_sequence(noisy, batch_first=True)


@cache
def tones(word: str) -> Float[Tensor, "96"]:
    """The syllables of a word, one after another: a mark at each one's low tone, and one at its high tone."""
    low, high = list(LOW_TONES), list(HIGH_TONES)
    marks = torch.zeros(SYLLABLES, len(low) + len(high))
    for row, (one, other) in zip(marks, syllables(word), strict=True):
        row[low.index(one)] = row[len(low) + high.index(other)] = 1.0
    return marks.flatten()


def words(text: str) -> list[str]:
    """What is spoken of a text."""
    return [word for word in split(text) if word != ","]


def lengths(given: Tensor) -> Int[Tensor, " n"]:
    """How many words, written or spoken, there are in each row."""
    there = given != PAD if given.ndim == 2 else (given != 0).any(-1)
    return there.sum(1)


def trimmed(rows: Tensor) -> Tensor:
    """Rows without the places that only fill up in all of them."""
    return rows[:, : int(lengths(rows).max())]


@cache
def together(split: str, another: bool = False) -> Int[Tensor, "texts words"]:
    """English texts, each with its Spanish one behind it; or, as a control, the Spanish one of the text after it."""
    pairs = zip(written(split, 0).roll(int(another), 0), written(split, 1), strict=True)
    rows = [torch.cat([one[one != PAD], other[other != PAD]]) for one, other in pairs]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


@cache
def asked() -> Int[Tensor, " words"]:
    """The words that are asked: Spanish colours in all their forms that occur."""
    forms = {form for colour in ES_COLOURS.values() for form in (colour.m, colour.f)}
    return torch.tensor([number for word, number in lexicon().number.items() if word in forms])


def right(told: Int[Tensor, "n words"], truth: Int[Tensor, "n words"]) -> Scores:
    """Text by text, the share of Spanish colours that are told rightly, each after the true words before it."""
    there = torch.isin(truth, asked())
    good = ((told == truth) & there).sum(1) / there.sum(1)
    return Scores(good.tolist(), list(range(len(good))))
