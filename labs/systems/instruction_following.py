"""Instruction tuning: an aligned captioner goes on with a picture, and does as it is told only after tuning on talk.

LLaVA (Liu et al., 2023, https://arxiv.org/abs/2304.08485) shows it for pictures, FLAN for texts, in which instructions
never met are followed, too (https://arxiv.org/abs/2109.01652). LLaVA-1.5 (https://arxiv.org/abs/2310.03744) finds that
data of short answers make short replies, unless a prompt says in which form to answer ("Answer the question using a
single word or phrase."), and that talk about texts in other languages makes a model talk about pictures in them (as in
the talk, unchecked). LIMA: what such a model knows it knew before (https://arxiv.org/abs/2305.11206).

Kept: a captioner of which the projector alone was aligned, on captions in English; projector and language model tuned
whole, as in LLaVA's second stage, or by LoRA; LLaVA-1.5's prompt, word for word; 48 made-up facts in the language
model, which can be remembered and not seen. All mixes have the same number of talks, about the same scenes
(labs.systems.parts.talk_mixes), and as many steps.
Left out: the scale, people's own instructions, a judge: a reply is right if it is the answer and nothing else. The exam
asks four of the nine kinds of question that are trained on, those whose chance is known, each in a wording that nothing
is trained on. How facts are scored was settled after seed 0 had shown that none is written freely any more. Two
controls were dropped after measuring, for their chance was that of replies in the right form: what is named, and what
is answered in Spanish, with other pictures stands beside, and lies below it (0.6 for 7.6 %, 15 for 22 %).
"""

from functools import partial

from labs.models.entry import Loaded
from labs.systems.claim import Claim
from labs.systems.parts.followed import (
    CAPTIONER,
    answer,
    chance,
    completed,
    length,
    mentioned,
    model,
    opened,
    remembered,
    steered,
    told,
)  # fmt: skip

NEAR = 0.05
OTHER_PROMPT = "Reply with one word only."  # of which no mix has heard
LENGTHS = {"mixed": "usual", "terse": "terse"}
RIGHT = "right answers"
STATED = "statements of facts ended rightly, of the 24 names that there are"  # 4.2 % by chance


def build(name: str = CAPTIONER, seed: int = 0) -> Loaded:
    """The aligned captioner, or what becomes of it on one of `talk_mixes.MIXES`."""
    return model(name, seed)


def claims() -> list[Claim]:
    """Following, wordings, length, format, a second language, facts."""
    return [*_following(), *_wordings(), *_lengths(), _format(), *_languages(), *_facts()]


def _following() -> list[Claim]:
    others = "tuned, other pictures"
    arms = {
        "tuned": partial(answer, name="usual"), others: partial(answer, name="usual", others=True),
        "captioner": partial(answer, name=CAPTIONER),
        "captioner, the answer anywhere": partial(mentioned, name=CAPTIONER),
        "captioner completes a statement": partial(completed, name=CAPTIONER),
    }  # fmt: skip
    return [
        Claim(
            "it follows", "Asked in a wording that it never learned from, a tuned captioner gives more right answers "
            "than an aligned one.", RIGHT, arms, "tuned", "captioner", controls={others: chance()},
        ),
        Claim(
            "it knew before", "An aligned captioner ends a statement of the answer rightly more often than its reply "
            "to the question so much as mentions it.", RIGHT, arms, "captioner completes a statement",
            "captioner, the answer anywhere", controls={others: chance()},
        ),
    ]  # fmt: skip


def _wordings() -> list[Claim]:
    others = "many wordings, other pictures"
    names = {"many wordings": "usual", "one wording": "one wording"}

    def arms(way: str) -> dict[str, partial]:
        two = {said: partial(answer, name=name, way=way) for said, name in names.items()}
        return two | {others: partial(answer, name="usual", way=way, others=True)}

    return [
        Claim(
            "many wordings", "Asked in a wording that neither learned from, one tuned on many wordings gives more "
            "right answers than one tuned on the same questions in one wording.", RIGHT, arms("unseen"),
            "many wordings", "one wording", controls={others: chance()},
        ),
        Claim(
            "one wording is enough for itself", "Asked in that one wording, the two are within "
            f"{100 * NEAR:.0f} points.", RIGHT, arms("template"), "one wording", "many wordings", within=NEAR,
            controls={others: chance()},
        ),
    ]  # fmt: skip


