"""LLaVA's data engine (Liu et al., 2023, https://arxiv.org/abs/2304.08485, section 3): a teacher that reads captions
and boxes, and never sees a picture, writes what a model that does see it learns to answer.

Kept: what the teacher is given (captions of which none says where, boxes of which none says what colour), its three
kinds of answer, prompts by example for a chat model, and tuning on triplets of picture, instruction and answer.
Left out: GPT-4. Offline the teacher is a plain function that says what follows from the text and nothing else;
labs.systems.parts.teacher_chat opens any chat model in its place; replies that break the form are refused and counted.

Equal in every arm: pictures, records and updates; captions and triplets also in words to learn, within 1 %. Gold
answers have the teacher's own forms: what differs is what it cannot know, and what it chooses to ask. Conversation
alone has half as many words to learn, for its answers are short, but twice as many conversations; without boxes there
is a fifth less to say.

Reworded when figures of seed 0 were known. Word for word a model that was tuned on captions alone answers no question:
captions, and a teacher that reads no boxes, are now compared where only the words that may begin an answer count, so
that nobody has to know how answers look. Descriptions were to be better with triplets, where captions left no room for
it. Near gold was one claim for each kind; of descriptions both sides had nearly all. "The rest" beside places held
questions for the thing at the top, too.
"""

from functools import cache, partial

from labs.models.entry import Loaded
from labs.systems.claim import Claim, Scores
from labs.systems.parts import captioner, eyes, instructions
from labs.systems.parts.instructions import THINGS
from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, KINDS, REASONING
from labs.systems.parts.teacher_exam import chance, choose, exam, is_about, replies, score
from labs.systems.parts.teacher_records import Source, captioned, gold, talked, talks, taught

PICTURES, STEPS = 1024, 200
ASKED, EXAM = 150, 2  # pictures, and their data seed; settings were chosen on others
NEAR = 0.05
MILD, STRONG = 0.25, 0.5  # shares of facts that are told wrongly
TRIPLETS, CAPTIONS, GOLD, TALK = "triplets", "captions", "gold answers", "conversation alone"
NO_BOXES, MILDLY, STRONGLY = "triplets, no boxes read", "triplets, a quarter wrong", "triplets, half wrong"
OTHERS = "triplets, other pictures"  # shown when it is asked

SOURCES: dict[str, Source] = {
    TRIPLETS: taught, CAPTIONS: captioned, GOLD: gold, TALK: talked, NO_BOXES: partial(taught, boxes=False),
    MILDLY: partial(taught, noise=MILD), STRONGLY: partial(taught, noise=STRONG),
}  # fmt: skip


def build() -> Loaded:
    """The aligned captioner, as yet untuned."""
    return captioner.load()


@cache
def tuned(name: str, seed: int) -> Loaded:
    """The captioner after its lessons from one of `SOURCES`; the seed draws what is asked, and batches."""
    return instructions.tune(talks(eyes.scenes("train", PICTURES, THINGS), SOURCES[name], seed), seed, STEPS)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


@cache
def answered(name: str, seed: int, kind: str) -> tuple[float, ...]:
    """The scores of all questions of one of the three kinds, for a source, or for OTHERS."""
    given = exam(kind, ASKED, EXAM)
    said = replies(_student(name, seed), given, name == OTHERS)
    return tuple(score(*pair) for pair in zip(said, given.new, strict=True))


def _student(name: str, seed: int) -> Loaded:
    return tuned(TRIPLETS if name == OTHERS else name, seed)


def right(seed: int, name: str, kinds: tuple[str, ...] = KINDS, about: str = "") -> Scores:
    """Scores of some of the three kinds; of their questions all, or those of a group of `ABOUT`."""
    found = [
        (value, item.picture)
        for kind in kinds
        for value, item in zip(answered(name, seed, kind), exam(kind, ASKED, EXAM).new, strict=True)
        if not about or is_about(item, about)
    ]
    return Scores(*zip(*found, strict=True))


@cache
def chosen(name: str, seed: int) -> tuple[float, ...]:
    """Whether the true first word is the likeliest of those that are possible, for all short questions."""
    return tuple(choose(_student(name, seed), exam(CONVERSATION, ASKED, EXAM), name == OTHERS))


