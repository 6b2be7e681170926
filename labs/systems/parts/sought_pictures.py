"""Pictures sought by words: learning from pairs, however they were made, and one exam on held-out names for all.

    grainy picture -> frozen mini-clip -> small function --.
                                                             > contrast; words that are the same count as right
    a bag of words ---------------------> small function --'

In the exam a text has to find its picture among those of the 56 names that training knows, so that neither its colour
nor its shape is enough. "choice" are pictures on which settings were chosen, "exam" those of the claims.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts import eyes, few_shots
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.contrastive import contrastive_loss, name_of
from labs.systems.parts.learn import batches, learn
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS

COUNT, ASKED, ROOMS = 2048, 160, 4  # pictures to learn from; of an exam; sets of pictures to search among
DRAWN = 3  # times as many scenes are drawn, for each name to be there often enough
SEEDS = {"choice": 0, "exam": 5}  # of the data
EXAM = "exam"  # the split that is asked
STEPS, BATCH, RATE = 300, 128, 2e-3


@cache
def seen(split: str) -> Float[Tensor, "scenes 128"]:
    """Grainy pictures of "train", or of a split of an exam, around 0 with numbers around 1."""
    number = -1 if split == "train" else SEEDS[split]
    return around_zero(few_shots.look(scenes(split), 40 + number))


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each; in an exam each name equally often. Raises KeyError for an unknown split."""
    if split == "train":
        return eyes.scenes("train", COUNT)
    drawn, many = eyes.scenes("heldout", DRAWN * ASKED, seed=SEEDS[split]), ASKED // len(HELD_OUT_PAIRS)
    return tuple(one for name in sorted(HELD_OUT_PAIRS) for one in [s for s in drawn if name_of(s) == name][:many])


def around_zero(vectors: Float[Tensor, "n 128"]) -> Float[Tensor, "n 128"]:
    """Vectors of the mini-clip without what all pictures share."""
    return (vectors - _usual()) * vectors.shape[1] ** 0.5


@cache
def _usual() -> Float[Tensor, "128"]:
    return few_shots.look(scenes("train")[:256], 39).mean(0)


@cache
def others(split: str) -> Float[Tensor, "rooms 56 128"]:
    """Pictures of all names that training knows, several times."""
    shown = few_shots.of_every_name(ROOMS, f"sought {split}")
    known = [scene for scene in shown if name_of(scene) not in HELD_OUT_PAIRS]
    return around_zero(few_shots.look(known, 50 + SEEDS[split])).unflatten(0, (ROOMS, -1))


def bags(texts: Sequence[str], words: Sequence[str]) -> Float[Tensor, "texts words"]:
    """How often each word stands in each text."""
    return torch.tensor([[float(text.split().count(word)) for word in words] for text in texts])


def fitted(pictures: Float[Tensor, "n width"], told: Float[Tensor, "n words"], seed: int) -> Bridge:
    """Two small functions that have learned which words go with which picture."""
    torch.manual_seed(seed)
    bridge, at = Bridge(pictures.shape[1], told.shape[1]), batches(len(told), min(BATCH, len(told)), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        same = (told[rows][:, None] == told[rows]).all(-1).float()
        return contrastive_loss(bridge(pictures[rows], told[rows]), same)

    learn(bridge.parameters(), loss, STEPS, RATE)
    return bridge.eval().requires_grad_(False)


def finds(bridge: Bridge, told: Float[Tensor, "asked words"]) -> Scores:
    """1 where a text finds its picture before all those of known names."""
    texts, own = (normalize(part, dim=-1) for part in (bridge.text(told), bridge.sound(seen(EXAM))))
    rooms = normalize(bridge.sound(others(EXAM)), dim=-1)[torch.arange(len(told)) % ROOMS]  # (asked, 56, width)
    best = torch.einsum("aw,anw->an", texts, rooms).amax(1)
    return Scores(((texts * own).sum(1) > best).float().tolist(), range(len(told)))
