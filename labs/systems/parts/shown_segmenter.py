"""A segmenter to look at: what it answers to prompts of every kind, and its map of a whole scene."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from labs.systems.parts.asking import KINDS, ask, view
from labs.systems.parts.bound_sound import Ear, listen
from labs.systems.parts.panoptic import Panoptic, panoptic
from labs.systems.parts.segmenter import Segmenter
from labs.systems.parts.shipped import fill

SHOWN = 100  # held-out scenes


def shipped() -> tuple[Segmenter, Ear]:
    """A segmenter that was trained four times as long as the claims', and the ear that goes with it."""
    model, ear = Segmenter(), Ear()
    fill("02_2/segmenter.safetensors", {"segmenter": model, "ear": ear})
    return model, ear


@torch.no_grad()
def follow(model: Segmenter, ear: Ear, scene: int, thing: int, kinds: Sequence[str]) -> Bool[Tensor, "kinds 72 72"]:
    """Masks for prompts of several kinds about one thing, in one of the first `SHOWN` held-out scenes."""
    seen = view("heldout", SHOWN).of(torch.tensor([scene]))
    asked = torch.tensor([[list(KINDS).index(kind) for kind in kinds]])
    prompts = ask(seen, torch.full_like(asked, thing), asked, listen(ear, seen.sounds))
    return model.answer(model.look(seen.pictures, seen.patches), prompts)[0] > 0


@torch.no_grad()
def whole_map(model: Segmenter, scene: int) -> Panoptic:
    """The panoptic map of such a scene."""
    seen = view("heldout", SHOWN).of(torch.tensor([scene]))
    return panoptic(model.things(model.look(seen.pictures, seen.patches)))
