"""How far visual tokens lie from words inside a language model, layer by layer, while a projector learns to caption.

States of a projector that learns from the captions of the pictures, or from those of other pictures, with the modality
integration rate (labs.systems.parts.modality_rate) and the loss on captions of each. The authors of the rate order ways
of pre-training by it, before any tuning.
"""

import copy
import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlavaForConditionalGeneration

from labs.models.mini import whiten_projector
from labs.models.pixels import to_pixels
from labs.systems.claim import Scores
from labs.systems.parts import base_model, base_words, captioner, eyes
from labs.systems.parts.documents import told
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.modality_rate import rank_correlation, rate
from labs.systems.parts.talk import answer_logits, answer_loss, embed
from labs.tuning.packing import IGNORE, Batch, Row, pack
from labs.world.scene import Scene

SEEN, STEPS, KEPT = 2048, 300, (0, 20, 60, 150)  # scenes, updates, and after which is measured, besides the end
GROUPS, EACH, DATA = 24, 20, 50  # of held-out scenes, scenes of one, and the data seed that those of arms are added to
CAPTIONS = ("own", "others")
ORDERS = 100  # of losses, for the control


class Measured(NamedTuple):
    """Of one state of the projector, for each group of scenes: the rate, and the loss on captions."""

    rate: list[float]
    loss: list[float]


# ---------------------------------------------------------------------------------------------------------------
# States of a projector


def begun(seed: int) -> LlavaForConditionalGeneration:
    """The shipped captioner with a new projector, which alone may learn."""
    model = captioner.load().model
    model.model.multi_modal_projector = captioner.build(base_model.build(), seed).model.multi_modal_projector
    shown = eyes.scenes("train", captioner.WHITENED, captioner.THINGS)
    whiten_projector(model, to_pixels([eyes.picture_of(scene) for scene in shown]))
    return model


@cache
def aligned(seed: int, captions: str) -> dict[int, dict[str, Tensor]]:
    """The projector after each of `KEPT` steps, trained on `own` captions, or on those of `others`."""
    if captions not in CAPTIONS:
        raise ValueError(f"captions must be one of {', '.join(CAPTIONS)}, not {captions!r}")
    model, shown, features, kept = begun(seed), scenes("train", 0), look("train", 0), {}
    project = model.model.multi_modal_projector
    at, met = (batches(len(shown), captioner.BATCH, seed + 1000 * other) for other in (0, 1))

    def loss(step: int) -> Tensor:
        if step in KEPT:
            kept[step] = copy.deepcopy(project.state_dict())
        chosen = at(step)
        said = met(step) if captions == "others" else chosen
        rows = _rows([shown[i] for i in said.tolist()])
        return answer_loss(model, rows, project(features[chosen]))

    learn(project.parameters(), loss, STEPS, captioner.RATE)
    return kept | {STEPS: copy.deepcopy(project.state_dict())}


@cache
def look(split: str, data: int) -> Float[Tensor, "scenes 36 128"]:
    """The patches of the scenes that are learned from, or measured on."""
    return eyes.look(scenes(split, data))[:, 1:]


def scenes(split: str, data: int) -> tuple[Scene, ...]:
    """The same scenes."""
    return eyes.scenes(split, SEEN if split == "train" else GROUPS * EACH, captioner.THINGS, data)


@cache
def measured(seed: int, captions: str) -> dict[int, Measured]:
    """Every state: the rate and the loss on captions of each group."""
    model, states = begun(seed), aligned(seed, captions)
    return {step: _measure(model, state, DATA + seed) for step, state in states.items()}


@torch.no_grad()
def _measure(model: LlavaForConditionalGeneration, state: dict[str, Tensor], data: int) -> Measured:
    project, found = model.model.multi_modal_projector, Measured([], [])
    project.load_state_dict(state)
    given = project(look("heldout", data))
    for at in range(0, GROUPS * EACH, EACH):
        rows, seen = _rows(scenes("heldout", data)[at : at + EACH]), given[at : at + EACH]
        found.rate.append(rate(layers(model, rows, seen)))
        found.loss.append(float(cross_entropy(answer_logits(model, rows, seen), rows.labels[rows.labels != IGNORE])))
    return found


def layers(
    model: LlavaForConditionalGeneration, rows: Batch, seen: Float[Tensor, "scenes 36 width"]
) -> list[tuple[Tensor, Tensor]]:
    """What comes out of every block: visual tokens, and the words of the captions."""
    out = model.model.language_model(
        inputs_embeds=embed(model, rows, seen), position_ids=rows.position_ids, attention_mask=rows.attention_mask,
        output_hidden_states=True, use_cache=False,
    )  # fmt: skip
    pictures, words = rows.input_ids == base_words.PICTURE, rows.branch > 0
    return [(states[pictures], states[words]) for states in out.hidden_states[1:]]


def _rows(shown: Sequence[Scene]) -> Batch:
    return pack([Row(captioner.BEFORE, [told(scene)]) for scene in shown], base_words.PAD, multiple=16)


# ---------------------------------------------------------------------------------------------------------------
# What the rate says


def rates(seed: int, captions: str, step: int) -> Scores:
    """The rate of a state, for each group of scenes."""
    return Scores(measured(seed, captions)[step].rate, range(GROUPS))


def correlation(seed: int, captions: tuple[str, ...] = CAPTIONS, shuffled: bool = False) -> Scores:
    """For each group the rank correlation of rate and loss over all states that have learned; 1 if they agree.

    `shuffled` is the mean over losses in many other orders.
    """
    states = [one for name in captions for step, one in measured(seed, name).items() if step > 0]
    values, rng = [], random.Random(f"orders {seed}")
    for group in range(GROUPS):
        narrow, losses = ([getattr(one, name)[group] for one in states] for name in ("rate", "loss"))
        orders = [rng.sample(losses, len(losses)) for _ in range(ORDERS)] if shuffled else [losses]
        values.append(sum(rank_correlation(narrow, order) for order in orders) / len(orders))
    return Scores(values, range(GROUPS))
