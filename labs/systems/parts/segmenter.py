"""A promptable segmenter: pixel features, prompts as tokens, one decoder, a mask for every query.

    picture -> pixel features (36 x 36)  ---------------------------------------- dot product -> mask
                    | pooled to 9 x 9 cells                                          |
    query + prompts -----> decoder: self-attention, then attention to the cells -> query

Of X-Decoder (https://arxiv.org/abs/2212.11270) and SEEM (https://arxiv.org/abs/2304.06718), whose code is no part of
`transformers`; the decoder is torch's own. Losses and matching are those of Mask2Former, held to the library's in
the tests; its best assignment needs scipy there, and is found by trying all here.
"""

from itertools import permutations
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, grid_sample, interpolate, normalize

from labs.world.picture import SIZE

JOINT = 128  # width of the space in which text, sound and names meet, the mini-clip's
CROSS_ENTROPY_WEIGHT = 5.0  # dice has 1
NARROW, CELLS = SIZE // 4, SIZE // 8  # places a side: of the narrow features, and of those that the decoder attends to


class Seen(NamedTuple):
    """A picture as the decoder gets it."""

    cells: Float[Tensor, "scenes 81 width"]
    pixels: Float[Tensor, "scenes fine 36 36"]


class Prompts(NamedTuple):
    """What is asked about each scene. A part that is not given is masked out, whatever stands there."""

    marks: Float[Tensor, "scenes asked 8 2"]  # x and y in pixels: a point, a box or a scribble, as eight positions
    marked: Bool[Tensor, "scenes asked"]
    meanings: Float[Tensor, "scenes asked 2 128"]  # a text and a sound, in the joint space
    meant: Bool[Tensor, "scenes asked 2"]


class Things(NamedTuple):
    """What the object queries find without any prompt."""

    masks: Float[Tensor, "scenes queries 72 72"]  # logits
    names: Float[Tensor, "scenes queries 128"]  # of length 1, in the joint space
    nothing: Float[Tensor, "scenes queries"]  # logit of being no thing at all


