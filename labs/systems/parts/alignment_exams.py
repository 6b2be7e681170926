"""What contrastive alignment is asked, on held-out or new scenes: to find partners, identities, things and names."""

import random
from collections.abc import Sequence
from itertools import permutations, product

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts import (
    bags,
    bridged,
    eyes,
    few_shots,
    from_scratch,
    hard_negatives,
    queued,
    two_languages,
    unimodal,
)  # fmt: skip
from labs.systems.parts.contrastive import NAMES, name_of
from labs.systems.parts.two_things import material
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import LANGUAGES

GALLERY = 100  # captions, or pictures, among which one is sought
PICTURES, OFFERED = 800, 4  # held-out pictures of several things, and names of which one thing has one
EACH = 10  # sounds of each name


def search(seed: int, **how: bool | int | float) -> Scores:
    """Is a picture's own caption the first of `GALLERY`, and a caption's own picture? `how` goes to `queued.train`."""
    model, given = queued.train(seed, **how), material("heldout")
    return first(model.picture(given.regions), model.words(given.captions))


def translate(seed: int, way: str = "through pictures") -> Scores:
    """Is the Spanish caption of the same scene the first of `GALLERY` for an English one, and the other way round?"""
    model = two_languages.train(seed, way)
    return first(*(model.words(two_languages.texts("heldout", language)) for language in LANGUAGES))


def recognise(seed: int, choice: str = "curriculum", shuffled: bool = False) -> Scores:
    """Which of eight faces belongs to a voice? Their eight names are those that training never showed, and the right
    face is not of the same scene: it is the identity that is asked for, as in the paper, and not the very recording."""
    faces, voices = hard_negatives.met("heldout")
    near = hard_negatives.train(seed, choice, shuffled).near(hard_negatives.plain(faces), voices)
    own = [NAMES.index(name_of(scene)) for scene in eyes.fresh("heldout", hard_negatives.HELDOUT)]
    having = {name: [face for face, one in enumerate(own) if one == name] for name in sorted(set(own))}
    rng, right = random.Random("who is it"), []
    for voice, name in enumerate(own):
        offered = {one: rng.choice([face for face in those if face != voice]) for one, those in having.items()}
        right.append(float(max(offered, key=lambda one: near[offered[one], voice].item()) == name))
    return Scores(right, range(len(right)))


def point_out(seed: int, pooling: str = "best", another: bool = False) -> Scores:
    """Does the name of one of several things fit a picture better than three that are made of others' words?

    A picture shows something red and a star; whether a red star is seen only where both are in one place.
    With `another`, each item is asked about another scene's picture, a control.
    """
    scenes, names = eyes.fresh("heldout", PICTURES, (bags.THINGS,)), [bags.name(number) for number in range(len(NAMES))]
    about, offered = _offered(scenes)
    fit = bags.train(seed, pooling)(bags.see(scenes, 1).roll(int(another), 0), bags.lexicon().write(names))
    right = fit[about[:, None], offered].argmax(1) == 0
    return Scores(right.float().tolist(), about.tolist())


def name_sounds(seed: int, count: int, mix: str = "none", shuffled: bool = False) -> Scores:
    """Is the nearest of 64 names the right one for a sound? The small functions learned from so many pairs."""
    aligned, scenes = bridged.train(seed, count, mix, shuffled), few_shots.of_every_name(EACH, "sounds")
    return _named(aligned.compare(unimodal.hear_all(scenes, 1), unimodal.read_all(_texts())))


def name_from_scratch(seed: int, count: int) -> Scores:
    """The same by encoders that learned all they know from the pairs."""
    scenes = few_shots.of_every_name(EACH, "sounds")
    return _named(from_scratch.train(seed, count).compare(scenes, _texts(), 1))


def classify(seed: int, shots: int = 1, with_names: bool = True, shuffled: bool = False) -> Scores:
    """Which of 64 names has the thing in a grainy picture?"""
    right = few_shots.told(seed, shots, with_names, shuffled) == few_shots.tested()[1]
    return Scores(right.float().tolist(), range(len(right)))


def better_alone(seed: int) -> Scores:
    """Names alone, zero-shot, or one picture of each alone: what turns out better, by hindsight, which favours it."""
    return max((classify(seed, 0), classify(seed, 1, False)), key=lambda scores: sum(scores.values))


def first(asked: Float[Tensor, "n width"], sought: Float[Tensor, "n width"]) -> Scores:
    """Is each one's partner the nearest of `GALLERY`, sought in either direction? One gallery after another."""
    found, scenes = [], []
    for part in torch.arange(len(asked)).split(GALLERY):
        near = normalize(asked[part], dim=-1) @ normalize(sought[part], dim=-1).T
        for table in (near, near.T):
            found += (table.argmax(1) == torch.arange(len(part))).float().tolist()
            scenes += part.tolist()
    return Scores(found, scenes)


def _offered(scenes: Sequence[Scene]) -> tuple[Int[Tensor, " items"], Int[Tensor, "items names"]]:
    """For each thing its scene's number, and numbers of names: its own, and three that are not there.

    These have another thing's colour, a third thing's shape, or both, so that who merely likes some words better than
    others is right by chance; and all four are names that training showed.
    """
    rng, about, offered = random.Random("names that are not there"), [], []
    for number, scene in enumerate(scenes):
        there = {(thing.colour, thing.shape) for thing in scene.things}
        for thing, *others in permutations(scene.things, 3):
            if rng.random() < 0.5:  # each order of the others is as good
                one, other = others
                own, *wrong = product((thing.colour, one.colour), (thing.shape, other.shape))
                if len({own, *wrong}) == OFFERED and not there & {*wrong} and not HELD_OUT_PAIRS & {own, *wrong}:
                    about.append(number)
                    offered.append([NAMES.index(name) for name in (own, *wrong)])
    return torch.tensor(about), torch.tensor(offered)


def _texts() -> list[str]:
    return [f"a {colour} {shape}" for colour, shape in NAMES]


def _named(fit: Float[Tensor, "sounds names"]) -> Scores:
    right = fit.argmax(1) == torch.arange(len(NAMES)).repeat(EACH)
    return Scores(right.float().tolist(), range(len(right)))
