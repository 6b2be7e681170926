"""One projection for every sense. PandaGPT (Su et al., 2023, https://arxiv.org/abs/2305.16355): one matrix from
ImageBind's space to a language model, learned from pictures alone, serves sound, depth and motion too. ImageBind-LLM
(Han et al., 2023, https://arxiv.org/abs/2309.03905): at use the nearest pictures stand in for what is sensed, a cache
that closes the gap. OneLLM (Han et al., 2023, https://arxiv.org/abs/2312.03700): pictures first, then the other senses
by the same projection, with earlier ones sampled again. PointLLM (Xu et al., 2023, https://arxiv.org/abs/2308.16911)
puts such a projection behind a frozen encoder of points.

Kept: encoders bound to pictures, frozen; one matrix that makes four words of a vector; a frozen language model that has
read and never sensed; for motion and points a tower that, other than PointLLM's, learns with the matrix.
Left out: tuning of the language model (PandaGPT's LoRA, ImageBind-LLM's gates in every layer); OneLLM's universal
encoder and its several expert projections; ImageBind-LLM's sum of what is sensed and what is found.

A sense's scenes are met equally often by a projection of its own and by one for all four, which learns for four times
as many steps; in whatever order, four senses take equally many steps. The claims on the cache and on colour were worded
after a first look at other held-out scenes, "rehearsed" after one seed had shown that pictures are forgotten. Two were
added after a review: "pictures first, and again" when both of its arms were known, "binding throws away" when that of
the bound tower was. Seeds choose encoders, towers and the order of scenes; the matrix begins alike with each.
"""

from collections.abc import Sequence
from functools import partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts.hub import GAPS, sensed
from labs.systems.parts.one_kind import alone
from labs.systems.parts.one_thing import TELLS, ask, chance, scenes
from labs.systems.parts.projected import answers
from labs.systems.parts.sensor_towers import MotionTower, PointTower
from labs.systems.parts.staged import taught

SENSES = tuple(TELLS)  # pictures, and three that were bound to them
BOUND = SENSES[1:]
SHIFTS = (1, 2, 3, 4)  # of controls: scenes so many places on


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answered(
    seed: int, stages: Sequence[tuple[str, ...]], asked: Sequence[str] = SENSES, kinds: Sequence[str] = (),
    how: str = "as it is", shifts: Sequence[int] = (0,),
) -> Scores:  # fmt: skip
    """1 where a question is answered rightly about what any of these senses tells, or about some `kinds` of that: by
    the projection taught in these stages, or without stages by each sense's own."""
    values, about = [], []
    for sense in asked:
        pairs = ask(scenes("heldout"), kinds or TELLS[sense])
        found = answers(taught(seed, *(stages or [(sense,)])), sensed(seed, sense, how), pairs, shifts)
        values, about = [*values, *found.values], [*about, *found.scenes]
    return Scores(values, about)


def claims() -> list[Claim]:
    """What pictures alone teach; the gap; one projection or many; in which order; what no picture shows."""
    return [*(_carried(sense) for sense in BOUND), *_gap(), _one_for_all(), *_order(), *_motion(), _points()]


PICTURES, OTHERS_LAST, OTHERS_FIRST = (("picture",),), (("picture",), BOUND), (BOUND, ("picture",))
REHEARSED = (("picture",), SENSES)  # pictures are met in the second stage, too
by_pictures = partial(answered, stages=PICTURES)


def _carried(sense: str) -> Claim:
    said = {"sound": "sounds", "depth": "depth maps", "motion": "head motion"}[sense]
    kinds = TELLS[sense]
    arms = {
        "pictures alone": partial(by_pictures, asked=(sense,)),
        "other scenes": partial(by_pictures, asked=(sense,), shifts=SHIFTS),
        "its own projection": partial(answered, stages=(), asked=(sense,)),
    }
    return Claim(
        f"pictures alone, {sense}", f"A projection that learned from pictures alone answers about {said}, far above "
        f"what it says of those of other scenes.", f"right answers on {', '.join(kinds)}", arms, "pictures alone",
        "other scenes", controls={"other scenes": chance(kinds)}, ceiling="its own projection",
    )  # fmt: skip


