"""Point clouds brought to the vectors of their views and captions, one view at a time or all views jointly.

ULIP-2 (Xue et al., 2023, https://arxiv.org/abs/2305.08275): one view a step, drawn anew, and what a captioner wrote of
that view; a contrast with each, and both encoders stay frozen. JM3D (Ji et al., 2023,
https://arxiv.org/abs/2310.09503): all views at once, weighed by how well they fit the words, and words of two levels,
a kind and what is a special one of it.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts import object_clouds
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.joint_space import read
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.object_clouds import VIEWS, captions, clouds, lessons, views
from labs.systems.parts.sensor_towers import WIDE, PointTower
from labs.world.vocabulary import SHAPES

STEPS, BATCH, RATE, SHARPNESS = 200, 64, 2e-3, 20.0
WAYS = ("views and captions", "views", "captions", "views and true names", "joint", "joint views", "two levels")


class CloudEncoder(nn.Module):
    """A point cloud -> the joint space of mini-clip, of length 1. `log_scale` is learned, as in CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.tower, self.head = PointTower(), nn.Sequential(nn.Linear(2 * WIDE, WIDE), nn.GELU(), nn.Linear(WIDE, 128))
        self.log_scale = nn.Parameter(torch.tensor(math.log(SHARPNESS)))

    def forward(self, points: Float[Tensor, "clouds points 6"]) -> Float[Tensor, "clouds 128"]:
        return normalize(self.head(self.tower(points)), dim=-1)

    def contrast(
        self,
        mine: Float[Tensor, "n 128"],
        partners: Float[Tensor, "n 128"],
        kinds: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Each is to find its partner; where `kinds` are given, all of its kind are as good."""
        right = torch.eye(len(mine)) if kinds is None else (kinds[:, None] == kinds).float()
        return contrastive_loss(mine @ partners.T * self.log_scale.exp().clamp(max=100), right)


def weighed_views(
    seen: Float[Tensor, "n views 128"], told: Float[Tensor, "n 128"], sharpness: float = SHARPNESS
) -> Float[Tensor, "n 128"]:
    """JM3D's joint vector: views summed up, those the most that fit the words best."""
    weights = (sharpness * torch.einsum("nvw,nw->nv", seen, told)).softmax(1)
    return normalize(torch.einsum("nv,nvw->nw", weights, seen), dim=-1)


def kind_told(written: Sequence[str]) -> int:
    """The number of the shape that most captions of a thing name; 0 where none names any."""
    named = Counter(word for text in written for word in text.split() if word in SHAPES)
    return SHAPES.index(named.most_common(1)[0][0]) if named else 0


@cache
def kinds() -> Int[Tensor, " things"]:
    """The upper level of the words: what kind each thing is, by all its captions."""
    return torch.tensor([kind_told(texts) for texts in object_clouds.written()])


@cache
def of_kinds() -> Float[Tensor, "kinds 128"]:
    """The vector of each kind: of "a star", say."""
    return read([f"a {shape}" for shape in SHAPES])


@cache
def train(seed: int, way: str, shuffled: bool = False) -> CloudEncoder:
    """An encoder that has learned in one of `WAYS`; `shuffled` clouds meet what belongs to others, anew at each step.

    Raises ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    encoder, points, generator = CloudEncoder(), clouds(lessons()), torch.Generator().manual_seed(seed)
    at = batches(len(points), min(BATCH, len(points)), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        others = rows[torch.randperm(len(rows), generator=generator)] if shuffled else rows
        view = torch.randint(VIEWS, (len(rows),), generator=generator)
        return _loss(encoder, encoder(points[rows]), others, view, way)

    learn(encoder.parameters(), loss, STEPS, RATE)
    return encoder.eval().requires_grad_(False)


def _loss(
    encoder: CloudEncoder, mine: Float[Tensor, "n 128"], rows: Int[Tensor, " n"], view: Int[Tensor, " n"], way: str
) -> Float[Tensor, ""]:
    """Contrast of clouds with their views, their words or both."""
    seen, told = views()[rows], captions("true" in way)[rows]
    one_view, one_text = (part[torch.arange(len(rows)), view] for part in (seen, told))
    together = normalize(told.mean(1), dim=-1)
    jointly, levels = way in ("joint", "joint views"), way in ("joint", "two levels")
    partners = [weighed_views(seen, together), together] if jointly else [one_view, one_text]
    wanted = {"views": partners[:1], "captions": partners[1:]}.get(way, partners)
    losses = [encoder.contrast(mine, partner) for partner in wanted]
    if levels:
        losses.append(encoder.contrast(mine, of_kinds()[kinds()[rows]], kinds()[rows]))
    return torch.stack(losses).mean()
