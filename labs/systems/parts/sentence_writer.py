"""A small language model that rewrites talk: it reads it all, and captions the sentences that show a thing.

    now the star          ->  red star          what is named here is told of there: "it is red"
    my sister likes a blue moon   ->  nothing
    it is red             ->  nothing

It reads texts alone, and has learned from a few talks that people have rewritten; it never meets a picture.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sought_pictures import bags
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

KNOWN = tuple(name for name in NAMES if name not in HELD_OUT_PAIRS)
SHOWS = ("now the {}", "here is the {}", "we take the {}")
TELLS = ("it is {}", "see how {} it is", "a {} one")
CHATS = ("my sister likes a {} {}", "once i had a {} {}", "no {} {} today", "thanks for watching", "how is the weather")
CHATTER = 0.7  # how often there is talk of something else before a thing is named, and before its colour is told
WORDS = tuple(sorted({w for text in (*SHOWS, *TELLS, *CHATS) for w in text.replace("{}", "").split()}))
VOCABULARY = (*COLOURS, *SHAPES, *WORDS)
TALKS, LENGTH, WIDTH = 256, 8, 64  # talks to learn from; things of each
STEPS, BATCH, RATE = 250, 32, 3e-3


class Talk(NamedTuple):
    """Sentences in order, the number of the thing that each goes with, and which of them name it."""

    sentences: list[str]
    thing: list[int]
    shows: list[bool]


def talk(things: Sequence[tuple[str, str]], rng: random.Random) -> Talk:
    """About things, colour and shape each, one after the other, and about anything else."""
    lines: list[tuple[str, int, bool]] = []
    for at, (colour, shape) in enumerate(things):
        lines += [(_chat(rng), at, False)] * (rng.random() < CHATTER)
        lines.append((rng.choice(SHOWS).format(shape), at, True))
        lines += [(_chat(rng), at, False)] * (rng.random() < CHATTER)
        lines.append((rng.choice(TELLS).format(colour), at, False))
    return Talk(*map(list, zip(*lines, strict=True)))


def _chat(rng: random.Random) -> str:
    return rng.choice(CHATS).format(rng.choice(list(COLOURS)), rng.choice(SHAPES))


class Writer(nn.Module):
    """Sentences, each a bag of words -> shape, or none, and colour of the caption that stands in its place."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(len(VOCABULARY), WIDTH)
        self.read = nn.GRU(WIDTH, WIDTH, batch_first=True, bidirectional=True)
        self.shape, self.colour = nn.Linear(2 * WIDTH, 1 + len(SHAPES)), nn.Linear(2 * WIDTH, len(COLOURS))

    def forward(self, told: Float[Tensor, "talks sentences words"]) -> tuple[Tensor, Tensor]:
        """Logits: (talks, sentences, 9), the first for no caption, and (talks, sentences, 8)."""
        states = self.read(self.enter(told).relu())[0]
        return self.shape(states), self.colour(states)

    @torch.no_grad()
    def write(self, talks: Sequence[Talk]) -> list[list[tuple[str, str] | None]]:
        """A caption, colour and shape, for each sentence of each talk, or None."""
        shape, colour = (logits.argmax(-1).tolist() for logits in self(read(talks)))
        return [
            [(list(COLOURS)[colour[i][j]], SHAPES[shape[i][j] - 1]) if shape[i][j] else None
             for j in range(len(one.sentences))]
            for i, one in enumerate(talks)
        ]  # fmt: skip


def read(talks: Sequence[Talk]) -> Float[Tensor, "talks sentences words"]:
    """Bags of words, sentence by sentence; nothing behind the end."""
    return nn.utils.rnn.pad_sequence([bags(one.sentences, VOCABULARY) for one in talks], batch_first=True)


def rewritten(talks: Sequence[Talk], things: Sequence[Sequence[tuple[str, str]]]) -> Int[Tensor, "talks sentences 2"]:
    """How people rewrite talks of which they know the things: shape from 1, or 0, and colour of each caption."""
    rows = [
        torch.tensor([
            (1 + SHAPES.index(about[at][1]), list(COLOURS).index(about[at][0])) if shows else (0, 0)
            for at, shows in zip(one.thing, one.shows, strict=True)
        ])
        for one, about in zip(talks, things, strict=True)
    ]  # fmt: skip
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


@cache
def writer(seed: int) -> Writer:
    """After its lessons: talks of things with names that training knows."""
    rng = random.Random(f"talks of others {seed}")
    things = [[rng.choice(KNOWN) for _ in range(LENGTH)] for _ in range(TALKS)]
    talks = [talk(some, rng) for some in things]
    told, truth, at = read(talks), rewritten(talks, things), batches(TALKS, BATCH, seed)
    torch.manual_seed(seed)
    model = Writer()

    def loss(step: int) -> Tensor:
        (shape, colour), right = model(told[at(step)]), truth[at(step)]
        named = right[..., 0] > 0
        return cross_entropy(shape.flatten(0, 1), right[..., 0].flatten()) + cross_entropy(
            colour[named], right[..., 1][named]
        )

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
