"""Attention over a row of several records in two parts, each without most of what nobody looks at.

              prefix  1  2  3             a query looks at what is filled
    prefix    ####                        the prefix and the first branch: causal, and kernels leave out the upper half
    branch 1  ####    #
    branch 2  ####       #                the other branches: few queries, all keys, the mask
    branch 3  ####          #

The same sums over the same numbers, so nothing changes but speed: a third to a half of the square is not computed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from labs.tuning.label_logits import unwrapped

NAME = "sdpa_in_parts"


def note_parts(mask: torch.Tensor, branch: torch.Tensor) -> None:
    """Write on a mask how many of the first queries, the same number in every row, look at all before them.

    mask (rows, 1, tokens, tokens) and branch (rows, tokens) as in `packing.Batch`.
    """
    first = ((branch == 0) | (branch == 1)).long().cumprod(1)
    mask.causal = int(first.sum(1).min())


def sdpa_in_parts(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, **options: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """The library's `sdpa`, in two parts where `note_parts` saw the mask. Returns (rows, tokens, heads, head width)."""
    cut = getattr(attention_mask, "causal", 0)
    if not cut:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    seen = (part[:, :, :cut] for part in (query, key, value))
    first, _ = sdpa_attention_forward(module, *seen, None, **options | {"is_causal": True})
    if cut == query.shape[2]:
        return first, None
    rest, _ = sdpa_attention_forward(module, query[:, :, cut:], key, value, attention_mask[:, :, cut:], **options)
    return torch.cat([first, rest], 1), None


@contextmanager
def attention_in_parts(model: torch.nn.Module) -> Iterator[None]:
    """Within it a language model that computes its attention with `sdpa` does it so. Others stay as they are."""
    base = unwrapped(model)
    config, layers = base.config.get_text_config(), base.get_decoder()
    asks_the_library = getattr(layers, "_supports_attention_backend", False)
    if config._attn_implementation != "sdpa" or not asks_the_library:
        yield
        return
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"


AttentionInterface.register(NAME, sdpa_in_parts)
AttentionMaskInterface.register(NAME, sdpa_mask)
