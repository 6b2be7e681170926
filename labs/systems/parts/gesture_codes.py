"""Gestures as tokens, with a code book for each hand or one for both; and who says what a hand has done.

| tokens     | each is                                     | of                                           |
|------------|---------------------------------------------|----------------------------------------------|
| each hand  | 5 a hand, 20 steps of 5 channels            | a book for each hand                         |
| both hands | 10, 10 steps of 10 channels                 | one book, as large as the two together       |

Both ways so have the same number of tokens, of numbers a token and of entries; a token of the one book has a bit more.
Sources: M3GPT (Luo et al., 2024, https://arxiv.org/abs/2405.16273), Unified multi-part motion synthesis (Zhou et al.,
2023, https://arxiv.org/abs/2311.16471). Their tokenisers are learned networks; these are k-means, followed by a small
decoder that smooths what the entries say.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.parts import gestures
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.gestures import CHANNELS, HANDS, STEPS
from labs.systems.parts.learn import batches, learn

CODES, WINDOWS = 256, 5  # entries of a hand's book, tokens of a hand
SOUNDS = 96
NUMBERS = STEPS // WINDOWS * CHANNELS
SMOOTHING, BATCH, WIDE = 150, 64, 128  # steps of the decoder's training; scenes of each; its width
LEARNED_FROM = 2000  # scenes
WAYS = ("each hand", "both hands")


def windows(felt: Float[Tensor, "n 2 100 5"], way: str) -> Float[Tensor, "n 10 100"]:
    """Motion in the rows of numbers that become tokens: left hand, then right hand; or both, sooner and later.

    Raises ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "each hand":
        return felt.unflatten(2, (WINDOWS, -1)).flatten(3).flatten(1, 2)
    return felt.transpose(1, 2).flatten(2).unflatten(1, (2 * WINDOWS, -1)).flatten(2)


def unwound(rows: Float[Tensor, "n 10 100"], way: str) -> Float[Tensor, "n 2 100 5"]:
    """Motion again."""
    if way == "each hand":
        return rows.unflatten(2, (-1, CHANNELS)).unflatten(1, (len(HANDS), WINDOWS)).flatten(2, 3)
    return (
        rows.unflatten(2, (-1, len(HANDS) * CHANNELS))
        .flatten(1, 2)
        .unflatten(2, (len(HANDS), CHANNELS))
        .transpose(1, 2)
    )


@cache
def books(way: str) -> tuple[CodeBook, ...]:
    """A book for each hand, or one for both."""
    rows = windows(gestures.felt("train")[:LEARNED_FROM], way)
    if way == "both hands":
        return (learn_codes(rows.flatten(0, 1), len(HANDS) * CODES),)
    return tuple(learn_codes(part.flatten(0, 1), CODES) for part in rows.split(WINDOWS, 1))


@cache
def sound_book() -> CodeBook:
    """Of 50 milliseconds of sound."""
    return learn_codes(gestures.heard("train")[:LEARNED_FROM].flatten(0, 1), SOUNDS)


def encode(felt: Float[Tensor, "n 2 100 5"], way: str) -> Int[Tensor, "n 10"]:
    """Motion as tokens; those of the right hand's book come behind those of the left hand's."""
    rows = windows(felt, way)
    if way == "both hands":
        return books(way)[0].encode(rows)
    return torch.cat([book.encode(part) + i * CODES for i, (book, part) in
                      enumerate(zip(books(way), rows.split(WINDOWS, 1), strict=True))], 1)  # fmt: skip


@cache
def entries(way: str) -> Float[Tensor, "codes 100"]:
    """What all tokens stand for."""
    return torch.cat([book.entries for book in books(way)])


class Smoother(nn.Module):
    """The tokeniser's decoder: what the entries say of all tokens, and what is added to it, as motion."""

    def __init__(self, way: str):
        super().__init__()
        self.way = way
        self.add = nn.Sequential(
            nn.Conv1d(NUMBERS, WIDE, 3, padding=1), nn.GELU(), nn.Conv1d(WIDE, NUMBERS, 3, padding=1)
        )
        nn.init.zeros_(self.add[-1].weight)
        nn.init.zeros_(self.add[-1].bias)

    def forward(self, rows: Float[Tensor, "n 10 100"]) -> Float[Tensor, "n 2 100 5"]:
        return unwound(rows + self.add(rows.transpose(1, 2)).transpose(1, 2), self.way)


@cache
def smoother(way: str) -> Smoother:
    """After it has learned from true motion and its tokens; the same for every seed of an experiment."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = Smoother(way)
    felt, at = gestures.felt("train"), batches(LEARNED_FROM, BATCH, 0)
    rows = entries(way)[encode(felt[:LEARNED_FROM], way)]
    with torch.enable_grad():
        learn(decoder.parameters(), lambda step: (decoder(rows[at(step)]) - felt[at(step)]).square().mean(), SMOOTHING)
    return decoder.eval().requires_grad_(False)


@torch.no_grad()
def decode(codes: Int[Tensor, "n 10"], way: str) -> Float[Tensor, "n 2 100 5"]:
    """Tokens as motion."""
    return smoother(way)(entries(way)[codes])


def soft_motion(logits: Float[Tensor, "n 10 codes"], way: str) -> Float[Tensor, "n 2 100 5"]:
    """Motion of soft tokens: entries in shares, as likely as they are, through the decoder; gradients pass."""
    return smoother(way)(logits.softmax(-1) @ entries(way))


def judge(felt: Float[Tensor, "n 2 100 5"]) -> Int[Tensor, "n 2 3"]:
    """Size, shape and motion of what each hand follows: those of the true one of its hand that lies nearest."""
    known, told = gestures.felt("train"), gestures.attributes("train")
    nearest = [torch.cdist(felt[:, i].flatten(1), known[:, i].flatten(1)).argmin(1) for i in range(len(HANDS))]
    return torch.stack([told[near, i] for i, near in enumerate(nearest)], 1)
