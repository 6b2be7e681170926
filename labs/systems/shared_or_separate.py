"""One shared model from the start, or separate parts that were there before: which learns more, and at what cost?

Shared (early fusion: Fuyu, Adept, 2023, https://www.adept.ai/blog/fuyu-8b; Chameleon, 2024,
https://arxiv.org/abs/2405.09818): one new transformer takes raw patches and words for tokens of the same kind.
Separate (BLIP-2, 2023, https://arxiv.org/abs/2301.12597; LLaVA, 2023, https://arxiv.org/abs/2304.08485): eyes and
language model come trained and stay frozen; only a connector between them learns.

Kept: a transformer from scratch, as wide and deep as the language model that the other one borrows; the same pictures,
questions and descriptions; as many steps, and three times as many; operations, by which floating-point operations
(FLOPs) are meant throughout: of learning, of a question, of what came before.
Left out: scale, at which both have been trained; Chameleon's code book; pictures that the shared model writes itself
(labs.systems.any_to_any).

Questions are about held-out scenes. Those of the two claims about shapes and colours are about new scenes of trained
combinations (labs.systems.parts.by_place): first asked about held-out scenes, where colours mislead whoever guesses
shapes by them, the shared model told fewer shapes than a blind guess. The eyes come from captions and from labels that
told the shape and colour of every patch; the shared model learns from questions and descriptions alone.

Steps were chosen on other scenes, with one seed; that the shared model tells more colours and separate parts more
shapes was worded after that look. Pre-training is counted as a claim of its own: whoever finds eyes and a
language model on a shelf has not paid for it.
"""

from collections.abc import Callable
from functools import cache, partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import by_place, connected, early, lookout, operations
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


def answer(seed: int, shared: bool, steps: int, **how: object) -> Scores:
    """1 where a held-out question is answered rightly; `how` goes to `taught`."""
    return answers(taught(seed, shared, steps, **how), material("heldout", shared))


def tell(seed: int, shared: bool, steps: int, kind: str, **how: object) -> Scores:
    """1 where the "shape" or "colour" of a thing in a new scene of known combinations is told rightly."""
    return answers(taught(seed, shared, steps, **how), by_place.material(shared), (kind,))


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
    return [*_answers(), *_kinds(), *_costs()]


SEPARATE, SHARED, LONGER_SHARED = "separate", "shared", "shared, three times as long"
MODELS = {SEPARATE: (False, STEPS), SHARED: (True, STEPS), LONGER_SHARED: (True, LONGER)}  # shared or not, steps
BLIND = {f"{name}, other pictures": name for name in (SEPARATE, LONGER_SHARED)}


def _arms(measure: Callable[..., Scores], **how: object) -> dict[str, Callable[[int], Scores]]:
    return {name: partial(measure, shared=shared, steps=steps, **how) for name, (shared, steps) in MODELS.items()}


def _with_blind(measure: Callable[..., Scores], **how: object) -> dict[str, Callable[[int], Scores]]:
    arms = _arms(measure, **how)
    return arms | {name: partial(arms[seeing], blind=True) for name, seeing in BLIND.items()}


def _answers() -> list[Claim]:
    arms, (blind, longer_blind), metric = _with_blind(answer), BLIND, "right answers"
    both = arms[LONGER_SHARED]
    tasks = {"questions and descriptions": both, "questions alone": partial(both, tasks="questions")}
    return [
        Claim(
            "parts from the shelf", "At equally many steps separate parts, pre-trained, answer better than a shared "
            "model from scratch.", metric, arms, SEPARATE, SHARED,
        ),
        Claim(
            "three times as long", "Separate parts answer better even than a shared model that learns three times as "
            "long.", metric, arms, SEPARATE, LONGER_SHARED,
        ),
        Claim(
            "shared, more steps", "A shared model that learns three times as long answers better.", metric, arms,
            LONGER_SHARED, SHARED,
        ),
        Claim(
            "separate parts see", "Separate parts answer better than those that learned beside other scenes' pictures.",
            metric, arms, SEPARATE, blind,
        ),
        Claim(
            "a shared model sees", "A shared model that learns three times as long answers better than one that did so "
            "beside other scenes' pictures.", metric, arms, LONGER_SHARED, longer_blind,
        ),
        Claim(
            "tasks help each other", "In as many steps a shared model that also learns to describe pictures answers "
            "more than one that learns to answer alone.", metric, tasks, *tasks,
        ),
    ]  # fmt: skip


def _kinds() -> list[Claim]:
    guessed = dict.fromkeys(BLIND, by_place.GUESSED)
    return [
        Claim(
            "colours are in the pixels", "In new scenes of known combinations a shared model that learns three times "
            "as long tells more colours than separate parts.", "right answers about colours",
            _with_blind(tell, kind="colour"), LONGER_SHARED, SEPARATE, controls=guessed,
        ),
        Claim(
            "shapes take eyes", "In new scenes of known combinations separate parts tell more shapes than a shared "
            "model that learns three times as long.", "right answers about shapes", _with_blind(tell, kind="shape"),
            SEPARATE, LONGER_SHARED, controls=guessed,
        ),
    ]  # fmt: skip


def _costs() -> list[Claim]:
    learning, before = _arms(cost_of_learning), "separate, and what came before"
    learning[before] = partial(cost_of_learning, shared=False, steps=STEPS, before=True)
    asking = {name: partial(cost_of_answering, shared=name == SHARED) for name in (SEPARATE, SHARED)}
    metric = "operations (FLOPs) of learning"
    return [
        Claim(
            "a connector is cheap", "To train a connector takes fewer operations than to train a shared model three "
            "times as long.", metric, learning, LONGER_SHARED, SEPARATE, unit="x 10^12", given=True,
        ),
        Claim(
            "somebody has paid", "With the training of eyes and language model counted, separate parts take more "
            "operations than a shared model that learns three times as long.", metric, learning, before,
            LONGER_SHARED, unit="x 10^12", given=True,
        ),
        Claim(
            "no eyes to pay for", "One question about a new picture takes separate parts more operations than a shared "
            "model.", "operations (FLOPs) of an answer", asking, SEPARATE, SHARED, unit="x 10^6", given=True,
        ),
    ]  # fmt: skip
