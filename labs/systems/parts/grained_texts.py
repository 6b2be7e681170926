"""Texts about radiographs at several levels: MedTrinity-25M (Xie et al., 2024, https://arxiv.org/abs/2408.02900).

    global      nodule                                     the label that a picture was found with
    local       left top                                   where an expert detector finds it
    retrieved   round dense rim                            the card of a small library that speaks of such labels

A writer puts them together. The detector has learned from a few other radiographs with boxes. What pictures and texts
have taught is measured by a few labelled ones. Nothing here is medical data (labs.world.domains.radiograph).
"""

import random
from functools import cache, partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.learn import learn
from labs.systems.parts.probe import right_when_shuffled, standard_probe
from labs.systems.parts.regions import cells
from labs.systems.parts.sought_pictures import bags, fitted
from labs.world.domains import medical, radiograph
from labs.world.domains.radiograph import FINDINGS, SIDES, ZONES, Radiograph

COUNTS = {"train": 768, "boxed": 96, "labelled": 64, "choice": 160, "exam": 160}  # radiographs
EXAM, ORDERS = "exam", 10  # the split that is asked; orders of labels, of the control
LEVELS = ("global", "local", "retrieved")
LIBRARY = (
    "nodule round dense rim", "shadow cloud soft blurred", "fluid level white costal", "clear dark ribs air",
)  # fmt: skip
VOCABULARY = tuple(dict.fromkeys(" ".join((*LIBRARY, *SIDES, *ZONES)).split()))
KINDS = {"finding": FINDINGS, "side": tuple(SIDES), "zone": tuple(ZONES)}
SIDE, STEPS, RATE = 6, 200, 1e-2  # patches a side; of the detector


@cache
def cases(split: str) -> tuple[Radiograph, ...]:
    """Raises KeyError for an unknown split."""
    rng, kind = random.Random(f"grained texts {split}"), "heldout" if split in ("choice", "exam") else "train"
    return tuple(medical.sample(rng, kind) for _ in range(COUNTS[split]))


@cache
def seen(split: str) -> Float[Tensor, "cases 36 128"]:
    """What the frozen eyes make of each patch, standardised patch by patch."""
    raw = _raw("train")
    return (_raw(split) - raw.mean(0)) / (raw.std(0) + 1e-2)


@cache
def _raw(split: str) -> Float[Tensor, "cases 36 128"]:
    return eyes.look([radiograph.draw(case) for case in cases(split)])[:, 1:]


@cache
def detector(seed: int) -> nn.Linear:
    """How likely a finding lies in a patch, from radiographs with boxes."""
    there = [at for at, case in enumerate(cases("boxed")) if case.side]
    where = torch.tensor([_patch(cases("boxed")[at]) for at in there])
    torch.manual_seed(seed)
    head = nn.Linear(seen("boxed").shape[-1], 1)
    learn(head.parameters(), lambda step: cross_entropy(head(seen("boxed")[there])[..., 0], where), STEPS, RATE)
    return head.requires_grad_(False)


def _patch(case: Radiograph) -> int:
    x, y = radiograph.centre(case)
    return SIDE * int(y * SIDE) + int(x * SIDE)


def place(patch: int) -> str:
    """Side, the patient's, and zone of a patch."""
    x, y = (patch % SIDE + 0.5) / SIDE, (patch // SIDE + 0.5) / SIDE
    return " ".join(min(table, key=lambda name: abs(table[name] - at)) for table, at in ((SIDES, x), (ZONES, y)))


def retrieve(label: str) -> str:
    """The card of the library that shares most words with a label."""
    return max(LIBRARY, key=lambda card: len(set(card.split()) & set(label.split())))


@cache
def texts(seed: int, levels: tuple[str, ...]) -> tuple[str, ...]:
    """One for each training picture, of some of `LEVELS`. What is clear has no place."""
    found = detector(seed)(seen("train"))[..., 0].argmax(1).tolist()
    return tuple(
        " ".join([
            case.finding, place(patch) if "local" in levels and case.finding != "clear" else "",
            retrieve(case.finding) if "retrieved" in levels else "",
        ])
        for case, patch in zip(cases("train"), found, strict=True)
    )  # fmt: skip


@cache
def encoded(seed: int, levels: tuple[str, ...], split: str) -> Float[Tensor, "cases width"]:
    """What a picture encoder makes of a split that has learned from such texts; without any, frozen eyes alone."""
    flat = cells(seen(split)).flatten(1)
    return _bridge(seed, levels).sound(flat) if levels else flat


@cache
def _bridge(seed: int, levels: tuple[str, ...]) -> Bridge:
    return fitted(cells(seen("train")).flatten(1), bags(texts(seed, levels), VOCABULARY), seed)


def right(seed: int, levels: tuple[str, ...], shuffled: bool = False) -> Scores:
    """1 for each right answer of a linear layer that has learned from few labelled pictures.

    As a control, the share of right ones after learning from `shuffled` labels.
    """
    values, about = [], []
    inputs, asked = encoded(seed, levels, "labelled"), encoded(seed, levels, EXAM)
    for kind, answers in KINDS.items():
        (known, labels), (test, truth) = _labels("labelled", kind), _labels(EXAM, kind)
        probe = partial(standard_probe, inputs[known], tested=asked[test], size=len(answers), seed=seed)
        if shuffled:
            told = right_when_shuffled(lambda order, probe=probe: probe(classes=order), labels, truth, ORDERS, seed)
        else:
            told = (probe(classes=labels) == truth).float()
        values += told.tolist()
        about += test.tolist()
    return Scores(values, about)


def _labels(split: str, kind: str) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """Which pictures have an answer, and its number; of fluid nobody asks the zone."""
    told = [None if kind == "zone" and one.finding == "fluid" else getattr(one, kind) for one in cases(split)]
    rows = [at for at, answer in enumerate(told) if answer]
    return torch.tensor(rows), torch.tensor([KINDS[kind].index(told[at]) for at in rows])


def chance() -> float:
    """How often a guess is right."""
    asked = {kind: len(_labels(EXAM, kind)[0]) for kind in KINDS}
    return sum(count / len(KINDS[kind]) for kind, count in asked.items()) / sum(asked.values())
