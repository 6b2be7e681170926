"""Two decoders of equal shape made into one that writes words and pictures in one go.

    text decoder        <es> una estrella roja grande <en> a big red star
    picture decoder                                   <en> a big red star <picture> 3 61 ... 87
    asked of the fused  <es> una estrella roja grande <en> a big red star <picture> 3 61 ... 87

    averaged   every weight is the mean of both (JAM-Uniform), then all is tuned on a few mixed rows
    crossed    both read the same row side by side and look at each other between layers (JAM-Cross); tuned likewise

JAM (Aiello et al., 2023, https://arxiv.org/abs/2309.15564). The rivals: either decoder alone, tuned on the same rows.
"""

from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.models.connectors.gated import GatedCrossAttention
from labs.systems.claim import Scores
from labs.systems.parts import codec, two_decoders
from labs.systems.parts.close_judge import names
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.joined_senses import SHIFTS
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.two_decoders import (
    HEADS,
    LENGTHS,
    WIDTH,
    Decoder,
    causal,
    lexicon,
    next_token,
    pretrained,
    rows,
    scenes,
    tokens,
    write,
)  # fmt: skip

FEW, STEPS, BATCH, RATE = 128, 100, 16, 1e-3  # mixed rows
WAYS = ("averaged", "crossed", "text decoder", "picture decoder", "from scratch")


class Crossed(nn.Module):
    """`one` and `other` read the same row; after each layer each looks at what the other made of it, up to there."""

    def __init__(self, one: Decoder, other: Decoder):
        super().__init__()
        self.one, self.other = one, other
        self.to_one, self.to_other = (
            nn.ModuleList(GatedCrossAttention(WIDTH, WIDTH, HEADS) for _ in one.layers) for _ in range(2)
        )

    def forward(self, given: Int[Tensor, "n tokens"]) -> Float[Tensor, "n tokens vocabulary"]:
        """The mean of both logits."""
        one, other, visible = self.one.embed(given), self.other.embed(given), causal(*given.shape)
        for number in range(len(self.to_one)):
            one, other = self.one.layers[number](one), self.other.layers[number](other)
            one, other = self.to_one[number](one, other, visible), self.to_other[number](other, one, visible)
        return (self.one.head(self.one.norm(one)) + self.other.head(self.other.norm(other))) / 2


def average(one: Decoder, other: Decoder) -> Decoder:
    """A decoder of which each weight is the mean of both. Raises ValueError for decoders of unequal shape."""
    first, second = one.state_dict(), other.state_dict()
    if {name: weight.shape for name, weight in first.items()} != {name: w.shape for name, w in second.items()}:
        raise ValueError("only decoders of equal shape can be averaged")
    model = deepcopy(one)
    model.load_state_dict({name: (first[name] + second[name]) / 2 for name in first})
    return model


def build(way: str, seed: int) -> nn.Module:
    """Before it has met a mixed row; all of it may learn. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    if way == "from scratch":
        return Decoder()
    if way.endswith("decoder"):
        return deepcopy(pretrained(way.split()[0], seed)).requires_grad_(True)
    text, picture = (deepcopy(pretrained(kind, seed)) for kind in ("text", "picture"))
    return (average if way == "averaged" else Crossed)(text, picture).requires_grad_(True)


@cache
def tuned(way: str, seed: int, count: int = FEW, steps: int | None = None) -> nn.Module:
    """After so many steps, else `STEPS`, on so many mixed rows: Spanish, then what is written: English and picture."""
    model, data, start = build(way, seed), rows(("es", "en", "picture"), "train")[:count], LENGTHS["es"] + 1
    at = batches(count, BATCH, seed)

    def loss(step: int) -> Tensor:
        told = data[at(step)]
        return next_token(model(told), told, start)

    if steps != 0:
        learn(model.parameters(), loss, steps or STEPS, RATE)
    return model.eval().requires_grad_(False)


@cache
def written(way: str, seed: int, count: int, steps: int | None) -> Bool[Tensor, "scenes 4 scenes"]:
    """What was written after each held-out scene's name in Spanish, words and then a picture, held against the truth of
    every scene: the colour and the shape in the words, and in the picture, as a judge sees it."""
    split, model = two_decoders.EXAM, tuned(way, seed, count, steps)
    given = torch.cat([tokens("es", split), tokens("en", split)[:, :1]], dim=1)
    said = write(model, given, LENGTHS["en"])
    begun = torch.cat([given, said, tokens("picture", split)[:, :1]], dim=1)
    codes = (write(model, begun, LENGTHS["picture"]) - len(lexicon())).clamp(0, codec.sizes()["picture"] - 1)
    words = [
        tuple(lexicon().words[number] for number in row[2:]) for row in said.clamp(max=len(lexicon()) - 1).tolist()
    ]
    shown, true = names("picture", codes), [name_of(scene) for scene in scenes(split)]
    found = [
        [[one[i] == other[i] for other in true] for one in (in_words, in_picture) for i in range(2)]
        for in_words, in_picture in zip(words, shown, strict=True)
    ]
    return torch.tensor(found)


def mixed(seed: int, way: str, count: int = FEW, steps: int | None = None, another: bool = False) -> Scores:
    """Four items a held-out scene, right or wrong. As a control, what was written for `another` scene is held against
    the truth of each, of four others in the mean."""
    found, at = written(way, seed, count, steps), torch.arange(len(scenes(two_decoders.EXAM)))
    held = torch.stack([found[at.roll(places), :, at] for places in (SHIFTS if another else (0,))])
    return Scores(held.float().mean(0).T.flatten().tolist(), 4 * at.tolist())
