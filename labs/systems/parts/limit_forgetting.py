"""What was known before: questions of every kind about ordinary scenes, asked again after tuning on something else.

Most of them have nothing to do with what is learned meanwhile. Some come near it: a count, in words.
"""

import random
from collections.abc import Sequence
from functools import cache

from labs.evaluation import heldout
from labs.evaluation.exam import Exam
from labs.evaluation.metrics import exact_match
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts.limit_tuning import Lesson, ask
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS
from labs.world.questions import ask as ask_about

EARLIER, DATA = 80, 5000  # pictures, and the data seed that those of arms are added to
COUNTED = ("count", "taking_away")  # answered by a number, in words
OTHERS = tuple(kind for kind in KINDS if kind not in COUNTED)


def rehearsal(seed: int, count: int) -> list[Lesson]:
    """One question about each of so many training scenes, with its answer."""
    rng, found = random.Random(f"rehearsal {seed}"), []
    while len(found) < count:
        scene = splits.sample(rng)
        one = ask_about(scene, rng, rng.choice(KINDS))
        if one:
            found.append(Lesson(draw(scene), one.text, one.answer))
    return found


@cache
def earlier(seed: int) -> Exam:
    """Held-out scenes, with a question of every kind that they offer."""
    return heldout.exam(EARLIER, DATA + seed)


def remembered(model: Loaded, seed: int, kinds: Sequence[str] = KINDS, others: bool = False) -> Scores:
    """1 where an earlier question of some kinds is answered rightly."""
    exam = earlier(seed)
    items = [item for item in exam.new if item.kind in kinds]
    pictures = heldout.shuffled(exam.pictures) if others else exam.pictures
    told = ask(model, [pictures[item.picture] for item in items], [item.question for item in items])
    values = [exact_match(one.text, item.answer) for one, item in zip(told, items, strict=True)]
    return Scores(values, [item.picture for item in items])
