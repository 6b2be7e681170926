"""The families of vision-language pre-training (Long et al., 2022, https://doi.org/10.24963/ijcai.2022/773), told apart
by where picture and words meet: at the end, from the first layer on, in layers between, or in a decoder.

Dual encoder: CLIP (2021, https://arxiv.org/abs/2103.00020). Single stream: VisualBERT (2019,
https://arxiv.org/abs/1908.03557). Dual stream: LXMERT (2019, https://arxiv.org/abs/1908.07490), much as ViLBERT (2019,
https://arxiv.org/abs/1908.02265). Encoder-decoder: VL-T5 and VL-BART (2021, https://arxiv.org/abs/2102.02779).
Fusion is said to be better where words must be tied to things, dual encoders to be cheaper in search.

Kept: the stock classes; frozen regions with boxes, the same for all; each family's own objectives; pre-training on
captions, then fine-tuning on questions. Fusion answers at a <mask> behind the question, as VisualBERT does, the
decoder with its first word, the dual encoder from its two vectors and their product.
Left out: masked regions, detectors, negatives sought for being hard (ALBEF), a language model's weights to start from.
"""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes
from labs.systems.parts.families import ANSWERS, DualEncoder, DualStream, EncoderDecoder, Family, SingleStream
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import END, MASK, Lexicon
from labs.systems.parts.regions import regions
from labs.world.captions import caption
from labs.world.questions import ask
from labs.world.scene import Scene

FAMILIES = {
    "dual encoder": DualEncoder,
    "single stream": SingleStream,
    "dual stream": DualStream,
    "encoder-decoder": EncoderDecoder,
}
FUSION = ("single stream", "dual stream")
KINDS = ("existence", "colour", "shape")  # of questions, whose answers are one word each
TRAIN, HELDOUT, GALLERY = 4096, 400, 100  # scenes; pictures and captions in the search
STEPS, BATCH, RATE = 500, 64, 3e-3  # steps of pre-training, and as many of fine-tuning
COLLECTIONS = (5, 10, 20, 40)  # pictures, and as many captions, in the count of costs


class Material(NamedTuple):
    """Scenes of two things, as every family gets to know them."""

    regions: Float[Tensor, "scenes 9 132"]
    captions: Int[Tensor, "scenes words"]
    about: Int[Tensor, " questions"]  # the scene that a question is about
    questions: Int[Tensor, "questions words"]
    answers: Int[Tensor, " questions"]  # indices into ANSWERS


