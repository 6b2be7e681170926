"""Senses beyond pictures, learned without labels: what is hidden is told from what is perceived; then few labels do.

SSAST (Gong et al., 2022, https://arxiv.org/abs/2110.09784) for sound, PatchTST (Nie et al., 2023,
https://arxiv.org/abs/2211.14730) for time series, VideoMAE (Tong et al., 2022, https://arxiv.org/abs/2203.12602) for
video, Point-MAE (Pang et al., 2022, https://arxiv.org/abs/2203.06604) for points: all say that this beats training
from scratch, most clearly where labels are few.

Kept: the library's encoders (for points, where it has none, one written to be read), masks and reconstruction, a
linear probe of the frozen encoder. Left out: size; hiding patches of a clip at random (see parts.masked_senses).

What each sense is asked: sound, the pitch (a thing's colour); series, the motion of what the wearer of the sensor looks
at; video, the direction in which the thing moves; points, the shape. Microphone and motion sensor are noisy; the camera
looks roughly at the thing, before a plain wall; points are those of the thing alone, at one size and without colours.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy

from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes, masked_senses, senses
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.probe import right_when_shuffled, standard_probe
from labs.systems.parts.sense_towers import prepare
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, MOTIONS, SHAPES

TRAIN, HELDOUT, FEW = 4096, 600, 64  # scenes, and how many of them have a label
NOISE = 0.5  # in the units of parts.senses
SUPERVISED_STEPS, PART, ORDERS = 200, 256, 40


class Lesson(NamedTuple):
    """How a sense learns, and what it is asked."""

    encoder: type[torch.nn.Module]
    steps: int
    batch: int
    attribute: str
    classes: tuple[str, ...]
    asked: str


LESSONS = {
    "sound": Lesson(masked_senses.MaskedSound, 300, 128, "colour", tuple(COLOURS), "the pitch"),
    "series": Lesson(masked_senses.MaskedSeries, 300, 128, "motion", tuple(MOTIONS), "the motion"),
    "video": Lesson(masked_senses.MaskedVideo, 600, 64, "motion", tuple(MOTIONS), "the motion"),
    "points": Lesson(masked_senses.MaskedPoints, 300, 128, "shape", SHAPES, "the shape"),
}


def build(sense: str, seed: int = 0) -> torch.nn.Module:
    """A fresh encoder of "sound", "series", "video" or "points"."""
    if sense not in LESSONS:
        raise ValueError(f"sense must be one of {', '.join(LESSONS)}, not {sense!r}")
    torch.manual_seed(seed)
    return LESSONS[sense].encoder()


@cache
def perceive(sense: str, split: str) -> Float[Tensor, "scenes ..."]:
    """All scenes of a split through a sense."""
    scenes = eyes.fresh(split, TRAIN if split == "train" else HELDOUT)
    if sense == "video":
        return watch(scenes, split)
    if sense == "points":
        points = senses.perceive("points", scenes)[:, :256, :3]  # the wall comes last
        points = points - points.mean(1, keepdim=True)
        return masked_senses.group(points / points.norm(dim=-1).amax(1)[:, None, None])
    sensor = "motion" if sense == "series" else sense
    clean = prepare(sensor, senses.perceive_once(sensor, scenes))
    generator = torch.Generator().manual_seed(0 if split == "train" else 1)
    return clean + NOISE * torch.randn(clean.shape, generator=generator)


def watch(scenes: Sequence[Scene], split: str) -> Float[Tensor, "scenes 4 3 24 24"]:
    """Four frames of a window of 48 pixels, at half the resolution, in which the thing is not quite in the middle."""
    rng, clips = random.Random(f"windows {split}"), []
    for at in range(0, len(scenes), PART):
        for clip in senses.perceive("video", [before_a_wall(scene) for scene in scenes[at : at + PART]]):
            top, left = (12 + rng.randint(-8, 8) for _ in range(2))
            clips.append(avg_pool2d(clip[[0, 2, 5, 7], :, top : top + 48, left : left + 48], 2))
    seen = torch.stack(clips)
    seen = seen - seen.mean((1, 3, 4), keepdim=True)
    return seen / seen.std((1, 2, 3, 4), keepdim=True)


def before_a_wall(scene: Scene) -> Scene:
    """The scene's one thing in the middle cell, before a plain wall."""
    thing = scene.things[0]
    middle = replace(thing, x=thing.x + (1 - thing.column) / 3, y=thing.y + (1 - thing.row) / 3)
    return replace(scene, background="plain", things=(middle,))


@cache
def labels(sense: str, split: str) -> Int[Tensor, " scenes"]:
    """What is to be told of each scene, as a number."""
    scenes, lesson = eyes.fresh(split, TRAIN if split == "train" else HELDOUT), LESSONS[sense]
    return torch.tensor([lesson.classes.index(getattr(scene.things[0], lesson.attribute)) for scene in scenes])


