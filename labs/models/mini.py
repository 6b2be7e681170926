"""The mini models: stock `transformers` classes with small configurations. One dial, the width, sets the rest.

| builder         | class                           | the size it stands for        |
|-----------------|---------------------------------|-------------------------------|
| `dual_encoder`  | CLIPModel                       | CLIP ViT-B/32                 |
| `language`      | LlamaForCausalLM                | a 7B chat model               |
| `generative`    | GitForCausalLM                  | GIT, the pretrained generation|
| `multimodal`    | LlavaForConditionalGeneration   | LLaVA-1.5-7B                  |
"""

import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    GitConfig,
    GitForCausalLM,
    GitVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from labs.world.picture import SIZE

PATCH = 12  # two patches to a cell of the scene's grid
VISION_WIDTH, LANGUAGE_WIDTH = 128, 128


def vision_config(width: int = VISION_WIDTH, layers: int = 4) -> CLIPVisionConfig:
    """The eyes that all mini models share: 6 x 6 patches and a class token."""
    return CLIPVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 32,
        image_size=SIZE, patch_size=PATCH, projection_dim=width, hidden_act="gelu",
    )  # fmt: skip


def language_config(tokenizer: PreTrainedTokenizerFast, width: int = LANGUAGE_WIDTH, layers: int = 4) -> LlamaConfig:
    """A Llama-shaped decoder with tied embeddings."""
    return LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=3 * width, num_hidden_layers=layers,
        num_attention_heads=width // 32, num_key_value_heads=width // 32, max_position_embeddings=1024,
        tie_word_embeddings=True, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, initializer_range=0.02,
    )  # fmt: skip


def dual_encoder(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> CLIPModel:
    """CLIP: a picture tower and a text tower that meet in one space."""
    torch.manual_seed(seed)
    vision = vision_config()
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=96, projection_dim=128, hidden_act="gelu", pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    clip = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=128))
    # The library draws positions a tenth as large as patches, and a small tower then forgets where it looks.
    with torch.no_grad():
        clip.vision_model.embeddings.position_embedding.weight[1:] += 0.4 * grid_positions(VISION_WIDTH)
    return clip


def grid_positions(width: int, side: int = SIZE // PATCH) -> torch.Tensor:
    """Sines and cosines of row and column, (side * side, width), as MAE gives its encoder."""
    frequencies = torch.pi / side * 2.0 ** torch.linspace(-1, 1, width // 4)
    angles = torch.arange(side)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)  # (side, width / 2)
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def language(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> LlamaForCausalLM:
    """The language model alone."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(language_config(tokenizer))


def generative(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> GitForCausalLM:
    """GIT: every task is text after the pictures; five frames have a temporal embedding each."""
    torch.manual_seed(seed)
    vision = vision_config()
    eyes = GitVisionConfig(
        hidden_size=vision.hidden_size, intermediate_size=vision.intermediate_size, image_size=SIZE, patch_size=PATCH,
        num_hidden_layers=vision.num_hidden_layers, num_attention_heads=vision.num_attention_heads, hidden_act="gelu",
    )  # fmt: skip
    config = GitConfig(
        vision_config=eyes.to_dict(), vocab_size=len(tokenizer), hidden_size=LANGUAGE_WIDTH, num_hidden_layers=4,
        num_attention_heads=LANGUAGE_WIDTH // 32, intermediate_size=3 * LANGUAGE_WIDTH, max_position_embeddings=160,
        num_image_with_embedding=5, tie_word_embeddings=True, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.convert_tokens_to_ids("<user>"), eos_token_id=tokenizer.eos_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return GitForCausalLM(config)


def multimodal(
    tokenizer: PreTrainedTokenizerFast,
    eyes: CLIPModel | None = None,
    language_model: LlamaForCausalLM | None = None,
    seed: int = 0,
) -> LlavaForConditionalGeneration:
    """LLaVA: the eyes, a two-layer projector and the language model; give trained parts to start from them."""
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=vision_config().to_dict(), text_config=language_config(tokenizer).to_dict(),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"), image_seq_length=(SIZE // PATCH) ** 2,
        vision_feature_layer=-1, vision_feature_select_strategy="default", tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    if eyes is not None:
        load_eyes(model.model.vision_tower, eyes)
    if language_model is not None:
        model.model.language_model.load_state_dict(language_model.model.state_dict())
        model.tie_weights()
    return model


@torch.no_grad()
def whiten_projector(model: LlavaForConditionalGeneration, pixel_values: torch.Tensor) -> None:
    """Set the projector so that all that the eyes tell apart enters the language model at one size, that of its words.

    Left as drawn, a few strong directions grow until pictures are thirty times as loud as words, and shapes drown.
    The first layer whitens the features of `pixel_values` (pictures, 3, SIZE, SIZE); the second keeps lengths.
    """
    first, second = model.model.multi_modal_projector.linear_1, model.model.multi_modal_projector.linear_2
    features = model.model.vision_tower(pixel_values=pixel_values).last_hidden_state[:, 1:].flatten(0, 1)
    _whiten(first, features)
    words = model.get_input_embeddings().weight.norm(dim=1).mean()
    torch.nn.init.orthogonal_(second.weight)
    second.bias.zero_()
    length = second(torch.nn.functional.gelu(first(features))).norm(dim=1).mean()
    second.weight.mul_(words / length)


@torch.no_grad()
def whiten_projection(model: GitForCausalLM, pixel_values: torch.Tensor) -> None:
    """The same for GIT, whose projection is one layer; the norm behind it sets the size."""
    features = model.git.image_encoder(pixel_values=pixel_values).last_hidden_state.flatten(0, 1)
    _whiten(model.git.visual_projection.visual_projection[0], features)


def _whiten(layer: torch.nn.Linear, features: torch.Tensor) -> None:
    """Make the layer turn `features` (count, in) into uncorrelated ones of mean 0 and one variance."""
    mean = features.mean(0)
    values, directions = torch.linalg.eigh((features - mean).T @ (features - mean) / len(features))
    white = directions / values.clamp(min=1e-3 * values.max()).sqrt()  # (in, directions)
    spread = torch.nn.init.orthogonal_(torch.empty(layer.out_features, layer.in_features))
    layer.weight.copy_(spread @ white.T)
    layer.bias.copy_(-layer.weight @ mean)


def load_eyes(tower: torch.nn.Module, eyes: CLIPModel) -> None:
    """Copy the dual encoder's picture tower into the vision tower of another model (Llava's or GIT's)."""
    wanted = tower.state_dict()
    source = eyes.vision_model.state_dict()
    renamed = {}
    for name in wanted:
        match = [key for key in source if name.endswith(key) or key.endswith(name)]
        if len(match) != 1:
            raise ValueError(f"the dual encoder has {len(match)} weights that could be {name!r}, exactly one is needed")
        renamed[name] = source[match[0]]
    tower.load_state_dict(renamed)
