"""Prefix tuning by hand: in every layer, trained keys and values that each token looks at before all else.

    keys    [ P1 ... Pn | k1 k2 k3 ... ]        the model itself stays as it is; trained are 2 n numbers
    values  [ Q1 ... Qn | v1 v2 v3 ... ]        for each layer and each unit of the width of its keys

https://arxiv.org/abs/2101.00190, section 4; reference implementation: https://github.com/XiangLi1999/PrefixTuning.
There, and in PEFT, the prefix is handed over as a cache of tokens read before, and moves all positions on by n. Here
it is put in front where attention is computed: caches, positions and shared rows stay what they were.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

NAME = "sdpa_with_prefix"


class Prefix(nn.Module):
    """The trained keys and values of one layer."""

    def __init__(
        self, keys: Float[Tensor, "heads length head_width"], values: Float[Tensor, "heads length head_width"]
    ) -> None:
        super().__init__()
        self.keys, self.values = nn.Parameter(keys.clone()), nn.Parameter(values.clone())


def with_prefix(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, **options: Any
) -> tuple[Tensor, None]:
    """The library's `sdpa` over the module's prefix and what was there. Returns (rows, tokens, heads, head width)."""
    prefix = module.prefix
    keys, values = (part.expand(len(query), -1, -1, -1).to(query) for part in (prefix.keys, prefix.values))
    mask = nn.functional.pad(attention_mask, (keys.shape[2], 0), value=True)  # everybody looks at the prefix
    seen = torch.cat([keys, key], 2), torch.cat([values, value], 2)
    return sdpa_attention_forward(module, query, *seen, mask, **options)


def add_prefix(model: PreTrainedModel, length: int, like: dict[str, Tensor]) -> PreTrainedModel:
    """Freeze `model` and give each layer of its decoder a prefix of `length` (in place, and returned).

    It begins as the keys and values of the last `length` tokens of `like`, one row of a Llama's inputs, as if they had
    been read just before: a random beginning learns worse (the paper's section 7.4). Raises ValueError for a length
    that `like` has not.
    """
    tokens = like["input_ids"].shape[1]
    if not 1 <= length <= tokens:
        raise ValueError(f"length must be from 1 to {tokens}, the tokens that the prefix begins as, not {length}")
    with torch.no_grad():
        known = model(**like, use_cache=True).past_key_values.layers
        turn = model.get_decoder().rotary_emb(known[0].keys, torch.full((1, tokens), tokens))
    model.requires_grad_(False)
    for layer, one in zip(model.get_decoder().layers, known, strict=True):
        keys = _turned_back(one.keys, *turn)
        layer.self_attn.prefix = Prefix(keys[0, :, -length:], one.values[0, :, -length:])
    model.config.get_text_config()._attn_implementation = NAME
    return model


def _turned_back(keys: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Keys, which carry their position as an angle, moved to that many positions earlier."""
    return apply_rotary_pos_emb(keys, keys, cosine, -sine)[0]


def _written_out(*args: Any, **options: Any) -> Tensor:
    """The library's mask (rows, 1, tokens, keys), also where `sdpa` could do without: it is to be widened."""
    return sdpa_mask(*args, **options | {"allow_is_causal_skip": False})


AttentionInterface.register(NAME, with_prefix)
AttentionMaskInterface.register(NAME, _written_out)
