"""Words that the base never learned to say: rows of its embedding that learn beside the adapters.

A vocabulary has tokens that training never met; their rows are all alike, and no adapter on the layers can tell one
from another. https://arxiv.org/abs/2405.05417 finds thousands of them in large models. So those rows learn too, a few
hundred numbers each, and belong to the adapter: LoraSpec(rows=spoken(processor, records)), through PEFT's
`trainable_token_indices`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from peft.tuners.trainable_tokens import TrainableTokensLayer
from torch import nn
from torch.nn.functional import normalize

from labs.data.records import Record
from labs.tuning.examples import Examples
from labs.tuning.packing import IGNORE
from labs.tuning.process import sharded

ALIKE = 0.95


def spoken(processor: Any, records: Sequence[Record]) -> tuple[int, ...]:
    """The tokens that the records supervise: every one that an answer is made of, in order."""
    examples, met, learned = Examples(processor, records), set(), set()
    for number, record in enumerate(examples.records):
        parts = {part for message in record.messages if message["role"] == "assistant"
                 for part in _pieces(processor.tokenizer, message["content"][0]["text"])}  # fmt: skip
        if not parts <= met:  # most answers are made of what others were
            met |= parts
            learned |= set(examples.text(number).labels)
    return tuple(sorted(learned - {IGNORE}))


def _pieces(tokenizer: Any, text: str) -> Iterator[tuple[bool, int]]:
    """The tokens of a text by itself, and whether each begins it: only there the words before it make a difference."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ((place == 0, token) for place, token in enumerate(ids))


def alike_rows(model: nn.Module, alike: float = ALIKE) -> list[int]:
    """The tokens whose row points where another one's does (cosine similarity above `alike`): nobody learned them."""
    rows = normalize(model.get_input_embeddings().weight.detach().float(), dim=1)
    nearest = torch.cat([(part @ rows.T).topk(2).values[:, 1] for part in rows.split(512)])  # the first is itself
    return (nearest > alike).nonzero().flatten().tolist()


def row_targets(model: nn.Module, rows: Sequence[int]) -> dict[str, list[int]] | None:
    """What PEFT is told: where rows of `model` learn. Of a tied embedding once, of an untied one and its head each.

    Raises ValueError for a row that the embedding has not, and for a model whose rows PEFT would not keep alike.
    """
    if not rows:
        return None
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if rows[-1] >= len(embedding.weight):
        raise ValueError(f"the embedding has rows 0 to {len(embedding.weight) - 1}, not {rows[-1]}")
    if sharded():
        raise ValueError("rows of an embedding cannot learn where weights are dealt to devices: leave out `rows`")
    tied = head is not None and head.weight is embedding.weight
    if tied and not getattr(model.config, "tie_word_embeddings", False):
        raise ValueError(f"{type(model).__name__} shares its embedding with its head and does not say so: "
                         "set tie_word_embeddings in its config, or leave out `rows`")  # fmt: skip
    if getattr(head, "bias", None) is not None:
        raise ValueError(f"the head of {type(model).__name__} has a bias, which PEFT would drop: leave out `rows`")
    layers = [embedding] if tied or head is None else [embedding, head]
    return {name: list(rows) for name, module in model.named_modules() if any(module is layer for layer in layers)}


def row_layers(model: nn.Module) -> Iterator[TrainableTokensLayer]:
    """The layers of an adapted model some of whose rows learn; those that only follow another one are left out."""
    return (layer for layer in model.modules() if isinstance(layer, TrainableTokensLayer) and not layer.tied_adapter)


@torch.no_grad()
def draw_anew(model: nn.Module, seed: int = 0) -> int:
    """Let the rows that learn begin where learned ones lie, if the base never learned them. Gives their number.

    Each is drawn with mean and spread of the rows that are unlike all others, as `resize_token_embeddings` of the
    library draws those of new tokens (https://nlp.stanford.edu/~johnhew/vocab-expansion.html). Before the first step,
    after `add_lora`: from here on the model may say them, and with the adapter off it is the base still.
    """
    alike, generator, drawn = set(alike_rows(model)), torch.Generator().manual_seed(seed), 0
    for layer in row_layers(model):
        rows, weight = layer.trainable_tokens_delta["default"], layer.get_base_layer().weight
        known = weight[[n for n in range(len(weight)) if n not in alike]].float()
        places = [place for place, row in enumerate(layer.token_indices["default"]) if row in alike]
        noise = torch.randn(len(places), weight.shape[1], generator=generator).to(known)
        rows[places] = (known.mean(0) + noise * known.std(0)).to(rows)
        drawn += len(places)
    return drawn
