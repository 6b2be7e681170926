"""Flamingo (Alayrac et al., 2022, https://arxiv.org/abs/2204.14198): a frozen language model looks at pictures through
gated cross-attention layers between its blocks, and learns from pages on which pictures and text take turns, so that a
few examples in the prompt teach it a task.

Kept: the perceiver resampler, which makes nine visual tokens of a picture, and would of a whole film; gates that are
shut at first; every word looks at the last picture before it and at no other; pairs and pages as data; names that only
the examples on the page explain.
Left out: an encoder of its own (the eyes are mini-clip's), video among the data, a language model of 70 billion. Ours
has three blocks: "before every second block" are two gated layers, of three.

Names stayed at chance (one seed) when the prompt of a picture was <cls> alone, or when a page had two pictures to name
instead of six; hence `SHOWN` and `NAMED`. Operations are floating-point operations (FLOPs) of matrix products.
"""

import random
from functools import partial

import torch

from labs.models.connectors.resampler import Resampler
from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes, told
from labs.systems.parts.episodes import SHOWN, page
from labs.systems.parts.gated_talker import LATENTS, GatedTalker
from labs.systems.parts.lookout import EXAM, PATCHES, WIDTH, look, material
from labs.systems.parts.operations import counted
from labs.systems.parts.paged import SHOTS, build, pooled, trained
from labs.systems.parts.talk import answer_logits, lay_out, pair
from labs.systems.parts.talker import talker
from labs.tuning.packing import IGNORE, Row

TESTED, ASKED = 200, 2  # pages of the exam; pictures to name on each
FRAMES = (1, 2, 4, 8, 16)
COUNTED = 8  # scenes on which operations are counted
CROWDED, CROWD = (5,), 300  # things in a complex scene; scenes


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answer(seed: int, every: int = 1, blind: bool = False) -> Scores:
    """1 where a held-out question is answered rightly."""
    model, given = trained(seed, every, True, blind), material("heldout")
    right = model.right(given.seen, [Row([*SHOWN], some) for some in given.pairs])
    return Scores(right.float().tolist(), [number for number, some in enumerate(given.pairs) for _ in some])


def name(seed: int, shots: int, pages: bool = True, swap: bool = False) -> Scores:
    """1 where a new picture gets its name after `shots` examples of each of two; `swap` shows any pictures there."""
    items = [page(random.Random(f"page {number}"), "exam", shots, ASKED, swap) for number in range(TESTED)]
    seen = pooled("exam")[[number for one in items for number in one.pictures]]
    right = trained(seed, 1, pages, False).right(seen, [one.row for one in items])
    return Scores(right.float().tolist(), [number for number in range(TESTED) for _ in range(ASKED)])


def look_there(seed: int, hint: bool) -> Scores:
    """1 where a question about one of five things is answered rightly, with or without the hint where to look."""
    scenes, pairs, about = eyes.scenes("heldout", CROWD, CROWDED, EXAM), [], []
    for number, scene in enumerate(scenes):
        rng, some = random.Random(f"crowd {number}"), []
        for kind in ("colour", "shape", "size"):
            asked = told.question(scene, rng, kind)
            if asked and " at the " not in asked.text:  # which is a hint already
                place = scene.things[asked.about[0]].place
                some.append(pair(told.HINT.format(place) + asked.text if hint else asked.text, asked.answer))
        pairs.append(some)
        about += [number] * len(some)
    shown = [number for number, some in enumerate(pairs) if some]
    rows = [Row([*SHOWN], pairs[i]) for i in shown]
    right = trained(seed, 1, True, False).right(look([scenes[i] for i in shown]), rows)
    return Scores(right.float().tolist(), about)


def frames_per_token(seed: int, resampled: bool) -> Scores:
    """For films of so many frames: frames shown for each visual token that the language model gets."""
    resampler = Resampler(WIDTH, LATENTS)
    seen = [torch.zeros(1, frames * PATCHES, WIDTH) for frames in FRAMES]
    tokens = [(resampler(one) if resampled else one).shape[1] for one in seen]
    return Scores([frames / number for frames, number in zip(FRAMES, tokens, strict=True)], range(len(FRAMES)))


