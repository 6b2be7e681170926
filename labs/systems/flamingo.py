"""Flamingo (Alayrac et al., 2022, https://arxiv.org/abs/2204.14198): a frozen language model looks at pictures through
gated cross-attention layers between its blocks, and learns from pages on which pictures and text take turns, so that a
few examples in the prompt teach it a task.

Kept: the perceiver resampler, however much is seen; gates that are shut at first; every word looks at the last picture
before it and at no other; pairs and pages as data; names that only the examples on the page explain.
Left out: an encoder of its own (the eyes are mini-clip's), video among the data, a language model of 70 billion.

Settings were chosen with one seed: beside <cls> alone, without words after it that have nothing else to say, and with
two pictures to name on a page instead of six, names stayed at chance.
"""

import random
from functools import cache, partial

import torch
from torch import Tensor

from labs.models.connectors.resampler import Resampler
from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes, told
from labs.systems.parts.episodes import SHOWN, page, pool
from labs.systems.parts.gated_talker import LATENTS, GatedTalker
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lookout import EXAM, PATCHES, WIDTH, look, material
from labs.systems.parts.operations import counted
from labs.systems.parts.talk import answer_logits, lay_out, pair
from labs.systems.parts.talker import talker
from labs.tuning.packing import IGNORE, Row

STEPS, RATE, PAIRS, PAGES = 600, 3e-3, 12, 4  # rows of each kind at a step
SHOTS, TESTED = 4, 200  # examples of each name, at most; pages
NAMED, ASKED = 6, 2  # pictures to name on a page to learn from, and on one of the exam
FRAMES = (1, 2, 4, 8, 16)
COUNTED = 8  # scenes on which operations are counted
CROWDED, CROWD = (5,), 300  # things in a complex scene; scenes


def build(seed: int, every: int = 1) -> GatedTalker:
    """A resampler and gated layers, new, around the frozen language model."""
    language = talker()
    torch.manual_seed(seed)
    return GatedTalker(language, LATENTS, every)


@cache
def pooled(split: str) -> Tensor:
    """What the eyes make of all single things: (scenes, 36, 128)."""
    return look(pool(split))


@cache
def trained(seed: int, every: int, pages: bool, blind: bool) -> GatedTalker:
    """After pairs and pages; or after pairs alone, as many more. `blind` shows other scenes' pictures beside pairs.

    No argument has a default: however it is called, the same model is trained once.
    """
    model, given = build(seed, every), material("train", hinted=0.2)
    lessons, pairs = given.lessons(), PAIRS if pages else PAIRS + PAGES
    at, met = batches(len(given.scenes), pairs, seed), batches(len(given.scenes), pairs, seed + 1000)

    def loss(step: int) -> Tensor:
        rng, chosen = random.Random(f"{seed} {step}"), at(step)
        rows, seen = [Row([*SHOWN], lessons[i]) for i in chosen.tolist()], given.seen[met(step) if blind else chosen]
        if pages:
            extra = [page(rng, "train", rng.randint(1, SHOTS), NAMED) for _ in range(PAGES)]
            rows += [one.row for one in extra]
            seen = torch.cat([seen, pooled("train")[[number for one in extra for number in one.pictures]]])
        return model.loss(seen, rows)

    learn(model.parameters_to_learn(), loss, STEPS, RATE)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answer(seed: int, every: int = 1, blind: bool = False) -> Scores:
    """1 where a held-out question is answered rightly."""
    model, given = trained(seed, every, True, blind), material("heldout")
    right = model.right(given.seen, [Row([*SHOWN], some) for some in given.pairs])
    return Scores(right.float().tolist(), [number for number, some in enumerate(given.pairs) for _ in some])


def name(seed: int, shots: int, pages: bool = True, swap: bool = False) -> Scores:
    """1 where a picture gets its new name after `shots` examples of each of two; `swap` shows any pictures there."""
    items = [page(random.Random(f"page {number}"), "heldout", shots, ASKED, swap) for number in range(TESTED)]
    seen = pooled("heldout")[[number for one in items for number in one.pictures]]
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
    """Log-probability of each held-out answer by the language model, bare or within layers whose gates are shut."""
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
