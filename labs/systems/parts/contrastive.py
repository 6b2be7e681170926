"""Pictures and texts as vectors of one space, by any CLIP: both towers read off, the loss, the names to choose from.

Source: Radford et al., 2021, https://arxiv.org/abs/2103.00020.
"""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import BatchEncoding, CLIPModel

from labs.systems.parts import eyes
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

NAMES = [(colour, shape) for colour in COLOURS for shape in SHAPES]


def embed_pictures(clip: CLIPModel, seen: Float[Tensor, "n ..."]) -> Float[Tensor, "n width"]:
    """Pixels (n, 3, 72, 72) or features (n, 37, 128) -> unit vectors."""
    if seen.ndim == 4:
        pooled = clip.vision_model(pixel_values=seen).pooler_output
    else:
        hidden = clip.vision_model.encoder(inputs_embeds=seen).last_hidden_state
        pooled = clip.vision_model.post_layernorm(hidden[:, 0])
    return normalize(clip.visual_projection(pooled), dim=-1)


def embed_texts(clip: CLIPModel, texts: Sequence[str]) -> Float[Tensor, "n width"]:
    """Texts -> unit vectors."""
    tokens = read(texts)
    pooled = clip.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).pooler_output
    return normalize(clip.text_projection(pooled), dim=-1)


def read(texts: Sequence[str]) -> BatchEncoding:
    """Tokens of texts, each with the closing token from which CLIP reads it off."""
    return eyes.dual_encoder().processor.tokenizer(list(texts), return_tensors="pt", padding=True)


def contrastive_loss(logits: Float[Tensor, "n n"], right: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
    """Cross-entropy along rows and columns; `right` says how right each caption is for each picture, at most 1."""
    by_row, by_column = right / right.sum(1, keepdim=True), right.T / right.T.sum(1, keepdim=True)
    return (cross_entropy(logits, by_row) + cross_entropy(logits.T, by_column)) / 2


def related(names: Int[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """1 where two of `NAMES` share their colour or their shape."""
    colour, shape = names // len(SHAPES), names % len(SHAPES)
    return ((colour[:, None] == colour) | (shape[:, None] == shape)).float()


def name_of(scene: Scene) -> tuple[str, str]:
    """Colour and shape of the scene's first thing."""
    return scene.things[0].colour, scene.things[0].shape
