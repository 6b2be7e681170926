"""Instructions about posts by levels of cognition: SoMeLVLM (Zhang et al., 2024, https://arxiv.org/abs/2402.13022).

    know         how does the face look?             apply      what is felt about the target?    takes both
    understand   what do the words say?              analyse    is it ironic?                     takes both

Equally many instructions: of all levels, of one level, or of the two that take both sides. Who answers reads the words
as a bag, sees the face by frozen eyes, and is told the level; posts of the exam join words and faces that never meet in
training.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sought_pictures import bags
from labs.world.domains import sentiment
from labs.world.domains.sentiment import FACES, KINDS, PHRASES, TARGETS, Case

COUNTS = {"train": 1600, "choice": 160, "exam": 160}  # posts
EXAM = "exam"  # the split that is asked
GRAIN, LOUD = 0.7, 3.0  # noise of what the eyes see, whose numbers are around 1; weight of words
LEVELS = dict(zip(("know", "understand", "apply", "analyse"), ("face", "words", "sentiment", "irony"), strict=True))
OFFERED = {"face": FACES, "words": ("gone", "back", "praise", "blame"), "sentiment": ("positive", "negative"),
           "irony": ("yes", "no")}  # fmt: skip
ANSWERS = [(kind, answer) for kind, answers in OFFERED.items() for answer in answers]
WORDS = sorted({word for phrase in PHRASES for word in phrase.text.replace("{}", "").split()} | set(TARGETS))
WIDTH, STEPS, INSTRUCTIONS, BATCH, RATE = 64, 500, 600, 64, 2e-3


class Posts(NamedTuple):
    """What is seen and said in each post, and the number of the answer at each level, -1 where none is asked."""

    faces: Float[Tensor, "posts 256"]
    words: Float[Tensor, "posts words"]
    answers: Int[Tensor, "posts levels"]


@cache
def cases(split: str) -> tuple[Case, ...]:
    """Posts of a split. Raises KeyError for an unknown one."""
    rng = random.Random(f"levelled posts {split}")
    return tuple(sentiment.sample(rng, "train" if split == "train" else "heldout") for _ in range(COUNTS[split]))


@cache
def faces(split: str) -> Float[Tensor, "posts 256"]:
    """What the frozen eyes make of each face: of the whole, and the mean of its patches."""
    seen = eyes.look([sentiment.draw(case) for case in cases(split)])
    return torch.cat([seen[:, 0], seen[:, 1:].mean(1)], 1)


@cache
def posts(split: str) -> Posts:
    """All of a split; faces are standardised as those of training, and grainy."""
    usual, generator = faces("train"), torch.Generator().manual_seed(list(COUNTS).index(split))
    plain = (faces(split) - usual.mean(0)) / (usual.std(0) + 1e-2)
    plain = plain + GRAIN * torch.randn(plain.shape, generator=generator)
    said = bags([case.words for case in cases(split)], WORDS)
    return Posts(plain, said, torch.tensor([_answers(case) for case in cases(split)]))


def _answers(case: Case) -> list[int]:
    return [ANSWERS.index((kind, case.truth[kind])) if kind in case.truth else -1 for kind in KINDS]


class Answerer(nn.Module):
    """Face, words and level -> logits over the answers of that level."""

    def __init__(self):
        super().__init__()
        self.face, self.words = nn.Linear(2 * 128, WIDTH), nn.Linear(len(WORDS), WIDTH)
        self.level = nn.Embedding(len(KINDS), WIDTH)
        self.think = nn.Sequential(nn.Linear(4 * WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, len(ANSWERS)))
        offered = torch.tensor([[kind == asked for kind, _ in ANSWERS] for asked in KINDS])
        self.register_buffer("offered", offered)

    def forward(
        self, faces: Float[Tensor, "n 256"], words: Float[Tensor, "n words"], level: Int[Tensor, " n"]
    ) -> Float[Tensor, "n answers"]:
        """Those of other levels are out of the question."""
        face, said = self.face(faces).tanh(), self.words(LOUD * words).tanh()
        given = torch.cat([face, said, face * said, self.level(level)], 1)
        return self.think(given).masked_fill(~self.offered[level], -torch.inf)


def instructions(seed: int, levels: Sequence[str]) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """Equally many, whichever levels: posts and the level of what is asked about each."""
    rng, answers, found = random.Random(f"instructions {seed}"), posts("train").answers, []
    while len(found) < INSTRUCTIONS:
        post, level = rng.randrange(len(answers)), KINDS.index(LEVELS[levels[len(found) % len(levels)]])
        if answers[post, level] >= 0:
            found.append((post, level))
    return tuple(torch.tensor(found).T)


@cache
def tuned(seed: int, levels: tuple[str, ...], shuffled: bool = False) -> Answerer:
    """After its instructions; answers of `shuffled` posts are a control."""
    given, (which, level) = posts("train"), instructions(seed, levels)
    truth = given.answers[which, level]
    if shuffled:
        order = torch.randperm(len(which), generator=torch.Generator().manual_seed(seed))
        order = torch.cat([order[level[order] == one] for one in range(len(KINDS))])
        truth = torch.empty_like(truth).scatter(0, level.argsort(stable=True), truth[order])
    torch.manual_seed(seed)
    network, at = Answerer(), batches(INSTRUCTIONS, BATCH, seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        return cross_entropy(network(given.faces[which[rows]], given.words[which[rows]], level[rows]), truth[rows])

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def right(seed: int, levels: tuple[str, ...], asked: tuple[str, ...] = tuple(LEVELS), shuffled: bool = False) -> Scores:
    """1 for each right answer at some levels about held-out posts."""
    given, network, values, about = posts(EXAM), tuned(seed, levels, shuffled), [], []
    for kind in (LEVELS[one] for one in asked):
        level = KINDS.index(kind)
        rows = torch.nonzero(given.answers[:, level] >= 0)[:, 0]
        told = network(given.faces[rows], given.words[rows], torch.full((len(rows),), level)).argmax(1)
        values += (told == given.answers[rows, level]).float().tolist()
        about += rows.tolist()
    return Scores(values, about)
