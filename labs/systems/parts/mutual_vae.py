"""A variational autoencoder of two senses, each of whose posteriors is the other's prior, as in MEME; and its rival.

    picture -> q(z | picture) --+--> picture, motion        and the same from motion
                                |
              KL( q(z | picture) || q(z | motion) )         motion missing: || mean of q(z | learned pseudo-motions)

Mutual supervision needs no joint posterior, and a scene of which one sense is missing teaches too. Source: MEME (Joy et
al., 2021, https://arxiv.org/abs/2106.12570). The rival has a joint posterior, the product of both senses' experts and
a standard normal (MVAE: Wu and Goodman, 2018, https://arxiv.org/abs/1802.05335).
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from labs.systems.claim import Scores
from labs.systems.parts import sense_rows
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.probe import linear_probe
from labs.systems.parts.sense_rows import CHOICES, SENSES, right, rows, truth

PAIR = ("picture", "motion")
KINDS = ("shape", "size")  # what both tell
LATENT, INNER, PSEUDO = 16, 128, 64  # numbers of z; of a hidden layer; pseudo-samples of a missing sense
SPREAD = 0.5  # standard deviation of what decoders tell: that of the noise
STEPS, BATCH, RATE = 500, 64, 2e-3
COMPLETE = 128  # scenes of which both senses are there; of the others one
WAYS = ("mutual", "product")


class TwoSenses(nn.Module):
    """An encoder and a decoder for each of two senses."""

    def __init__(self) -> None:
        super().__init__()
        size = sense_rows.WIDTH
        self.encode = nn.ModuleList(_layers(size, 2 * LATENT) for _ in PAIR)
        self.decode = nn.ModuleList(_layers(LATENT, size) for _ in PAIR)

    def posterior(self, sense: int, row: Float[Tensor, "n 32"]) -> Normal:
        """q(z | one sense)."""
        mean, log_spread = self.encode[sense](row).chunk(2, dim=-1)
        return Normal(mean, log_spread.clamp(-5, 3).exp())

    def likely(self, sense: int, row: Float[Tensor, "n 32"], z: Float[Tensor, "n latent"]) -> Float[Tensor, " n"]:
        """log p(row | z)."""
        return Normal(self.decode[sense](z), SPREAD).log_prob(row).sum(-1)

    def pair_bound(self, pair: Float[Tensor, "n 2 32"]) -> Float[Tensor, " n"]:
        """What scenes with both senses are to raise."""
        raise NotImplementedError

    def lone_bound(self, sense: int, row: Float[Tensor, "n 32"]) -> Float[Tensor, " n"]:
        """What scenes with one sense are to raise."""
        raise NotImplementedError

    def cross(self, sense: int, row: Float[Tensor, "n 32"]) -> Float[Tensor, "n 32"]:
        """The other sense, told from this one."""
        return self.decode[1 - sense](self.posterior(sense, row).mean)


class Mutual(TwoSenses):
    """MEME's two directions, each with weight one half."""

    def __init__(self) -> None:
        super().__init__()
        self.pseudo = nn.Parameter(torch.randn(len(PAIR), PSEUDO, sense_rows.WIDTH))

    def pair_bound(self, pair: Float[Tensor, "n 2 32"]) -> Float[Tensor, " n"]:
        found = [self.posterior(sense, pair[:, sense]) for sense in range(2)]
        bounds = []
        for own, prior in (found, found[::-1]):
            z = own.rsample()
            told = sum(self.likely(sense, pair[:, sense], z) for sense in range(2))
            bounds.append(told - kl_divergence(own, prior).sum(-1))
        return sum(bounds) / 2

    def lone_bound(self, sense: int, row: Float[Tensor, "n 32"]) -> Float[Tensor, " n"]:
        own = self.posterior(sense, row)
        z = own.rsample()
        return self.likely(sense, row, z) + self.prior(1 - sense, z) - own.log_prob(z).sum(-1)

    def prior(self, missing: int, z: Float[Tensor, "n latent"]) -> Float[Tensor, " n"]:
        """log of the mean of the posteriors of a missing sense's pseudo-samples, at z."""
        each = self.posterior(missing, self.pseudo[missing])
        return each.log_prob(z[:, None]).sum(-1).logsumexp(1) - torch.tensor(float(PSEUDO)).log()


