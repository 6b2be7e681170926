"""A slow teacher for a fast student that searches, as in DCD (Rao et al., 2022, https://arxiv.org/abs/2207.01426).

    teacher   words look at regions: a score for each pair, read together        a query costs as many reads as pictures
    student   a vector for a picture, one for a caption, a dot product           a query costs one read

The teacher says which captions of a group are hardest for each picture; over these and the picture's own the student is
to be as sure of each as the teacher is. How much that counts beside the true pairs shifts, pair by pair, with how sure
the student already is of the own caption among the hard ones: first the teacher, then labels. (The formula of the
weight is simpler than the paper's.)
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.systems.claim import Scores
from labs.systems.parts import two_things
from labs.systems.parts.assembled import Decoder, Embedding, Encoder, Model, Whole
from labs.systems.parts.chosen_batches import Pairs, exam
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.regions import WIDTH as REGION

WIDTH, HEADS = 64, 4
GROUP, HARD, NEGATIVES = 32, 8, 7  # pairs of a group; hard captions of a picture; wrong ones in teacher's lessons
LESSONS, LABELLED = 4096, 160  # scenes of the teacher; of the student
TEACHER_STEPS, STEPS, RATE = 400, 200, 2e-3
WAYS = ("dynamic", "static", "random negatives", "none")


@cache
def teacher(seed: int) -> Model:
    """A cross-encoder that has learned to tell each picture's caption from some others of the batch."""
    torch.manual_seed(seed + 200)
    model = Model(
        Embedding(WIDTH, numbers=REGION), Encoder(WIDTH, 1, HEADS), Whole(WIDTH, 1),
        Embedding(WIDTH, words=len(two_things.lexicon())), Decoder(WIDTH, 1, HEADS, causal=False),
    )  # fmt: skip
    given, at = two_things.material("train"), batches(LESSONS, GROUP, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        told = torch.stack([given.captions[now.roll(by)] for by in range(NEGATIVES + 1)], dim=1)
        scores = judge(model, given.regions[now], told)
        return cross_entropy(scores, torch.zeros(len(now), dtype=torch.long))

    learn(model.parameters(), loss, TEACHER_STEPS, RATE)
    return model.eval().requires_grad_(False)


def judge(model: Model, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n m words"]) -> Float[Tensor, "n m"]:
    """The teacher's score of each picture with each of its captions, which are read together, pair by pair."""
    return model(regions, captions.flatten(0, 1)).view(captions.shape[:2])


@cache
def judged(seed: int) -> Float[Tensor, "groups pictures captions"]:
    """The teacher's scores of all pairs of each of the student's groups."""
    given, model = two_things.material("train"), teacher(seed)
    with torch.no_grad():
        return torch.stack([
            judge(model, given.regions[rows], given.captions[rows].expand(len(rows), -1, -1))
            for rows in torch.arange(LABELLED).split(GROUP)
        ])  # fmt: skip


def hardest(scores: Float[Tensor, "n n"], count: int) -> Int[Tensor, "n picked"]:
    """Each picture's own caption, then so many others that the teacher finds likeliest."""
    own = torch.eye(len(scores), dtype=torch.bool)
    others = scores.masked_fill(own, -torch.inf).topk(count, 1).indices
    return torch.cat([torch.arange(len(scores))[:, None], others], dim=1)


def progress(scores: Float[Tensor, "n picked"]) -> Float[Tensor, " n"]:
    """How sure the student is of each own caption, the first, among those picked; nothing learns through it."""
    return scores.detach().softmax(1)[:, 0]


def divergence(student: Float[Tensor, "n picked"], taught: Float[Tensor, "n picked"]) -> Float[Tensor, " n"]:
    """Kullback-Leibler divergence of the student from the teacher over the captions picked."""
    sure = taught.log_softmax(1)
    return (sure.exp() * (sure - student.log_softmax(1))).sum(1)


@cache
def student(seed: int, way: str) -> Pairs:
    """The two towers after lessons in one of `WAYS`. Raises ValueError for another one."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model, given = Pairs(len(two_things.lexicon())), two_things.material("train")
    order, generator = batches(LABELLED // GROUP, 1, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        group = int(order(step))
        rows = torch.arange(group * GROUP, (group + 1) * GROUP)
        seen, told = given.regions[rows], given.captions[rows]
        near = model.scale.exp() * normalize(model.see(seen), dim=1) @ normalize(model.read(told), dim=1).T
        own = torch.arange(GROUP)
        labels = (cross_entropy(near, own, reduction="none") + cross_entropy(near.T, own, reduction="none")) / 2
        if way == "none":
            return labels.mean()
        scores = judged(seed)[group]
        picked = hardest(torch.rand(scores.shape, generator=generator) if way == "random negatives" else scores, HARD)
        near, scores = near.gather(1, picked), scores.gather(1, picked)
        kept = progress(near) if way == "dynamic" else 0.5
        return (2 * (kept * labels + (1 - kept) * divergence(near, scores))).mean()

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds(seed: int, way: str, another: bool = False) -> Scores:
    """Is a held-out caption's picture the first of all, by a student or the "teacher"? Or `another` caption's?"""
    (regions, captions), found, model = exam(), [], teacher(seed) if way == "teacher" else student(seed, way)
    for rows in torch.arange(len(regions)).split(100):
        seen, told = regions[rows], captions[rows]
        with torch.no_grad():
            each = told.expand(len(rows), -1, -1)
            near = judge(model, seen, each) if isinstance(model, Model) else model(seen, told)
        found.append(near.argmax(0) == torch.arange(len(rows)).roll(int(another)))
    return Scores(torch.cat(found).float().tolist(), list(range(len(regions))))