def build(family: str, seed: int) -> Family:
    """An untrained model of the family."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    torch.manual_seed(seed)
    return FAMILIES[family](lexicon())


# ---------------------------------------------------------------------------------------------------------------
# What is learned from, and what is asked


@cache
def heldout() -> tuple[Scene, ...]:
    """Held-out scenes whose two things differ in colour and in shape; no two have the same caption."""
    found = {}
    for scene in eyes.scenes("heldout", 2 * HELDOUT, (2,)):
        one, other = scene.things
        if one.colour != other.colour and one.shape != other.shape:
            found.setdefault(caption(scene, "plain"), scene)
    return tuple(found.values())[:HELDOUT]


@cache
def twins() -> tuple[Scene, ...]:
    """The same scenes, their two things with colours exchanged."""
    pairs = [scene.things for scene in heldout()]
    swapped = [(replace(one, colour=two.colour), replace(two, colour=one.colour)) for one, two in pairs]
    return tuple(replace(scene, things=things) for scene, things in zip(heldout(), swapped, strict=True))


@cache
def asked(split: str) -> tuple[tuple[int, str, str], ...]:
    """Scene, question and answer, one of each kind a scene."""
    rng, found = random.Random(f"questions {split}"), []
    for number, scene in enumerate(scenes(split)):
        for question in (ask(scene, rng, kind, wording=0) for kind in KINDS):
            if question and " at the " not in question.text:  # a place would point without colour or shape
                found.append((number, question.text, question.answer))
    return tuple(found)


def scenes(split: str) -> tuple[Scene, ...]:
    """Those to train on, the held-out ones or their twins."""
    return {"train": partial(eyes.scenes, "train", TRAIN, (2,)), "heldout": heldout, "twins": twins}[split]()


@cache
def lexicon() -> Lexicon:
    """All words of the training captions, questions and answers."""
    return Lexicon(
        [*(caption(scene, "plain") for scene in scenes("train")), *(q for _, q, _ in asked("train")), *ANSWERS]
    )


@cache
def material(split: str) -> Material:
    """All of a split as tensors."""
    about, questions, answers = zip(*asked(split), strict=True)
    return Material(
        regions(scenes(split)),
        lexicon().write([caption(scene, "plain") for scene in scenes(split)]),
        torch.tensor(about),
        lexicon().write(questions, end=(MASK, END)),
        torch.tensor([ANSWERS.index(answer) for answer in answers]),
    )


# ---------------------------------------------------------------------------------------------------------------
# Training


@cache
def pretrained(family: str, seed: int, times: int = 1) -> Family:
    """A model after its family's own objectives on captions, for `times` as many steps."""
    model, given, generator = build(family, seed), material("train"), torch.Generator().manual_seed(seed)
    at = batches(len(given.captions), BATCH, seed)

    def loss(step: int) -> Float[Tensor, ""]:
        chosen = at(step)
        return model.pair_loss(given.regions[chosen], given.captions[chosen], generator)

    learn(model.parameters(), loss, times * STEPS, RATE)
    return model


@cache
def finetuned(family: str, seed: int, blind: bool = False) -> Family:
    """The same model after the training questions; `blind` shows it another question's picture each time."""
    model, given = deepcopy(pretrained(family, seed)), material("train")
    at = batches(len(given.questions), BATCH, seed + 1000)

    def loss(step: int) -> Float[Tensor, ""]:
        chosen = at(step)
        seen = given.regions[given.about[chosen.roll(1) if blind else chosen]]
        return cross_entropy(model.answer(seen, given.questions[chosen]), given.answers[chosen])

    learn(model.parameters(), loss, STEPS, RATE)
    return model


# ---------------------------------------------------------------------------------------------------------------
# Measuring. The control of captions and search shows other scenes' pictures, that of questions is trained blind.


def compose(family: str, seed: int, times: int = 1, blind: bool = False) -> Scores:
    """1 where a picture fits its caption better than the one with colours exchanged; each caption is right once."""
    model, one, other, right = pretrained(family, seed, times), material("heldout"), material("twins"), []
    for own, wrong in ((one, other), (other, one)):
        seen = own.regions.roll(1, 0) if blind else own.regions
        with torch.no_grad():
            right.append(model.match(seen, own.captions) > model.match(seen, wrong.captions))
    return Scores(torch.cat(right).float().tolist(), 2 * list(range(len(one.captions))))


def answer(family: str, seed: int, blind: bool = False) -> Scores:
    """1 where a question is answered rightly."""
    model, given = finetuned(family, seed, blind), material("heldout")
    with torch.no_grad():
        told = model.answer(given.regions[given.about], given.questions).argmax(-1)
    return Scores((told == given.answers).float().tolist(), given.about.tolist())


def search(family: str, seed: int, times: int = 1, blind: bool = False) -> Scores:
    """1 where the right caption is found for a picture, and then the right picture for a caption, among `GALLERY`."""
    model, given = pretrained(family, seed, times), material("heldout")
    pictures = given.regions[:GALLERY].roll(1, 0) if blind else given.regions[:GALLERY]
    with torch.no_grad():
        table, own = model.compare(pictures, given.captions[:GALLERY]), torch.arange(GALLERY)
    found = torch.cat([table.argmax(1) == own, table.argmax(0) == own])
    return Scores(found.float().tolist(), 2 * own.tolist())


