"""One shared model from the start, or separate parts that were there before: which learns more, and at what cost?

Shared (early fusion: Fuyu, Adept, 2023, https://www.adept.ai/blog/fuyu-8b; Chameleon, 2024,
https://arxiv.org/abs/2405.09818): one new transformer takes raw patches and words for tokens of the same kind.
Separate (BLIP-2, 2023, https://arxiv.org/abs/2301.12597; LLaVA, 2023, https://arxiv.org/abs/2304.08485): eyes and
language model come trained and stay frozen; only a connector between them learns.

Kept: a transformer from scratch, as wide and deep as the language model that the other one borrows; the same pictures,
questions and descriptions; as many steps, and three times as many; operations of a step, of a question, of what came
before.
Left out: scale, at which both have been trained; Chameleon's code book; pictures that the shared model writes itself
(labs.systems.any_to_any).

Steps were chosen on other scenes, with one seed; that the shared model tells more colours and separate parts more
shapes was worded after that look. Pre-training is counted as a claim of its own: whoever finds eyes and a
language model on a shelf has not paid for it.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import connected, early, lookout, operations
from labs.systems.parts.connected import BATCH, Connected, answers, train
from labs.systems.parts.learn import batches
from labs.systems.parts.lookout import Material

STEPS = 300
LONGER = 3 * STEPS
QUERIES = 16
RATE = 2e-3  # of the shared model, as when the language model learned to read
COUNTED, ASKED = 4, 40  # steps, questions of which operations are counted
TERA, MEGA = 1e12, 1e6


def build(seed: int, shared: bool) -> Connected:
    """A new transformer for patches and words; or a new Q-Former between frozen eyes and a frozen language model."""
    return early.build(seed) if shared else connected.build("Q-Former", QUERIES, seed)


def material(split: str, shared: bool) -> Material:
    """The same scenes and questions, seen as raw patches or as the eyes see them."""
    return early.material(split) if shared else lookout.material(split)


@cache
def taught(seed: int, shared: bool, steps: int, tasks: str = "both", blind: bool = False) -> Connected:
    """After so many steps on questions and descriptions, or on "questions" alone, of which all learns that may."""
    model, given = build(seed, shared), material("train", shared)
    pairs = given.pairs if tasks == "questions" else given.lessons()
    train(model, model.parameters(), given, pairs, steps, seed, blind, rate=RATE if shared else connected.RATE)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answer(seed: int, shared: bool, steps: int, kinds: Sequence[str] = (), **how: object) -> Scores:
    """1 where a held-out question, of one of `kinds` or of any, is answered rightly; `how` goes to `taught`."""
    return answers(taught(seed, shared, steps, **how), material("heldout", shared), kinds)


def cost_of_learning(seed: int, shared: bool, steps: int, before: bool = False) -> Scores:
    """Operations of so many steps, in 10^12, judged by each of a few; `before` adds those of all that came before."""
    model, given, at = build(seed, shared), material("train", shared), batches(lookout.TRAIN, BATCH, seed)
    pairs, once = given.lessons(), 0.0
    if not shared:  # each picture is looked at once, and what was seen is kept
        once += min(steps * BATCH, lookout.TRAIN) * operations.of_a_look()
        once += pre_training() if before else 0.0

    def step(number: int) -> int:
        chosen = at(number)
        return operations.learning(lambda: model.loss(given.seen[chosen], [pairs[i] for i in chosen.tolist()]))

    return Scores([(steps * step(number) + once) / TERA for number in range(COUNTED)], range(COUNTED))


@cache
def pre_training() -> float:
    """Operations that eyes and language model took before they met."""
    return operations.of_eyes() + operations.of_school()


def cost_of_answering(seed: int, shared: bool) -> Scores:
    """Operations, in 10^6, of one question about a picture not looked at before."""
    model, given = build(seed, shared).requires_grad_(False), material("heldout", shared)
    look = 0 if shared else operations.of_a_look()

    def ask(number: int) -> float:
        one = given.seen[number : number + 1], [given.pairs[number][:1]]
        return (look + operations.counted(lambda: model.right(*one))) / MEGA

    return Scores([ask(number) for number in range(ASKED)], range(ASKED))


def claims() -> list[Claim]:
    """What is answered, and what it costs."""
    return [*_answers(), *_tasks(), *_costs()]


SEPARATE, SHARED, LONG = "separate", "shared", "shared, three times as long"
MODELS = {SEPARATE: (False, STEPS), SHARED: (True, STEPS), LONG: (True, LONGER)}  # shared or not, steps


def _arms(measure: Callable[..., Scores], **how: object) -> dict[str, Callable[[int], Scores]]:
    return {name: partial(measure, shared=shared, steps=steps, **how) for name, (shared, steps) in MODELS.items()}


def _answers() -> list[Claim]:
    arms, blind, long_blind = _arms(answer), "separate, other pictures", f"{LONG}, other pictures"
    arms[blind] = partial(answer, shared=False, steps=STEPS, blind=True)
    arms[long_blind] = partial(answer, shared=True, steps=LONGER, blind=True)
    metric = "right answers"
    return [
        Claim(
            "parts from the shelf", "At equally many steps separate parts, pre-trained, answer better than a shared "
            "model from scratch.", metric, arms, SEPARATE, SHARED,
        ),
        Claim(
            "three times as long", "Separate parts answer better even than a shared model that learns three times as "
            "long.", metric, arms, SEPARATE, LONG,
        ),
        Claim(
            "shared, more steps", "A shared model that learns three times as long answers better.", metric, arms, LONG,
            SHARED,
        ),
        Claim(
            "separate parts see", "Separate parts answer better than those that learned beside other scenes' pictures.",
            metric, arms, SEPARATE, blind,
        ),
        Claim(
            "a shared model sees", "A shared model that learns three times as long answers better than one that did so "
            "beside other scenes' pictures.", metric, arms, LONG, long_blind,
        ),
        Claim(
            "colours are in the pixels", "Of colours a shared model that learns three times as long tells more than "
            "separate parts.", "right answers about colours", _arms(answer, kinds=("colour",)), LONG, SEPARATE,
        ),
        Claim(
            "shapes take eyes", "Of shapes separate parts tell more than a shared model that learns three times as "
            "long.", "right answers about shapes", _arms(answer, kinds=("shape",)), SEPARATE, LONG,
        ),
    ]  # fmt: skip


def _tasks() -> list[Claim]:
    arms = {
        "questions and descriptions": partial(answer, shared=True, steps=LONGER),
        "questions alone": partial(answer, shared=True, steps=LONGER, tasks="questions"),
    }
    return [
        Claim(
            "tasks help each other", "In as many steps a shared model that also learns to describe pictures answers "
            "more than one that learns to answer alone.", "right answers", arms, *arms,
        ),
    ]  # fmt: skip


def _costs() -> list[Claim]:
    learning, before = _arms(cost_of_learning), "separate, and what came before"
    learning[before] = partial(cost_of_learning, shared=False, steps=STEPS, before=True)
    asking = {name: partial(cost_of_answering, shared=name == SHARED) for name in (SEPARATE, SHARED)}
    metric = "operations of learning"
    return [
        Claim(
            "a connector is cheap", "To train a connector takes fewer operations than to train a shared model three "
            "times as long.", metric, learning, LONG, SEPARATE, unit="x 10^12", given=True,
        ),
        Claim(
            "somebody has paid", "With the training of eyes and language model counted, separate parts take more "
            "operations than a shared model that learns three times as long.", metric, learning, before, LONG,
            unit="x 10^12", given=True,
        ),
        Claim(
            "no eyes to pay for", "One question about a new picture takes separate parts more operations than a shared "
            "model.", "operations of an answer", asking, SEPARATE, SHARED, unit="x 10^6", given=True,
        ),
    ]  # fmt: skip
