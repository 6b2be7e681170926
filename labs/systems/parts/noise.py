"""Captions as the web has them: exchanged, wrong in one word, or written for another purpose than to describe.

And what a dual encoder makes of them: the similarity by which LAION and its kin keep or drop a pair
(Schuhmann et al., 2022, https://arxiv.org/abs/2210.08402).
"""

import random
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from labs.systems.parts.joint_space import read, see
from labs.world.captions import STYLES, caption, describe
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

SHOPS = ("Buy {} online", "{}, best price", "My new {}!", "IMG_{}.jpg", "{} (archive)")


def exchanged(count: int, share: float, rng: random.Random) -> list[int]:
    """Whose caption each picture gets: that of another picture for a share of them, its own for the rest."""
    if not 0 <= share <= 1 or count < 2:
        raise ValueError(f"share must be from 0 to 1 and count at least 2, not {share} and {count}")
    chosen = rng.sample(range(count), max(2, round(share * count)) if share else 0)
    order = list(range(count))
    for place, other in zip(chosen, chosen[1:] + chosen[:1], strict=True):  # round in a circle: nobody keeps its own
        order[place] = other
    return order


def one_word_wrong(scene: Scene, rng: random.Random) -> str:
    """A caption whose colour or shape is wrong for one thing; everything else in it is true."""
    words, wrong = caption(scene, "tags").split(", "), rng.randrange(len(scene.things))
    thing = scene.things[wrong]
    if rng.random() < 0.5:
        words[wrong] = f"{rng.choice([c for c in COLOURS if c != thing.colour])} {thing.shape}"
    else:
        words[wrong] = f"{thing.colour} {rng.choice([s for s in SHAPES if s != thing.shape])}"
    return ", ".join(words)


def alt_text(scene: Scene, rng: random.Random) -> str:
    """What stands beside a picture of the web: a caption in some style, an advertisement, a file's name.

    Some tell what no picture shows: how warm a thing is.
    """
    kind = rng.random()
    if kind < 0.5:
        return caption(scene, rng.choice(STYLES))
    thing = rng.choice(scene.things)
    if kind < 0.75:
        return f"{describe(thing)}, {thing.temperature}"
    shop = rng.choice(SHOPS)
    return shop.format(rng.randrange(1000, 9999) if "IMG" in shop else f"{thing.colour} {thing.shape}")


def similarity(scenes: Sequence[Scene], captions: Sequence[str]) -> Float[Tensor, "scenes captions"]:
    """The cosine of every picture with every caption, by the bundled mini-clip."""
    return see(scenes) @ read(captions).T


def paired(
    alike: Float[Tensor, "n n"], share: float, rng: random.Random
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """How similar each picture is to the caption it gets when a share of them is exchanged, and which are its own."""
    whose = exchanged(len(alike), share, rng)
    return alike[range(len(whose)), whose], torch.tensor([place == other for place, other in enumerate(whose)])


def filtered(kept: Bool[Tensor, " pairs"], true: Bool[Tensor, " pairs"]) -> tuple[float, float]:
    """Precision, the share of what is kept that is true; and recall, the share of what is true that is kept."""
    right = float((kept & true).sum())
    return right / max(1, int(kept.sum())), right / max(1, int(true.sum()))