class Product(TwoSenses):
    """The joint VAE: precisions add up, and so do means, weighed by precision."""

    def joint(self, found: list[Normal]) -> Normal:
        """The product of some senses' experts and a standard normal."""
        precision = 1 + sum(one.variance.reciprocal() for one in found)
        return Normal(sum(one.mean / one.variance for one in found) / precision, precision.rsqrt())

    def pair_bound(self, pair: Float[Tensor, "n 2 32"]) -> Float[Tensor, " n"]:
        """That of the joint posterior, and those of each sense alone."""
        found = [self.posterior(sense, pair[:, sense]) for sense in range(2)]
        own = self.joint(found)
        z = own.rsample()
        both = sum(self.likely(sense, pair[:, sense], z) for sense in range(2))
        alone = sum(self.lone_bound(sense, pair[:, sense]) for sense in range(2))
        return both - kl_divergence(own, Normal(0.0, 1.0)).sum(-1) + alone

    def lone_bound(self, sense: int, row: Float[Tensor, "n 32"]) -> Float[Tensor, " n"]:
        own = self.joint([self.posterior(sense, row)])
        return self.likely(sense, row, own.rsample()) - kl_divergence(own, Normal(0.0, 1.0)).sum(-1)

    def cross(self, sense: int, row: Float[Tensor, "n 32"]) -> Float[Tensor, "n 32"]:
        return self.decode[1 - sense](self.joint([self.posterior(sense, row)]).mean)


@cache
def train(seed: int, way: str, partly: bool = True) -> TwoSenses:
    """`COMPLETE` scenes with both senses; if `partly`, of the others the picture or the motion in turn beside them.

    Raises ValueError for none of `WAYS`.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model, given = (Mutual if way == "mutual" else Product)(), rows("train")[:, [SENSES.index(one) for one in PAIR]]
    at, lone = batches(COMPLETE, BATCH, seed), batches((len(given) - COMPLETE) // 2, BATCH, seed + 1000)

    def loss(step: int) -> Tensor:
        bound = model.pair_bound(given[:COMPLETE][at(step)]).mean()
        if partly:
            others = COMPLETE + 2 * lone(step)  # every second of the others has a picture, the rest a motion
            bound = bound + sum(model.lone_bound(sense, given[others + sense, sense]).mean() for sense in range(2))
        return -bound / sense_rows.WIDTH

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def crosses(seed: int, way: str, another: bool = False, **how: bool) -> Scores:
    """Shapes and sizes that a probe finds in the picture told from the motion, and the other way round; "true rows"
    judges the true picture and motion. `how` goes to `train`."""
    parts = [right(_judged(seed, way, asked, kind, how), kind, another) for asked in range(2) for kind in KINDS]
    return Scores([one for part in parts for one in part.values], [one for part in parts for one in part.scenes])


def _judged(seed: int, way: str, asked: int, kind: str, how: dict[str, bool]) -> Tensor:
    """What a probe that has learned from true rows of the sense `asked` finds in those told from the other sense."""
    known, exam = (rows(split)[:, [SENSES.index(one) for one in PAIR]] for split in ("train", sense_rows.EXAM))
    told = exam[:, asked] if way == "true rows" else train(seed, way, **how).cross(1 - asked, exam[:, 1 - asked])
    return linear_probe(known[:, asked], truth("train", kind), told, len(CHOICES[kind]), seed)


def _layers(size: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, INNER), nn.GELU(), nn.Linear(INNER, INNER), nn.GELU(), nn.Linear(INNER, out))
