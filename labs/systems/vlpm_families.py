"""The families of vision-language pre-training, told apart by where picture and words meet: at the very end, from the
first layer on, in layers between, or in a decoder (survey: Long et al., 2022, https://doi.org/10.24963/ijcai.2022/773).

Dual encoder: CLIP (2021, https://arxiv.org/abs/2103.00020). Single stream: VisualBERT (2019,
https://arxiv.org/abs/1908.03557). Dual stream: LXMERT (2019, https://arxiv.org/abs/1908.07490), much as ViLBERT (2019,
https://arxiv.org/abs/1908.02265). Encoder-decoder: VL-T5 and VL-BART (2021, https://arxiv.org/abs/2102.02779).
Fusion is said to be better where words must be tied to things, dual encoders to be cheaper in search.

Kept: the stock classes; frozen regions with boxes, the same for all; each family's own objectives; pre-training on
captions, then fine-tuning on questions. Fusion answers at a <mask> behind the question, as VisualBERT does, the
decoder with its first word, the dual encoder from its two vectors and their product.
Left out: masked regions, detectors, negatives sought for being hard (ALBEF), a language model's weights to start from.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Claim, Scores
from labs.systems.parts.counted import Cost, cost
from labs.systems.parts.dual_encoder import DualEncoder
from labs.systems.parts.encoder_decoder import EncoderDecoder
from labs.systems.parts.family import Family
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.streams import DualStream, SingleStream
from labs.systems.parts.two_things import chance, lexicon, material

FAMILIES = {
    "dual encoder": DualEncoder,
    "single stream": SingleStream,
    "dual stream": DualStream,
    "encoder-decoder": EncoderDecoder,
}
FUSION = ("single stream", "dual stream")
GALLERY = 100  # pictures, and as many captions, in the search
STEPS, BATCH, RATE = 500, 64, 3e-3  # steps of pre-training, and as many of fine-tuning
COLLECTIONS = (5, 10, 20, 40)  # pictures, and as many captions, in the count of costs


def build(family: str, seed: int) -> Family:
    """An untrained model of the family."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    torch.manual_seed(seed)
    return FAMILIES[family](lexicon())


# ---------------------------------------------------------------------------------------------------------------
# Training


@cache
def pretrained(family: str, seed: int, times: int) -> Family:
    """A model after its family's own objectives on captions, for `times` as many steps."""
    model, given, generator = build(family, seed), material("train"), torch.Generator().manual_seed(seed)
    at = batches(len(given.captions), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        return model.pair_loss(given.regions[chosen], given.captions[chosen], generator)

    learn(model.parameters(), loss, times * STEPS, RATE)
    return model


@cache
def finetuned(family: str, seed: int, blind: bool = False) -> Family:
    """The same model after the training questions; `blind` shows it another question's picture each time."""
    model, given = deepcopy(pretrained(family, seed, 1)), material("train")
    at = batches(len(given.questions), BATCH, seed + 1000)

    def loss(step: int) -> Tensor:
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


def pairs_for(what: Callable[[Cost], float], family: str, seed: int) -> Scores:
    """How many pairs are compared for one unit of the cost, in collections of each size."""
    model = build(family, seed)
    return Scores([size**2 / what(cost(model, size, size)) for size in COLLECTIONS], range(len(COLLECTIONS)))


def mean_of(measure: Callable[..., Scores], seed: int) -> Scores:
    """Both kinds of fusion encoder: for each item the mean of their scores."""
    single, dual = (measure(family, seed) for family in FUSION)
    return Scores([(a + b) / 2 for a, b in zip(single.values, dual.values, strict=True)], single.scenes)


def claims() -> list[Claim]:
    """What the families are said to be good at, and what search costs."""
    return [*_where_words_meet_things(), *_what_search_costs()]


def _where_words_meet_things() -> list[Claim]:
    """The dual encoder with as many passes as fusion takes for two losses."""
    fusion, longer, blind = "fusion, mean of both", "dual encoder, twice the steps", "single stream, other pictures"

    def arms(measure: Callable[..., Scores], **twice: int) -> dict[str, Callable[[int], Scores]]:
        each = {family: partial(measure, family) for family in FAMILIES} | {fusion: partial(mean_of, measure)}
        rival = {longer: partial(measure, "dual encoder", **twice)} if twice else {}
        return each | rival | {blind: partial(measure, "single stream", blind=True)}

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
    ]  # fmt: skip


def _what_search_costs() -> list[Claim]:
    def costs(what: Callable[[Cost], float]) -> dict[str, Callable[[int], Scores]]:
        return {family: partial(pairs_for, what, family) for family in FAMILIES}

    return [
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
