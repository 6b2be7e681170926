"""Two senses that adapt while they are tested, without labels, as in MM-TTA (Shin et al., 2022,
https://arxiv.org/abs/2204.12667).

    within a sense    a fast model, which learns from every batch, and a slow one, which follows it at a distance; the
                      pseudo-label is what both say, on average
    between senses    where fast and slow agree more, by their divergences, there is the label that both senses learn

Only scales, shifts and statistics of batch normalisation change. "alone": each sense learns what it itself says. The
senses are a picture and a map of depth; in the stream of the exam one of them at a time is far worse than in training.
"""

import copy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes, senses
from labs.systems.parts.fused import KINDS
from labs.systems.parts.learn import batches, learn

SENSES = {"picture": 3, "depth": 1}  # and their channels
COUNTS, SEEDS = {"train": 2048, "choice": 800, "exam": 800}, {"train": 3, "choice": 3, "exam": 4}  # scenes; data seeds
EXAM, STREAM = "exam", 40  # the split that is asked; scenes of a batch of the stream
NOISE, FADED, GRAIN = 0.3, 0.5, 0.5  # everywhere; contrast that is left, and noise, of the sense that is worse
STEPS, BATCH, RATE = 150, 64, 3e-3
QUICK, MOMENTUM, KEPT = 3e-3, 0.1, 0.95  # learning rate; of statistics; how much of the slow model stays
WAYS = ("none", "alone", "consistent", "truth")


class Sense(nn.Sequential):
    """Three convolutions with batch normalisation: (n, channels, 24, 24) -> logits of kinds."""

    def __init__(self, channels: int):
        sizes, layers = (channels, 16, 32, 64), []
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after, 1e-5, MOMENTUM), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(64 * 9, KINDS))


@cache
def perceived(split: str) -> tuple[dict[str, Tensor], Int[Tensor, " scenes"]]:
    """Each sense of scenes of one thing, (n, channels, 24, 24), a little noisy; and their kinds (parts.fused)."""
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    generator, found = torch.Generator().manual_seed(SEEDS[split]), {}
    for name in SENSES:
        clean = avg_pool2d(senses.perceive_once(name, scenes), 3)
        found[name] = clean + NOISE * torch.randn(clean.shape, generator=generator)
    return found, torch.tensor([3 * (scene.things[0].size == "big") + scene.things[0].row for scene in scenes])


@cache
def stream(split: str) -> dict[str, Tensor]:
    """The exam's scenes as they come: for half of them the picture is faded and grainy, then the map of depth."""
    generator, found = torch.Generator().manual_seed(100 + SEEDS[split]), {}
    half = COUNTS[split] // 2
    for at, (name, seen) in enumerate(perceived(split)[0].items()):
        worse = FADED * seen + GRAIN * torch.randn(seen.shape, generator=generator)
        now = (torch.arange(len(seen)) < half) == (at == 0)
        found[name] = torch.where(now[:, None, None, None], worse, seen)
    return found


@cache
def trained(seed: int) -> dict[str, Sense]:
    """Each sense after it has learned from labels."""
    (seen, kinds), found = perceived("train"), {}
    for name, channels in SENSES.items():
        torch.manual_seed(seed)
        network, at = Sense(channels), batches(COUNTS["train"], BATCH, seed)

        def loss(step: int, name: str = name, network: Sense = network, at=at) -> Tensor:
            return cross_entropy(network(seen[name][at(step)]), kinds[at(step)])

        learn(network.parameters(), loss, STEPS, RATE)
        found[name] = network.eval()
    return found


class Adapting:
    """A fast model of a sense, which learns, and a slow one, which follows."""

    def __init__(self, source: Sense):
        self.fast, self.slow = copy.deepcopy(source).train(), copy.deepcopy(source).eval()
        self.fast.requires_grad_(False)
        norms = [layer for layer in self.fast if isinstance(layer, nn.BatchNorm2d)]
        self.learned = [weight.requires_grad_() for layer in norms for weight in layer.parameters()]
        self.optimizer = torch.optim.Adam(self.learned, QUICK)

    @torch.no_grad()
    def follow(self) -> None:
        """The slow model goes a small part of the way to the fast one, with its statistics."""
        for slow, fast in zip(self.slow.state_dict().values(), self.fast.state_dict().values(), strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - KEPT)


def consistency(fast: Float[Tensor, "n classes"], slow: Float[Tensor, "n classes"]) -> Float[Tensor, " n"]:
    """How far two predictions, log-probabilities, agree: the mean of one over each divergence."""
    one, other = ((a.exp() * (a - b)).sum(1) for a, b in ((fast, slow), (slow, fast)))
    return (1 / (one + 1e-4) + 1 / (other + 1e-4)) / 2


def agreed(told: list[tuple[Tensor, Tensor]]) -> Int[Tensor, " n"]:
    """Pseudo-labels: what fast and slow say on average in the sense in which they agree more; one (fast, slow) each."""
    chances = torch.stack([(fast.exp() + slow.exp()) / 2 for fast, slow in told])
    best = torch.stack([consistency(fast, slow) for fast, slow in told]).argmax(0)
    return chances.argmax(-1).gather(0, best[None])[0]


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """Kinds told along the stream in one of `WAYS`, by the mean of both senses, before each batch is learned from.

    "truth" learns from labels, a ceiling. Raises ValueError for another way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    shown, kinds, values = stream(EXAM), perceived(EXAM)[1], []
    models = {name: Adapting(network) for name, network in trained(seed).items()}
    for now in torch.arange(len(kinds)).split(STREAM):
        logits = {name: (one.slow if way == "none" else one.fast)(shown[name][now]) for name, one in models.items()}
        told = {name: each.log_softmax(1) for name, each in logits.items()}
        values.append(torch.stack([each.exp() for each in told.values()]).mean(0).argmax(1))
        if way != "none":
            slow = {name: one.slow(shown[name][now]).log_softmax(1) for name, one in models.items()}
            both = agreed([(told[name].detach(), slow[name].detach()) for name in models])
            for name, one in models.items():
                right = {"alone": told[name].argmax(1), "consistent": both, "truth": kinds[now]}[way]
                one.optimizer.zero_grad()
                cross_entropy(logits[name], right).backward()
                one.optimizer.step()
                one.follow()
    good = torch.cat(values) == kinds.roll(int(another))
    return Scores(good.float().tolist(), list(range(len(kinds))))
