"""ImageBind (Girdhar et al., 2023, https://arxiv.org/abs/2305.05665): senses that were each paired with pictures alone
meet in the pictures' space, and so meet words and one another without ever having been shown together.

Kept: the frozen towers of a CLIP for pictures and text (mini-clip's here), an encoder for each sense, the contrastive
loss against the pictures of the same scenes, each sense apart from the others; naming by words, retrieval between
senses that never met, the sum of a picture and a sound.
Left out: video, and the scale; an encoder learns from 4,096 scenes of one thing, the same ones for every sense.

Where three things are related and no two of them are, pairs have nothing to bind: Symile (Saporta et al., 2024,
https://arxiv.org/abs/2411.01053) contrasts triples instead (labs.systems.parts.triples).

"Sound finds unseen words" was worded after a first look at two of its seeds.
"""

import random
from collections.abc import Callable
from functools import cache, partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes, triples
from labs.systems.parts.bound import TRAIN, bind  # encoders of the senses
from labs.systems.parts.company import company
from labs.systems.parts.contrastive import NAMES, name_of
from labs.systems.parts.joint_space import read, see  # the frozen hub
from labs.systems.parts.probe import evenly
from labs.world.scene import Scene, sample_background, sample_thing
from labs.world.splits import has_held_out_pair
from labs.world.vocabulary import SHAPES

HELDOUT, EACH = 600, 10  # scenes of one thing; new scenes of each name
NEAREST = 10  # so many answers a retrieval may give


# ---------------------------------------------------------------------------------------------------------------
# What was never taught: on scenes that were kept back, or new ones of every name


@cache
def embed(sense: str, seed: int, target: str = "pictures") -> Float[Tensor, "scenes space"]:
    """All held-out scenes through "picture", the hub, or through a bound sense."""
    scenes = eyes.fresh("heldout", HELDOUT)
    return see(scenes) if sense == "picture" else bind(sense, seed, target).embed(scenes)


@cache
def every_name() -> tuple[Scene, ...]:
    """New scenes of one thing, equally many of each name: an encoder that learned nothing says the same each time, and
    is so right by chance. No sense but the picture has ever been paired with words, whatever the name."""
    rng = random.Random("every name")
    things = [sample_thing(rng, rng.randrange(9), shape, colour) for colour, shape in NAMES for _ in range(EACH)]
    return tuple(Scene((thing,), **sample_background(rng)) for thing in things)


def names(seed: int, sense: str, target: str = "pictures", unseen: bool = False) -> Scores:
    """Is the nearest of 64 names the right one? Of all scenes, or of those whose names training never showed."""
    scenes = [scene for scene in every_name() if has_held_out_pair(scene) or not unseen]
    texts = [f"a {colour} {shape}" for colour, shape in NAMES]
    seen = see(scenes) if sense == "picture" else bind(sense, seed, target).embed(scenes)
    return _scores((seen @ read(texts).T).argmax(1) == torch.tensor([NAMES.index(name_of(scene)) for scene in scenes]))


def shapes(seed: int, sense: str, target: str = "pictures") -> Scores:
    """Where no colour is known: is the nearest of 8 shapes the right one? Of each equally many held-out scenes."""
    truth = torch.tensor([SHAPES.index(name_of(scene)[1]) for scene in eyes.fresh("heldout", HELDOUT)])
    right = (embed(sense, seed, target) @ read([f"a {shape}" for shape in SHAPES]).T).argmax(1) == truth
    chosen = evenly(truth)
    return Scores(right[chosen].float().tolist(), chosen.tolist())


def finds(seed: int, asked: str, sought: str, target: str = "pictures") -> Scores:
    """Is the scene's own `sought` among the ten that lie nearest to its `asked`, of all held-out scenes?"""
    near = embed(asked, seed, target) @ embed(sought, seed, target).T
    return _scores((near >= near.diagonal()[:, None]).sum(1) <= NEAREST)


def adds(seed: int, picture: float = 1.0, sound: float = 1.0, shift: int = 0) -> Scores:
    """Does a picture of one thing plus the sound of another lead to the picture of both? One of four.

    `shift` offers the four that belong to another scene, so many places on, which have nothing to do with the sum.
    """
    others, _ = company(eyes.fresh("heldout", HELDOUT))
    asked = picture * embed("picture", seed) + sound * bind("sound", seed).embed(others)
    near = torch.einsum("sd,snd->sn", asked, _shown().roll(shift, 0))
    return _scores(near.argmax(1) == 0)


