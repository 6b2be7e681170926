"""A reader that gets the neighbours of a page, pictures and words, with where they stand in the graph, as in MMGL.

    the page that is asked about -- page -- page -- page       each page has a picture and a word, nodes of their own;
          |    |                    |  |                       edges have no names, and nodes come in any order
       picture word            picture  word

"What colour is the thing on the page two links away?" Where a node stands is told by the graph alone: by eigenvectors
of its Laplacian, or by messages that go out from the page that is asked about (Yoon et al., 2023).
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from labs.systems.claim import Scores
from labs.systems.parts.collages import cut_out, different
from labs.systems.parts.learn import learn
from labs.systems.parts.transformer_blocks import WIDTH, Block

PAGES, WORDS, KINDS = 4, 8, ("page", "picture", "word")
NODES = PAGES * len(KINDS)
STEPS, BATCH, RATE, EXAM, HOPS = 250, 64, 2e-3, 200, 4
WAYS = ("graph network", "Laplacian", "no positions", "no neighbours")


class Graphs(NamedTuple):
    """Graphs of pages, their nodes in any order but the first, which is the page that is asked about."""

    seen: Float[Tensor, "n nodes 128"]  # of pictures, else zeros
    words: Int[Tensor, "n nodes"]  # of words, else 0
    kinds: Int[Tensor, "n nodes"]
    edges: Float[Tensor, "n nodes nodes"]
    asked: Int[Tensor, "n 2"]  # how many links away, 0 to 3; 0 for the picture's colour and 1 for the word
    answers: Int[Tensor, " n"]  # 0 to 7 colours, 8 to 15 words


def graphs(split: str, n: int, draw: torch.Generator) -> Graphs:
    """Pages in a line, each with a picture of another thing and another word."""
    things, told = different(split, n, PAGES, draw), torch.rand(n, WORDS, generator=draw).argsort(1)[:, :PAGES]
    seen, words = torch.zeros(n, NODES, 128), torch.zeros(n, NODES, dtype=torch.long)
    seen[:, PAGES : 2 * PAGES], words[:, 2 * PAGES :] = cut_out(split, things, draw), told
    edges = torch.zeros(NODES, NODES)
    for page in range(PAGES):
        others = (page + 1, page + PAGES, page + 2 * PAGES) if page + 1 < PAGES else (page + PAGES, page + 2 * PAGES)
        edges[page, others], edges[others, page] = 1.0, 1.0
    order = torch.cat([torch.zeros(n, 1), 1 + torch.rand(n, NODES - 1, generator=draw)], dim=1).argsort(1)
    asked = torch.stack([torch.randint(top, (n,), generator=draw) for top in (PAGES, 2)], dim=1)
    each, away = torch.arange(n), asked[:, 0]
    answers = torch.where(asked[:, 1] == 0, things[each, away] // 8, 8 + told[each, away])
    kinds = torch.arange(len(KINDS)).repeat_interleave(PAGES)[order]
    return Graphs(
        seen[each[:, None], order], words.gather(1, order), kinds, edges[order[:, :, None], order[:, None]], asked,
        answers,
    )  # fmt: skip


def laplacian_positions(edges: Float[Tensor, "n nodes nodes"], count: int) -> Float[Tensor, "n nodes count"]:
    """Eigenvectors of the normalised Laplacian, from the second smallest; positive at the first node.

    An eigenvector and its opposite are equally right, so the sign is settled by the page that is asked about.
    """
    many = edges.sum(2).clamp(min=1) ** -0.5
    laplacian = torch.eye(edges.shape[1]) - many[:, :, None] * edges * many[:, None]
    vectors = torch.linalg.eigh(laplacian).eigenvectors[..., 1 : count + 1]
    return vectors * torch.where(vectors[:, :1] < 0, -1.0, 1.0)


class GraphNetwork(nn.Module):
    """Messages along the edges, a few rounds, which begin at the first node: where each node stands, seen from it."""

    def __init__(self):
        super().__init__()
        self.start = nn.Embedding(2, WIDTH)
        self.rounds = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(HOPS))

    def forward(self, edges: Float[Tensor, "n nodes nodes"]) -> Float[Tensor, "n nodes width"]:
        state = self.start((torch.arange(edges.shape[1]) == 0).long()).expand(len(edges), -1, -1)
        for step in self.rounds:
            heard = edges @ state / edges.sum(2, keepdim=True).clamp(min=1)
            state = state + step(torch.cat([state, heard], dim=-1)).relu()
        return state


class GraphReader(nn.Module):
    """A small transformer that reads the nodes and a question."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way = way
        self.see, self.read, self.kinds = nn.Linear(128, WIDTH), nn.Embedding(WORDS, WIDTH), nn.Embedding(3, WIDTH)
        self.network, self.spectrum = GraphNetwork(), nn.Linear(HOPS, WIDTH)
        self.ask = nn.Linear(PAGES + 2, WIDTH)
        self.blocks, self.head = nn.ModuleList(Block() for _ in range(2)), nn.Linear(WIDTH, 8 + WORDS)

    def places(self, edges: Float[Tensor, "n nodes nodes"]) -> Float[Tensor, "n nodes width"]:
        """Where the nodes stand; nowhere in particular without positions."""
        if self.way == "graph network":
            return self.network(edges)
        if self.way == "Laplacian":
            return self.spectrum(3 * laplacian_positions(edges, HOPS))
        return torch.zeros(*edges.shape[:2], WIDTH)

    def forward(self, given: Graphs) -> Float[Tensor, "n answers"]:
        """Logits; a reader without neighbours gets the page itself, its picture and its word."""
        own = given.edges[:, 0] + torch.eye(NODES)[0]
        there = own if self.way == "no neighbours" else torch.ones_like(own)
        inner = torch.stack([torch.zeros_like(own), given.kinds == 1, given.kinds == 2], -1).float()
        nodes = self.see(given.seen) * inner[..., 1:2] + self.read(given.words) * inner[..., 2:]
        nodes = nodes + self.kinds(given.kinds) + self.places(given.edges)
        asked = torch.cat([one_hot(given.asked[:, 0], PAGES), one_hot(given.asked[:, 1], 2)], dim=1).float()
        row = torch.cat([self.ask(asked)[:, None], nodes], dim=1)
        visible = torch.cat([torch.ones(len(own), 1), there], dim=1).bool()[:, None].expand(-1, NODES + 1, -1)
        for block in self.blocks:
            row = block(row, visible)
        return self.head(row[:, 0])


@cache
def taught(seed: int, way: str) -> GraphReader:
    """The reader that has learned from as many graphs as any other."""
    torch.manual_seed(seed)
    network, draw = GraphReader(way), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        given = graphs("train", BATCH, draw)
        return cross_entropy(network(given), given.answers)

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def answers(seed: int, way: str, another: bool = False, split: str = "exam") -> Scores:
    """Whether the answer is right, from the page's own graph or from `another` one."""
    given = graphs(split, EXAM, torch.Generator().manual_seed(1000))
    read = Graphs(*(part.roll(1, 0) for part in given))._replace(asked=given.asked) if another else given
    told = taught(seed, way)(read).argmax(1)
    return Scores((told == given.answers).float().tolist(), list(range(EXAM)))
