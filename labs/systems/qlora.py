"""QLoRA (Dettmers et al., 2023, https://arxiv.org/abs/2305.14314): a frozen base in 4 bits, through which the gradient
of LoRA's adapters flows, learns what the base in 16 bits would learn, at about a third of the weights' memory.

Kept: NF4, blocks of 64, double quantisation, adapters on all linear layers of the decoder, whose weights alone are in
4 bits; bitsandbytes for NF4. FP4 and INT4 are rounded by hand (labs.tuning.by_hand.code_books), blocks alike, so that
only the code books differ. The skill is that of labs.systems.lora; ordinary pictures ask what rounding has broken.
Left out: paged optimizers (no GPU here), 16-bit arithmetic, and the scale. All weights of the minis are close to
normal; large models have outliers, which the paper's order of NF4, FP4 and INT4 may owe something to.

"FP4 above INT4" is the order of the paper's table 2, of perplexities (unchecked). Ordinary questions are about 240
pictures; there were 60, of another seed, until a first look at them could not tell NF4 from INT4. Where nothing is
drawn or trained, all three seeds are the same figures. "Not to be merged" was added after a first look at three seeds.
"""

from functools import cache, partial

import torch

from labs.evaluation import heldout
from labs.evaluation.exam import Exam
from labs.models.entry import Loaded
from labs.systems.claim import Claim, Scores
from labs.systems.parts import camera, quantised, step_memory
from labs.systems.parts.camera import NEAR, RATES, Way
from labs.tuning.by_hand.code_books import Book, decibels, decoder_weights, rounded
from labs.tuning.by_hand.memory import Step, weights
from labs.tuning.by_hand.shapes import language
from labs.tuning.footprint import bytes_of

RANK, MERGED = 8, "NF4, merged"
REPAIR = Way("lora", 1e-4, RANK)  # the rate at which the whole base answers ordinary questions best afterwards
ORDINARY, EXAM = 240, 5  # pictures of the exam in ordinary questions, and their data seed
QUESTIONS = 48  # of a step on ordinary pictures, some six about each
NORMAL, SHAPE = 32, (256, 256)  # normal matrices a seed
ANSWER = "log-probability of the true answer"
SAVED = 0.373  # bits a number: 8 / 64 + 32 / (64 * 256) in the place of 32 / 64


def build(name: str = "NF4") -> Loaded:
    """The mini-llava in one of the ways of `quantised.LOADERS`."""
    return quantised.LOADERS[name]()


@cache
def tuned(name: str, seed: int) -> Loaded:
    """A base of that name with adapters tuned on the thermal lessons."""
    return camera.tune(quantised.LOADERS[name], Way("lora", RATES[RANK], RANK), seed, camera.lessons())


@cache
def judged(name: str, seed: int) -> dict[str, list[float]]:
    """Its exam. "NF4, merged" has the adapters merged into the base, in NF4 again."""
    learner = quantised.rounded_again(tuned("NF4", seed)) if name == MERGED else tuned(name, seed)
    return camera.judge(learner, camera.exam())


def right(seed: int, name: str, view: str = "new") -> Scores:
    """Right answers to new questions, or to the same about another picture ("shuffled")."""
    return camera.scores(judged(name, seed), camera.exam(), view)


# ---------------------------------------------------------------------------------------------------------------
# What rounding costs, and whether tuning repairs it


def clean(seed: int, book: Book, drawn: bool = False) -> Scores:
    """How many decibels each matrix of the bundled checkpoints lies above its rounding; or normal ones `drawn`."""
    generator = torch.Generator().manual_seed(seed)
    found = [torch.randn(SHAPE, generator=generator) for _ in range(NORMAL)] if drawn else quantised.matrices()
    return Scores([decibels(weight, rounded(weight, book)) for weight in found], range(len(found)))


@cache
def asked() -> Exam:
    """Held-out ordinary pictures with questions of every kind."""
    return heldout.exam(ORDINARY, EXAM)


@cache
def sureness(name: str, seed: int | None = None) -> list[float]:
    """Log-probabilities of the true answers to ordinary questions; with a seed, after tuning on ordinary lessons."""
    load = quantised.LOADERS[name]
    learner = load() if seed is None else camera.tune(load, REPAIR, seed, camera.ordinary(), batch=QUESTIONS)
    return quantised.log_probabilities(learner, asked().pictures, asked().new)


def sure(seed: int, name: str) -> Scores:
    """Of a base as it comes. No seed draws anything here: the scores are the same for every one."""
    return Scores(sureness(name), [item.picture for item in asked().new])


def behind(seed: int, name: str, tuned: bool) -> Scores:
    """How far answers of a base in 4 bits lie behind those of the whole one, both tuned on the same, or neither."""
    pair = [sureness(one, seed) if tuned else sureness(one) for one in (name, "whole")]
    gaps = [rough - whole for rough, whole in zip(*pair, strict=True)]
    return Scores(gaps, [item.picture for item in asked().new])


# ---------------------------------------------------------------------------------------------------------------
# Bytes


