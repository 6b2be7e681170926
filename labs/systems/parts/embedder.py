"""A language model with eyes as an embedder: of a picture, of words or of both it makes a vector, or one a token.

    <user> [36 visual tokens] words <assistant>        what stands at the last token, at length 1, is the vector

The bundled mini-llava is tuned by contrast to embed: adapters in its language model alone learn, eyes and projection
are as they come. E5-V (https://arxiv.org/abs/2407.12580) reads the last token of a prompt off so; ColBERT
(https://arxiv.org/abs/2004.12832), and PreFLMR after it, all tokens.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, pad

from labs.models.pixels import to_pixels
from labs.systems.parts.limit_tuning import load
from labs.tuning.lora import LoraSpec, add_lora

RANK = 8
SHARPNESS = 20.0  # what likeness, a cosine, is multiplied by: 1 / 0.05
AT_ONCE = 100
Vectors = Float[Tensor, "_ width"]  # a row each
Visual = Float[Tensor, "_ 36 width"]


class Tokens(NamedTuple):
    """A vector for each token, and which of them are there: the others are padding."""

    vectors: Float[Tensor, "rows tokens width"]
    there: Bool[Tensor, "rows tokens"]


Embedded = Vectors | Tokens


class Embedder(nn.Module):
    """The bundled mini-llava, with fresh adapters of the seed; without a seed as it comes."""

    def __init__(self, seed: int | None = 0):
        super().__init__()
        loaded = load()
        self.tokenizer, model = loaded.processor.tokenizer, loaded.model.requires_grad_(False)
        if seed is not None:
            model = add_lora(model, LoraSpec(RANK, 2 * RANK, projector=False), seed).get_base_model()
        self.llava = model

    @torch.no_grad()
    def look(self, pictures: Sequence[Image.Image]) -> Visual:
        """What the language model gets to see of pictures: eyes and projection never learn, so once is enough."""
        parts = [to_pixels(list(pictures[at : at + AT_ONCE])) for at in range(0, len(pictures), AT_ONCE)]
        towers = (self.llava.model.vision_tower(pixel_values=part).last_hidden_state[:, 1:] for part in parts)
        return torch.cat([self.llava.model.multi_modal_projector(seen) for seen in towers])

    def read(self, words: Sequence[str], visual: Visual | None = None) -> Tokens:
        """The last hidden states of rows, with a picture each or without any."""
        return read(self.llava.model.language_model, self.tokenizer, words, visual)

    def forward(self, words: Sequence[str], visual: Visual | None = None) -> Vectors:
        """One vector a row, of length 1."""
        hidden, there = self.read(words, visual)
        return normalize(hidden[torch.arange(len(words)), there.sum(1) - 1], dim=-1)

    def each(self, words: Sequence[str], visual: Visual | None = None) -> Tokens:
        """One vector a token, each of length 1."""
        hidden, there = self.read(words, visual)
        return Tokens(normalize(hidden, dim=-1), there)


def read(decoder: nn.Module, tokenizer: Any, words: Sequence[str], visual: Visual | None) -> Tokens:
    """The last hidden states of a language model's rows, after pictures that are already as wide as its words."""
    ids = tokenizer(
        ["<user>" + text + "<assistant>" for text in words], return_tensors="pt", padding=True, padding_side="right"
    )
    inputs, there = decoder.get_input_embeddings()(ids["input_ids"]), ids["attention_mask"]
    if visual is not None:
        inputs = torch.cat([inputs[:, :1], visual, inputs[:, 1:]], 1)
        there = pad(there, (visual.shape[1], 0), value=1)
    return Tokens(decoder(inputs_embeds=inputs, attention_mask=there, use_cache=False)[0], there.bool())


def likeness(queries: Embedded, documents: Embedded) -> Float[Tensor, "queries documents"]:
    """The cosine of each query and each document; of tokens late interaction."""
    return queries @ documents.T if isinstance(queries, Tensor) else late(queries, documents)


def late(queries: Tokens, documents: Tokens) -> Float[Tensor, "queries documents"]:
    """Late interaction: for each token of a query the nearest one of the document; their likeness, averaged."""
    (asked, real), (told, there) = queries, documents
    near = torch.einsum("qsw,dtw->qsdt", asked, told).masked_fill(~there, -1.0).amax(3)  # (queries, tokens, documents)
    return (near * real[:, :, None]).sum(1) / real.sum(1, keepdim=True)


def rows(embedded: Embedded, where: Sequence[int]) -> Embedded:
    """Some of the rows."""
    chosen = list(where)
    return embedded[chosen] if isinstance(embedded, Tensor) else Tokens(*(part[chosen] for part in embedded))


def contrast(
    likeness: Float[Tensor, "queries documents"], right: Float[Tensor, "queries documents"]
) -> Float[Tensor, ""]:
    """InfoNCE from queries to documents; `right` is 1 where a document is right for a query, of which all count."""
    return cross_entropy(SHARPNESS * likeness, right / right.sum(1, keepdim=True))
