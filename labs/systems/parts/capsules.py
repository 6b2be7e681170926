"""Capsules of several senses, routed by self-attention: those that fit the others make up the joint representation.

    row of a sense -> `EACH` capsules: a pose (what) and an activation (how surely)
    all capsules attend to all, poses weighed by activations -> new poses, and a new activation of each
    joint representation = capsule by capsule, activation x pose -> one linear layer

Half of the senses show another scene, and none says which do: what agrees is to count. "mean" and "concat" make the
joint representation of the same rows, each through a network of its own, "attention" by the same self-attention without
activations. Source: Duarte et al., 2021, https://arxiv.org/abs/2112.00775.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.connectors.attention import Attention
from labs.systems.claim import Scores
from labs.systems.parts import sense_rows
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sense_rows import CHOICES, SENSES, right, rows, truth

EACH, POSE, HEADS = 8, 16, 2  # capsules of a sense; numbers of a pose
STEPS, BATCH, RATE = 400, 128, 2e-3
WAYS = ("capsules", "attention", "mean", "concat")
INNER = EACH * POSE  # as wide as a sense's capsules together


class Capsules(nn.Module):
    """Primary capsules of each sense, and their routing; `gated` says whether activations count."""

    def __init__(self, gated: bool = True) -> None:
        super().__init__()
        self.gated = gated
        self.poses, self.sure = _each(EACH * POSE), _each(EACH)
        self.kind = nn.Parameter(0.5 * torch.randn(len(SENSES) * EACH, POSE))  # which capsule it is
        self.route, self.norm = Attention(POSE, HEADS, bias=True), nn.LayerNorm(POSE)
        self.activate = nn.Linear(2 * POSE, 1)
        self.joint = nn.Linear(len(SENSES) * EACH * POSE, len(CHOICES["shape"]))

    def primary(self, given: Float[Tensor, "n senses 32"]) -> tuple[Tensor, Tensor]:
        """Poses (n, capsules, 16) and activations (n, capsules)."""
        poses = torch.stack([part(given[:, i]) for i, part in enumerate(self.poses)], dim=1)
        sure = torch.cat([part(given[:, i]) for i, part in enumerate(self.sure)], dim=1)
        return poses.unflatten(2, (EACH, POSE)).flatten(1, 2), sure.sigmoid()

    def routed(self, given: Float[Tensor, "n senses 32"]) -> tuple[Tensor, Tensor]:
        """The same after self-attention: a capsule is active if what the others say fits what it says."""
        poses, sure = self.primary(given)
        weighed = self.norm(poses * sure[..., None] if self.gated else poses) + self.kind
        heard = self.route(weighed, weighed)
        active = self.activate(torch.cat([weighed * heard, heard], dim=-1))[..., 0].sigmoid()
        return poses + heard, active if self.gated else torch.ones_like(active)

    def forward(self, given: Float[Tensor, "n senses 32"]) -> Float[Tensor, "n shapes"]:
        """Logits from the joint representation."""
        poses, active = self.routed(given)
        return self.joint((active[..., None] * poses).flatten(1))


class Pooled(nn.Module):
    """The rival: each sense through a network of its own, then their mean, or all of them side by side."""

    def __init__(self, concat: bool) -> None:
        super().__init__()
        self.concat, self.each = concat, _each(INNER)
        self.tell = nn.Sequential(nn.Linear(INNER * (len(SENSES) if concat else 1), INNER), nn.GELU(),
                                  nn.Linear(INNER, len(CHOICES["shape"])))  # fmt: skip

    def forward(self, given: Float[Tensor, "n senses 32"]) -> Float[Tensor, "n shapes"]:
        """Logits."""
        read = torch.stack([part(given[:, i]) for i, part in enumerate(self.each)], dim=1)
        return self.tell(read.flatten(1) if self.concat else read.mean(1))


def build(way: str, seed: int) -> nn.Module:
    """Untrained. Raises ValueError for none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    return Capsules(way == "capsules") if way in WAYS[:2] else Pooled(way == "concat")


def distract(
    given: Float[Tensor, "n senses 32"], count: int, generator: torch.Generator
) -> Float[Tensor, "n senses 32"]:
    """In each scene so many senses, drawn anew, show another scene each."""
    order = torch.rand(given.shape[:2], generator=generator).argsort(1).argsort(1)
    others = torch.stack([given[:, i].roll(i + 1, 0) for i in range(len(SENSES))], dim=1)
    return torch.where((order < count)[..., None], others, given)


@cache
def train(seed: int, way: str, count: int) -> nn.Module:
    """A network that has learned shapes where `count` senses are distracting."""
    network, given, shapes = build(way, seed), rows("train"), truth("train")
    at, generator = batches(len(given), BATCH, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        return cross_entropy(network(distract(given[now], count, generator)), shapes[now])

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def tells(seed: int, way: str, count: int = 2, another: bool = False) -> Scores:
    """Right shapes of the exam's scenes, `count` senses of each distracting."""
    given = distract(rows(sense_rows.EXAM), count, torch.Generator().manual_seed(1000 + seed))
    return right(train(seed, way, count)(given).argmax(1), another=another)


def _each(size: int) -> nn.ModuleList:
    """For each sense a layer and a bend, and a layer to so many numbers."""
    inner = 64
    return nn.ModuleList(nn.Sequential(nn.Linear(sense_rows.WIDTH, inner), nn.GELU(), nn.Linear(inner, size))
                         for _ in SENSES)  # fmt: skip
