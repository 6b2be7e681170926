"""Only where a label is: the logits of the head, the widest layer of a model, and the last layer's feed-forward part.

After the last attention every position is by itself, and most have nothing to learn. Works with any model of
transformers that has an output head: what enters it is cut down on the way, so the model's own code runs unchanged.
https://arxiv.org/abs/2411.09009 shows what the logits of all positions cost.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from labs.tuning.packing import IGNORE


@contextmanager
def logits_at(model: torch.nn.Module, where: torch.Tensor) -> Iterator[None]:
    """Within it `model(...)` returns logits (positions, vocabulary) of the positions where `where` (batch, tokens)."""
    head = model.get_output_embeddings()
    if head is None:
        raise ValueError(f"{type(model).__name__} names no output head: set label_logits=False")
    handles = [head.register_forward_pre_hook(lambda module, args: (args[0][where], *args[1:]))]
    feed_forward = _last_feed_forward(model)
    if feed_forward is not None:
        handles += [
            feed_forward.register_forward_pre_hook(lambda module, args: (args[0][where], *args[1:])),
            feed_forward.register_forward_hook(lambda module, args, out: _spread(out, where)),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _last_feed_forward(model: torch.nn.Module) -> torch.nn.Module | None:
    """None where there is none of the usual form, or where it runs once more when these hooks are gone."""
    layers = getattr(model.get_decoder(), "layers", None)
    again = model.training and layers and getattr(layers[-1], "gradient_checkpointing", False)
    feed_forward = getattr(layers[-1], "mlp", None) if layers and not again else None
    usual = feed_forward is not None and hasattr(feed_forward, "down_proj") and not hasattr(feed_forward, "experts")
    return feed_forward if usual else None


def _spread(out: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """(positions, width) -> (batch, tokens, width), zero elsewhere, where nothing reads it any more."""
    return out.new_zeros(*where.shape, out.shape[-1]).index_put((where,), out)


def shifted(labels: torch.Tensor) -> torch.Tensor:
    """The library's labels (batch, tokens) -> for each position the token to predict there."""
    return torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORE)


def supervised_logits(
    model: torch.nn.Module, targets: torch.Tensor, inputs: dict[str, Any], everywhere: bool = False
) -> torch.Tensor:
    """Logits (supervised, vocabulary) at the positions that have a target, `targets` (batch, tokens).

    `everywhere` computes those of all positions first, as models do left to themselves.
    """
    where = targets != IGNORE
    with nullcontext() if everywhere else logits_at(unwrapped(model), where):
        logits = model(**inputs, use_cache=False).logits
    return logits[where] if everywhere else logits


def token_losses(
    model: torch.nn.Module, targets: torch.Tensor, inputs: dict[str, Any], everywhere: bool = False
) -> torch.Tensor:
    """The cross-entropy (supervised,) of each target, in float32."""
    logits = supervised_logits(model, targets, inputs, everywhere)
    return cross_entropy(logits.float(), targets[targets != IGNORE], reduction="none")


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The model inside what distributed training and PEFT put round it."""
    while hasattr(model, "module"):
        model = model.module
    return model.get_base_model() if hasattr(model, "get_base_model") else model
