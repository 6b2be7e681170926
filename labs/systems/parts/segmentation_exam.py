"""What a segmenter makes of held-out scenes: the IoU of its answers, and the quality of its maps."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts.asking import KEPT_BACK, KINDS, NAMES, THINGS, WEAK, ask, view
from labs.systems.parts.bound_sound import hear
from labs.systems.parts.panoptic import Panoptic, iou, panoptic, quality
from labs.systems.parts.segmenter import Prompts, Segmenter, Things

SCENES, ITEMS, PART = 1200, 600, 100  # held-out scenes; items of one exam, at most; scenes looked at together


def heard_things(seed: int) -> Float[Tensor, "scenes 3 128"]:
    """The sounds of the held-out things in the joint space, by the ear of a seed."""
    return hear("heldout", SCENES, seed)


def items(kind: str, pairs: str = "any") -> tuple[Int[Tensor, " items"], Int[Tensor, " items"]]:
    """Held-out scenes, and the thing that is asked for in each; of a weak prompt the one that fits.

    `pairs` may ask for things whose colour and shape went together in training ("seen") or never did ("unseen").
    """
    seen, draw = view("heldout", SCENES), torch.Generator().manual_seed(0)
    if kind in WEAK:
        scenes = torch.nonzero(seen.weak >= 0)[:ITEMS, 0]
        return scenes, seen.weak[scenes]
    kept_back = KEPT_BACK[seen.names]
    fits = {"any": torch.ones_like(kept_back), "seen": ~kept_back, "unseen": kept_back}[pairs]
    scenes = torch.nonzero(fits.any(1))[:ITEMS, 0]
    return scenes, (fits[scenes] * torch.rand(len(scenes), THINGS, generator=draw)).argmax(1)


@torch.no_grad()
def overlaps(
    model: Segmenter, heard: Float[Tensor, "all 3 128"], kind: str, pairs: str = "any", of_another: bool = False
) -> Float[Tensor, "items 3"]:
    """IoU of each answer with each thing of its scene; `of_another` gives every scene the prompt meant for another."""
    seen, (scenes, things) = view("heldout", SCENES), items(kind, pairs)
    source, about = (part.roll(int(of_another)) for part in (scenes, things))
    kinds = torch.full((len(scenes), 1), list(KINDS).index(kind))
    prompts = ask(seen.of(source), about[:, None], kinds, heard[source])
    found = []
    for rows in torch.arange(len(scenes)).split(PART):
        batch = seen.of(scenes[rows])
        looked = model.look(batch.pictures, batch.patches)
        answers = model.answer(looked, Prompts(*(part[rows] for part in prompts))) > 0
        found.append(iou(answers.expand(-1, THINGS, -1, -1), batch.masks))
    return torch.cat(found)


def answered(
    model: Segmenter, heard: Float[Tensor, "all 3 128"], kind: str, pairs: str = "any", of_another: bool = False,
    less_others: bool = False,
) -> Scores:  # fmt: skip
    """IoU with the thing that was asked for; `less_others`, less the mean of that with the other things of the scene.

    That difference is 0 on average for whoever does not know which thing is meant.
    """
    scenes, things = items(kind, pairs)
    found = overlaps(model, heard, kind, pairs, of_another)
    own = found[torch.arange(len(things)), things]
    rest = (found.sum(1) - own) / (THINGS - 1)
    return Scores((own - rest if less_others else own).tolist(), scenes.tolist())


@torch.no_grad()
def find_all(model: Segmenter, scenes: Int[Tensor, " some"]) -> Things:
    """What the object queries find in held-out scenes."""
    found = []
    for part in scenes.split(PART):
        batch = view("heldout", SCENES).of(part)
        found.append(model.things(model.look(batch.pictures, batch.patches)))
    return Things(*(torch.cat(part) for part in zip(*found, strict=True)))


def panoptic_quality(model: Segmenter, of_another: bool = False) -> Scores:
    """Of each scene; `of_another` holds the maps of a scene against what there is in the next."""
    scenes = torch.arange(ITEMS)
    seen = view("heldout", SCENES).of(scenes.roll(int(of_another)))
    return Scores(quality(panoptic(find_all(model, scenes)), seen.masks, seen.names).tolist(), scenes.tolist())


def named(model: Segmenter, shuffled: bool = False) -> Scores:
    """Which things of unseen pairs were found, with an IoU above a half, and named rightly of all 64 names."""
    order = torch.randperm(len(NAMES), generator=torch.Generator().manual_seed(0))
    seen = view("heldout", SCENES).of(torch.arange(ITEMS))
    maps = panoptic(find_all(model, torch.arange(ITEMS)))
    maps = Panoptic(maps.map, order[maps.names]) if shuffled else maps
    # The quality of a map is above 0 if anything was found and named: here one thing at a time.
    right = [quality(maps, seen.masks[:, [i]], seen.names[:, [i]]) > 0 for i in range(THINGS)]
    scenes, things = torch.nonzero(KEPT_BACK[seen.names], as_tuple=True)
    return Scores(torch.stack(right, dim=1)[scenes, things].float().tolist(), scenes.tolist())
