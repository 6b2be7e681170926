"""How a language model learns to hand on a state: the loss of a mask or a box goes through it into the adapters."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.models.pixels import to_pixels
from labs.systems.parts import eyes, pointed, pointing_taught
from labs.systems.parts.learn import learn
from labs.systems.parts.limit_tuning import Lesson, records
from labs.systems.parts.picture_judge import overlap
from labs.systems.parts.segmenter import mask_loss
from labs.systems.parts.state_handed import HERE, Handed, To, build
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.steps import Steps
from labs.world import regions
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene

RATES = {"mask": 4e-3, "box": 4e-3}
OF_CORNERS = 5.0  # the weight of how far corners are off, beside 1 for the overlap

StateLoss = Callable[[Float[Tensor, "records width"], Int[Tensor, "records 2"]], Float[Tensor, ""]]


@cache
def handed(seed: int, to: To) -> Handed:
    """After as many steps, on the same requests, as those have who learn to write the box; frozen."""
    one, turns = build(seed, to), torch.tensor(pointed.turns())
    examples = Examples(one.loaded.processor, records(say_here(pointed.lessons("pointing"))))
    steps = Steps(examples, pointing_taught.BATCH, seed=seed)
    loss_of = _to_masks(one) if to == "mask" else _to_boxes(one)

    def loss_at(step: int) -> Tensor:
        epoch, item = divmod(step, len(steps))
        if item == 0:
            steps.set_epoch(epoch)
        read = one.read(steps[item])
        return read.loss + loss_of(read.states, turns[sum(steps.plan[item], [])])

    one.loaded.model.train()
    with features_once(one.loaded.model):
        learn([*one.loaded.model.parameters(), *one.head.parameters()], loss_at, pointing_taught.STEPS, RATES[to])
    one.loaded.model.eval().requires_grad_(False)
    one.head.requires_grad_(False)
    return one


def say_here(asked: Sequence[Lesson]) -> list[Lesson]:
    """The same requests, answered by the one token."""
    return [one._replace(answer=HERE) for one in asked]


def seen_by_segmenter(shown: Sequence[Scene]) -> tuple[Float[Tensor, "scenes 3 72 72"], Float[Tensor, "scenes 36 128"]]:
    """Pixels and patches, as the segmenter gets them."""
    return to_pixels([draw(scene) for scene in shown]), eyes.look(shown)[:, 1:]


def masks_of(shown: Sequence[Scene]) -> Bool[Tensor, "scenes 3 72 72"]:
    """Of the three things of each scene."""
    return torch.from_numpy(np.stack([regions.masks(scene) for scene in shown]))


def _to_masks(one: Handed) -> StateLoss:
    shown = pointed.scenes("train", pointed.TRAIN)
    pictures, patches = seen_by_segmenter(shown)
    masks = masks_of(shown)

    def loss(states: Tensor, asked: Tensor) -> Tensor:
        which, thing = asked.T
        return mask_loss(one.masks(states, pictures[which], patches[which]), masks[which, thing]).mean()

    return loss


def _to_boxes(one: Handed) -> StateLoss:
    boxes = pointed.true_boxes("train", pointed.TRAIN) / SIZE

    def loss(states: Tensor, asked: Tensor) -> Tensor:
        true, found = boxes[tuple(asked.T)], one.boxes(states)
        return OF_CORNERS * (found - true).abs().mean() + 1 - overlap(true, found).mean()

    return loss
