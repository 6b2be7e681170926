"""Senses taken in one after another, as in MultiModN (https://arxiv.org/abs/2309.14118), and all at once.

    s0 --sound--> s1 --picture--> s2 --motion--> s3        each sense has a module: (state, row) -> state
    |             |               |              |
    kind?         kind?           kind?          kind?      one head for every state, and a loss after every step

An absent sense is left out, and the state stays as it is. Who fuses in parallel must be given something in its place.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import sensed_alone
from labs.systems.parts.fused import KINDS, SENSES
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sensed_alone import features, kinds, right

FAILING, FAILS = SENSES.index("sound"), 0.8  # the sense that fails, and how often, with one kind of thing alone
WIDTH, STEPS, BATCH, RATE = 64, 150, 128, 2e-3


class OneByOne(nn.Module):
    """A state that each sense changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(WIDTH))
        self.modules_of = nn.ModuleList(_perceptron(2 * WIDTH, WIDTH) for _ in SENSES)
        self.head = nn.Linear(WIDTH, KINDS)

    def states(
        self, rows: Float[Tensor, "n senses 64"], there: Float[Tensor, "n senses"], order: Sequence[int]
    ) -> Float[Tensor, "steps n 64"]:
        """The first state and that after every sense in this order."""
        states = [self.first.expand(len(rows), -1)]
        for sense in order:
            changed = self.modules_of[sense](torch.cat([states[-1], rows[:, sense]], dim=1))
            states.append(torch.where(there[:, sense, None] > 0, changed, states[-1]))
        return torch.stack(states)

    def loss(self, rows: Tensor, there: Tensor, kinds: Tensor, order: Sequence[int], every: bool = True) -> Tensor:
        """Of the answers after every step, or of the last alone."""
        states = self.states(rows, there, order)[-(len(order) if every else 1) :]
        return torch.stack([cross_entropy(self.head(state), kinds) for state in states]).mean()

    def forward(self, rows: Tensor, there: Tensor, order: Sequence[int] = range(len(SENSES))) -> Tensor:
        """Logits after the last sense."""
        return self.head(self.states(rows, there, order)[-1])


class AtOnce(nn.Module):
    """Rows side by side, and for those of absent senses what is usual: zero, as rows are standardised."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = _perceptron(len(SENSES) * WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, KINDS)

    def loss(self, rows: Tensor, there: Tensor, kinds: Tensor, order: Sequence[int], every: bool = True) -> Tensor:
        """Of the one answer that there is."""
        return cross_entropy(self(rows, there), kinds)

    def forward(self, rows: Tensor, there: Tensor, order: Sequence[int] = range(len(SENSES))) -> Tensor:
        """Logits; there is no order."""
        return self.head(self.inner((rows * there[..., None]).flatten(1)))


def train(
    network: OneByOne | AtOnce,
    rows: Float[Tensor, "n senses 64"],
    there: Float[Tensor, "n senses"],
    kinds: Int[Tensor, " n"],
    seed: int,
    every: bool = True,
) -> OneByOne | AtOnce:
    """The network after its lessons, the order of the senses drawn anew each step."""
    at, generator = batches(len(kinds), BATCH, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        now, order = at(step), torch.randperm(len(SENSES), generator=generator).tolist()
        return network.loss(rows[now], there[now], kinds[now], order, every)

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def telling_absence(
    kinds: Int[Tensor, " n"], sense: int, big: bool, share: float, generator: torch.Generator
) -> Float[Tensor, "n senses"]:
    """Which senses are there when one of them fails at a share of the big things alone, or of the small ones alone."""
    there = torch.ones(len(kinds), len(SENSES))
    failed = ((kinds >= KINDS // 2) == big) & (torch.rand(len(kinds), generator=generator) < share)
    there[:, sense] = 1 - failed.float()
    return there


@cache
def fusing(seed: int, way: str, absence: str = "none") -> OneByOne | AtOnce:
    """`way` is "one by one", "last answer alone" or "at once"; lessons lack no sense ("none"), one of them with
    "big" things alone, or as often with "any"."""
    torch.manual_seed(seed)
    network = AtOnce() if way == "at once" else OneByOne()
    truth, generator = kinds("lessons"), torch.Generator().manual_seed(seed)
    there = telling_absence(truth, FAILING, True, FAILS if absence == "big" else 0.0, generator)
    if absence == "any":
        there[:, FAILING] = (torch.rand(len(truth), generator=generator) >= FAILS / 2).float()
    return train(network, features(seed, "lessons"), there, truth, seed, way != "last answer alone")


def fused(seed: int, way: str, absence: str = "none", backwards: bool = False, another: bool = False) -> Scores:
    """Right answers; where lessons lacked a sense, it is now lacking with small things alone."""
    order = list(range(len(SENSES)))[:: -1 if backwards else 1]
    share, generator = 0.0 if absence == "none" else FAILS, torch.Generator().manual_seed(0)
    there = telling_absence(kinds(sensed_alone.EXAM), FAILING, False, share, generator)
    told = fusing(seed, way, absence)(features(seed, sensed_alone.EXAM), there, order).argmax(1)
    return right(told, kinds(sensed_alone.EXAM), another)


def _perceptron(size: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, out), nn.GELU())
