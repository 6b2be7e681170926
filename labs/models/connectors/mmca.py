"""Multi-modal causal attention of DeepSpeed-VisualChat (Yao et al., 2023, https://arxiv.org/abs/2309.14327).

    looks at      <cls>  V1  V2  What  <cls>  V3  red?      t  in the softmax over text
    <cls>           t                                       v  in the softmax over visual tokens
    V1                   v
    V2                       v                              A word adds up what it finds in both, each with weights
    What            t    v   v    t                         that sum to 1: many visual tokens take nothing from the
    <cls>           t    v   v    t     t                   text. A visual token looks at itself alone: the eyes have
    V3                                        v             already mixed what is in a picture.
    red?            t    v   v    t     t     v    t

"Visual tokens only attend to themselves" is read here as each to itself. In the released code each looks at the text
before it too, in the softmax over text: `back`. There, as far as reading it shows, a word before the first picture also
gets a mean over words before it and pictures after it, whose masks come to the same; here it has the text alone.
https://github.com/microsoft/DeepSpeedExamples/tree/master/applications/DeepSpeed-VisualChat
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "mmca"


def looks(
    visible: Bool[Tensor, "rows 1 tokens tokens"], visual: Bool[Tensor, "rows tokens"], back: bool = False
) -> tuple[Bool[Tensor, "rows 1 tokens tokens"], Bool[Tensor, "rows 1 tokens tokens"]]:
    """Who looks at whom in the softmax over text, and in that over visual tokens; `visible` as in plain attention.

    With `back` visual tokens look at the text before them, too.
    """
    asking, asked = visual[:, None, :, None], visual[:, None, None, :]
    itself = torch.eye(visual.shape[1], dtype=torch.bool, device=visual.device)
    text = visible & ~asked
    return text if back else text & ~asking, torch.where(asking, itself, visible & asked)


def attend(
    query: Float[Tensor, "rows heads tokens head"], key: Float[Tensor, "rows heads tokens head"],
    value: Float[Tensor, "rows heads tokens head"], may: Bool[Tensor, "rows 1 tokens tokens"], **options: Any,
) -> Float[Tensor, "rows heads tokens head"]:  # fmt: skip
    """Softmax attention to those that each `may` look at; 0 for who may look at none."""
    any_there = may.any(-1, keepdim=True)
    # who may look at none looks at all, for nothing: no row of a softmax is empty
    return any_there * scaled_dot_product_attention(query, key, value, may | ~any_there, **options)


def multimodal_causal_attention(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    visual: Bool[Tensor, "rows tokens"], scaling: float, back: bool = False, dropout: float = 0.0, **options: Any,
) -> tuple[Float[Tensor, "rows tokens heads head"], None]:  # fmt: skip
    """In the form in which the library calls attention; `attention_mask` True where a query may look, None: causal.

    Raises ValueError for a query behind tokens that were read before, of which nobody says which are visual.
    """
    tokens = query.shape[2]
    if key.shape[2] != tokens:
        raise ValueError(f"{NAME} reads rows as a whole, not {tokens} of {key.shape[2]} tokens: set use_cache=False")
    if attention_mask is None:
        attention_mask = query.new_ones(len(query), 1, tokens, tokens, dtype=torch.bool).tril()
    key, value = (repeat_kv(part, module.num_key_value_groups) for part in (key, value))
    words, pictures = (
        attend(query, key, value, may, scale=scaling, dropout_p=dropout) for may in looks(attention_mask, visual, back)
    )
    return (words + pictures).transpose(1, 2), None


@contextmanager
def multimodal_causal(
    model: PreTrainedModel, visual: Bool[Tensor, "rows tokens"], back: bool = False
) -> Iterator[None]:
    """Within it a stock language model attends so in every layer; `visual` says which of its tokens are visual.

    What the library's decoder is given beyond its own arguments it hands down to the attention function, unread.
    """
    before, decoder = model.config._attn_implementation, model.get_decoder()

    def hand_down(layers: torch.nn.Module, given: tuple, named: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        return given, named | {"visual": visual, "back": back}

    hook = decoder.register_forward_pre_hook(hand_down, with_kwargs=True)
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        hook.remove()
        model.set_attn_implementation(before)


AttentionInterface.register(NAME, multimodal_causal_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
