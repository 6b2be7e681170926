"""What object queries find: how they learn it, the three maps of generic segmentation, and how good those are.

| panoptic | which thing each pixel belongs to, and the name of each thing     one map and a name for each number
| instance | a mask for each thing                                             the map taken apart
| semantic | what each pixel shows, whichever thing it belongs to              the map with names for numbers
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from labs.systems.parts.asking import KEPT_BACK, NAMES, View, in_joint_space
from labs.systems.parts.segmenter import Things, assign, mask_loss, pair_costs
from labs.world.vocabulary import SHAPES

SHARPNESS = 14.0  # 1 / temperature, about where CLIP starts
NAMING_WEIGHT, NOTHING_WEIGHT = 0.3, 0.3  # of names against masks; of saying nothing against a name


class Panoptic(NamedTuple):
    """Every pixel belongs to one query's thing or to the background."""

    map: Int[Tensor, "scenes 72 72"]  # 0 is the background, 1 the first query
    names: Int[Tensor, "scenes queries"]  # indices into `NAMES`; meaningless where the map shows no pixel


def name_logits(found: Things) -> Float[Tensor, "scenes queries 65"]:
    """How well each of `NAMES` fits, and last, that there is nothing."""
    return torch.cat([SHARPNESS * found.names @ in_joint_space(NAMES).T, found.nothing[..., None]], dim=-1)


def finding_loss(found: Things, seen: View) -> Float[Tensor, ""]:
    """Set prediction: each thing is one query's business, the others say nothing. Names kept back are not offered."""
    hidden = torch.cat([KEPT_BACK, torch.tensor([False])])
    likely = name_logits(found).masked_fill(hidden, -torch.inf).log_softmax(-1)
    fits = likely.exp().gather(2, seen.names[:, None].expand(-1, found.masks.shape[1], -1))
    best = assign(pair_costs(found.masks, seen.masks) - fits.detach())
    row = torch.arange(len(best))[:, None]
    wanted = torch.full(likely.shape[:2], len(NAMES))
    wanted[row, best] = seen.names
    weights = torch.cat([torch.ones(len(NAMES)), torch.tensor([NOTHING_WEIGHT])])
    naming = cross_entropy(likely.flatten(0, 1), wanted.flatten(), weights)
    return mask_loss(found.masks[row, best], seen.masks).mean() + NAMING_WEIGHT * naming


def panoptic(found: Things) -> Panoptic:
    """Queries that say nothing are dropped; a pixel goes to the query most sure of it, or to none."""
    said = name_logits(found).argmax(-1)
    masks = found.masks.masked_fill((said == len(NAMES))[..., None, None], -torch.inf)
    sure, winner = masks.max(1)
    return Panoptic(torch.where(sure > 0, winner + 1, 0), name_logits(found)[..., :-1].argmax(-1))


def instances(maps: Panoptic) -> Bool[Tensor, "scenes queries 72 72"]:
    """A mask for every query, empty where it found nothing."""
    numbers = torch.arange(1, maps.names.shape[1] + 1)
    return maps.map[:, None] == numbers[:, None, None]


def semantic(maps: Panoptic) -> Int[Tensor, "scenes 72 72"]:
    """The shape that each pixel shows, as `labs.world.regions.LABELS` numbers them; 0 is the background."""
    shapes = pad(maps.names % len(SHAPES) + 1, (1, 0))  # NAMES go colour by colour
    return shapes.gather(1, maps.map.flatten(1)).view_as(maps.map)


def iou(ours: Bool[Tensor, "*some 72 72"], true: Bool[Tensor, "*some 72 72"]) -> Float[Tensor, "*some"]:
    """Intersection over union; 0 where neither has a pixel."""
    return (ours & true).sum((-2, -1)) / (ours | true).sum((-2, -1)).clamp(min=1)


def quality(
    maps: Panoptic, true: Bool[Tensor, "scenes things 72 72"], names: Int[Tensor, "scenes things"]
) -> Float[Tensor, " scenes"]:
    """Panoptic quality of each scene: the IoU of what was found and named rightly, over all that is there or claimed.

    A pair matches if its IoU is above a half, which at most one pair of each thing can have.
    """
    ours = instances(maps)
    shape = (*ours.shape[:2], *true.shape[1:])
    overlap = iou(ours[:, :, None].expand(shape), true[:, None].expand(shape))  # (scenes, queries, things)
    match = (overlap > 0.5) & (maps.names[:, :, None] == names[:, None])
    claimed, there = ours.any(-1).any(-1).sum(1), true.shape[1]
    return 2 * (overlap * match).sum((1, 2)) / (claimed + there)
