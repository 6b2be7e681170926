"""One model for gestures, texts and sounds, tokens of one vocabulary: what it is taught, and what it is asked.

A direction is what is given and what is to be written. Written motion may have a second loss, M3GPT's (Luo et al.,
2024, https://arxiv.org/abs/2405.16273): soft tokens go through the tokeniser's decoder and are compared with the true
motion, so that a token that stands for nearly the same costs less than one that does not.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import gesture_codes, gestures
from labs.systems.parts.gestures import HANDS, KINDS
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter
from labs.systems.parts.ranges import Ranges

BATCH, RATE = 32, 2e-3
LENGTHS = {"text": 6, "motion": 2 * gesture_codes.WINDOWS, "sound": 10}


class Direction(NamedTuple):
    """What is written from what, how many scenes are known to teach it, and what the loss in raw motion weighs."""

    given: str
    asked: str
    scenes: int | None = None  # all there are
    raw: float = 0.0


class Lesson(NamedTuple):
    """Directions in turn, so many steps of each; with `shuffled` another scene's is written, anew at each step."""

    directions: tuple[Direction, ...]
    steps: int
    shuffled: bool = False


@cache
def vocabulary() -> Ranges:
    """Words, tokens of motion, tokens of sound, and tags."""
    return Ranges({"text": len(gestures.WORDS), "motion": 2 * gesture_codes.CODES, "sound": gesture_codes.SOUNDS})


@cache
def tokens(name: str, split: str, way: str) -> Int[Tensor, "scenes length"]:
    """A modality of all scenes of a split. Raises KeyError for an unknown modality."""
    start = vocabulary().start[name]
    if name == "text":
        return gestures.as_words(gestures.attributes(split)) + start
    if name == "sound":
        return gesture_codes.sound_book().encode(gestures.heard(split)) + start
    return gesture_codes.encode(gestures.felt(split), way) + start


def row(given: str, asked: str, split: str, way: str, chosen: Int[Tensor, " n"]) -> list[Int[Tensor, "n some"]]:
    """What is given between the tags of both modalities."""
    words = vocabulary()
    return [words.tag(given, len(chosen)), tokens(given, split, way)[chosen], words.tag(asked, len(chosen))]


@cache
def train(seed: int, lessons: tuple[Lesson, ...], way: str = "each hand") -> MixedWriter:
    """A model after these lessons, one after another. Batches of a direction do not depend on what else is learned."""
    torch.manual_seed(seed)
    model = MixedWriter(vocabulary().size)
    for number, lesson in enumerate(lessons):
        _teach(model, lesson, way, 100 * seed + 10 * number)
    return model.eval().requires_grad_(False)


def _teach(model: MixedWriter, lesson: Lesson, way: str, seed: int) -> None:
    everything, count = len(gestures.scenes("train")), len(lesson.directions)
    at = [batches(one.scenes or everything, min(BATCH, one.scenes or BATCH), seed + i)
          for i, one in enumerate(lesson.directions)]  # fmt: skip
    met = batches(everything, BATCH, seed + 9)

    def loss(step: int) -> Tensor:
        one, chosen = lesson.directions[step % count], at[step % count](step // count)
        wanted = met(step) if lesson.shuffled else chosen
        given = row(one.given, one.asked, "train", way, chosen)
        asked = tokens(one.asked, "train", way)[wanted]
        if not one.raw:
            return model.loss([*given, asked], given=len(given))
        return _with_raw(model, given, asked, gestures.felt("train")[wanted], way, one.raw)

    learn(model.parameters(), loss, lesson.steps * count, RATE)


def _with_raw(
    model: MixedWriter, given: list[Tensor], asked: Int[Tensor, "n 10"], felt: Float[Tensor, "n 2 100 5"], way: str,
    weight: float,
) -> Float[Tensor, ""]:  # fmt: skip
    """The loss of the tokens and, so weighed, the squared error of soft motion."""
    before = model.hidden([*given, asked])[:, -1 - asked.shape[1] : -1]
    logits = model.classify(before)[..., slice(*vocabulary().of("motion"))]
    raw = (gesture_codes.soft_motion(logits, way) - felt).square().mean()
    return model.wrong(before, asked).mean() + weight * raw


def ask(model: MixedWriter, names: tuple[str, ...], way: str, draw: int | None = None) -> Int[Tensor, "scenes 2 3"]:
    """Size, shape and motion in what is written of the exam's scenes, one modality after another, each from the one
    before; the first is true."""
    chosen = torch.arange(len(gestures.scenes(gestures.EXAM)))
    parts = row(names[0], names[1], gestures.EXAM, way, chosen)
    for number, asked in enumerate(names[1:], 1):
        told = model.write(parts, LENGTHS[asked], vocabulary().of(asked), draw)
        if number < len(names) - 1:
            parts = [vocabulary().tag(asked, len(chosen)), told, vocabulary().tag(names[number + 1], len(chosen))]
    codes = told - vocabulary().start[names[-1]]
    return (
        gestures.as_attributes(codes) if names[-1] == "text" else gesture_codes.judge(gesture_codes.decode(codes, way))
    )


def right(told: Int[Tensor, "scenes 2 3"], kinds: tuple[str, ...]) -> Scores:
    """1 for each of these kinds that is told rightly of a hand."""
    at = [list(KINDS).index(kind) for kind in kinds]
    good = (told == gestures.attributes(gestures.EXAM))[..., at].flatten(1)
    scenes = torch.arange(len(good)).repeat_interleave(len(HANDS) * len(at))
    return Scores(good.float().flatten().tolist(), scenes.tolist())


def true_codes(seed: int, kinds: tuple[str, ...] = ("shape",), way: str = "each hand") -> Scores:
    """What the judge says of true motion, encoded and decoded; the seed changes nothing."""
    felt = gestures.felt(gestures.EXAM)
    return right(gesture_codes.judge(gesture_codes.decode(gesture_codes.encode(felt, way), way)), kinds)


def chance(kinds: tuple[str, ...]) -> float:
    """How often one of these kinds is guessed."""
    return sum(1 / len(KINDS[kind]) for kind in kinds) / len(kinds)
