"""One encoder-decoder for screens: what is on them, told and asked about, and pointed to, as in VUT (Li et al., 2021).

    screen -> 36 tokens --+                        +--> detection: kind and colour of each element
    8 element queries ----+--> encoder --> memory -+
                                             ^     +--> pointing: which element is meant?
    words --> decoder, which looks at it ----+-----+--> next word: a description, or an answer

An element is the header, the bar at a side, or a block; each query has its own place on the screen.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.screen_lessons import COLOURS, ELEMENTS, KINDS, LEXICON, Lesson, lessons
from labs.systems.parts.transformer_blocks import WIDTH, Block, Words, before

TASKS = ("detection", "description", "answering", "pointing")
STEPS, BATCH, RATE = 400, 32, 2e-3  # of all tasks together
LONGEST = 8  # words


class ScreenModel(nn.Module):
    """Encoder of screen and elements, decoder of words; every task uses the same weights but for its last layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 3), nn.GELU(), nn.Conv2d(32, WIDTH, 2, 2))
        self.places = nn.Parameter(0.5 * torch.randn(36, WIDTH))
        self.queries = nn.Parameter(torch.randn(ELEMENTS, WIDTH))
        self.encoder, self.decoder = (nn.ModuleList(Block(looks) for _ in range(2)) for looks in (False, True))
        self.words = Words(LEXICON, LONGEST)
        self.kind, self.colour = nn.Linear(WIDTH, len(KINDS)), nn.Linear(WIDTH, len(COLOURS))
        self.next, self.point = nn.Linear(WIDTH, len(LEXICON)), nn.Linear(WIDTH, WIDTH)

    def encode(self, pictures: Float[Tensor, "n 3 36 36"]) -> Float[Tensor, "n 44 width"]:
        """36 places, then the elements."""
        seen = self.stem(pictures).flatten(2).transpose(1, 2) + self.places
        row = torch.cat([seen, self.queries.expand(len(pictures), -1, -1)], dim=1)
        for block in self.encoder:
            row = block(row)
        return row

    def decode(
        self, texts: Int[Tensor, "n words"], memory: Float[Tensor, "n 44 width"]
    ) -> Float[Tensor, "n words width"]:
        """The state after each word."""
        row = self.words(texts)
        for block in self.decoder:
            row = block(row, before(texts), memory)
        return row

    def detect(self, memory: Float[Tensor, "n 44 width"]) -> tuple[Tensor, Tensor]:
        """Logits of kinds and of colours, for each element."""
        return self.kind(memory[:, -ELEMENTS:]), self.colour(memory[:, -ELEMENTS:])

    def pointed(self, texts: Int[Tensor, "n words"], memory: Float[Tensor, "n 44 width"]) -> Float[Tensor, "n 6"]:
        """How well each block fits a command: the state at its end, with those of the element queries."""
        return (memory[:, -6:] @ self.point(self.decode(texts, memory)[:, -1])[..., None])[..., 0] / WIDTH**0.5


def loss(network: ScreenModel, task: str, given: Lesson) -> Float[Tensor, ""]:
    """The loss of one task."""
    memory = network.encode(given.pictures)
    if task == "detection":
        logits = network.detect(memory)
        return sum(
            cross_entropy(part.flatten(0, 1), given.elements[..., at].flatten()) for at, part in enumerate(logits)
        )
    if task == "pointing":
        return cross_entropy(network.pointed(given.pointing, memory), given.meant)
    texts, start = _texts(task, given)
    told = network.next(network.decode(texts[:, :-1], memory))[:, start:]
    return cross_entropy(told.flatten(0, 1), texts[:, start + 1 :].flatten())


def _texts(task: str, given: Lesson) -> tuple[Int[Tensor, "n words"], int]:
    """Question and answer, and behind which word the answer begins."""
    return (given.description, 1) if task == "description" else (given.answering, given.answering.shape[1] - 2)


@cache
def taught(seed: int, tasks: Sequence[str], steps: int) -> ScreenModel:
    """A model after so many steps, in each of which it learns one of the tasks in turn."""
    torch.manual_seed(seed)
    network, given = ScreenModel(), lessons("train")
    order = batches(len(given.meant), BATCH, seed)
    learn(
        network.parameters(), lambda step: loss(network, tasks[step % len(tasks)], given.of(order(step))), steps, RATE
    )
    return network.eval().requires_grad_(False)


def solved(network: ScreenModel, task: str, given: Lesson, pictures: Tensor) -> Float[Tensor, " n"]:
    """From 0 to 1: elements found with kind and colour, words of a description, an answer, the element meant."""
    memory = network.encode(pictures)
    if task == "detection":
        right = torch.stack([part.argmax(-1) for part in network.detect(memory)], -1).eq(given.elements).all(-1)
        there = given.elements[..., 0] > 0
        return (right & there).sum(1) / there.sum(1)
    if task == "pointing":
        return (network.pointed(given.pointing, memory).argmax(1) == given.meant).float()
    texts, start = _texts(task, given)
    told = texts[:, : start + 1]
    while told.shape[1] < texts.shape[1]:
        told = torch.cat([told, network.next(network.decode(told, memory)[:, -1]).argmax(1, keepdim=True)], dim=1)
    return (told == texts)[:, start + 1 :].float().mean(1)


def scores(seed: int, joint: bool, tasks: Sequence[str] = TASKS, another: bool = False, split: str = "exam") -> Scores:
    """The mean over tasks for each screen, or what is said of `another`; of one model, or of one a task."""
    given = lessons(split)
    pictures = given.pictures.roll(1, 0) if another else given.pictures
    found = []
    for task in tasks:
        network = taught(seed, TASKS, STEPS) if joint else taught(seed, (task,), STEPS // len(TASKS))
        found.append(solved(network, task, given, pictures))
    return Scores(torch.stack(found).mean(0).tolist(), list(range(len(pictures))))
