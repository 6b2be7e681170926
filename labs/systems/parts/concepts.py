"""A dictionary of concepts, learned from what a multimodal model has in mind when it is about to say a word.

    hidden states = concepts x activations        activations are never negative: a state is a sum of few concepts

Each concept is grounded twice: by the pictures that activate it most, and by the words that the output head reads off
it (https://arxiv.org/abs/2406.08074; semi-NMF: Ding, Li and Jordan, 2010). Whether a grounding is true can be checked
here, for what the pictures show is known.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import base_words, captioner, eyes
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

CONCEPTS, ROUNDS = 20, 200  # of a dictionary, and updates of its activations
LEARNED, CHECKED = 1500, 400  # scenes of one thing
SHOWN, NAMED = 5, 3  # pictures and words that stand for a concept
DATA = 60  # the data seed that those of arms are added to
ATTRIBUTES = {"size": SIZES, "colour": COLOURS, "shape": SHAPES, "place": PLACES}
BEFORE = ". a {0.size} {0.colour}"  # how a caption begins
KINDS = ("learned", "states", "directions")
EPSILON = 1e-9


class Dictionary(NamedTuple):
    """Concepts; for each the pictures, numbers of training scenes, and the words that stand for it."""

    concepts: Float[Tensor, "concepts width"]
    pictures: list[list[int]]
    words: list[list[str]]


# ---------------------------------------------------------------------------------------------------------------
# States and concepts


def scenes(split: str, data: int) -> tuple[Scene, ...]:
    """Scenes of one thing: to learn a dictionary from, or new ones to check it on, of combinations that were met."""
    return eyes.scenes("train", LEARNED if split == "train" else CHECKED, seed=data)


@cache
@torch.no_grad()
def states(split: str, data: int) -> Float[Tensor, "scenes width"]:
    """What the shipped captioner's head reads when a shape is about to be named; size and colour are said."""
    model, shown, found = captioner.load().model, scenes(split, data), []
    seen = model.model.multi_modal_projector(eyes.look(shown)[:, 1:])
    for at in range(0, len(shown), 100):
        said = [BEFORE.format(scene.things[0]) for scene in shown[at : at + 100]]
        ids = torch.tensor([[*captioner.BEFORE, *base_words.write(one)] for one in said])
        room = (ids == base_words.PICTURE)[..., None]
        read = model.get_input_embeddings()(ids).masked_scatter(room, seen[at : at + 100])
        found.append(model.model.language_model(inputs_embeds=read, use_cache=False).last_hidden_state[:, -1])
    return torch.cat(found)


def learn(
    given: Float[Tensor, "n width"], concepts: Float[Tensor, "concepts width"] | None = None, seed: int = 0
) -> tuple[Float[Tensor, "concepts width"], Float[Tensor, "n concepts"]]:
    """Semi-NMF: concepts, and activations that are never negative, whose product is near what is given.

    With `concepts` those stay, and activations alone are found.
    """
    fixed, generator = concepts is not None, torch.Generator().manual_seed(seed)
    active = torch.rand(len(given), len(concepts) if fixed else CONCEPTS, generator=generator) + 0.1
    for _ in range(ROUNDS):
        if not fixed:
            concepts = torch.linalg.pinv(active) @ given
        cross, gram = given @ concepts.T, concepts @ concepts.T
        more = cross.clamp(min=0) + active @ (-gram).clamp(min=0)
        less = (-cross).clamp(min=0) + active @ gram.clamp(min=0)
        active = active * ((more + EPSILON) / (less + EPSILON)).sqrt()
    return concepts, active


@cache
def dictionary(seed: int, kind: str) -> Dictionary:
    """One of `KINDS`: learned; as many of the states themselves; or random directions. Raises ValueError."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    given, generator = _centred(states("train", 0)), torch.Generator().manual_seed(seed)
    concepts = {
        "learned": lambda: None,
        "states": lambda: given[torch.randperm(len(given), generator=generator)[:CONCEPTS]],
        "directions": lambda: torch.randn(CONCEPTS, given.shape[1], generator=generator) * given.std(),
    }[kind]()
    concepts, active = learn(given, concepts, seed)
    head, known = captioner.load().model.get_input_embeddings().weight, attribute_words()
    likely = (concepts @ head[[base_words.words()[word] for word in known]].T).topk(NAMED).indices
    pictures = active.topk(SHOWN, dim=0).indices.T.tolist()
    return Dictionary(concepts, pictures, [[known[place] for place in row] for row in likely.tolist()])


def attribute_words() -> list[str]:
    """Every word of a size, colour, shape or place."""
    return sorted({word for table in ATTRIBUTES.values() for text in table for word in text.split()})


def _centred(some: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
    return some - states("train", 0).mean(0)


# ---------------------------------------------------------------------------------------------------------------
# Whether what stands for a concept is true of new pictures


def strongest(seed: int, kind: str) -> Int[Tensor, " scenes"]:
    """For each new scene the concept that adds most to its state."""
    concepts = dictionary(seed, kind).concepts
    _, active = learn(_centred(states("new", DATA + seed)), concepts, seed)
    return (active * concepts.norm(dim=1)).argmax(1)


def by_words(one: Scene, words: list[str], pictures: list[int]) -> float:
    """1 where one of the words is true of the scene's thing."""
    true = {word for name in ATTRIBUTES for word in getattr(one.things[0], name).split()}
    return float(bool(true & set(words)))


def by_pictures(one: Scene, words: list[str], pictures: list[int]) -> float:
    """Of the attributes of the scene's thing the share that those of the pictures have, on average."""
    others = [scenes("train", 0)[number].things[0] for number in pictures]
    same = [getattr(other, name) == getattr(one.things[0], name) for other in others for name in ATTRIBUTES]
    return sum(same) / len(same)


GROUNDS = {"words": by_words, "pictures": by_pictures}


@cache
def true(seed: int, kind: str, ground: str, others: bool = False) -> Scores:
    """How true is what stands for each new scene's strongest concept, beyond how true it is of all new scenes.

    With `others` it is what stands for the concepts of all other scenes, on average: 0, but for chance.
    """
    new, found = scenes("new", DATA + seed), dictionary(seed, kind)
    table = torch.tensor([[GROUNDS[ground](one, *both) for both in zip(found.words, found.pictures, strict=True)]
                          for one in new])  # fmt: skip
    beyond, chosen = table - table.mean(0), strongest(seed, kind)
    values = beyond[torch.arange(len(new)), chosen]
    if others:
        values = (beyond[:, chosen].sum(1) - values) / (len(new) - 1)
    return Scores(values.tolist(), range(len(new)))