def _lengths() -> list[Claim]:
    words = {name: partial(length, name=mix) for name, mix in LENGTHS.items()}
    things = {name: partial(told, name=mix) for name, mix in LENGTHS.items()}
    things |= {"mixed, other pictures": partial(told, name="usual", others=True)}
    short = {name: partial(answer, name=mix) for name, mix in LENGTHS.items()}
    return [
        Claim(
            "terse data, terse replies", "Asked for a description in detail, one tuned on short answers alone says "
            "less than one for which every seventh talk was a description.", "words", words, "mixed", "terse", unit="",
        ),
        Claim(
            "and leaves out what it sees", "So it names fewer of the things by colour and shape.", "things named",
            things, "mixed", "terse",
        ),
        Claim(
            "descriptions cost no answers", "The answers of both to questions are right as often, within "
            f"{100 * NEAR:.0f} points.", RIGHT, short, "mixed", "terse", within=NEAR,
        ),
    ]  # fmt: skip


def _format() -> Claim:
    arms = {"prompted": partial(steered, name="prompted"), "ambiguous": partial(steered, name="ambiguous"),
            "prompted, another prompt": partial(steered, name="prompted", prompt=OTHER_PROMPT),
            "usual": partial(steered, name="usual")}  # fmt: skip
    return Claim(
        "a prompt for the format", "Where short answers followed a prompt for them in training, the prompt decides "
        "whether a question gets a sentence or a word; where the same answers came without, it does not.",
        "questions answered in both forms as asked", arms, "prompted", "ambiguous",
    )  # fmt: skip


def _languages() -> list[Claim]:
    mixes = {"Spanish texts": "Spanish texts", "English texts": "usual", "Spanish texts alone": "Spanish texts alone",
             "Spanish pictures": "Spanish pictures"}  # fmt: skip
    spoken = {"language": "es", "way": "template"}  # a wording that is trained on
    arms = {said: partial(answer, name=name, **spoken) for said, name in mixes.items()}
    others = "Spanish texts, other pictures"
    arms[others] = partial(answer, name="Spanish texts", others=True, **spoken)
    return [
        Claim(
            "two halves make a whole", "Tuned on English talk about pictures and Spanish talk about texts, it answers "
            "Spanish questions about pictures, which one does not whose texts were English, too.", RIGHT, arms,
            "Spanish texts", "English texts", ceiling="Spanish pictures",
        ),
        Claim(
            "both halves are needed", "It answers more of them than one tuned on Spanish talk about texts alone.",
            RIGHT, arms, "Spanish texts", "Spanish texts alone", ceiling="Spanish pictures",
        ),
    ]  # fmt: skip


def _facts() -> list[Claim]:
    names = {"before": CAPTIONER, "tuned whole": "usual", "tuned by LoRA": "LoRA"}
    kept = {said: partial(remembered, name=name) for said, name in names.items()}
    asked_for = {said: partial(opened, name=name) for said, name in names.items()}
    rehearsed = {"rehearsed": "some facts rehearsed", "not rehearsed": "usual"}
    theirs, others = ({said: partial(remembered, name=name, of=of) for said, name in rehearsed.items()}
                      for of in ("told", "others"))  # fmt: skip
    some = {"others' facts asked": partial(opened, name="some facts", of="others"),
            "no fact asked": partial(opened, name="usual", of="others")}  # fmt: skip
    return [
        Claim(
            "LoRA keeps more", "Adapters leave more facts in place than tuning the whole model does.", STATED, kept,
            "tuned by LoRA", "tuned whole", ceiling="before",
        ),
        Claim(
            "rehearsed facts stay", "Facts of half of the lands, among the talks as the statements once read, are kept "
            "better than without.", STATED, theirs, "rehearsed", "not rehearsed",
        ),
        Claim(
            "and take others along", "The facts of the other half, of which nothing was rehearsed, are kept better, "
            "too.", STATED, others, "rehearsed", "not rehearsed",
        ),
        Claim(
            "facts open to questions", "Tuned on questions about scenes alone, it names facts when asked for them.",
            "facts named", asked_for, "tuned whole", "before",
        ),
        Claim(
            "some open the others", "If the facts of half of the lands are asked in training, more of the others' are "
            "named than if none is.", "facts of other lands named", some, "others' facts asked", "no fact asked",
        ),
    ]  # fmt: skip
