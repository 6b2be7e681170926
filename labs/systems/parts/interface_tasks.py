"""Segmentation, grounding and retrieval, learned by one masked interface, by one without masks, or by one for each."""

from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from labs.systems.claim import Scores
from labs.systems.parts.captioned_views import Views, views
from labs.systems.parts.embedder import contrast
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.masked_interface import Interface

TASKS = ("segmentation", "grounding", "retrieval")
STEPS, BATCH, RATE, AMONG = 300, 32, 2e-3, 16  # captions to choose from


def losses(found: dict[str, Tensor], given: Views) -> dict[str, Tensor]:
    """The loss of each task; retrieval is by contrast, both ways."""
    picture, text = found["retrieval"].unbind(1)
    same = torch.eye(len(picture))
    return {
        "segmentation": binary_cross_entropy_with_logits(found["segmentation"], given.shapes.float()),
        "grounding": binary_cross_entropy_with_logits(found["grounding"], given.meant.float()),
        "retrieval": 0.1 * (contrast(picture @ text.T, same) + contrast(text @ picture.T, same)),
    }


@cache
def taught(seed: int, tasks: tuple[str, ...], masked: bool = True) -> Interface:
    """An interface that has learned these tasks, all in each step; the encoders on both its sides are frozen."""
    torch.manual_seed(seed)
    network, given = Interface(masked), views("train")
    order = batches(len(given.cells), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        now = given.of(order(step))
        found = losses(network(now), now)
        return torch.stack([found[task] for task in tasks]).sum()

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def overlap(logits: Float[Tensor, "n masks 36"], true: Bool[Tensor, "n masks 36"]) -> Float[Tensor, " n"]:
    """The mean IoU of those masks that have a patch."""
    ours, there = logits > 0, true.any(-1)
    each = (ours & true).sum(-1) / (ours | true).sum(-1).clamp(min=1)
    return (each * there).sum(1) / there.sum(1).clamp(min=1)


def first(network: Interface, given: Views, another: bool) -> Float[Tensor, " n"]:
    """Whether a picture finds its caption among 16, or `another` one does; each is read together with the picture."""
    n = len(given.cells) // AMONG * AMONG
    rows, offset = torch.arange(n).repeat_interleave(AMONG), torch.arange(AMONG).repeat(n)
    told = given.of(rows // AMONG * AMONG + (rows + offset) % AMONG)  # its own comes first
    shown = given.of((rows + AMONG * int(another)) % n)
    picture, text = network(shown._replace(phrases=told.phrases, told=told.told))["retrieval"].unbind(1)
    return ((picture * text).sum(-1).view(n, AMONG).argmax(1) == 0).float()


def scores(seed: int, how: str, tasks: tuple[str, ...] = TASKS, another: bool = False, split: str = "exam") -> Scores:
    """IoU and recall at 1, the mean over the tasks; `how` is "masks", "no masks" or "a network each"."""
    given, found = views(split), []
    for task in tasks:
        network = taught(seed, (task,) if how == "a network each" else TASKS, how != "no masks")
        if task == "retrieval":
            found.append(first(network, given, another))
        else:
            found.append(overlap(network(given)[task], given.shapes if task == "segmentation" else given.meant))
    least = min(map(len, found))
    return Scores(torch.stack([one[:least] for one in found]).mean(0).tolist(), list(range(least)))
