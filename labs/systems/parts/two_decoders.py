"""Small decoders that were trained apart: of texts in two languages, of sounds, and of pictures after their texts.

    texts      <es> una estrella roja grande <en> a big red star        and the other way round; of one thing or two
    sounds     <sound> 12 77 ... 130
    pictures   <en> a big red star <picture> 3 61 ... 87

All have one shape and one vocabulary, as parts.codec cuts close-ups into codes; all texts of a kind are equally long,
so that nobody has to say where one ends. "choice" are held-out scenes on which settings were chosen.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.connectors.attention import Attention
from labs.systems.parts import codec, eyes
from labs.systems.parts.close_ups import closely
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.probe import evenly
from labs.world.grammar import phrase
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES, SIZES

WIDTH, HEADS, LAYERS, LONGEST = 64, 4, 3, 64
COUNTS = {"train": 2048, "choice": 320, "exam": 320}  # scenes
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data
EXAM = "exam"  # the split that is asked
STEPS = {"text": 400, "sound": 300, "picture": 600}
BATCH, RATE = 32, 2e-3
TAGS = ("es", "en", "picture", "sound")
LENGTHS = {"es": 4, "en": 4, "picture": 37, "sound": 21}  # tokens after the tag, for one thing


class Layer(nn.Module):
    """Attention to what came before, then a feed-forward layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.norm_inner = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention(WIDTH, HEADS)
        self.inner = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n tokens width"]:
        normed = self.norm(x)
        x = x + self.attention(normed, normed, causal(len(x), x.shape[1]))
        return x + self.inner(self.norm_inner(x))


class Decoder(nn.Module):
    """Tokens of the one vocabulary -> logits of the tokens after them."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary(), WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.layers, self.norm = nn.ModuleList(Layer() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocabulary(), bias=False)
        for table in (self.token, self.place):
            nn.init.normal_(table.weight, std=0.2)

    def embed(self, tokens: Int[Tensor, "n tokens"]) -> Float[Tensor, "n tokens width"]:
        """Before the first layer."""
        return self.token(tokens) + self.place.weight[: tokens.shape[1]]

    def states(self, tokens: Int[Tensor, "n tokens"]) -> list[Float[Tensor, "n tokens width"]]:
        """After each layer."""
        found = [self.embed(tokens)]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found[1:]

    def forward(self, tokens: Int[Tensor, "n tokens"]) -> Float[Tensor, "n tokens vocabulary"]:
        return self.head(self.norm(self.states(tokens)[-1]))


def causal(rows: int, tokens: int) -> Bool[Tensor, "rows tokens tokens"]:
    """Each token may look at itself and at what came before."""
    return torch.ones(tokens, tokens, dtype=torch.bool).tril().expand(rows, -1, -1)


# ---------------------------------------------------------------------------------------------------------------
# Scenes as tokens


@cache
def scenes(split: str, count: int = 1) -> tuple[Scene, ...]:
    """Close-ups of one thing, or scenes of two of which texts tell; of held-out close-ups equally many of each colour,
    and so of each shape, that who always says the same is right by chance. Raises ValueError for another split."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    found = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], (count,), SEEDS[split])
    if count > 1:
        return found
    if split != "train":
        colours = torch.tensor([list(COLOURS).index(scene.things[0].colour) for scene in found])
        found = tuple(found[i] for i in evenly(colours).tolist())
    return tuple(map(closely, found))


@cache
def lexicon() -> Lexicon:
    """All words of both languages that name things."""
    names = [(size, colour, shape) for size in SIZES for colour in COLOURS for shape in SHAPES]
    return Lexicon(
        phrase(language, shape, colour, size, "a") for language in ("es", "en") for size, colour, shape in names
    )


def vocabulary() -> int:
    """How many words, codes and tags there are."""
    return len(lexicon()) + codec.sizes()["picture"] + codec.sizes()["sound"] + len(TAGS)


def tag(name: str) -> int:
    """The number of a tag."""
    return vocabulary() - len(TAGS) + TAGS.index(name)


@cache
def tokens(name: str, split: str, count: int = 1) -> Int[Tensor, "scenes length"]:
    """Scenes as texts in "es" or "en", as "picture" or as "sound", the tag before them."""
    shown = scenes(split, count)
    if name in ("es", "en"):
        said = [" ".join(phrase(name, t.shape, t.colour, t.size, "a") for t in scene.things) for scene in shown]
        codes = lexicon().write(said)[:, 1:-1]
    else:
        start = len(lexicon()) + (codec.sizes()["picture"] if name == "sound" else 0)
        codes = codec.encode(name, shown) + start
    return torch.cat([torch.full((len(codes), 1), tag(name)), codes], dim=1)


def rows(names: Sequence[str], split: str, count: int = 1) -> Int[Tensor, "scenes length"]:
    """The same scenes in these ways, one after the other."""
    return torch.cat([tokens(name, split, count) for name in names], dim=1)


# ---------------------------------------------------------------------------------------------------------------
# Learning and writing


def next_token(logits: Float[Tensor, "n tokens v"], told: Int[Tensor, "n tokens"], start: int = 0) -> Float[Tensor, ""]:
    """Cross-entropy of all tokens after number `start`."""
    return cross_entropy(logits[:, start:-1].flatten(0, 1), told[:, start + 1 :].flatten())


@cache
def pretrained(kind: str, seed: int) -> Decoder:
    """A decoder of "text", "sound" or "picture"; all of a seed begin alike. Raises KeyError for another kind."""
    steps, data = STEPS[kind], _lessons(kind)
    torch.manual_seed(seed)
    model, at = Decoder(), batches(COUNTS["train"], BATCH, 10 * seed + list(STEPS).index(kind))

    def loss(step: int) -> Tensor:
        told = data[step % len(data)][at(step)]
        return next_token(model(told), told)

    learn(model.parameters(), loss, steps, RATE)
    return model.eval().requires_grad_(False)


def _lessons(kind: str) -> list[Tensor]:
    if kind == "text":
        return [rows(order, "train", count) for count in (1, 2) for order in (("es", "en"), ("en", "es"))]
    return [rows(("sound",) if kind == "sound" else ("en", "picture"), "train")]


@torch.no_grad()
def write(model: nn.Module, given: Int[Tensor, "n some"], count: int) -> Int[Tensor, "n {count}"]:
    """The `count` likeliest tokens, one after the other; `model(tokens)` gives logits."""
    told = given
    for _ in range(count):
        told = torch.cat([told, model(told)[:, -1:].argmax(-1)], dim=1)
    return told[:, given.shape[1] :]
