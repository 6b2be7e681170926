"""The printer example (Lee's talk on LLaVA, https://arxiv.org/abs/2304.08485): "Can I print my documents here?"
A detector that knows no printers, then a reader of signs, then a rule that makes an answer of both: "I am not sure."

Kept: specialists of one task each, chained by what they report; a question that none of them was made for; a generalist
that sees the picture and the question at once. Here the question is "Is there a red star?" where something is red and
something is a star: a namer of colours and a detector of shapes both say "yes" every time.
Left out: a detector that reports boxes with names of every attribute, which would be a generalist's interface already.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from labs.evaluation.answering import answers
from labs.evaluation.heldout import shuffled
from labs.evaluation.metrics import exact_match
from labs.models import catalog
from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

SCENES, TRAINED = 300, 2048
STEPS, BATCH, LEARNING_RATE = 300, 128, 2e-2
WORDS = {"colour": tuple(COLOURS), "shape": SHAPES}  # what the two specialists know


class Asked(NamedTuple):
    """Is there a `colour` `shape` in the scene? Both words are true of something in it."""

    scene: Scene
    colour: str
    shape: str
    answer: str

    @property
    def text(self) -> str:
        """In words."""
        return f"Is there {'an' if self.colour == 'orange' else 'a'} {self.colour} {self.shape}?"


class Specialist(torch.nn.Module):
    """Which words of one kind fit a picture: a linear layer on each patch of the frozen eyes, the best patch counts."""

    def __init__(self, kind: str):
        super().__init__()
        self.words = WORDS[kind]
        self.head = torch.nn.Linear(128, len(self.words))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(scenes, 37, 128) -> (scenes, words), above 0 where the word fits."""
        return self.head(features[:, 1:]).amax(1)


@cache
def build(kind: str, seed: int) -> Specialist:
    """A specialist that has learned its words from labels of whole pictures."""
    torch.manual_seed(seed)
    specialist, scenes = Specialist(kind), eyes.scenes("train", TRAINED, (2, 3, 4))
    seen = eyes.look(scenes)
    truth = torch.tensor([[float(word in said(scene, kind)) for word in specialist.words] for scene in scenes])
    choose = batches(len(scenes), BATCH, seed)

    def loss_at(step: int) -> torch.Tensor:
        rows = choose(step)
        return binary_cross_entropy_with_logits(specialist(seen[rows]), truth[rows])

    learn(specialist.parameters(), loss_at, STEPS, LEARNING_RATE)
    return specialist.eval()


def said(scene: Scene, kind: str) -> set[str]:
    """What a perfect specialist reports."""
    return {getattr(thing, kind) for thing in scene.things}


@cache
def exam(seed: int) -> tuple[Asked, ...]:
    """Two questions about each held-out scene, in turn true and not, so that neither answer is the better guess."""
    rng, asked = random.Random(f"printer {seed}"), []
    scenes = [scene for scene in eyes.scenes("heldout", 2 * SCENES, (2, 3, 4), seed) if _mixed(scene)][:SCENES]
    for scene in scenes:
        asked.append(Asked(scene, *rng.choice(sorted(_bound(scene))), "yes"))
        asked.append(Asked(scene, *rng.choice(_mixed(scene)), "no"))
    return tuple(asked)


def _bound(scene: Scene) -> set[tuple[str, str]]:
    return {(thing.colour, thing.shape) for thing in scene.things}


def _mixed(scene: Scene) -> list[tuple[str, str]]:
    """A colour that is there with a shape that is there, but not in one thing."""
    every = {(colour, shape) for colour in said(scene, "colour") for shape in said(scene, "shape")}
    return sorted(every - _bound(scene))


def chain(asked: Sequence[Asked], reports: dict[str, list[set[str]]]) -> list[str]:
    """The rule at the end of the chain: yes if both specialists have reported their word."""
    return ["yes" if one.colour in colours and one.shape in shapes else "no"
            for one, colours, shapes in zip(asked, reports["colour"], reports["shape"], strict=True)]  # fmt: skip


def reports(asked: Sequence[Asked], seed: int) -> dict[str, list[set[str]]]:
    """What the trained specialists report of each question's scene."""
    seen = eyes.look([one.scene for one in asked])
    fits = {kind: build(kind, seed)(seen).detach() > 0 for kind in WORDS}
    return {kind: [{word for word, fit in zip(WORDS[kind], row, strict=True) if fit} for row in rows.tolist()]
            for kind, rows in fits.items()}  # fmt: skip


@cache
def generalist() -> catalog.Loaded:
    """The bundled mini-llava."""
    return catalog.load("multimodal", "mini")


def scored(told: Sequence[str], seed: int) -> Scores:
    """1 where the answer is right."""
    values = [exact_match(text, one.answer) for text, one in zip(told, exam(seed), strict=True)]
    return Scores(values, [i // 2 for i in range(len(values))])


def claims() -> list[Claim]:
    """The seed draws the held-out scenes; the bundled generalist is the same every time."""

    def ask(seed: int, shuffle: bool = False) -> Scores:
        asked = exam(seed)
        pictures = [draw(one.scene) for one in asked]
        told = answers(generalist(), shuffled(pictures) if shuffle else pictures, [one.text for one in asked])
        return scored(told, seed)

    perfect = {kind: lambda seed, kind=kind: [said(one.scene, kind) for one in exam(seed)] for kind in WORDS}
    arms = {
        "generalist": ask,
        "chain of trained specialists": lambda seed: scored(chain(exam(seed), reports(exam(seed), seed)), seed),
        "chain of perfect specialists": lambda seed: scored(
            chain(exam(seed), {kind: report(seed) for kind, report in perfect.items()}), seed
        ),
        "generalist, another scene's picture": lambda seed: ask(seed, shuffle=True),
    }
    return [
        Claim(
            "printer", "One model that sees picture and question answers what a chain of perfect specialists cannot.",
            "accuracy on yes or no", arms, "generalist", "chain of perfect specialists",
            controls={"generalist, another scene's picture": 0.5},
        )
    ]  # fmt: skip
