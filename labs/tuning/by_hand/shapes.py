"""The sizes inside a Llava (CLIP's eyes, Llama's decoder), from its configuration alone.

Models: https://arxiv.org/abs/2103.00020, https://arxiv.org/abs/2302.13971, https://arxiv.org/abs/2310.03744;
implementation: transformers.LlavaForConditionalGeneration.
"""

from typing import NamedTuple

from transformers import LlavaConfig

Linear = tuple[int, int]  # (in, out)


class Stack(NamedTuple):
    """Equal transformer layers, one after the other."""

    layers: int
    used: int  # the first so many layers; later ones are computed, but what they say reaches nobody
    width: int
    inner: int  # width inside the MLP
    heads: int
    attention: int  # widths of queries, keys, values and output together
    gates: int  # tensors of the inner width that the activation function needs again on the way back
    linears: list[Linear]  # of one layer


def language(config: LlavaConfig) -> Stack:
    """The decoder."""
    c = config.text_config
    queries, keys = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    attention = [(c.hidden_size, queries), (c.hidden_size, keys), (c.hidden_size, keys), (queries, c.hidden_size)]
    mlp = 2 * [(c.hidden_size, c.intermediate_size)] + [(c.intermediate_size, c.hidden_size)]
    return Stack(c.num_hidden_layers, c.num_hidden_layers, c.hidden_size, c.intermediate_size, c.num_attention_heads,
                 2 * queries + 2 * keys, 3, attention + mlp)  # fmt: skip


def vision(config: LlavaConfig) -> Stack:
    """The eyes. The projector takes the picture before their last layers: LLaVA-1.5 before the last one."""
    c, at = config.vision_config, config.vision_feature_layer
    used = at if at >= 0 else c.num_hidden_layers + 1 + at  # 0 is what goes into the first layer
    gates = 2 if c.hidden_act == "quick_gelu" else 1  # x * sigmoid(1.702 x) is two operations
    mlp = [(c.hidden_size, c.intermediate_size), (c.intermediate_size, c.hidden_size)]
    return Stack(c.num_hidden_layers, used, c.hidden_size, c.intermediate_size, c.num_attention_heads,
                 4 * c.hidden_size, gates, 4 * [(c.hidden_size, c.hidden_size)] + mlp)  # fmt: skip


def linears(config: LlavaConfig, part: str, used: bool = False) -> list[Linear]:
    """All linear layers of a part but the head; with `used`, those alone that the loss reaches."""
    text, eyes = language(config), vision(config)
    if part == "projector":
        return [(eyes.width, text.width), (text.width, text.width)]
    return text.layers * text.linears if part == "language" else (eyes.used if used else eyes.layers) * eyes.linears


def patches(config: LlavaConfig) -> int:
    """Tokens of a picture. The eyes see one more, their class token."""
    return (config.vision_config.image_size // config.vision_config.patch_size) ** 2


def parameters(config: LlavaConfig, used: bool = False) -> dict[str, int]:
    """Numbers of parameters of each part; with `used`, of those alone that the loss reaches."""
    text, eyes, c = language(config), vision(config), config.vision_config
    tables = 1 if config.tie_word_embeddings else 2  # of words: the embedding, and the head
    layer = sum(i * o for i, o in text.linears) + 2 * text.width  # two norms
    eye_layer = sum(i * o + o for i, o in eyes.linears) + 4 * eyes.width  # two norms with biases
    before = c.num_channels * c.patch_size**2 + 1 + patches(config) + 1 + 2  # patches, class, positions, a norm
    return {
        "language": text.layers * layer + (tables * config.text_config.vocab_size + 1) * text.width,
        "projector": sum(i * o + o * config.multimodal_projector_bias for i, o in linears(config, "projector")),
        "vision": (eyes.used * eye_layer + before * eyes.width) if used
        else eyes.layers * eye_layer + (before + 2) * eyes.width,  # with the norm behind the last layer
    }  # fmt: skip
