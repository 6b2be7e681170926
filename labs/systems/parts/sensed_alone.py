"""Three noisy senses of one thing, an encoder for each that has learned alone and is frozen: a row of numbers a sense.

The senses and what is to be told are those of parts.fused. Encoders learn from "train", all that stands behind them
from other scenes, "lessons". "choice" are held-out scenes on which settings were chosen, "exam" those of the claims.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes, senses
from labs.systems.parts.fused import KINDS, SENSES, Fusion, Recorded
from labs.systems.parts.learn import batches, learn
from labs.world.scene import Scene

NOISE = {"picture": 1.0, "sound": 2.0, "motion": 2.0}  # standard deviation, in the units of parts.senses
COUNTS = {"train": 4096, "lessons": 2048, "choice": 800, "exam": 800}  # scenes
SEEDS = {"train": 0, "lessons": 1, "choice": 0, "exam": 1}  # of the data
STEPS, BATCH, RATE = 300, 64, 2e-3
EXAM = "exam"  # the split that is asked
SPOILT, LOUDER = 0.5, 3.0  # how often one sense of a scene is spoilt, and how much stronger its noise is then


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split in ("train", "lessons") else "heldout", COUNTS[split], seed=SEEDS[split])


@cache
def record(split: str, spoilt: bool = False) -> Recorded:
    """The scenes through noisy sensors; in `spoilt` ones one sense at times is far noisier."""
    shown, generator = scenes(split), torch.Generator().manual_seed(10 + list(COUNTS).index(split))
    inputs = {name: senses.perceive_once(name, shown) for name in SENSES}
    inputs["picture"] = avg_pool2d(inputs["picture"], 2)
    inputs["sound"] = inputs["sound"][:, None]
    inputs["motion"] = inputs["motion"].transpose(1, 2)[:, :, None]
    loud = torch.where(is_spoilt(split), LOUDER, 1.0) if spoilt else torch.ones(len(shown), len(SENSES))
    for at, (name, clean) in enumerate(inputs.items()):
        noise = NOISE[name] * torch.randn(clean.shape, generator=generator)
        inputs[name] = clean + loud[:, at, None, None, None] * noise
    return Recorded(inputs, torch.tensor([KINDS // 2 * (s.things[0].size == "big") + s.things[0].row for s in shown]))


@cache
def is_spoilt(split: str) -> Bool[Tensor, "scenes senses"]:
    """Which sense of each scene is spoilt, if one is."""
    generator = torch.Generator().manual_seed(20 + list(COUNTS).index(split))
    which = torch.randint(len(SENSES), (len(scenes(split)),), generator=generator)
    chosen = torch.rand(len(which), generator=generator) < SPOILT
    return torch.nn.functional.one_hot(which, len(SENSES)).bool() & chosen[:, None]


def kinds(split: str) -> Int[Tensor, " scenes"]:
    """What is to be told."""
    return record(split).kinds


def right(told: Int[Tensor, " answers"], truth: Int[Tensor, " scenes"], another: bool = False) -> Scores:
    """1 for each right answer about a scene of the exam; answers may go over all scenes several times.

    As a control, what was told of `another` scene is held against the truth of each.
    """
    times = len(told) // len(truth)
    told = told.unflatten(0, (times, -1)).roll(int(another), 1).flatten()
    return Scores((told == truth.repeat(times)).float().tolist(), list(range(len(truth))) * times)


def build(sense: str, seed: int) -> Fusion:
    """A fresh network of one sense; raises KeyError for one that is none of `SENSES`."""
    torch.manual_seed(seed)
    return Fusion((sense,))


@cache
def encoder(sense: str, seed: int) -> Fusion:
    """The same after it has learned from labels, alone."""
    network, (inputs, truth), at = build(sense, seed), record("train"), batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        return cross_entropy(network.fused(network.features({sense: inputs[sense][now]})[0]), truth[now])

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


@cache
def raw(seed: int, split: str, spoilt: bool = False) -> Float[Tensor, "scenes senses 64"]:
    """What the frozen encoders make of scenes."""
    inputs = record(split, spoilt).inputs
    return torch.stack([look(encoder(name, seed), inputs[name]) for name in SENSES], dim=1)


@torch.no_grad()
def look(network: Fusion, inputs: Float[Tensor, "scenes ..."]) -> Float[Tensor, "scenes 64"]:
    """Features of a network of one sense, some scenes at a time."""
    return torch.cat([network.features({network.senses[0]: part})[0] for part in inputs.split(256)])


@cache
def features(seed: int, split: str, spoilt: bool = False) -> Float[Tensor, "scenes senses 64"]:
    """The same with mean 0 and deviation 1 over the lessons, number by number."""
    usual = raw(seed, "lessons")
    return (raw(seed, split, spoilt) - usual.mean(0)) / (usual.std(0) + 1e-4)
