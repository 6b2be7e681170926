"""Senses learned together: the hard one is crowded out, and what is missing later is missed. Repairs for both.

Modality competition (Huang et al., 2022, https://arxiv.org/abs/2203.12221): trained jointly, senses compete, and those
that lose are learned worse than alone. Losses of their own (Wang et al., 2020, https://arxiv.org/abs/1905.12681) and
gradient modulation (OGM-GE, Peng et al., 2022, https://arxiv.org/abs/2203.15332) are to repair that. Dropping senses
in training (ModDrop, Neverova et al., 2016, https://arxiv.org/abs/1501.00102) makes a network bear their absence.

Kept: an encoder for each sense, late fusion by one linear layer; an own loss of weight 1 for each sense; OGM-GE's
coefficient and noise, on convolutions alone, as in its authors' code; plain stochastic gradient descent, for AdamW
divides a gradient by its size and so undoes what modulation does to it.
Left out: gradient blending's search for weights; ModDrop's training of the encoders one by one beforehand.

A thing is small or big and lies in the upper, middle or lower row: six kinds. The picture tells them under heavy
noise; a tone's loudness and attack, and the turns of a head that looks round the thing, tell them more easily.
"""

from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from labs.systems.claim import Claim, Scores
from labs.systems.parts.fused import KINDS, SENSES, Fusion, drop, modulate, record
from labs.systems.parts.learn import batches
from labs.systems.parts.probe import linear_probe

SUBSETS = tuple(part for size in (1, 2, 3) for part in combinations(SENSES, size))
TRAIN, HELDOUT = 4096, 800  # scenes
STEPS, BATCH, RATE, WARM_UP = 300, 64, 0.05, 30


@dataclass(frozen=True)
class Recipe:
    """What is done besides minimising the loss of the fused answer."""

    own_losses: bool = False
    modulated: bool = False
    dropout: bool = False
    shuffled: bool = False  # labels: a control


JOINT, OWN_LOSSES, MODULATED = Recipe(), Recipe(own_losses=True), Recipe(modulated=True)
DROPOUT, SHUFFLED = Recipe(dropout=True), Recipe(shuffled=True)


def build(chosen: tuple[str, ...] = SENSES, seed: int = 0) -> Fusion:
    """A fresh network for some of the senses."""
    torch.manual_seed(seed)
    return Fusion(chosen)


@cache
def train(seed: int, recipe: Recipe = JOINT, chosen: tuple[str, ...] = SENSES) -> Fusion:
    """The network that a recipe makes of the senses `chosen`."""
    network, inputs, kinds = build(chosen, seed), record("train", TRAIN).inputs, labels(seed, recipe)
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=0.9, weight_decay=1e-4)
    at, generator = batches(TRAIN, BATCH, seed), torch.Generator().manual_seed(seed)
    for step in tqdm(range(STEPS), "steps", leave=False, mininterval=0.5):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / WARM_UP) * (1 - step / STEPS)
        now = at(step)
        features = network.features({name: inputs[name][now] for name in chosen})
        votes = network.votes(features)
        there = drop(len(chosen), BATCH, generator) if recipe.dropout else torch.ones(len(chosen), 1)
        loss = cross_entropy(network.fuse(votes, there), kinds[now])
        if recipe.own_losses:
            loss = loss + sum(cross_entropy(own(f), kinds[now]) for own, f in zip(network.own, features, strict=True))
        optimizer.zero_grad()
        loss.backward()
        if recipe.modulated:
            modulate(network, votes, kinds[now], generator)
        optimizer.step()
    return network.eval().requires_grad_(False)


def labels(seed: int, recipe: Recipe) -> Int[Tensor, " scenes"]:
    """What training is told about its scenes."""
    kinds = record("train", TRAIN).kinds
    order = torch.randperm(TRAIN, generator=torch.Generator().manual_seed(seed))
    return kinds[order] if recipe.shuffled else kinds


@cache
def look(network: Fusion, split: str) -> Float[Tensor, "senses scenes 64"]:
    """The features of all scenes of a split."""
    count = TRAIN if split == "train" else HELDOUT
    inputs = record(split, count).inputs
    parts = [{name: inputs[name][at : at + 512] for name in network.senses} for at in range(0, count, 512)]
    return torch.cat([network.features(part) for part in parts], dim=1)


def probe(seed: int, recipe: Recipe = JOINT, chosen: tuple[str, ...] = SENSES) -> Scores:
    """What a linear layer, trained on the frozen features of the picture branch, reads out of them."""
    network, place = train(seed, recipe, chosen), chosen.index("picture")
    seen, tested = look(network, "train")[place], look(network, "heldout")[place]
    mean, spread = seen.mean(0), seen.std(0) + 1e-6  # what is learned weakly may be small
    return _right(linear_probe((seen - mean) / spread, labels(seed, recipe), (tested - mean) / spread, KINDS, seed))


