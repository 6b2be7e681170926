"""The mini-llava with its decoder in 4 bits, in several ways; what that costs in bits, and what it does to answers.

NF4 is what bitsandbytes stores, double quantisation and all, as QLoRA has it. FP4 and INT4 are by hand: rounded to a
code book and put back into 32 bits, so that nothing but the rounding shows.
"""

from collections.abc import Sequence
from functools import cache, partial

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from jaxtyping import Float
from torch import Tensor, nn

from labs.data import records
from labs.evaluation.exam import Item
from labs.models import catalog
from labs.models.entry import Loaded
from labs.systems.parts import camera
from labs.tuning.by_hand.code_books import Book, decoder_weights, round_decoder, rounded, values
from labs.tuning.by_hand.nf4 import BLOCK, nearest, scaled
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.four_bit import nf4, repair_on_cpu
from labs.tuning.label_logits import token_losses, unwrapped
from labs.tuning.sharing import model_inputs

ROLES = ("multimodal", "language", "generative", "dual_encoder")
BATCH = 64


def stored(double: bool = True) -> Loaded:
    """In NF4 by bitsandbytes; without `double` every absmax stays in 32 bits."""
    config = nf4()
    config.bnb_4bit_use_double_quant = double
    loaded = catalog.load("multimodal", "mini", quantization_config=config)
    repair_on_cpu(loaded.model)
    return loaded


def rounded_to(book: Book) -> Loaded:
    """In 32 bits again after rounding to a code book, every absmax as it was."""
    loaded = camera.load()
    round_decoder(loaded.model, book)
    return loaded


@torch.no_grad()
def rounded_again(tuned: Loaded) -> Loaded:
    """A base in NF4 with its adapters merged into it, in NF4 again: what `labs.tuning.adapters.merge` refuses."""
    plain, layers = camera.load(), dict(unwrapped(tuned.model).named_modules())
    for name, layer in decoder_weights(plain.model):
        four = layers[name].base_layer.weight
        base = dequantize_4bit(four.data, four.quant_state).float()
        layer.weight.copy_(rounded(base + layers[name].get_delta_weight("default"), "NF4"))
    return plain


LOADERS = {
    "whole": camera.load, "NF4": stored, "NF4, absmaxes whole": partial(stored, double=False),
    "FP4": partial(rounded_to, "FP4"), "INT4": partial(rounded_to, "INT4"),
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------
# Weights


@cache
def matrices() -> tuple[Tensor, ...]:
    """The weights of all linear layers of the bundled checkpoints, those that stand in several of them once."""
    found: dict[bytes, Tensor] = {}
    for role in ROLES:
        for module in catalog.load(role, "mini").model.modules():
            if isinstance(module, nn.Linear):
                weight = module.weight.detach()
                found.setdefault(weight.numpy().tobytes(), weight)
    return tuple(found.values())


def histogram(book: Book, weights: Sequence[Tensor]) -> Float[Tensor, "codes 2"]:
    """For each value of the book the share of the weights that take it, and their mean error, in units of absmax."""
    rising = values(book)
    blocks = torch.cat([scaled(weight, BLOCK)[0] for weight in weights])
    codes = nearest(blocks, rising).long().flatten()
    missed = (blocks.flatten() - rising[codes]).abs()
    counts = torch.bincount(codes, minlength=len(rising))
    errors = torch.bincount(codes, missed, minlength=len(rising)) / counts.clamp(min=1)
    return torch.stack([counts / len(codes), errors], dim=1).float()


def bits(shape: tuple[int, int], double: bool = True) -> float:
    """Bits that bitsandbytes stores for each number of a matrix, code books and all; measured on random weights."""
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    packed, state = quantize_4bit(weight, compress_statistics=double, quant_type="nf4")
    kept = [packed, state.absmax, state.code]
    kept += [state.offset, state.state2.absmax, state.state2.code] if double else []
    return 8 * sum(part.nbytes for part in kept) / weight.numel()


# ---------------------------------------------------------------------------------------------------------------
# Answers


def log_probabilities(learner: Loaded, pictures: Sequence, items: Sequence[Item]) -> list[float]:
    """Of each item's answer, summed over its tokens, in nats: 0 is certainty."""
    talks = [camera.entry(pictures[item.picture], [(item.question, item.answer)]) for item in items]
    examples = Examples(learner.processor, records.of(talks, "items"))
    collate, found = Collator(learner.processor.tokenizer.pad_token_id), []
    for start in range(0, len(examples), BATCH):
        encoded = [examples[number] for number in range(start, min(start + BATCH, len(examples)))]
        with torch.no_grad():
            losses = token_losses(learner.model, *model_inputs(learner.model, collate(encoded)))
        answers = losses.split([sum(one.supervised[1:]) for one in encoded])
        found += [-answer.sum().item() for answer in answers]
    return found