def spared(seed: int, of: int) -> Scores:
    """The share of the bytes of each decoder matrix, at `of` bits a number, that NF4 does without; code books count."""
    layers = [layer for _, layer in decoder_weights(quantised.stored().model)]
    numbers = [layer.weight.quant_state.shape.numel() for layer in layers]
    shares = [1 - 8 * bytes_of(layer) / (of * many) for layer, many in zip(layers, numbers, strict=True)]
    return Scores(shares, range(len(shares)))


def doubly(seed: int) -> Scores:
    """Bits a number that double quantisation saves, on matrices of the true shapes of LLaVA-1.5-7B and -13B."""
    shapes = [shape for config in step_memory.true_sizes().values() for shape in language(config).linears]
    return Scores([_saved(*shape) for shape in shapes], range(len(shapes)))


@cache
def _saved(inputs: int, outputs: int) -> float:
    shape = (outputs, inputs)
    return quantised.bits(shape, double=False) - quantised.bits(shape)


def whole_models() -> dict[str, tuple[int, int, str]]:
    """Bytes of all weights in 16 bits (mini-llava: 32) and with the decoder in NF4; "measured" or "computed"."""
    pair = bytes_of(camera.load().model), bytes_of(quantised.stored().model)
    found = {"mini-llava": (*pair, "measured")}
    for name, config in step_memory.true_sizes().items():
        sizes = [weights(config, Step(1, 1, method, dtype=torch.bfloat16)) for method in ("lora", "qlora")]
        found[name] = (*sizes, "computed")
    return found


def claims() -> list[Claim]:
    """Code books, what answers they cost, tuning through 4 bits, and bytes."""
    return [*_books(), *_answers(), *_tuning(), *_bytes()]


def _books() -> list[Claim]:
    noise, books = "10 log10 (weights^2 / errors^2) of a matrix", ("NF4", "FP4", "INT4")
    return [
        Claim(
            "normal floats fit normal weights", "Normal weights come out of NF4 with smaller errors than out of INT4.",
            noise, {book: partial(clean, book=book, drawn=True) for book in books}, "NF4", "INT4", unit="dB",
        ),
        Claim(
            "normal floats fit real weights", "The matrices of trained checkpoints come out of NF4 with smaller errors "
            "than out of INT4.", noise, {book: partial(clean, book=book) for book in books}, "NF4", "INT4", unit="dB",
        ),
    ]  # fmt: skip


def _answers() -> list[Claim]:
    told = {name: partial(sure, name=name) for name in ("NF4", "FP4", "INT4", "NF4, absmaxes whole", "whole")}
    return [
        Claim(
            "normal floats cost less", "A decoder in NF4 gives true answers more probability than one in INT4, before "
            "any tuning.", ANSWER, told, "NF4", "INT4", ceiling="whole", unit="nats",
        ),
        Claim(
            "FP4 above INT4", "A decoder in FP4 gives true answers more probability than one in INT4.", ANSWER, told,
            "FP4", "INT4", ceiling="whole", unit="nats",
        ),
        Claim(
            "double quantisation costs nothing", "Absmaxes in 8 bits cost true answers no more than 0.005 nats.",
            ANSWER, {name: told[name] for name in ("NF4", "NF4, absmaxes whole", "whole")}, "NF4",
            "NF4, absmaxes whole", within=0.005, ceiling="whole", unit="nats",
        ),
    ]  # fmt: skip


def _tuning() -> list[Claim]:
    skill = {name: partial(right, name=name) for name in ("NF4", "INT4", "whole")}
    gaps = {name: partial(behind, name="INT4", tuned=name == "after tuning") for name in ("before tuning",
            "after tuning")}  # fmt: skip
    return [
        Claim(
            "QLoRA near LoRA", "Adapters on a decoder in NF4 answer as many new questions as those on the whole one, "
            f"within {100 * NEAR:.0f} points.", "new questions right",
            skill | {"NF4, another picture": partial(right, name="NF4", view="shuffled")}, "NF4", "whole", within=NEAR,
            controls={"NF4, another picture": 1 / camera.PLACES},
        ),
        Claim(
            "not to be merged", "Merged into the base in NF4 and rounded again, the adapters lose new questions that "
            "they answered beside it.", "new questions right", {name: partial(right, name=name) for name in ("NF4",
            MERGED, "whole")}, "NF4", MERGED,
        ),
        Claim(
            "tuning repairs", "A decoder in INT4 lies less far behind the whole one when both have been tuned on the "
            "same ordinary pictures than before.", f"{ANSWER}, less that of the whole decoder", gaps, "after tuning",
            "before tuning", unit="nats",
        ),
    ]  # fmt: skip


def _bytes() -> list[Claim]:
    return [
        Claim(
            "a third of the bytes", "A matrix of the decoder in NF4 takes less than a third of its bytes in 16 bits, "
            "code books and all.", "share of bytes spared", {"of 16 bits": partial(spared, of=16), "of 32 bits":
            partial(spared, of=32)}, "of 16 bits", 2 / 3, given=True,
        ),
        Claim(
            "double quantisation saves", f"At the sizes of LLaVA-1.5, absmaxes in 8 bits save {SAVED} bits a number.",
            "bits a number saved", {"saved": doubly}, "saved", SAVED, within=0.005, unit="bits", given=True,
        ),
    ]  # fmt: skip