def _gap() -> list[Claim]:
    metric = "right answers by the projection of pictures"
    whole = {how: partial(by_pictures, asked=BOUND, how=how) for how in GAPS}
    colourless = {how: partial(by_pictures, asked=("depth", "motion"), how=how) for how in GAPS}
    shapes = {sense: partial(by_pictures, asked=(sense,), kinds=("shape",)) for sense in ("motion", "picture")}
    return [
        Claim(
            "the gap, centred", "Moving each sense's mean to where that of pictures lies makes more answers right.",
            metric, whole, "centred", "as it is",
        ),
        Claim(
            "the gap, cached", "Where no colour is sensed, the nearest pictures in the place of what is sensed make "
            "more answers right.", metric, colourless, "cached", "as it is",
        ),
        Claim(
            "not misled by colour", "Of things of an unseen colour and shape, head motion, which knows no colour, "
            "tells more shapes by the projection of pictures than pictures do.", "right shapes", shapes, "motion",
            "picture",
        ),
    ]  # fmt: skip


def _one_for_all() -> Claim:
    arms = {
        "one for all": partial(answered, stages=(SENSES,)),
        "one each": partial(answered, stages=()),
        "other scenes": partial(answered, stages=(SENSES,), shifts=SHIFTS),
    }
    return Claim(
        "one for all", "One projection for four senses answers as well, within 5 points, as four that each learned "
        "from as much of one sense and are together four times as large.", "right answers, four senses", arms,
        "one for all", "one each", within=0.05,
        controls={"other scenes": chance([kind for sense in SENSES for kind in TELLS[sense]])},
    )  # fmt: skip


def _order() -> list[Claim]:
    arms = {
        "pictures first": partial(answered, stages=OTHERS_LAST),
        "all at once": partial(answered, stages=(SENSES,)),
        "pictures last": partial(answered, stages=OTHERS_FIRST),
        "pictures first, and again": partial(answered, stages=REHEARSED),
    }
    kept = {
        "before the others": partial(by_pictures, asked=("picture",)),
        "after the others": partial(answered, stages=OTHERS_LAST, asked=("picture",)),
        "after both": partial(answered, stages=REHEARSED, asked=("picture",)),
    }
    metric = "right answers, four senses"
    return [
        Claim(
            "pictures first", "At equal steps, pictures first and then the other senses is better than all at once.",
            metric, arms, "pictures first", "all at once",
        ),
        Claim(
            "pictures first, and again", "At equal steps, pictures first and then all senses, pictures too, is better "
            "than all at once.", metric, arms, "pictures first, and again", "all at once",
        ),
        Claim(
            "pictures first, not last", "At equal steps, pictures first is better than pictures last.", metric, arms,
            "pictures first", "pictures last",
        ),
        Claim(
            "pictures are forgotten", "After a stage of the other senses, less is told rightly about pictures.",
            "right answers, pictures", kept, "before the others", "after the others",
        ),
        Claim(
            "rehearsed", "Where the second stage shows pictures, too, at equal steps, more is told rightly about them "
            "than after a stage of the other senses alone.", "right answers, pictures", kept, "after both",
            "after the others",
        ),
    ]  # fmt: skip


def _motion() -> list[Claim]:
    tower = partial(alone, sense="motion", kind="motion", tower=MotionTower)
    arms = {
        "its own tower": tower,
        "bound to pictures": partial(alone, sense="motion", kind="motion"),
        "frozen at random": partial(tower, frozen=True),
        "other recordings": partial(tower, shifts=SHIFTS),
    }
    common = {"metric": "right directions", "arms": arms, "controls": {"other recordings": chance(("motion",))}}
    return [
        Claim(
            "a sensor answers", "Head motion and a tower that learns with the projection tell which way a thing moves, "
            "above what they tell from other recordings.", better="its own tower", than="other recordings", **common,
        ),
        Claim(
            "learning beats binding", "A tower that learns with the projection tells which way a thing moves better "
            "than a frozen one that was bound to pictures, which do not show it.", better="its own tower",
            than="bound to pictures", **common,
        ),
        Claim(
            "binding throws away", "A frozen tower that was bound to pictures tells less of it than one that has "
            "learned nothing.", better="frozen at random", than="bound to pictures", **common,
        ),
    ]  # fmt: skip


def _points() -> Claim:
    scans = partial(alone, sense="points", kind="depth", tower=PointTower)
    arms = {
        "points": scans,
        "picture": partial(alone, sense="picture", kind="depth"),
        "other scans": partial(scans, shifts=SHIFTS),
    }
    return Claim(
        "points tell distance", "Through the same kind of projection, points tell how far a thing is, and pictures do "
        "not.", "right distances", arms, "points", "picture",
        controls={"picture": chance(("depth",)), "other scans": chance(("depth",))},
    )  # fmt: skip
