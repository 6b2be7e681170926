"""The medical domain: grey pictures in the manner of a chest radiograph, and questions about what they show.

This is no medical data. The pictures are a dozen ellipses that nobody with medical training has looked at; nothing
that a model does with them says anything about patients, about real radiographs or about the systems named here.

A small stand-in for what LLaVA-Med (Li et al., 2023, https://arxiv.org/abs/2306.00890) is tuned for and what VQA-RAD
(Lau et al., 2018, https://doi.org/10.1038/sdata.2018.251) asks: is something there, what, on which side, how large.

Sides are the patient's, as on a real radiograph: the patient faces us, and an L marks the left side of the body,
which is at the right of the picture. Whoever takes left and right as in any other picture is always wrong.
"""

import random

from PIL import Image

from labs.world.domains import radiograph
from labs.world.domains.radiograph import FINDINGS, HEARTS, SIDES, SIZES, ZONES, Radiograph
from labs.world.picture import SIZE
from labs.world.questions import Question
from labs.world.splits import SPLITS

WORDS = {"nodule": "a nodule", "shadow": "a shadow", "fluid": "fluid"}

# What training never shows: a nodule and a shadow in two of six places each, fluid on the side of a pacemaker, clear
# lungs with two of four combinations of pacemaker and heart. Each part is seen, and each side, zone and heart with it.
HELD_OUT_PLACES = frozenset(
    {("nodule", "right", "top"), ("nodule", "left", "bottom"),
     ("shadow", "right", "centre"), ("shadow", "left", "top")}
)  # fmt: skip
HELD_OUT_CLEAR = frozenset({("left", "enlarged"), ("right", "normal")})

WORDINGS = {
    "presence": ("Is there {a}?", "Do you see {a}?", "Do the lungs show {a}?"),
    "finding": ("What do the lungs show?", "What is there in the lungs?", "Name the finding in the lungs."),
    "side": ("On which side is the {finding}?", "Which lung has the {finding}?", "Is the {finding} left or right?"),
    "zone": (
        "In which part of the lung is the {finding}?",
        "At which place of the lung is the {finding}?",
        "Is the {finding} at the top, the centre or the bottom?",
    ),
    "size": ("How big is the {finding}?", "What size is the {finding}?", "Is the {finding} small or big?"),
    "heart": ("Is the heart enlarged?", "Is the heart too big?", "Does the heart take more than half of the chest?"),
    "device": ("On which side is the pacemaker?", "Where is the pacemaker?", "Which side has a pacemaker?"),
}
KINDS = tuple(WORDINGS)


def is_held_out(case: Radiograph) -> bool:
    """True if the picture shows a combination that training never shows."""
    if case.finding == "clear":
        return (case.device, case.heart) in HELD_OUT_CLEAR
    if case.finding == "fluid":
        return case.device == case.side
    return (case.finding, case.side, case.zone) in HELD_OUT_PLACES


def sample(rng: random.Random, split: str = "train") -> Radiograph:
    """Draw a case of `split`, each finding as often. Raises ValueError for a split that does not exist."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    finding = rng.choice(FINDINGS)
    while True:
        case = _sample(rng, finding)
        if is_held_out(case) == (split == "heldout"):
            return case


def _sample(rng: random.Random, finding: str) -> Radiograph:
    there = finding != "clear"
    return Radiograph(
        finding,
        side=rng.choice(tuple(SIDES)) if there else None,
        zone="bottom" if finding == "fluid" else rng.choice(tuple(ZONES)) if there else None,
        size=rng.choice(tuple(SIZES)) if finding == "nodule" else None,
        heart=rng.choice(tuple(HEARTS)),
        device=rng.choice((None, *SIDES)),
        x=round(rng.uniform(-1, 1), 2),
        y=round(rng.uniform(-1, 1), 2),
        exposure=round(rng.uniform(0.88, 1.12), 2),
        grain=rng.randrange(1 << 16),
    )


def questions(case: Radiograph, rng: random.Random) -> list[Question]:
    """All that can be asked of the case, each in one of three wordings: four to seven questions."""
    others = [finding for finding in WORDS if finding != case.finding]
    asked = rng.choice(others) if case.finding == "clear" or rng.random() < 1 / 3 else case.finding  # yes to half
    answers = {
        "presence": "yes" if asked == case.finding else "no",
        "finding": "nothing" if case.finding == "clear" else case.finding,
        "side": case.side,
        "zone": None if case.finding == "fluid" else case.zone,  # it has no choice
        "size": case.size,
        "heart": "yes" if case.heart == "enlarged" else "no",
        "device": case.device or "neither",
    }
    return [
        Question(kind, rng.choice(WORDINGS[kind]).format(a=WORDS[asked], finding=case.finding), answer)
        for kind, answer in answers.items()
        if answer
    ]


def worked(case: Radiograph, question: Question) -> str:
    """Whether something is there, after what is there: "nodule: no"; of all others the answer."""
    if question.kind != "presence":
        return question.answer
    return f"{'nothing' if case.finding == 'clear' else case.finding}: {question.answer}"


def draw(case: Radiograph, size: int = SIZE) -> Image.Image:
    """Draw the case as an RGB picture of `size` x `size` pixels, all grey."""
    return radiograph.draw(case, size)
