"""InstructBLIP (Dai et al., 2023, https://arxiv.org/abs/2305.06500): the Q-Former reads the instruction beside its
queries, so that what it takes from a picture depends on what is asked; tuned on many tasks, it is tried on others.

Kept: frozen eyes, a frozen language model, and between them a Q-Former in which queries and words talk to each other
before the queries look; a stage before in which it learns without instructions, shared by all; data sets that are drawn
from as often as the root of their size; tasks that are held out.
Left out: BLIP-2's own first stage, which taught the Q-Former words, too; 26 real data sets, several wordings of a task;
32 queries, which here would carry all that there is to say of a picture.

A Q-Former that is not told has to put into its tokens whatever might be asked. How few they are so decides what may be
gained; how near the tasks are to those that were learned, what may be lost. Settings were chosen with seed 0, on other
scenes. There, with one token, those told were 11 points ahead on learned and 4 on held-out tasks; with two, 6 points
ahead and 6 behind; with four, 5 ahead and 6 behind: hence the same claims for one token and for four. Existence and
counts, of which no lesson had a word, were tried as tasks farther off and given up: at four tokens, told or not, 53 and
28 % were right, nearly the same as from other pictures. Where queries look was to be measured of questions that name a
shape; those that name a place came in when they had shown more of it, and those that name a colour nothing.
"""

from functools import partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import balanced
from labs.systems.parts.asked_by import LEARNED, UNLEARNED, chance, exam, lessons, only, others
from labs.systems.parts.attended import THINGS, on_the_asked
from labs.systems.parts.connected import Connected, answers
from labs.systems.parts.operations import counted
from labs.systems.parts.taught_tasks import FEW, MANY, STEPS, TOKENS, aware, balance, blind

LONGER = 1.7  # times the steps: a blind one with few tokens learns for as many operations as an aware one
SHIFTS = (1, 2, 3, 4)  # of controls: scenes so many places on
LOOKED = ("shape by place", "colour by shape")  # tasks of which it is measured where queries look
COUNTED = 8  # scenes on which operations are counted


def _name(how: str, tokens: int) -> str:
    return f"{how}, {tokens} token{'s' * (tokens > 1)}"


AWARE, BLIND = ({tokens: _name(how, tokens) for tokens in (FEW, TOKENS, MANY)} for how in ("aware", "blind"))
LONG = f"{BLIND[FEW]}, as many operations"
MISLED = "told of other scenes"  # all the while: the same Q-Former, with words that are of no use


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def taught(name: str, seed: int) -> Connected:
    """One of the arms by its name. Raises KeyError for another name."""
    arms = {AWARE[tokens]: partial(aware, seed, tokens, False) for tokens in (FEW, TOKENS)}
    arms |= {BLIND[tokens]: partial(blind, seed, tokens, STEPS) for tokens in (FEW, TOKENS, MANY)}
    arms |= {MISLED: partial(aware, seed, FEW, True), LONG: partial(blind, seed, FEW, round(LONGER * STEPS))}
    return arms[name]()


def answer(seed: int, kinds: tuple[str, ...], name: str) -> Scores:
    """1 where a held-out scene's question of one of `kinds` is answered rightly."""
    return answers(taught(name, seed), only(exam(), kinds))


def elsewhere(seed: int, kinds: tuple[str, ...], name: str) -> Scores:
    """The same beside pictures of scenes so many places on: the share of `SHIFTS` that is right."""
    given, model = only(exam(), kinds), taught(name, seed)
    found = [answers(model, given._replace(seen=given.seen.roll(-shift, 0))) for shift in SHIFTS]
    shares = [sum(some) / len(SHIFTS) for some in zip(*(one.values for one in found), strict=True)]
    return Scores(shares, found[0].scenes)


def told_another(seed: int, kinds: tuple[str, ...], name: str) -> Scores:
    """As `answer`, but that the Q-Former is told of another question about the scene than is asked."""
    given, other = only(exam(), kinds), only(exam()._replace(pairs=others(exam())), kinds)
    right = taught(name, seed).right(given.seen, given.pairs, other.pairs)
    return Scores(right.float().tolist(), [number for number, some in enumerate(given.pairs) for _ in some])


def balanced_answer(seed: int, how: str, kinds: tuple[str, ...]) -> Scores:
    """As `answer`, by one that has learned from data sets of unequal sizes."""
    return answers(balance(seed, how), only(exam(), kinds))


def looked(seed: int, name: str, task: str, shift: int = 0) -> Scores:
    """The share of attention on the thing asked about, as `attended.on_the_asked` has it."""
    return on_the_asked(taught(name, seed), task, shift)


def answered_for_a_billion(seed: int, name: str, questions: int) -> Scores:
    """For some scenes: questions answered for each billion operations, so many about a picture; eyes are left out."""
    given, model = lessons(), taught(name, seed)
    pairs = [some[:questions] for some in given.pairs[:COUNTED]]
    spent = [counted(lambda i=i: model.right(given.seen[[i]], [pairs[i]])) / 1e9 for i in range(COUNTED)]
    return Scores([len(some) / one for some, one in zip(pairs, spent, strict=True)], range(COUNTED))