def tell(network: Fusion, there: tuple[str, ...], mean: bool = False) -> Scores:
    """How it tells held-out scenes by these senses alone; the votes of the others are 0, or the mean of training."""
    present = torch.tensor([float(name in there) for name in network.senses])[:, None]
    logits = network.fuse(network.votes(look(network, "heldout")), present)
    if mean:
        logits = logits + ((1 - present) * network.votes(look(network, "train")).mean(1)).sum(0)
    return _right(logits.argmax(1))


def best_alone(seed: int) -> Scores:
    """The network of a single sense that turns out to be best: chosen by hindsight, which favours it."""
    return max((tell(train(seed, JOINT, (name,)), (name,)) for name in SENSES), key=lambda one: sum(one.values))


def with_each(seed: int, recipe: Recipe | None, subsets: tuple = SUBSETS[:-1], mean: bool = False) -> Scores:
    """Every scene with every one of the subsets; no recipe stands for a network made for each subset."""
    parts = [tell(train(seed, recipe) if recipe else train(seed, JOINT, part), part, mean) for part in subsets]
    return Scores([value for part in parts for value in part.values], list(range(HELDOUT)) * len(subsets))


def every_subset(seed: int = 0) -> dict[str, dict[str, float]]:
    """A table to plot: how a network was trained -> "picture + sound" -> share of held-out scenes told rightly."""
    rows = {name: {" + ".join(part): arm(seed, subsets=(part,)).values for part in SUBSETS} for name, arm in _arms()}
    return {name: {part: sum(values) / HELDOUT for part, values in row.items()} for name, row in rows.items()}


def claims() -> list[Claim]:
    """On held-out scenes, whose colour-shape combinations training never shows."""
    probed = {
        "joint": probe, "own losses": partial(probe, recipe=OWN_LOSSES), "modulated": partial(probe, recipe=MODULATED),
        "picture alone": partial(probe, chosen=("picture",)), "shuffled labels": partial(probe, recipe=SHUFFLED),
    }  # fmt: skip
    missing, single, whole = (
        {name: partial(arm, subsets=subsets) for name, arm in _arms()}
        for subsets in (SUBSETS[:-1], SUBSETS[:3], SUBSETS[-1:])
    )
    fused = {"all, joint": whole["joint"], "best alone": best_alone, "shuffled labels": whole["shuffled labels"]}
    read, chance = "linear probe of the picture branch", {"controls": {"shuffled labels": 1 / KINDS}}
    return [
        Claim(
            "competition", "Trained together with easier senses, the picture branch learns less than it does alone.",
            read, probed, better="picture alone", than="joint", **chance,
        ),
        Claim(
            "own losses", "A loss for each sense alone gives the picture branch back what joint training costs it.",
            read, probed, better="own losses", than="joint", ceiling="picture alone", **chance,
        ),
        Claim(
            "modulation", "Slowing the sense that leads lets the picture branch learn more in joint training.",
            read, probed, better="modulated", than="joint", ceiling="picture alone", **chance,
        ),
        Claim(
            "all senses", "All senses fused are right more often than the best of them alone.",
            "accuracy", fused, better="all, joint", than="best alone", **chance,
        ),
        Claim(
            "missing senses",
            "Where senses are missing, a network that met their absence in training is right more often.",
            "accuracy, six subsets", missing, better="dropout", than="joint, mean", ceiling="one each", **chance,
        ),
        Claim(
            "one sense left",
            "With one sense left, dropout comes within five points of a network for that sense alone.",
            "accuracy, three senses", single, better="dropout", than="one each", within=0.05, **chance,
        ),
        Claim(
            "no sense missing", "Where no sense is missing, dropout in training costs no more than three points.",
            "accuracy", whole, better="dropout", than="joint", within=0.03, **chance,
        ),
    ]  # fmt: skip


def _arms() -> list[tuple[str, partial]]:
    """The networks that are tried on subsets of the senses; without dropout the missing vote is 0, or its mean."""
    return [
        ("dropout", partial(with_each, recipe=DROPOUT)),
        ("joint", partial(with_each, recipe=JOINT)),
        ("joint, mean", partial(with_each, recipe=JOINT, mean=True)),
        ("one each", partial(with_each, recipe=None)),
        ("shuffled labels", partial(with_each, recipe=SHUFFLED)),
    ]


def _right(told: Int[Tensor, " scenes"]) -> Scores:
    return Scores((told == record("heldout", HELDOUT).kinds).float().tolist(), range(HELDOUT))
