"""Senses that vote, each with a weight: the same in every scene, or how sure it is in this one.

fixed      every vote counts the same
energy     0.1 log sum exp of a sense's own logits
QMF        the same, taught to be lower where a sense was wrong in earlier passes (https://arxiv.org/abs/2306.02050)
attention  softmax over the senses of what a small network makes of each row, as DM2S2 weighs its modalities
           (https://arxiv.org/abs/2209.03126)

Each sense has a loss of its own beside that of the weighed sum, in all of them.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, margin_ranking_loss

from labs.systems.claim import Scores
from labs.systems.parts import sensed_alone
from labs.systems.parts.fused import KINDS, SENSES
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sensed_alone import features, kinds, right

WIDTH, STEPS, BATCH, RATE = 64, 600, 128, 2e-3
RANKED = 0.1  # weight of the ranking loss, as in the authors' code for pictures with depth
WAYS = ("fixed", "energy", "QMF", "attention")


class Weighed(nn.Module):
    """A linear vote of each sense, and weights."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way = way
        self.vote = nn.ModuleList(nn.Linear(WIDTH, KINDS) for _ in SENSES)
        self.look = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)) for _ in SENSES
        )

    def votes(self, rows: Float[Tensor, "n senses 64"]) -> Float[Tensor, "n senses kinds"]:
        """Logits of each sense alone."""
        return torch.stack([vote(rows[:, i]) for i, vote in enumerate(self.vote)], dim=1)

    def weights(self, rows: Tensor, votes: Tensor) -> Float[Tensor, "n senses"]:
        """How much each vote counts."""
        if self.way == "fixed":
            return torch.ones(votes.shape[:2])
        if self.way == "attention":
            return torch.cat([look(rows[:, i]) for i, look in enumerate(self.look)], dim=1).softmax(1)
        return 0.1 * votes.logsumexp(-1)

    def forward(self, rows: Float[Tensor, "n senses 64"]) -> Float[Tensor, "n kinds"]:
        """Logits of all senses."""
        votes = self.votes(rows)
        return (self.weights(rows, votes)[..., None] * votes).sum(1)


class History:
    """What each sense's answers to each lesson have cost so far."""

    def __init__(self, lessons: int):
        self.cost = torch.zeros(lessons, len(SENSES))

    def ranking_loss(self, now: Int[Tensor, " n"], weights: Float[Tensor, "n senses"]) -> Float[Tensor, ""]:
        """Of neighbours in a batch, the one whose answers have cost more is to weigh less, by as much as it cost more.

        Costs are brought to between 0 and 1. Source: Moon et al., 2020, https://arxiv.org/abs/2007.01687.
        """
        low, high = self.cost.amin(0), self.cost.amax(0)
        cost = (self.cost[now] - low) / (high - low).clamp(min=1e-8)
        more = cost - cost.roll(-1, 0)  # above 0: the first has cost more
        return margin_ranking_loss(weights, weights.roll(-1, 0) - more, -more.sign())

    def add(self, now: Int[Tensor, " n"], votes: Float[Tensor, "n senses kinds"], kinds: Int[Tensor, " n"]) -> None:
        """Remember what this step has cost."""
        self.cost[now] += _own(votes, kinds).detach()


def train(way: str, rows: Float[Tensor, "n senses 64"], kinds: Int[Tensor, " n"], seed: int) -> Weighed:
    """The votes of one of `WAYS` after its lessons."""
    torch.manual_seed(seed)
    network, at, history = Weighed(way), batches(len(kinds), BATCH, seed), History(len(kinds))

    def loss(step: int) -> Tensor:
        now = at(step)
        votes = network.votes(rows[now])
        weights = network.weights(rows[now], votes)
        found = cross_entropy((weights[..., None] * votes).sum(1), kinds[now]) + _own(votes, kinds[now]).mean(0).sum()
        if way == "QMF":
            found = found + RANKED * len(SENSES) * history.ranking_loss(now, weights)
        history.add(now, votes, kinds[now])
        return found

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


@cache
def voter(seed: int, way: str, met: bool = False) -> Weighed:
    """Votes with weights of one of `WAYS`, after lessons where no sense was spoilt, or where spoilt ones were `met`."""
    return train(way, features(seed, "lessons", met), kinds("lessons"), seed)


def weighs(seed: int, way: str, met: bool = False, another: bool = False) -> Scores:
    """Right answers to an exam in half of which one sense is spoilt, as in the paper."""
    told = voter(seed, way, met)(features(seed, sensed_alone.EXAM, True)).argmax(1)
    return right(told, kinds(sensed_alone.EXAM), another)


def _own(votes: Float[Tensor, "n senses kinds"], kinds: Int[Tensor, " n"]) -> Float[Tensor, "n senses"]:
    """What the answer of each sense alone costs."""
    truth = kinds[:, None].expand(-1, votes.shape[1])
    return cross_entropy(votes.flatten(0, 1), truth.flatten(), reduction="none").view_as(truth)
