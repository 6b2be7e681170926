"""Attention across the senses only, as in TCaF (Mercea et al., 2022, https://arxiv.org/abs/2207.09966).

              seen   heard
    seen      .      x          "across": a frame seen looks at what is heard, a sound at what is seen, and neither
    heard     x      .          at its own kind; "all" may look at all, "within" at its own kind alone

Two layers, the mean of all tokens, and one linear layer for each question: there is no other attention.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import HEADS, WIDTH, teach
from labs.systems.parts.sound_films import ANSWERS, HEARD, SEEN, SLOTS, STATIC, frames, sounds

LAYERS, STEPS, RATE = 2, 500, 2e-3
WAYS = ("across", "all", "within")


def hidden(way: str) -> Bool[Tensor, "16 16"]:
    """True where a token, of a row, may not look; the eight frames seen come before the eight heard.

    Raises ValueError for a way that is none of `WAYS`.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    heard = torch.arange(2 * SLOTS) >= SLOTS
    same = heard[:, None] == heard
    return {"across": same, "all": torch.zeros_like(same), "within": ~same}[way]


class AcrossSenses(nn.Module):
    """Frames seen and heard, tokens of their own, look at each other as `way` allows."""

    def __init__(self, way: str, kinds: tuple[str, ...]):
        super().__init__()
        self.enter = nn.ModuleList(nn.Linear(size, WIDTH) for size in (SEEN, HEARD))
        self.when, self.sense = (nn.Parameter(0.5 * torch.randn(count, WIDTH)) for count in (SLOTS, 2))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.register_buffer("hidden", hidden(way))
        self.heads = nn.ModuleDict({kind: nn.Linear(WIDTH, len(ANSWERS[kind])) for kind in kinds})

    def tokens(
        self, seen: Float[Tensor, "n frames 128"], heard: Float[Tensor, "n frames 64"]
    ) -> Float[Tensor, "n tokens 64"]:
        """All of them after they have looked."""
        given = [enter(one) + self.when + sense
                 for enter, one, sense in zip(self.enter, (seen, heard), self.sense, strict=True)]  # fmt: skip
        return self.layers(torch.cat(given, dim=1), mask=self.hidden)

    def forward(self, seen: Float[Tensor, "n frames 128"], heard: Float[Tensor, "n frames 64"]) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        joint = self.tokens(seen, heard).mean(1)
        return {kind: head(joint) for kind, head in self.heads.items()}


@cache
def taught(seed: int, way: str, static: bool) -> AcrossSenses:
    """The network that has learned where things were when they were heard; `static` questions besides, or none."""
    torch.manual_seed(seed)
    kinds = ("place", *STATIC) if static else ("place",)
    network, seen, heard = AcrossSenses(way, kinds), frames("train")[:, :, 0], sounds("train")
    return teach(network, lambda now, step: network(seen[now], heard[now]), truths(kinds), STEPS, seed, RATE)


def places(seed: int, way: str, static: bool = False, another: bool = False) -> Scores:
    """Where each thing was when it was heard, from its film and its sound, or from that of `another` film."""
    seen, heard = frames(sound_films.EXAM)[:, :, 0], sounds(sound_films.EXAM).roll(int(another), 0)
    return right(taught(seed, way, static)(seen, heard), ("place",))
