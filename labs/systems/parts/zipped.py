"""Two decoders that were trained apart, zipped together by cross-attention: one reads sounds, the other writes texts.

    <sound> 12 77 ... 130   -> sound tower            1 ----- 2 ----- 3
                                                      |       |       |      gated cross-attention, new
    <en> a big red          -> text tower, frozen     1 ----- 2 ----- 3 -> big red star

Zipper (Zayats et al., 2024, https://arxiv.org/abs/2405.18669). The rival is one decoder: that of texts, whose
vocabulary was extended by codes of sounds, tuned on the same pairs.
"""

from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.models.connectors.gated import GatedCrossAttention
from labs.systems.claim import Scores
from labs.systems.parts import two_decoders
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.two_decoders import (
    HEADS,
    LENGTHS,
    WIDTH,
    Decoder,
    next_token,
    pretrained,
    rows,
    tokens,
    write,
)  # fmt: skip

FEW, STEPS, BATCH = 256, 300, 32  # pairs of a sound and a text
RATES = {"zipped": 2e-3, "zipped, both frozen": 4e-3, "extended": 2e-3, "extended, sounds first": 2e-3}
WAYS = tuple(RATES)


class Zipped(nn.Module):
    """`text` writes, and before each of its layers looks at what the same layer of `sound` makes of what is heard."""

    def __init__(self, text: Decoder, sound: Decoder):
        super().__init__()
        self.text, self.sound = text.requires_grad_(False), sound
        self.cross = nn.ModuleList(GatedCrossAttention(WIDTH, WIDTH, HEADS) for _ in text.layers)

    def forward(self, given: Int[Tensor, "n tokens"]) -> Float[Tensor, "n words vocabulary"]:
        """Logits of the words after a sound, in one row as an extended decoder reads them."""
        heard, words = given[:, : LENGTHS["sound"] + 1], given[:, LENGTHS["sound"] + 1 :]
        x = self.text.embed(words)
        for cross, layer, seen in zip(self.cross, self.text.layers, self.sound.states(heard), strict=True):
            x = layer(cross(x, seen))
        return self.text.head(self.text.norm(x))


def build(way: str, seed: int) -> nn.Module:
    """Before it has met a pair. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    text = deepcopy(pretrained("text", seed))
    torch.manual_seed(seed)
    if way.startswith("zipped"):
        return Zipped(text, deepcopy(pretrained("sound", seed)).requires_grad_(way == "zipped"))
    if way == "extended, sounds first":
        _tune(text.requires_grad_(True), rows(("sound",), "train"), 0, two_decoders.STEPS["sound"], seed)
    return text.requires_grad_(True)


@cache
def trained(way: str, seed: int, count: int = FEW, shuffled: bool = False) -> nn.Module:
    """After so many pairs; `shuffled`, a control, has texts of other scenes, drawn anew for each batch."""
    model, data = build(way, seed), rows(("sound", "en"), "train")[:count]
    _tune(model, data, LENGTHS["sound"] + 1, STEPS, seed, RATES[way], shuffled)
    return model.eval().requires_grad_(False)


def _tune(
    model: nn.Module, data: Int[Tensor, "n tokens"], start: int, steps: int, seed: int, rate: float = two_decoders.RATE,
    shuffled: bool = False,
) -> None:  # fmt: skip
    """Cross-entropy of all tokens after number `start`; changes the model in place."""
    at, other = batches(len(data), BATCH, seed), batches(len(data), BATCH, seed + 500)

    def loss(step: int) -> Tensor:
        told = data[at(step)]
        if shuffled:
            told = torch.cat([told[:, : start + 1], data[other(step), start + 1 :]], dim=1)
        logits = model(told)
        missing = told.shape[1] - logits.shape[1]  # zipped, there are no logits of what is heard
        return next_token(logits, told[:, missing:], start - missing)

    learn(model.parameters(), loss, steps, rate)


def named(seed: int, way: str, count: int = FEW, shuffled: bool = False) -> Scores:
    """Colours and shapes named rightly after a sound; two items a held-out scene."""
    given = torch.cat([tokens("sound", two_decoders.EXAM), tokens("en", two_decoders.EXAM)[:, :1]], dim=1)
    told = write(trained(way, seed, count, shuffled), given, LENGTHS["en"])
    return _words_right(told, tokens("en", two_decoders.EXAM)[:, 1:], (2, 3))


def translated(seed: int, way: str | None) -> Scores:
    """Colours and shapes translated rightly into English, in held-out texts of two things, by the text tower as it was
    (None) or as it is now."""
    model = pretrained("text", seed) if way is None else trained(way, seed)
    model = model.text if isinstance(model, Zipped) else model
    asked = tokens("en", two_decoders.EXAM, 2)
    told = write(model, torch.cat([tokens("es", two_decoders.EXAM, 2), asked[:, :1]], dim=1), asked.shape[1] - 1)
    return _words_right(told, asked[:, 1:], (2, 3, 6, 7))


def _words_right(told: Int[Tensor, "n words"], true: Int[Tensor, "n words"], which: tuple[int, ...]) -> Scores:
    found = (told == true)[:, list(which)].T
    return Scores(found.flatten().float().tolist(), list(range(len(told))) * len(which))
