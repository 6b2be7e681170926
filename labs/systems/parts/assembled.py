"""Models put together from exchangeable parts, as in TencentPretrain (Zhao et al., 2022,
https://arxiv.org/abs/2212.06385):

    given --embedding--> encoder --------------------------------> target        BERT, GPT, ViT, a tower of CLIP
    given --embedding--> encoder --+
    told  --target embedding-------+--> decoder -----------------> target        BART, a translator, a cross-encoder

Any embedding goes before any encoder, any target behind; parts may be shared by several models. `FAMILIES` names the
parts of well-known ones. Encoder and decoder are torch's own layers.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.systems.parts.lexicon import PAD

LONGEST = 96


class Embedding(nn.Module):
    """Words, numbers from 1 with PAD at the end, or rows of numbers (regions, tones), zeros at the end -> vectors."""

    def __init__(self, width: int, words: int = 0, numbers: int = 0, norm: bool = False):
        super().__init__()
        if bool(words) == bool(numbers):
            raise ValueError(f"an embedding reads words or numbers, not {words} words and {numbers} numbers")
        self.enter = nn.Embedding(words, width) if words else nn.Linear(numbers, width)
        self.places = nn.Embedding(LONGEST, width)
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        nn.init.normal_(self.places.weight, std=0.1)
        if words:
            nn.init.normal_(self.enter.weight, std=0.1)

    def forward(self, given: Tensor) -> tuple[Float[Tensor, "n tokens width"], Bool[Tensor, "n tokens"]]:
        """Vectors with their places, and which of them only fill up."""
        absent = given == PAD if given.ndim == 2 else (given == 0).all(-1)
        return self.norm(self.enter(given) + self.places(torch.arange(given.shape[1]))), absent


class Encoder(nn.TransformerEncoder):
    """Tokens look at all tokens, or, `causal`, at none that come later."""

    def __init__(self, width: int, layers: int, heads: int, causal: bool = False, norm_first: bool = True):
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, "gelu", 1e-5, True, norm_first)
        super().__init__(layer, layers, nn.LayerNorm(width) if norm_first else None, enable_nested_tensor=False)
        self.causal = causal
        _apart(self.layers)

    def read(self, x: Float[Tensor, "n tokens width"], absent: Bool[Tensor, "n tokens"]) -> Tensor:
        """(n, tokens, width)"""
        return self(x, later(x.shape[1]) if self.causal else None, absent)


class Decoder(nn.TransformerDecoder):
    """Tokens look at one another, causally or not, and at what an encoder has read."""

    def __init__(self, width: int, layers: int, heads: int, causal: bool = True, norm_first: bool = True):
        layer = nn.TransformerDecoderLayer(width, heads, 2 * width, 0.0, "gelu", 1e-5, True, norm_first)
        super().__init__(layer, layers, nn.LayerNorm(width) if norm_first else None)
        self.causal = causal
        _apart(self.layers)

    def read(self, x: Tensor, absent: Tensor, seen: Tensor, unseen: Tensor) -> Float[Tensor, "n tokens width"]:
        """`absent` and `unseen` say which tokens of `x` and of `seen` only fill up."""
        return self(x, seen, later(x.shape[1]) if self.causal else None, None, absent, unseen)


class Words(nn.Module):
    """Target: a word at every token, the next one or a hidden one; with `transform` as BERT has it."""

    def __init__(self, width: int, words: int, transform: bool = False, bias: bool = True):
        super().__init__()
        first = (nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width)) if transform else ()
        self.head = nn.Sequential(*first, nn.Linear(width, words, bias=bias))

    def forward(self, x: Float[Tensor, "n tokens width"], absent: Tensor) -> Float[Tensor, "n tokens words"]:
        return self.head(x)


class Whole(nn.Module):
    """Target: so many numbers of the whole, from the mean over tokens: classes, a score, a vector to be contrasted."""

    def __init__(self, width: int, numbers: int):
        super().__init__()
        self.head = nn.Linear(width, numbers)

    def forward(self, x: Float[Tensor, "n tokens width"], absent: Tensor) -> Float[Tensor, "n numbers"]:
        there = (~absent).float()[..., None]
        return self.head((x * there).sum(1) / there.sum(1))


class Model(nn.Module):
    """Parts put together. With a decoder, `told` is what it reads; the target stands behind the last part."""

    def __init__(
        self, embedding: Embedding, encoder: Encoder, target: nn.Module, target_embedding: Embedding | None = None,
        decoder: Decoder | None = None,
    ):  # fmt: skip
        super().__init__()
        if (target_embedding is None) != (decoder is None):
            raise ValueError("a decoder and a target embedding go together")
        self.embedding, self.encoder, self.target = embedding, encoder, target
        self.target_embedding, self.decoder = target_embedding, decoder

    def forward(self, given: Tensor, told: Int[Tensor, "m words"] | None = None) -> Tensor:
        """What the target says of it. Where more is told than given, each given one goes with so many told in turn."""
        x, absent = self.embedding(given)
        x = self.encoder.read(x, absent)
        if self.decoder is not None and self.target_embedding is not None and told is not None:
            y, gone = self.target_embedding(told)
            each = len(told) // len(given)
            x, absent = x.repeat_interleave(each, 0), absent.repeat_interleave(each, 0)
            x, absent = self.decoder.read(y, gone, x, absent), gone
        return self.target(x, absent)


def later(tokens: int) -> Bool[Tensor, "tokens tokens"]:
    """True where the second comes after the first."""
    return torch.ones(tokens, tokens, dtype=torch.bool).triu(1)


def _apart(layers: nn.ModuleList) -> None:
    """Torch copies one layer; each gets weights of its own."""
    for layer in layers:
        for weight in layer.parameters():
            if weight.ndim == 2:
                nn.init.xavier_uniform_(weight)
