"""Where models like these fail, and of what: nine limits, each measured where a cause can be told from a symptom.

| limit                  | measured on                                        | blamed                                 |
|------------------------|----------------------------------------------------|----------------------------------------|
| hallucination          | yes or no, three ways to ask for what is not there | what is frequent, what goes together   |
| space, exchanged words | two captions of the same words                     | one vector for a picture, not the eyes |
| counting               | pictures of one to eight things                    | data, or a design with few tokens      |
| forgetting             | what was known, after tuning on digits             | lessons of one kind                    |
| over-trust             | pictures out of focus                              | confidence that outlives sight         |
| blind confidence       | blank pictures, things that are not there          | a model that always had an answer      |
| inherited              | usual colours, read and never seen                 | the language model                     |
| beyond sight           | captions that name specks                          | what annotators saw and eyes cannot    |

POPE: https://arxiv.org/abs/2305.10355. Space: "What's up", https://arxiv.org/abs/2310.19785. Exchanged words:
Winoground, https://arxiv.org/abs/2204.03162, and ARO, https://arxiv.org/abs/2210.01936. Other sources: parts.limit_*.

Kept: the shipped mini-llava and mini-clip, which share their eyes; adapters on the engine, in 10 to 30 seconds an arm;
for what is inherited, two language models and a connector before each. Both shipped models do nearly all that they are
asked in the micro-world, so each limit is looked for where it begins: specks, six things, a digit never said, a picture
out of focus. Left out: scale, photographs, people who are misled.

The seed draws scenes, what is asked and, where something learns, lessons, their order and new weights; of what ships
there is one, so there seeds differ in scenes alone. Settings were chosen on scenes of another seed: pixels of a speck
(5, 4 and 3 tried), steps and how often it is a companion, so that the three exams differ; six things of 2, 3, 4 and 6,
as of fewer mini-clip is right; blur by three of 1 to 3 pixels. There, too, words ("six") were given up for digits, as
pieces of rare words fail by themselves, and blurred pictures for specks, as blur hides a star as well as its companion.
There, too, company was first blamed from a difference of differences: who saw both companions as often says yes to
either. When figures of seed 0 were known, specks (58 %) were no longer a control at chance but a claim to be near it; a
claim on right answers behind both language models was dropped, for two connectors differ by 8 points either way; and
"it falls back on it" was written, after a look at another seed (72 against 50).
"""

from collections.abc import Callable
from functools import partial

from labs.models.entry import Loaded
from labs.systems.claim import Claim, Scores
from labs.systems.parts import limit_company, limit_learned, limit_order, limit_trust
from labs.systems.parts.limit_tuning import load

NEAR, HARDLY = 0.05, 0.1  # closer than that is as good, or hardly worse
CROWD = 6  # things
Arms = dict[str, Callable[[int], Scores]]


def build() -> Loaded:
    """The shipped model whose limits these are."""
    return load()


def claims() -> list[Claim]:
    """Nine limits, in the order of the table."""
    return [
        *_hallucination(), *_space(), *_exchanged(), *limit_learned.counting(), *limit_learned.forgetting(),
        *_over_trust(), *_blind(), *limit_learned.inherited(), *limit_learned.beyond(),
    ]  # fmt: skip


def _hallucination() -> list[Claim]:
    ways = {"together": True, "apart": False}
    said: Arms = {f"{way}, {kind}": partial(limit_company.false_yes, together=together, kind=kind)
                  for way, together in ways.items() for kind in limit_company.PROBES}  # fmt: skip
    called: Arms = {way: partial(limit_company.called_for, together=together) for way, together in ways.items()}
    both: Arms = {kind: partial(limit_company.answered, kind=kind) for kind in limit_company.PROBES}
    both["random, other pictures"] = partial(limit_company.answered, others=True)
    metric, what = "yes to what is not there", "of what is not there"
    return [
        Claim(
            "popular", f"It says more often {what} that it is there if it is often there in other pictures, though "
            "nothing in any of them called for it.", metric, said, "apart, popular", "apart, random",
        ),
        Claim(
            "adversarial", f"Where things went together, it says so more often still {what}, but usually goes with "
            "what is.", metric, said, "together, adversarial", "together, popular",
        ),
        Claim(
            "company is to blame", "After as many pictures of the same things, which did not go together, it makes "
            "less of a difference whether what is asked for usually goes with what is there.",
            "yes to what usually goes with it less yes to what is as frequent", called, "together", "apart",
        ),
        Claim(
            "three exams, three figures", "So the same model answers fewer questions rightly in an adversarial exam "
            "than in a random one.", "right answers, half of them yes", both, "random", "adversarial",
            controls={"random, other pictures": 0.5},
        ),
    ]  # fmt: skip


