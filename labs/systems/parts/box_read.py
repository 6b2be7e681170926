"""The other way round: what is in a box. And what is left of earlier skills, once a model points."""

from functools import cache

from labs.evaluation.metrics import exact_match
from labs.systems.claim import Scores
from labs.systems.parts import limit_forgetting, pointing_exam, pointing_taught
from labs.systems.parts.box_words import write_box
from labs.systems.parts.limit_tuning import ask, load
from labs.systems.parts.pointed import THINGS, name, question_at, true_boxes

EARLIER = 100  # the data seed of the questions of old, of the first arm; settings were chosen on that of 0


@cache
def told(seed: int, mix: str, others: bool = False) -> tuple[str, ...]:
    """What a model says is in the box of each thing; `others` shows it the next scene's picture."""
    boxes = true_boxes("heldout", pointing_exam.HELDOUT, pointing_exam.DRAW).flatten(0, 1)
    shown = [one.picture for one in pointing_exam.requests()]
    shown = shown[THINGS:] + shown[:THINGS] if others else shown
    asked = [question_at(write_box(box.tolist())) for box in boxes]
    return tuple(one.text for one in ask(pointing_taught.taught(seed, mix), shown, asked, pointing_exam.LONGEST))


def named(seed: int, mix: str, others: bool = False) -> Scores:
    """1 where colour and shape of the thing in a box are told."""
    names = [(name(thing), number) for number, scene in enumerate(pointing_exam.scenes()) for thing in scene.things]
    said = zip(told(seed, mix, others), names, strict=True)
    return Scores([exact_match(text, true) for text, (true, _) in said], [number for _, number in names])


def remembered(seed: int, mix: str | None) -> Scores:
    """1 where an ordinary question is answered rightly, by the untuned model where no mix is named."""
    model = pointing_taught.taught(seed, mix) if mix else load()
    return limit_forgetting.remembered(model, EARLIER + seed)
