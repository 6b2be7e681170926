"""Agents: the same multimodal model with tools, with a check of what it says, and with a colleague, against without.

ReAct (https://arxiv.org/abs/2210.03629) lets a model take turns between writing and acting, Toolformer
(https://arxiv.org/abs/2302.04761) teaches it where to write calls, Visual ChatGPT (https://arxiv.org/abs/2303.04671)
and LLaVA-Plus (https://arxiv.org/abs/2311.05437) give it models that see.

Kept: mini-llava itself writes a call or an answer; a loop reads it strictly, runs the tool and puts the reply into
the conversation, four times at most. LoRA on conversations with calls teaches it when and how. Detector and reader
look at pixels, nearer than the model can; the calculator is a parser of sums. Rivals learn the same questions about the
same pictures for as many steps without calls, at the better of two rates.
Left out: thoughts between calls, plans, conversations that the model makes itself and filters by what helps, tools it
was never taught, and a debate, in which several models read each other's answers.

Lessons are written from scenes, so that the tools in them make no mistake; in exams they do. Rates, ranks and steps
were chosen on 60 held-out scenes of another data seed. Seen in those trials before the claims were written: calls are
learned within 150 steps, copying the calculator's reply takes longer than all else, and so sums are not all right.
That checking oneself makes no difference, within 3 points of F1, was the first hypothesis; on those scenes it cost 4
points, and the claim was turned into that it costs some before any was scored on the exam's. The scenes of the last
two claims were drawn anew, with no colour twice, after a first run of seed 0: where colours repeat, the most frequent
one was right half the time without any colleague. "Steps, not heads" was written when one adapter, asked in steps, had
come to 97 % on the other data seed, and nothing was known of two in the present form.
"""

from functools import partial

from labs.models.entry import Loaded
from labs.systems.claim import Claim
from labs.systems.parts import agent_check, agent_lessons, agent_pair
from labs.systems.parts.agent_exam import correct, decided
from labs.world.vocabulary import SIGNS

NEAR = 0.05  # two shares so far apart count as about the same
LOOK = "detector(things)"  # a call that is made before every question, wanted or not


def build(way: str = "tools", seed: int = 0) -> Loaded:
    """The model after lessons on one of `agent_lessons.WAYS`."""
    return agent_lessons.taught(seed, way)


def claims() -> list[Claim]:
    """Tools, trust in them, checking oneself, two who see different things."""
    return [*_tools(), *_trust(), *_checks(), *_two()]


def _arms(*kinds: str, view: str = "wide") -> dict:
    """Agent, rival, untuned model, and the agent whose tools look elsewhere."""
    return {
        "with tools": partial(correct, way="tools", view=view, kinds=kinds),
        "without": partial(correct, way="direct", view=view, kinds=kinds),
        "untuned": partial(correct, way="base", view=view, kinds=kinds),
        "tools see another picture": partial(correct, way="tools", view=view, tools="another", kinds=kinds),
        "tools taken away": partial(correct, way="tools", view=view, tools="none", kinds=kinds),
    }


def _tools() -> list[Claim]:
    metric, harm = "right answers", _arms(view="plain")
    harm = {name: harm[name] for name in ("with tools", "without", "untuned")}
    harm["a call before every question"] = partial(correct, way="tools", view="plain", first=LOOK)
    return [
        Claim(
            "detector", "Of things on wide pictures a model that learned to call a detector knows better how many "
            "there are, and whether, than one that learned the answers alone.", metric, _arms("count", "existence"),
            "with tools", "without",
        ),
        Claim(
            "reader", "With a reader to call it tells more signs than after learning the answers alone.", metric,
            _arms("sign"), "with tools", "without", controls={"tools see another picture": 1 / len(SIGNS)},
        ),
        Claim(
            "chain", "Where two counts and a sum lead to the answer, calling detector and calculator in turn is right "
            "more often than having learned the answers.", metric, _arms("sum"), "with tools", "without",
        ),
        Claim(
            "where it sees enough", "On ordinary pictures, which need no tool, a model that learned to call tools "
            f"answers as rightly, within {100 * NEAR:.0f} points, as one that learned answers alone.", metric, harm,
            "with tools", "without", within=NEAR,
        ),
        Claim(
            "knows when", "Asked in the same words whether something is there, it calls the detector on wide pictures "
            "and answers by itself on ordinary ones, more often than one in two.", "right decisions",
            {"with tools": decided}, "with tools", 0.5,
        ),
    ]  # fmt: skip


def _trust() -> list[Claim]:
    found = ("existence",)
    arms = {
        "lied to": partial(correct, way="tools", tools="lying", kinds=found),
        "warned, lied to": partial(correct, way="warned", tools="lying", kinds=found),
        "without": partial(correct, way="direct", kinds=found),
        "told the truth": partial(correct, way="tools", kinds=found),
        "warned, told the truth": partial(correct, way="warned", kinds=found),
    }
    metric = "right answers whether something is there"
    return [
        Claim(
            "trust", "When the detector lies, a model that learned with an honest one is right less often than one "
            "without tools: it believes the tool more than its eyes.", metric, arms, "without", "lied to",
        ),
        Claim(
            "warned", "A model that learned with a detector that lies in a third of the cases is right more often when "
            "lied to than one that learned with an honest one.", metric, arms, "warned, lied to", "lied to",
        ),
    ]  # fmt: skip


def _checks() -> list[Claim]:
    arms = {check: partial(agent_check.agrees, check=check) for check in agent_check.CHECKS}
    metric = "F1 of things named and there"
    return [
        Claim(
            "checking oneself", "A model that asks itself about each thing it has named and drops what it denies "
            "describes worse than before: it has nothing new to go by, and drops what is there.", metric, arms,
            "as written", "itself",
        ),
        Claim(
            "checking with evidence", "Dropping what a detector does not find makes descriptions better.", metric,
            arms, "evidence", "as written",
        ),
        Claim(
            "what is denied", "What it denies is wrong more often than chance: dropping that is better than dropping "
            "as many things at random.", metric, arms, "itself", "random",
        ),
    ]  # fmt: skip


def _two() -> list[Claim]:
    arms = {
        "two": agent_pair.two,
        "one": agent_pair.one,
        "one, the majority of three": partial(agent_pair.one, times=agent_pair.WORDINGS),
        "one, step by step": partial(agent_pair.one, by_steps=True),
        "two, the colleague elsewhere": partial(agent_pair.two, elsewhere=True),
    }
    metric = "right colours of the hottest or the coldest thing"
    return [
        Claim(
            "two who see different things", "An agent that sees the picture and asks a colleague at the thermal camera "
            "is right more often than one adapter that sees both, learned no less and is asked as often, in three "
            "wordings, of which the majority counts.", metric, arms, "two", "one, the majority of three",
        ),
        Claim(
            "steps, not heads", "It is no better, within 5 points, than one adapter that sees both and tells the place "
            "before the colour: what helps is that the question is taken apart.", metric, arms, "two",
            "one, step by step", within=NEAR,
        ),
    ]  # fmt: skip
