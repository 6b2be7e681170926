"""Layers of a language model with a second set of weights for visual tokens: experts by modality.

    token        <cls>   V1      V2      What   colour  ...
    is read by   text    expert  expert  text   text    ...       (in every layer; attention then mixes all of them)

The visual expert of CogVLM (Wang et al., 2023, https://arxiv.org/abs/2311.03079) doubles all matrices of attention and
the feed-forward part; the modality-adaptive module of mPLUG-Owl2 (Ye et al., 2023, https://arxiv.org/abs/2311.04257)
norms, keys and values. Experts begin as copies, so that at first nothing changes; a row without visual tokens never
meets them, so that text stays what it was to the bit as long as the language model is frozen.
"""

from collections.abc import Sequence
from copy import deepcopy

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

# Parts of a layer, by the names that the library's LLaMA gives them.
VISUAL_EXPERT = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp")
MODALITY_ADAPTIVE = ("input_layernorm", "post_attention_layernorm", "self_attn.k_proj", "self_attn.v_proj")


class Route:
    """Which tokens of the rows that are being read are visual."""

    visual: Bool[Tensor, "rows tokens"] | None = None


class Routed(nn.Module):
    """A part of a layer, and beside it its copy for visual tokens."""

    def __init__(self, text: nn.Module, route: Route):
        super().__init__()
        self.text, self.expert, self.route = text, deepcopy(text).requires_grad_(True), route

    def forward(self, x: Float[Tensor, "rows tokens width"]) -> Float[Tensor, "rows tokens out"]:
        out, visual = self.text(x), self.route.visual
        if visual is None or not visual.any():
            return out
        return out.masked_scatter(visual[..., None], self.expert(x[visual]))


def add_experts(
    language: PreTrainedModel, placeholder: int, parts: Sequence[str] = VISUAL_EXPERT
) -> list[nn.Parameter]:
    """Give every layer's `parts` an expert (`language` is changed in place); returns the experts' weights.

    A token is visual where `placeholder` stands in the row: which, is noted where rows come in, at the embeddings.
    Raises AttributeError for a part that the layers lack.
    """
    route, learning = Route(), []

    def note(embeddings: nn.Module, given: tuple[Tensor, ...]) -> None:
        route.visual = given[0] == placeholder

    for layer in language.get_decoder().layers:
        for part in parts:
            routed = Routed(layer.get_submodule(part), route)
            layer.set_submodule(part, routed)
            learning += routed.expert.parameters()
    language.get_input_embeddings().register_forward_pre_hook(note)
    return learning
