"""A small reader that answers by the triples of a scene graph, or by the regions of the picture."""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts.collages import SEEN, looked
from labs.systems.parts.graph_questions import TYPES, Question, questions
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.scene_graph import PREDICATES, RETRIEVED, detected, retrieve, triples
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows

STEPS, BATCH, RATE = 350, 64, 2e-3
WAYS = ("detected graph", "picture", "true graph")


def retrieved(kinds: Int[Tensor, "scenes 9"], asked: Sequence[Question], other: int = 0) -> Int[Tensor, "n found 5"]:
    """What questions find in the graphs, -1 where nothing was left; in a control in those of `other` scenes farther."""
    graphs, rows = [triples(row) for row in kinds.tolist()], torch.full((len(asked), RETRIEVED, 5), -1)
    for row, one in zip(rows, asked, strict=True):
        found = retrieve(graphs[(one.scene + other) % len(graphs)], one.words)
        if found:
            row[: len(found)] = torch.tensor(found)
    return rows


class TripleReader(nn.Module):
    """A question and what is known of the picture -> an answer to it."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.see = Rows(9, SEEN) if way == "picture" else None
        self.slots = nn.ModuleList(nn.Embedding(size, WIDTH) for size in (17, 17, len(PREDICATES), 17, 17))
        self.types, self.words = (
            nn.Embedding(len(TYPES), WIDTH),
            nn.ModuleList(nn.Embedding(17, WIDTH) for _ in range(4)),
        )
        self.blocks, self.head = nn.ModuleList(Block() for _ in range(2)), nn.Linear(WIDTH, sum(TYPES.values()))

    def forward(self, asked: Int[Tensor, "n 5"], known: Tensor) -> Float[Tensor, "n answers"]:
        """`asked` is a type and four words, `known` triples (n, found, 5) or regions (n, 9, 132)."""
        question = self.types(asked[:, 0]) + sum(part(asked[:, 1 + at]) for at, part in enumerate(self.words))
        if self.see is not None:
            tokens, there = self.see(known), torch.ones(known.shape[:2], dtype=torch.bool)
        else:
            tokens = sum(part(known[..., at].clamp(min=0)) for at, part in enumerate(self.slots))
            there = known[..., 2] >= 0
        row = torch.cat([question[:, None], tokens], dim=1)
        visible = torch.cat([torch.ones(len(row), 1, dtype=torch.bool), there], dim=1)[:, None].expand(
            -1, row.shape[1], -1
        )
        for block in self.blocks:
            row = block(row, visible)
        return self.head(row[:, 0])


def known(split: str, way: str, asked: Sequence[Question], other: int = 0) -> Tensor:
    """What a reader gets to know of the pictures: regions, or what was retrieved from their graphs."""
    found = looked(split)
    if way == "picture":
        scenes = torch.tensor([one.scene for one in asked])
        return found.cells[(scenes + other) % len(found.cells)]
    return retrieved(detected(split) if way == "detected graph" else found.kinds, asked, other)


def numbers(asked: Sequence[Question]) -> tuple[Int[Tensor, "n 5"], Int[Tensor, " n"]]:
    """Questions as they are read, and their answers, all types in a row."""
    starts = [sum(list(TYPES.values())[:at]) for at in range(len(TYPES))]
    read = torch.tensor([[one.type, *one.words] for one in asked])
    return read, torch.tensor([starts[one.type] + one.answer for one in asked])


@cache
def taught(seed: int, way: str) -> TripleReader:
    """The reader that has learned from all questions about the scenes of training."""
    torch.manual_seed(seed)
    network, asked = TripleReader(way), questions("train")
    (read, truth), given = numbers(asked), known("train", way, asked)
    order = batches(len(asked), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        now = order(step)
        return cross_entropy(network(read[now], given[now]), truth[now])

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def answers(seed: int, way: str, another: bool = False, split: str = "exam") -> Scores:
    """Whether questions are answered rightly, by what is known of the scene or of `another` one."""
    asked = questions(split)
    read, truth = numbers(asked)
    told = taught(seed, way)(read, known(split, way, asked, 7 * int(another))).argmax(1)
    return Scores((told == truth).float().tolist(), [one.scene for one in asked])