def answered_for_a_billion(seed: int, every: int) -> Scores:
    """For some scenes: questions answered for each billion operations of resampler, gated layers and blocks."""
    model, given = build(seed, every).requires_grad_(False), material("heldout")
    spent = [
        counted(lambda number=number: model.right(given.seen[[number]], [Row([*SHOWN], given.pairs[number])])) / 1e9
        for number in range(COUNTED)
    ]
    return Scores([len(some) / one for some, one in zip(given.pairs, spent, strict=False)], range(COUNTED))


def certainty(seed: int, gated: bool) -> Scores:
    """Log-probability of each word of the held-out answers, their ends among them.

    The language model is bare, or within layers whose gates are shut.
    """
    given, language = material("heldout"), talker()
    rows = [Row([*SHOWN], some) for some in given.pairs]
    batch = lay_out(rows)
    if gated:
        torch.manual_seed(seed)
        logits = GatedTalker(language).with_pictures(given.seen, batch, answer_logits)
    else:
        logits = answer_logits(language, batch)
    own = batch.labels[batch.labels != IGNORE]
    values = logits.detach().log_softmax(-1)[torch.arange(len(own)), own]
    return Scores(values.tolist(), (batch.labels != IGNORE).nonzero()[:, 0].tolist())


def claims() -> list[Claim]:
    """What holds by construction; layers; examples; hints."""
    return [*_constructed(), *_layers(), *_examples()]


def _constructed() -> list[Claim]:
    return [
        Claim(
            "gates at zero", "With its gates shut the language model is exactly what it was.",
            "log-probability of an answer's word",
            {"gated layers": partial(certainty, gated=True), "language model": partial(certainty, gated=False)},
            "gated layers", "language model", within=0.0, unit="nats", given=True,
        ),
        Claim(
            "any number of frames", "However many frames there are, the resampler makes equally few tokens of them.",
            "frames shown by a visual token",
            {
                "resampler": partial(frames_per_token, resampled=True),
                "every patch": partial(frames_per_token, resampled=False),
            },
            "resampler", "every patch", unit="frames", given=True,
        ),
        Claim(
            "every second block costs less", "Gated layers before every second block answer more questions for as many "
            "operations.", "questions answered for a billion operations",
            {
                "before every second block": partial(answered_for_a_billion, every=2),
                "before every block": partial(answered_for_a_billion, every=1),
            },
            "before every second block", "before every block", unit="questions", given=True,
        ),
    ]  # fmt: skip


def _layers() -> list[Claim]:
    arms = {"before every block": answer, "before every second block": partial(answer, every=2)}
    arms["other pictures"] = partial(answer, blind=True)
    return [
        Claim(
            "every second block", "Gated layers before every second block answer as well, within 5 points, as before "
            "every block.", "right answers", arms, "before every second block", "before every block", within=0.05,
        ),
        Claim(
            "gated layers see", "Answers are better than by a model that learned beside other scenes' pictures.",
            "right answers", arms, "before every block", "other pictures",
        ),
        Claim(
            "hints help", "In scenes of five things, answers are better if the question says where to look.",
            "right answers about one of five things",
            {"hint": partial(look_there, hint=True), "no hint": partial(look_there, hint=False)}, "hint", "no hint",
        ),
    ]  # fmt: skip


def _examples() -> list[Claim]:
    arms = {f"{shots} of each": partial(name, shots=shots) for shots in (1, 2, SHOTS)} | {
        "none": partial(name, shots=0),
        "any pictures": partial(name, shots=SHOTS, swap=True),
        "trained on pairs alone": partial(name, shots=SHOTS, pages=False),
    }
    common = {"metric": "right of two new names", "arms": arms, "controls": {"any pictures": 1 / 2}}
    return [
        Claim(
            "more examples", "Four examples of each new name teach more than one.", better="4 of each",
            than="1 of each", **common,
        ),
        Claim(
            "examples are looked at", "Beside any other pictures the same examples teach nothing.", better="4 of each",
            than="any pictures", **common,
        ),
        Claim(
            "pages teach it", "A model that never learned from pages, but from as many more pairs, gains less from the "
            "same examples.", better="4 of each", than="trained on pairs alone", **common,
        ),
    ]  # fmt: skip