def claims() -> list[Claim]:
    """Tasks that were learned and tasks that were not, tokens, cost, what the words do, how data sets are mixed."""
    return [*_learned(), *map(_held_out, (FEW, TOKENS)), *_balanced(), *map(_looks, LOOKED), _cost()]


def _arms(kinds: tuple[str, ...], *names: str) -> dict[str, partial]:
    """Those arms, and what becomes of the first of them beside other pictures and with other words."""
    arms = {name: partial(answer, kinds=kinds, name=name) for name in names}
    first = {"kinds": kinds, "name": names[0]}
    arms[f"{names[0]}, told another question"] = partial(told_another, **first)
    return arms | {f"{names[0]}, other pictures": partial(elsewhere, **first)}


def _learned() -> list[Claim]:
    few, more = AWARE[FEW], AWARE[TOKENS]
    arms = _arms(LEARNED, few, BLIND[FEW], LONG, MISLED)
    wider = _arms(LEARNED, more, BLIND[TOKENS], BLIND[MANY])
    metric = "right answers, tasks that were learned"
    return [
        Claim(
            "aware beats blind", "At equal steps and with one token each a Q-Former that is told what is asked answers "
            "better than one that is not.", metric, arms, few, BLIND[FEW],
        ),
        Claim(
            f"aware beats blind, {TOKENS} tokens", f"So it does with {TOKENS} tokens each.", metric, wider, more,
            BLIND[TOKENS],
        ),
        Claim(
            "at equal cost", "With one token it answers better, too, than one that is not told and learns for as many "
            "operations.", metric, arms, few, LONG,
        ),
        Claim(
            "fewer tokens", f"With {TOKENS} tokens it answers better than one that is not told with {MANY}.", metric,
            wider, more, BLIND[MANY],
        ),
        Claim(
            "words, not weights", "The same Q-Former answers worse if it is told, in lessons and exam, what is asked "
            "of other scenes.", metric, arms, few, MISLED,
        ),
        Claim(
            "the wrong question", "Told of another question than the language model is asked, it answers worse than "
            "one that is not told.", metric, arms, BLIND[FEW], f"{few}, told another question",
        ),
    ]  # fmt: skip


def _held_out(tokens: int) -> Claim:
    names = (AWARE[tokens], BLIND[tokens], *([MISLED, LONG] if tokens == FEW else [BLIND[MANY]]))
    return Claim(
        f"held-out tasks, {tokens} token{'s' * (tokens > 1)}", "Tasks that no lesson asked, but of which every word "
        "was met in others, are answered better by a Q-Former that is told what is asked.",
        "right answers, held-out tasks", _arms(UNLEARNED, *names), AWARE[tokens], BLIND[tokens],
        controls={f"{AWARE[tokens]}, other pictures": chance(UNLEARNED)},
    )  # fmt: skip


def _balanced() -> list[Claim]:
    smallest, whole = (
        {how: partial(balanced_answer, how=how, kinds=kinds) for how in balanced.POWERS}
        for kinds in ((balanced.SMALLEST,), LEARNED)
    )
    root, few = "square root", f"right answers, the task with {balanced.SIZES[balanced.SMALLEST]} questions"
    return [
        Claim(
            "the root helps the smallest", "Drawn from as often as the root of its size, the smallest data set teaches "
            "more than if drawn from as often as its size.", few, smallest, root, "proportional",
        ),
        Claim(
            "the root and the whole", "All tasks together are answered better than if each data set is drawn from "
            "equally often.", "right answers, tasks that were learned", whole, root, "uniform",
        ),
    ]  # fmt: skip


def _looks(task: str) -> Claim:
    name, blind_one = AWARE[TOKENS], BLIND[TOKENS]
    other = f"{name}, another scene's question"
    arms = {one: partial(looked, name=one, task=task) for one in (name, blind_one)}
    arms[other] = partial(looked, name=name, task=task, shift=1)
    return Claim(
        f"looks where it is asked, named {task[task.index('by') :]}", "Of what queries look at of three things, the "
        "larger share is on the one that is asked about if they are told.", "attention on the thing asked about", arms,
        name, blind_one, controls=dict.fromkeys((blind_one, other), 1 / THINGS),
    )  # fmt: skip


def _cost() -> Claim:
    shared = {f"{name}, all of a picture's questions": (name, 99) for name in (BLIND[TOKENS], AWARE[TOKENS])}
    alone = {f"{name}, one question a picture": (name, 1) for name in (BLIND[TOKENS], AWARE[TOKENS])}
    arms = {
        said: partial(answered_for_a_billion, name=name, questions=count)
        for said, (name, count) in (shared | alone).items()
    }
    return Claim(
        "what it costs", "Where several questions share a picture, one that is not told answers more of them for as "
        "many operations: it looks once.", "questions for a billion operations", arms, *shared, unit="", given=True,
    )  # fmt: skip