# ---------------------------------------------------------------------------------------------------------------
# Without labels


@cache
def pretrain(sense: str, seed: int) -> tuple[torch.nn.Module, list[float]]:
    """An encoder that has told hidden parts of all scenes to learn from, and its losses."""
    model, lesson, perceived = build(sense, seed), LESSONS[sense], perceive(sense, "train")
    at = batches(TRAIN, lesson.batch, seed)
    losses = learn(model.parameters(), lambda step: model.loss(perceived[at(step)]), lesson.steps)
    return model.eval().requires_grad_(False), losses


def pool(tokens: Float[Tensor, "scenes tokens width"]) -> Float[Tensor, "scenes twice_width"]:
    """Mean and maximum over all tokens, beside one another."""
    return torch.cat([tokens.mean(1), tokens.amax(1)], dim=1)


@cache
def features(sense: str, seed: int, split: str, pretrained: bool) -> Float[Tensor, "scenes width"]:
    """What a frozen encoder, pretrained or as it was drawn, makes of all scenes of a split."""
    model = pretrain(sense, seed)[0] if pretrained else build(sense, seed).eval()
    with torch.no_grad():
        return torch.cat([pool(model.tokens(part)) for part in perceive(sense, split).split(PART)])


# ---------------------------------------------------------------------------------------------------------------
# With labels


def probed(seed: int, sense: str, pretrained: bool = True, count: int | None = FEW) -> Scores:
    """What one linear layer reads off the frozen encoder, having seen the labels of `count` scenes, or of all."""
    return _right(_told(seed, sense, pretrained, labels(sense, "train")[:count]), sense)


def shuffled(seed: int, sense: str) -> Scores:
    """The same with the labels in another order; the mean over many, as one order may be right by luck."""
    told = partial(_told, seed, sense, True)
    right = right_when_shuffled(told, labels(sense, "train")[:FEW], labels(sense, "heldout"), ORDERS, seed)
    return Scores(right.tolist(), range(HELDOUT))


def tuned(seed: int, sense: str, pretrained: bool = False) -> Scores:
    """The whole encoder trained on the few labels: from scratch, or from where pretraining has left it."""
    model, size = build(sense, seed), len(LESSONS[sense].classes)
    if pretrained:
        model.load_state_dict(pretrain(sense, seed)[0].state_dict())
    inputs, truth = perceive(sense, "train")[:FEW], labels(sense, "train")[:FEW]
    head = torch.nn.Linear(pool(model.tokens(inputs[:2])).shape[1], size)
    at = batches(FEW, min(FEW, 32), seed)

    def loss_at(step: int) -> Tensor:
        return cross_entropy(head(pool(model.tokens(inputs[at(step)]))), truth[at(step)])

    learn([*model.parameters(), *head.parameters()], loss_at, SUPERVISED_STEPS, 1e-3)
    with torch.no_grad():
        told = [head(pool(model.eval().tokens(part))).argmax(1) for part in perceive(sense, "heldout").split(PART)]
    return _right(torch.cat(told), sense)


def claims() -> list[Claim]:
    """One for each sense, on held-out scenes."""
    return [_claim(sense) for sense in LESSONS]


def _claim(sense: str) -> Claim:
    lesson = LESSONS[sense]
    arms = {
        "pretrained, probe": partial(probed, sense=sense),
        "from scratch": partial(tuned, sense=sense),
        "untrained, probe": partial(probed, sense=sense, pretrained=False),
        "pretrained, tuned": partial(tuned, sense=sense, pretrained=True),
        "shuffled labels": partial(shuffled, sense=sense),
        "all labels": partial(probed, sense=sense, count=None),
    }
    return Claim(
        sense, f"With {FEW} labels, a linear layer on an encoder that told hidden parts of {sense} before tells "
        f"{lesson.asked} better than an encoder trained on these labels from scratch.",
        f"accuracy over {len(lesson.classes)} classes", arms, "pretrained, probe", "from scratch",
        controls={"shuffled labels": 1 / len(lesson.classes)}, ceiling="all labels",
    )  # fmt: skip


def _told(seed: int, sense: str, pretrained: bool, truth: Int[Tensor, " labelled"]) -> Int[Tensor, " scenes"]:
    inputs, tested = (features(sense, seed, split, pretrained) for split in ("train", "heldout"))
    return standard_probe(inputs[: len(truth)], truth, tested, len(LESSONS[sense].classes), seed)


def _right(told: Int[Tensor, " scenes"], sense: str) -> Scores:
    return Scores((told == labels(sense, "heldout")).float().tolist(), range(HELDOUT))