def possible(seed: int, name: str, about: str = "") -> Scores:
    """The same of all short questions, or of those of a group of `ABOUT`."""
    items = exam(CONVERSATION, ASKED, EXAM).new
    found = [
        (value, item.picture)
        for value, item in zip(chosen(name, seed), items, strict=True)
        if not about or is_about(item, about)
    ]
    return Scores(*zip(*found, strict=True))


# ---------------------------------------------------------------------------------------------------------------
# Claims


def claims() -> list[Claim]:
    """Triplets against other pictures, captions and gold; noise, kinds, boxes."""
    return [*_captions(), _gold(), *_noise(), _kinds(), *_boxes()]


def _arms(*names: str, **which) -> dict[str, partial]:
    return {name: partial(right, name=name, **which) for name in names}


def _captions() -> list[Claim]:
    choices = {name: partial(possible, name=name) for name in (TRIPLETS, CAPTIONS, OTHERS)}
    seen = _arms(TRIPLETS, CAPTIONS, OTHERS, kinds=(CONVERSATION,), about="attributes")
    return [
        Claim(
            "it is what is seen", "Tuned on triplets a model answers more questions for colour, shape, size and place "
            "about a picture than when it is shown another one.", "right, attributes", seen, TRIPLETS, OTHERS,
            controls={OTHERS: chance(ASKED, EXAM)},
        ),
        Claim(
            "triplets and captions", "Triplets teach more answers than as many words of captions, even where only the "
            "words that may begin an answer are compared.", "likeliest possible answer right, conversation", choices,
            TRIPLETS, CAPTIONS,
        ),
        Claim(
            "descriptions as well", "Although every fourth record alone is a description, it describes pictures as "
            f"well as tuned on as many words of captions, within {100 * NEAR:.0f} points.", f"right, {DESCRIPTION}",
            _arms(TRIPLETS, CAPTIONS, OTHERS, kinds=(DESCRIPTION,)), TRIPLETS, CAPTIONS, within=NEAR,
        ),
    ]  # fmt: skip


def _gold() -> Claim:
    return Claim(
        "near gold", f"Tuned on the teacher's triplets it is within {100 * NEAR:.0f} points of one tuned on answers "
        "computed from the scenes.", "right, all kinds", _arms(TRIPLETS, GOLD, OTHERS), TRIPLETS, GOLD, within=NEAR,
        ceiling=GOLD,
    )  # fmt: skip


def _noise() -> list[Claim]:
    arms = _arms(TRIPLETS, MILDLY, STRONGLY, OTHERS)
    said = "The student of a teacher that was told {} of the facts wrongly gives fewer right answers than that of one "
    return [
        Claim(
            name, f"{said.format(share)}that was told the truth.", "right, all kinds", arms, TRIPLETS, than,
        )
        for name, share, than in (("half wrong", "half", STRONGLY), ("a quarter wrong", "a quarter", MILDLY))
    ]  # fmt: skip


def _kinds() -> Claim:
    return Claim(
        "three kinds for conversation", "Conversations with descriptions and reasoning among them teach conversation "
        "better than as many records of conversation alone.", "right, conversation",
        _arms(TRIPLETS, TALK, OTHERS, kinds=(CONVERSATION,)), TRIPLETS, TALK,
    )  # fmt: skip


def _boxes() -> list[Claim]:
    placed = {name: partial(possible, name=name, about="places") for name in (TRIPLETS, NO_BOXES, OTHERS)}
    both = (CONVERSATION, REASONING)
    return [
        Claim(
            "boxes teach places", "A teacher that reads no boxes teaches less of places and sides, even where only the "
            "words that may begin an answer are compared.", "likeliest possible answer right, places", placed,
            TRIPLETS, NO_BOXES,
        ),
        Claim(
            "captions teach the rest", "Of what neither asks for a place nor names a thing by it, it teaches as much, "
            f"within {100 * NEAR:.0f} points.", "right, no places",
            _arms(TRIPLETS, NO_BOXES, OTHERS, kinds=both, about="the rest"), NO_BOXES, TRIPLETS, within=NEAR,
        ),
    ]  # fmt: skip