def _order(what: str, plainly: str) -> Arms:
    one = partial(limit_order.prefers, judge="dual encoder", things=CROWD)
    other = "dual encoder, other pictures"
    return {
        f"dual encoder, {what}": partial(one, what=what), "dual encoder, another colour": partial(one, what=plainly),
        f"dual encoder, {what}, 2 things": partial(one, what=what, things=2),
        "language model": partial(one, judge="language model", what=what), other: partial(one, what=what, others=True),
    }  # fmt: skip


def _space() -> list[Claim]:
    arms, metric = _order("places", "another colour, placed"), "true caption preferred"
    control = {"controls": {"dual encoder, other pictures": 0.5}, "ceiling": "language model"}
    return [
        Claim(
            "where is harder than what", f"Of {CROWD} things a dual encoder notices that two have exchanged places "
            "less often than that one has another colour.", metric, arms, "dual encoder, another colour",
            "dual encoder, places", **control,
        ),
        Claim(
            "the eyes know where", "Through the same eyes, read patch by patch, a language model notices it more "
            "often.", metric, arms, "language model", "dual encoder, places", **control,
        ),
    ]  # fmt: skip


def _exchanged() -> list[Claim]:
    arms, metric = _order("colours", "another colour"), "true caption preferred"
    control = {"controls": {"dual encoder, other pictures": 0.5}, "ceiling": "language model"}
    return [
        Claim(
            "a bag of words", f"Of {CROWD} things a dual encoder notices that two have exchanged colours less often "
            "than that one has a colour of its own.", metric, arms, "dual encoder, another colour",
            "dual encoder, colours", **control,
        ),
        Claim(
            "the more things", f"It notices the exchange less often among {CROWD} things than between two.", metric,
            arms, "dual encoder, colours, 2 things", "dual encoder, colours", **control,
        ),
        Claim(
            "one vector, not the eyes", "Through the same eyes a language model notices it more often.", metric, arms,
            "language model", "dual encoder, colours", **control,
        ),
    ]  # fmt: skip


def _over_trust() -> list[Claim]:
    views = ("sharp", "blurred")
    both: Arms = {f"{what}, {view}": partial(measure, view=view) for view in views
                  for what, measure in (("confidence", limit_trust.sure), ("right", limit_trust.right))}  # fmt: skip
    over: Arms = {view: partial(limit_trust.over, view=view) for view in views}
    half: Arms = {"all": partial(limit_trust.right, view="blurred"), "the surer half": limit_trust.selected,
                  "a half by lot": partial(limit_trust.selected, by="lot")}  # fmt: skip
    return [
        Claim(
            "calibrated at home", f"In focus, mini-llava is as sure as it is right, within {100 * NEAR:.0f} points.",
            "confidence, and right answers", both, "confidence, sharp", "right, sharp", within=NEAR,
        ),
        Claim(
            "too sure abroad", "Out of focus it trusts its answers more than they deserve, farther than in focus.",
            "confidence less right answers", over, "blurred", "sharp",
        ),
        Claim(
            "confidence selects", "Still, out of focus the half of its answers of which it is surer has more right "
            "ones than all together.", "right answers", half, "the surer half", "all",
        ),
    ]  # fmt: skip


def _blind() -> list[Claim]:
    kind = ("existence",)
    sure: Arms = {view: partial(limit_trust.sure, view=view, kinds=kind) for view in ("sharp", "blank")}
    sure["right answers, blank"] = partial(limit_trust.right, view="blank", kinds=kind)
    over: Arms = {view: partial(limit_trust.over, view=view) for view in ("sharp", "blank", "other pictures")}
    asked: Arms = {"a thing that is there": partial(limit_trust.premise, true=True),
                   "a thing that is not": partial(limit_trust.premise, true=False)}  # fmt: skip
    return [
        Claim(
            "yes or no, unseen", "Whether something is there it says of a blank picture as surely as of the right one, "
            f"within {100 * NEAR:.0f} points.", "confidence", sure, "blank", "sharp", within=NEAR,
            controls={"right answers, blank": 0.5},
        ),
        Claim(
            "trust without sight", "Of questions of all kinds it trusts its answers about a blank picture farther "
            "beyond what they deserve than those about the right one.", "confidence less right answers", over, "blank",
            "sharp",
        ),
        Claim(
            "colours of what is not there", "Asked for the colour of a thing that is not there, it is as sure of the "
            f"one that it names as if the thing were there, within {100 * HARDLY:.0f} points.", "confidence", asked,
            "a thing that is not", "a thing that is there", within=HARDLY,
        ),
    ]  # fmt: skip
