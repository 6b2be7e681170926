"""Pictures for dialogues of text alone, painted until checkers agree: MAGID (Aboutalebi et al., 2024,
https://arxiv.org/abs/2403.03194).

    dialogue --small language model--> what one of its turns shows: "red star"
       `--> text-to-picture model --> match? looks? --no--> once more, from other noise, three times at most
                                            `--yes--> beside the turn

Match: by the frozen mini-clip the description fits better than the other 63 names. Looks: a linear layer that has
learned to tell true pictures from ghostly ones, in which two are laid over each other. Neither knows what is right.
"""

import random
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import eyes, few_shots, sought_pictures, text_to_picture
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.contrastive import NAMES, embed_pictures, name_of
from labs.systems.parts.painted_dialogues import enlarge, painter
from labs.systems.parts.probe import linear_probe
from labs.systems.parts.sentence_writer import KNOWN, VOCABULARY, talk, writer
from labs.systems.parts.small_pictures import draw_small
from labs.systems.parts.sought_pictures import around_zero, bags, finds, fitted, scenes
from labs.world.picture import SIZE

DIALOGUES, TURNS, TRIES = 128, 2, 3  # things that a dialogue shows; pictures of each at most
LOOKS, SCALE = 5, 1.0  # steps of the painter, its guidance
TRUE, DRAWN = 256, 8  # true pictures for the checker of looks; of each name, for the ceiling
WAYS = ("first picture", "first picture, checked", "painted until accepted", "true pictures")


@cache
def described(seed: int) -> tuple[str, ...]:
    """What the writer says that turns of dialogues show."""
    rng = random.Random(f"dialogues {seed}")
    talks = [talk([rng.choice(KNOWN) for _ in range(TURNS)], rng) for _ in range(DIALOGUES)]
    return tuple(" ".join(caption) for some in writer(seed).write(talks) for caption in some if caption)


@torch.no_grad()
def embed(large: Float[Tensor, "n 3 72 72"]) -> Float[Tensor, "n 128"]:
    """Pictures in the space of the mini-clip."""
    return torch.cat([embed_pictures(eyes.dual_encoder().model, part) for part in large.split(eyes.BATCH)])


def number(text: str) -> int:
    """Of a description among `NAMES`."""
    return NAMES.index(tuple(text.split()))


def matches(vectors: Float[Tensor, "n 128"], texts: tuple[str, ...]) -> Bool[Tensor, " n"]:
    """Where no other name fits better."""
    own = torch.tensor([number(text) for text in texts])
    return (vectors @ few_shots.names().T).argmax(1) == own


def looks_good(vectors: Float[Tensor, "n 128"]) -> Bool[Tensor, " n"]:
    """Where a picture looks like a true one rather than like two in one."""
    true = draw_small(eyes.scenes("train", TRUE, seed=8))
    known = embed(torch.nn.functional.interpolate(torch.cat([true, (true + true.roll(1, 0)) / 2]), size=(SIZE, SIZE)))
    classes = (torch.arange(len(known)) < TRUE).long()
    return linear_probe(known, classes, vectors, 2, 0) == 1


@cache
def pictures(seed: int, tries: int) -> tuple[Float[Tensor, "n 3 36 36"], Bool[Tensor, " n"]]:
    """The last picture for each description after so many tries at most, and whether it was accepted."""
    texts = described(seed)
    if tries == 0:
        return torch.zeros(len(texts), 3, 36, 36), torch.zeros(len(texts), dtype=torch.bool)
    found, fine = (part.clone() for part in pictures(seed, tries - 1))
    again = torch.nonzero(~fine)[:, 0]
    if not len(again):
        return found, fine
    some = [texts[i] for i in again.tolist()]
    noise = text_to_picture.noise(len(some), 1000 * seed + tries)
    found[again] = text_to_picture.paint(painter(), some, noise, SCALE, LOOKS)
    vectors = embed(torch.nn.functional.interpolate(found[again], size=(SIZE, SIZE)))
    fine[again] = matches(vectors, tuple(some)) & looks_good(vectors)
    return found, fine


@cache
def pairs(seed: int, way: str) -> tuple[Float[Tensor, "n 128"], Float[Tensor, "n words"]]:
    """Pictures and descriptions in one of `WAYS`; raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    texts = described(seed)
    if way == "true pictures":
        every = few_shots.of_every_name(DRAWN, f"true pictures {seed}")
        at = [len(NAMES) * (i % DRAWN) + number(text) for i, text in enumerate(texts)]
        shown, fine = draw_small([every[i] for i in at]), torch.ones(len(texts), dtype=torch.bool)
    else:
        shown, fine = pictures(seed, TRIES if way == "painted until accepted" else 1)
        fine = torch.ones_like(fine) if way == "first picture" else fine
    vectors = around_zero(embed(enlarge(shown[fine], seed)))
    return vectors, bags(texts, VOCABULARY)[fine]


@cache
def model(seed: int, way: str, shuffled: bool = False) -> Bridge:
    """What has learned from such pairs, or from those of `shuffled` dialogues."""
    shown, told = pairs(seed, way)
    return fitted(shown.roll(len(shown) // 3, 0) if shuffled else shown, told, seed)


def retrieves(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Does a description find its true picture?"""
    texts = [" ".join(name_of(scene)) for scene in scenes(sought_pictures.EXAM)]
    return finds(model(seed, way, shuffled), bags(texts, VOCABULARY))
