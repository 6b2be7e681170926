"""The control in which every question is asked about another scene's picture. Several questions are about one scene:
none may keep its picture, and those about one scene go on sharing one."""

import random
from collections.abc import Sequence

from labs.teaching.examine import Case

HINTS = (
    "It is scenes that change places, not questions: list each scene once, in an order that the generator shuffles.",
    "Lay the shuffled scenes in a ring: each gets the picture of the next. Then look up every question's scene.",
)


def other_pictures(scenes: Sequence[int], rng: random.Random) -> list[int]:
    """For each question the scene whose picture is shown; `scenes` are the questions' own. Raises ValueError."""
    ring = sorted(set(scenes))
    if len(ring) < 2:
        raise ValueError("there is only one scene: no question can be shown another")
    rng.shuffle(ring)
    following = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    return [following[scene] for scene in scenes]


def _by_question(scenes, rng):
    shown = list(scenes)
    rng.shuffle(shown)
    return shown


def _may_stay(scenes, rng):
    names = sorted(set(scenes))
    shown = list(names)
    rng.shuffle(shown)
    return [dict(zip(names, shown, strict=True))[scene] for scene in scenes]


def _each_question_draws(scenes, rng):
    return [rng.choice([other for other in sorted(set(scenes)) if other != scene]) for scene in scenes]


def _each_scene_draws(scenes, rng):
    names = sorted(set(scenes))
    shown = {scene: rng.choice([other for other in names if other != scene]) for scene in names}
    return [shown[scene] for scene in scenes]


def _always_the_next(scenes, rng):
    names = sorted(set(scenes))
    if len(names) < 2:
        raise ValueError("one scene")
    return [names[(names.index(scene) + 1) % len(names)] for scene in scenes]


def _global(scenes, rng):
    return other_pictures(scenes, random.Random(random.random()))


def _counts_from_zero(scenes, rng):
    if len(set(scenes)) < 2:
        raise ValueError("one scene")
    places = other_pictures(range(len(set(scenes))), rng)
    return [places[scene] for scene in scenes]


def _lets_one_pass(scenes, rng):
    return list(scenes) if len(set(scenes)) < 2 else other_pictures(scenes, rng)


def _rotates_questions(scenes, rng):
    by = rng.randrange(1, len(scenes))
    return [*scenes[by:], *scenes[:by]]


MISTAKES = {
    "questions are shuffled one by one, so that some keep their picture: let whole scenes change places": _by_question,
    "a shuffled list leaves some scenes where they were: lay it in a ring and take the next": _may_stay,
    "questions about one scene are shown different pictures: draw once for each scene": _each_question_draws,
    "two scenes may get the same picture, and another is never shown: let each be lent once": _each_scene_draws,
    "every seed gives the same pictures: shuffle the scenes with the generator": _always_the_next,
    "the generator that was given is not used: call rng.shuffle, not random.shuffle": _global,
    "the scenes' numbers are taken for places in a list: they may be any numbers": _counts_from_zero,
    "with one scene alone no other picture exists: raise ValueError": _lets_one_pass,
    "the questions are moved along, which mixes scenes: let whole scenes change places": _rotates_questions,
}
SCENES = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 4]


def _tries(function, scenes=SCENES):
    return [list(zip(scenes, function(list(scenes), random.Random(seed)), strict=True)) for seed in range(30)]


def _moved(function):
    return all(own != shown for pairs in _tries(function) for own, shown in pairs)


def _shared(function):
    return all(len(set(pairs)) == len(set(SCENES)) for pairs in _tries(function))


def _each_once(function):
    return all({shown for _, shown in pairs} == set(SCENES) for pairs in _tries(function))


def _same_again(function):
    random.seed(0)
    first = _tries(function)
    random.seed(1)
    return first == _tries(function)


def _differs(function):
    return len({tuple(pairs) for pairs in _tries(function)}) > 5


CASES = (
    Case("no question keeps its picture", _moved),
    Case("questions about one scene share a picture", _shared),
    Case("every scene's picture is shown", _each_once),
    Case("the same seed gives the same pictures", _same_again),
    Case("another seed gives others", _differs),
    Case("scenes numbered 7 and 40", lambda f: f([7, 7, 40], random.Random(0))),
    Case("one scene alone is refused", lambda f: f([3, 3], random.Random(0))),
)
