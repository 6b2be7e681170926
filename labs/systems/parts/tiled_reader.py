"""Three ways for a picture in tiles into a reader of text, and tags for tiles, as in NVLM (Dai et al., 2024,
https://arxiv.org/abs/2409.11402).

    decoder-only      thumbnail, tiles and question in one row, all look at all
    cross-attention   the question alone in the row; it looks at thumbnail and tiles through gates
    hybrid            thumbnail and question in the row, which looks at the tiles through gates

A tag is a learned vector for each tile, added to what is seen in it; where a cell lies within its tile is told always.
Cross-attention costs fewer operations a step, as tiles are not worked on in every block.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.models.connectors.gated import GatedCrossAttention
from labs.systems.claim import Scores
from labs.systems.parts import tiled_pages
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.operations import learning
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.tiled_pages import ASKED, CHOICES, FEATURES, TILES, Pages, loss_of, pages
from labs.systems.parts.transformer_blocks import HEADS, WIDTH, Block

WAYS = ("decoder-only", "cross-attention", "hybrid")
BATCH, RATE, STEPS = 32, 2e-3, {"hybrid": 300}


class TiledReader(nn.Module):
    """A question of two words meets a picture of 5 x 9 regions. Raises ValueError for a way that is none of `WAYS`."""

    def __init__(self, way: str, tags: bool = True):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way = way
        self.see, self.cells = nn.Linear(FEATURES, WIDTH), nn.Parameter(0.5 * torch.randn(REGIONS, WIDTH))
        self.view = nn.Parameter(0.5 * torch.randn(2, 1, WIDTH))  # the thumbnail, and any tile
        self.tags = nn.Parameter(0.5 * torch.randn(TILES, 1, WIDTH), requires_grad=tags)
        if not tags:
            nn.init.zeros_(self.tags)
        self.kinds, self.names = nn.Embedding(len(ASKED), WIDTH), nn.Embedding(len(CHOICES["shape"]), WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.gates = nn.ModuleList(GatedCrossAttention(WIDTH, WIDTH, HEADS) for _ in self.blocks)
        for gate in self.gates:  # nothing here was learned before, so that nothing has to be kept as it is
            nn.init.constant_(gate.gate, 1.0)
            nn.init.constant_(gate.gate_inner, 1.0)
        self.norm = nn.LayerNorm(WIDTH)
        self.heads = nn.ModuleDict({kind: nn.Linear(WIDTH, len(CHOICES[kind])) for kind in ASKED})

    def seen(self, views: Float[Tensor, "n 5 9 128"]) -> tuple[Float[Tensor, "n 9 w"], Float[Tensor, "n 36 w"]]:
        """What is seen in the thumbnail, and in the tiles with their tags."""
        rows = self.see(views) + self.cells
        return rows[:, 0] + self.view[0], (rows[:, 1:] + self.view[1] + self.tags).flatten(1, 2)

    def forward(self, views: Float[Tensor, "n 5 9 128"], kind: str, named: Int[Tensor, " n"]) -> Float[Tensor, "n _"]:
        """Logits of the answers to one kind of question about the things that are named."""
        thumbnail, tiles = self.seen(views)
        asked = torch.stack([self.kinds.weight[ASKED.index(kind)].expand(len(views), -1), self.names(named)], dim=1)
        row, beside = {
            "decoder-only": ([thumbnail, tiles], None),
            "cross-attention": ([], torch.cat([thumbnail, tiles], dim=1)),
            "hybrid": ([thumbnail], tiles),
        }[self.way]
        x = torch.cat([*row, asked], dim=1)
        for block, gate in zip(self.blocks, self.gates, strict=True):
            x = block(x if beside is None else gate(x, beside))
        return self.heads[kind](self.norm(x[:, -1]))


def loss(model: TiledReader, given: Pages, now: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """The mean over the kinds of question."""
    return loss_of(lambda kind: model(given.views[now], kind, given.named[now]), given, now)


@cache
def steps(way: str) -> int:
    """So many that all ways take as many operations as the hybrid does."""
    cost = {
        one: learning(lambda one=one: loss(TiledReader(one), pages("train"), torch.arange(8)))
        for one in (way, "hybrid")
    }
    return round(STEPS["hybrid"] * cost["hybrid"] / cost[way])


@cache
def trained(seed: int, way: str, tags: bool = True) -> TiledReader:
    """A reader after its lessons; all ways take equally many operations."""
    torch.manual_seed(seed)
    model, given, at = TiledReader(way, tags), pages("train"), batches(len(pages("train").named), BATCH, seed)
    learn(model.parameters(), lambda step: loss(model, given, at(step)), steps(way), RATE)
    return model.eval().requires_grad_(False)


def tells(seed: int, way: str, asked: tuple[str, ...] = ASKED, tags: bool = True, another: bool = False) -> Scores:
    """Right answers about held-out pages."""
    model, given = trained(seed, way, tags), pages(tiled_pages.EXAM)
    views = given.views.roll(int(another), 0)
    told = [model(views, kind, given.named).argmax(1) == given.answers[kind] for kind in asked]
    return Scores(torch.cat(told).float().tolist(), list(range(len(views))) * len(asked))