class Segmenter(nn.Module):
    """`look` once, then ask for all `things` or for an `answer` to prompts, as often as one likes."""

    def __init__(self, width: int = 64, fine: int = 32, queries: int = 6, layers: int = 2) -> None:
        super().__init__()
        self.width = width
        self.edges = nn.Sequential(nn.Conv2d(3, fine, 3, 2, 1), nn.GELU(), nn.Conv2d(fine, fine, 3, 1, 1))
        self.narrow = nn.Sequential(nn.GELU(), nn.Conv2d(fine, width, 3, 2, 1))
        self.eyes = nn.Linear(JOINT, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(1, width), nn.GELU(), nn.Conv2d(width, width, 3, 1, 1)) for _ in range(2)
        )
        self.widen, self.merge = nn.Conv2d(width, fine, 1), nn.Sequential(nn.GELU(), nn.Conv2d(fine, fine, 3, 1, 1))
        self.queries, self.asked = nn.Parameter(torch.randn(queries, width)), nn.Parameter(torch.randn(width))
        self.touched, self.place = nn.Linear(fine, width), nn.Linear(width, width)
        self.meaning = nn.Linear(JOINT, width)
        layer = nn.TransformerDecoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, layers, nn.LayerNorm(width))
        self.mask = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, fine))
        self.name, self.nothing = nn.Linear(width, JOINT), nn.Linear(width, 1)
        for weight in (weight for weight in self.decoder.parameters() if weight.dim() > 1):
            nn.init.xavier_uniform_(weight)  # torch copies one layer, so that all start alike

    def look(self, pictures: Float[Tensor, "scenes 3 72 72"], patches: Float[Tensor, "scenes 36 128"]) -> Seen:
        """Pixel features from the picture itself, and from what the shared eyes made of its patches."""
        edges = self.edges(pictures)
        coarse = self.eyes(patches).transpose(1, 2).unflatten(2, (6, 6))
        x = self.narrow(edges) + interpolate(coarse, size=(NARROW, NARROW), mode="bilinear") + _grid(self.width)
        for block in self.blocks:
            x = x + block(x)
        pixels = self.merge(edges + interpolate(self.widen(x), scale_factor=2, mode="bilinear"))
        return Seen(avg_pool2d(x, NARROW // CELLS).flatten(2).transpose(1, 2), pixels)

    def things(self, seen: Seen) -> Things:
        """Each object query takes a thing of its own, or nothing."""
        x = self.decoder(self.queries.expand(len(seen.cells), -1, -1), seen.cells)
        return Things(self._masks(x, seen), normalize(self.name(x), dim=-1), self.nothing(x)[..., 0])

    def answer(self, seen: Seen, prompts: Prompts) -> Float[Tensor, "scenes asked 72 72"]:
        """Logits of the mask of what is meant; every prompt is answered by itself."""
        scenes, asked = prompts.marked.shape
        query = self.asked.expand(scenes, asked, 1, -1)
        tokens = torch.cat([query, self._sample(seen, prompts.marks), self.meaning(prompts.meanings)], dim=2)
        given = [torch.ones(scenes, asked, 1), prompts.marked[..., None].expand(-1, -1, 8), prompts.meant]
        absent = ~torch.cat([part.bool() for part in given], dim=2).flatten(0, 1)
        cells = seen.cells.repeat_interleave(asked, dim=0)
        x = self.decoder(tokens.flatten(0, 1), cells, tgt_key_padding_mask=absent)[:, 0]
        return self._masks(x.unflatten(0, (scenes, asked)), seen)

    def _sample(self, seen: Seen, marks: Float[Tensor, "scenes asked 8 2"]) -> Float[Tensor, "scenes asked 8 width"]:
        """SEEM's visual sampler: the pixel features under the marks, and where those are."""
        where = (marks + 0.5) / SIZE  # 0 to 1
        under = grid_sample(seen.pixels, 2 * where - 1, align_corners=False).permute(0, 2, 3, 1)
        return self.touched(under) + self.place(waves(where, self.width))

    def _masks(self, x: Float[Tensor, "scenes some width"], seen: Seen) -> Float[Tensor, "scenes some 72 72"]:
        queries = self.mask(x) / seen.pixels.shape[1] ** 0.5
        return interpolate(torch.einsum("sqc,schw->sqhw", queries, seen.pixels), scale_factor=2, mode="bilinear")


def waves(where: Float[Tensor, "*some 2"], width: int) -> Float[Tensor, "*some {width}"]:
    """Sines and cosines of x and y, which run from 0 to 1."""
    angles = where[..., None] * torch.pi * 2.0 ** torch.linspace(-1, 4, width // 4)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def _grid(width: int) -> Float[Tensor, "{width} 18 18"]:
    line = (torch.arange(NARROW) + 0.5) / NARROW
    return waves(torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1), width).permute(2, 0, 1)


def mask_loss(masks: Float[Tensor, "*some 72 72"], wanted: Bool[Tensor, "*some 72 72"]) -> Float[Tensor, "*some"]:
    """Cross-entropy of the pixels plus dice, for each mask."""
    wanted, chance = wanted.float(), masks.sigmoid()
    pixels = binary_cross_entropy_with_logits(masks, wanted, reduction="none").mean((-2, -1))
    overlap, both = (chance * wanted).sum((-2, -1)), chance.sum((-2, -1)) + wanted.sum((-2, -1))
    return CROSS_ENTROPY_WEIGHT * pixels + 1 - (2 * overlap + 1) / (both + 1)


@torch.no_grad()
def pair_costs(
    masks: Float[Tensor, "scenes queries 72 72"], wanted: Bool[Tensor, "scenes things 72 72"]
) -> Float[Tensor, "scenes queries things"]:
    """The mask loss of every query with every thing, at half the resolution."""
    masks, wanted = (avg_pool2d(part.float(), 2).flatten(2) for part in (masks, wanted))
    overlap = torch.einsum("sqp,stp->sqt", masks.sigmoid(), wanted)
    both = masks.sigmoid().sum(-1)[:, :, None] + wanted.sum(-1)[:, None]
    pixels = nn.functional.softplus(masks).mean(-1)[:, :, None]
    pixels = pixels - torch.einsum("sqp,stp->sqt", masks, wanted) / masks.shape[-1]
    return CROSS_ENTROPY_WEIGHT * pixels + 1 - (2 * overlap + 1) / (both + 1)


def assign(costs: Float[Tensor, "scenes queries things"]) -> Int[Tensor, "scenes things"]:
    """Which query each thing gets so that the costs of a scene are least together: all ways are tried."""
    ways = torch.tensor(list(permutations(range(costs.shape[1]), costs.shape[2])))  # (ways, things)
    return ways[costs[:, ways, torch.arange(costs.shape[2])].sum(-1).argmin(1)]
