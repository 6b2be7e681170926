"""What bonded spaces are asked: new things of every name, as clouds, points and sounds, and pictures for sounds."""

from labs.systems.claim import Scores
from labs.systems.parts import (
    aligned_clouds,
    concept_boxes,
    dense_links,
    object_clouds,
    space_bonds,
    space_router,
    universal_projector,
)  # fmt: skip
from labs.systems.parts.dense_links import ASKED
from labs.systems.parts.few_shots import names as named_in_words
from labs.systems.parts.finished_spaces import COUNT, features, found, named, names

ALL = COUNT  # all pairs that there are
EXAM = "exam"  # another name draws other things: settings were chosen on "choice"


def name_clouds(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing whose points are given?"""
    encoder = aligned_clouds.train(seed, way, shuffled)
    told = (encoder(object_clouds.clouds(object_clouds.exam(EXAM))) @ named_in_words().T).argmax(1)
    return Scores((told == object_clouds.truth()).float().tolist(), range(len(told)))


def label_points(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing on which a point lies? Several points of each scene."""
    told, truth = dense_links.label(dense_links.train(seed, way, shuffled), dense_links.exam(EXAM))
    return Scores((told == truth).float().tolist(), [number // ASKED for number in range(len(told))])


def name_bonded(seed: int, which: str = "bonded", share: float = space_bonds.SHARE, another: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing that sounds, in a unified space, an expert's, or the bonded one?"""
    embed = _embed(seed, which, share)
    return named(embed("sound", features("sound", EXAM)) @ embed("text", names()).T, another)


def find_pictures(seed: int, which: str = "bonded", share: float = space_bonds.SHARE, another: bool = False) -> Scores:
    """Does the picture nearest to a sound, of all but its own scene's, show a thing of the same name?"""
    embed = _embed(seed, which, share)
    return found(embed("sound", features("sound", EXAM)), embed("picture", features("picture", EXAM)), another)


def _embed(seed: int, which: str, share: float) -> space_bonds.Embed:
    joined = space_bonds.bonded(seed)
    if which == "bonded":
        return lambda sense, read: joined.embed(sense, read, share)
    return {"unified": joined.unified, "expert": joined.expert}[which]


def name_routed(seed: int, how: str = "routed", another: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing that sounds, among several spaces remapped into one?

    "best" is the space that turns out best here, by hindsight, which favours it.
    """
    model = space_router.route(seed, blind=how == "fixed")
    heard, told = model.remapped("sound", features("sound", EXAM)), model.remapped("text", names())
    if how == "best":
        alone = [named(heard[:, at] @ told[:, at].T) for at in range(heard.shape[1])]
        return max(alone, key=lambda scores: sum(scores.values))
    if how == "equal":
        return named(space_router.evenly(heard) @ space_router.evenly(told).T)
    return named(model("sound", heard) @ model("text", told).T, another)


def name_attached(seed: int, way: str, count: int = 0, shuffled: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing that sounds, after so many pairs of sounds and texts?"""
    model, projector = universal_projector.attach(seed, way, count, shuffled), universal_projector.universal(seed)
    return named(model(universal_projector.hear(way, EXAM)) @ projector.of("text", names()).T)


def name_after_few_steps(seed: int, way: str, shuffled: bool = False) -> Scores:
    """Is the likeliest of 64 names that of the thing that sounds, after few steps?"""
    return named(concept_boxes.project(seed, way, shuffled).names(features("sound", EXAM), names()))