def completes(seed: int, loss: str, shuffled: bool = False) -> Scores:
    """Is the word that goes with a picture and a sound together the right one of eight?"""
    encoders = triples.train(triples.of_scenes(eyes.fresh("train", TRAIN)), loss, seed, shuffled)
    kept_back = triples.of_scenes(eyes.fresh("heldout", HELDOUT))
    return _scores(triples.choose(encoders, kept_back, loss) == kept_back.word)


def claims() -> list[Claim]:
    """Words, other senses, sums, and what pairs cannot bind."""
    met = {
        "bound": partial(finds, asked="sound", sought="depth"),
        "shuffled pairs": partial(finds, asked="sound", sought="depth", target="shuffled"),
    }
    sums = {
        "picture + sound": adds, "picture alone": partial(adds, sound=0.0), "sound alone": partial(adds, picture=0.0),
        "another scene's four": partial(adds, shift=1),
    }  # fmt: skip
    three = {
        "triples": partial(completes, loss="triples"), "pairs": partial(completes, loss="pairs"),
        "shuffled words": partial(completes, loss="triples", shuffled=True),
    }  # fmt: skip
    return [
        Claim(
            "sound finds words", "Sound that was paired with pictures alone names things far above sound that was "
            "paired with the pictures of other scenes.", "accuracy over 64 names, 8 of them kept back from training",
            _names_arms(), "bound", "shuffled pairs", controls={"shuffled pairs": 1 / len(NAMES)},
            ceiling="the picture itself",
        ),
        Claim(
            "sound finds unseen words", "Sound that was paired with pictures alone names things of a colour and a "
            "shape that no training showed together, above sound that was paired with the pictures of other scenes.",
            "accuracy over 64 names, asked the 8 kept back from training", _names_arms(unseen=True), "bound",
            "shuffled pairs", ceiling="the picture itself",
            # No control: an encoder that says one name whatever it hears is right here in 1/8 or in none, by luck.
        ),
        *(_shapes_claim(sense) for sense in ("depth", "thermal", "motion")),
        Claim(
            "senses that never met", "A sound finds the depth map of its own scene, though neither was ever paired "
            "with the other.", f"own map among the {NEAREST} nearest", met, "bound", "shuffled pairs",
            controls={"shuffled pairs": NEAREST / HELDOUT},
        ),
        Claim(
            "picture plus sound", "A picture and a sound added up lead to the picture that shows both things more "
            "often than the picture alone does.", "right one of four pictures", sums, "picture + sound",
            "picture alone", controls={"another scene's four": 1 / 4},
        ),
        Claim(
            "three at once", "Where a word follows from picture and sound only together, contrast of triples learns "
            "it and contrast of pairs does not.", "accuracy over 8 words", three, "triples", "pairs",
            controls={"shuffled words": 1 / triples.CODES},
        ),
    ]  # fmt: skip


def _names_arms(**which: bool) -> dict[str, Callable[[int], Scores]]:
    """`which` goes to `names`."""
    return {
        "bound": partial(names, sense="sound", **which),
        "shuffled pairs": partial(names, sense="sound", target="shuffled", **which),
        "taught with words": partial(names, sense="sound", target="words", **which),
        "the picture itself": partial(names, sense="picture", **which),
    }


def _shapes_claim(sense: str) -> Claim:
    said = {"depth": "Depth maps", "thermal": "Heat maps", "motion": "Motion series"}[sense]
    arms = {
        "bound": partial(shapes, sense=sense),
        "shuffled pairs": partial(shapes, sense=sense, target="shuffled"),
        "the picture itself": partial(shapes, sense="picture"),
    }
    return Claim(
        f"{sense} finds words", f"{said} that were paired with pictures alone tell shapes by words far above those "
        "that were paired with the pictures of other scenes.", "accuracy over 8 shapes", arms, "bound",
        "shuffled pairs", controls={"shuffled pairs": 1 / len(SHAPES)},
    )  # fmt: skip


@cache
def _shown() -> Float[Tensor, "scenes four space"]:
    return see(company(eyes.fresh("heldout", HELDOUT))[1]).unflatten(0, (HELDOUT, 4))


def _scores(right: Bool[Tensor, " scenes"]) -> Scores:
    return Scores(right.float().tolist(), range(len(right)))