class Cost(NamedTuple):
    """What a search of N pictures by M captions took: rows through encoders, and operations in matrix products."""

    passes: int
    operations: int


@torch.no_grad()
def cost(model: Family, pictures: int, captions: int) -> Cost:
    """Counted while it happens, the frozen regions left out, which all families share."""
    given, rows = material("heldout"), []
    hooks = [part.register_forward_hook(lambda *call: rows.append(len(call[2][0]))) for part in model.encoders()]
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # whose products are counted too
        model.compare(given.regions[:pictures], given.captions[:captions])
    for hook in hooks:
        hook.remove()
    return Cost(sum(rows), counter.get_total_flops())


def pairs_for(what: Callable[[Cost], float], family: str, seed: int) -> Scores:
    """How many pairs are compared for one unit of the cost, in collections of each size."""
    model = build(family, seed)
    return Scores([size**2 / what(cost(model, size, size)) for size in COLLECTIONS], range(len(COLLECTIONS)))


def mean_of(measure: Callable[..., Scores], seed: int) -> Scores:
    """Both kinds of fusion encoder: for each item the mean of their scores."""
    single, dual = (measure(family, seed) for family in FUSION)
    return Scores([(a + b) / 2 for a, b in zip(single.values, dual.values, strict=True)], single.scenes)


def chance() -> float:
    """Of a blind answer that fits the question: yes or no, one of 8 colours, one of 8 shapes."""
    kinds = material("heldout").answers < ANSWERS.index("no") + 1
    return torch.where(kinds, 1 / 2, 1 / 8).mean().item()


def claims() -> list[Claim]:
    """What the families are said to be good at; the dual encoder with as many passes as fusion takes for two losses."""
    fusion, longer, blind = "fusion, mean of both", "dual encoder, twice the steps", "single stream, other pictures"

    def arms(measure: Callable[..., Scores], **twice: int) -> dict[str, Callable[[int], Scores]]:
        each = {family: partial(measure, family) for family in FAMILIES} | {fusion: partial(mean_of, measure)}
        rival = {longer: partial(measure, "dual encoder", **twice)} if twice else {}
        return each | rival | {blind: partial(measure, "single stream", blind=True)}

    def costs(what: Callable[[Cost], float]) -> dict[str, Callable[[int], Scores]]:
        return {family: partial(pairs_for, what, family) for family in FAMILIES}

    return [
        Claim(
            "swapped colours",
            "Encoders in which words and regions attend to each other tell a caption from the same words with two "
            "colours exchanged better than a dual encoder of as many passes does.",
            "right of two captions", arms(compose, times=2), fusion, longer, controls={blind: 0.5},
        ),
        Claim(
            "questions",
            "After the same fine-tuning, fusion encoders answer more questions about unseen combinations than a dual "
            "encoder with a head on its two vectors.",
            "right answers of 18", arms(answer), fusion, "dual encoder", controls={blind: chance()},
        ),
        Claim(
            "generative answers",
            "An encoder-decoder that writes its answers is as good as the fusion encoders that choose theirs.",
            "right answers of 18", arms(answer), "encoder-decoder", fusion, within=0.05, controls={blind: chance()},
        ),
        Claim(
            "ranking",
            "Looking at every pair, fusion encoders also find the right one of a hundred more often than a dual "
            "encoder of as many passes does.",
            "first of 100", arms(search, times=2), fusion, longer, controls={blind: 1 / GALLERY},
        ),
        Claim(
            "passes in search",
            "A dual encoder compares N pictures with M captions in N + M passes, a fusion encoder needs N x M.",
            "pairs compared in a pass", costs(lambda spent: spent.passes), "dual encoder", "single stream",
            unit="pairs", given=True,
        ),
        Claim(
            "operations in search",
            "Counted in operations, too, a dual encoder compares more pairs for its price.",
            "pairs compared in a million operations", costs(lambda spent: spent.operations / 1e6), "dual encoder",
            "single stream", unit="pairs", given=True,
        ),
    ]  # fmt: skip
