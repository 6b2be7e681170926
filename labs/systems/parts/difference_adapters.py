"""Adapters for time inside a frozen picture encoder, as in M2-CLIP (Wang et al., 2024,
https://arxiv.org/abs/2401.11649).

    hidden states of a frame (t) --down--> z_t --> z_t + conv(z_t) + (z_t - z_t-1) --up, zeros at first--> + --> layer
    frames --frozen layers--> [adapter] --frozen last layer--> whole of each frame --mean over time--> linear heads

Without the difference and the convolution an adapter sees each frame by itself, and a mean over frames has no order.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import eyes, film_questions, sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import teach
from labs.systems.parts.sound_films import ANSWERS, SEEN, before_last

INNER = 32  # width of an adapter
KINDS, STEPS, BATCH, RATE = ("colour", "way"), 200, 24, 2e-2
ADAPTERS = ("temporal difference", "frame by frame", "none")


class Adapter(nn.Module):
    """What is added to the hidden states of frames; nothing before it has learned."""

    def __init__(self, temporal: bool):
        super().__init__()
        self.norm, self.down, self.up = nn.LayerNorm(SEEN), nn.Linear(SEEN, INNER), nn.Linear(INNER, SEEN)
        self.over_time = nn.Conv1d(INNER, INNER, 3, padding=1, groups=INNER) if temporal else None
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Float[Tensor, "n frames tokens 128"]) -> Float[Tensor, "n frames tokens 128"]:
        """The states with what the adapter says of them."""
        z = self.down(self.norm(x))
        if self.over_time is not None:
            along = self.over_time(z.permute(0, 2, 3, 1).flatten(0, 1)).unflatten(0, (len(x), -1)).permute(0, 3, 1, 2)
            z = z + along + difference(z)
        return x + self.up(nn.functional.gelu(z))


def difference(z: Float[Tensor, "n frames tokens width"]) -> Float[Tensor, "n frames tokens width"]:
    """What each frame has that the one before had not; of the first nothing."""
    return torch.cat([torch.zeros_like(z[:, :1]), z[:, 1:] - z[:, :-1]], dim=1)


class Adapted(nn.Module):
    """The last layer of the frozen tower behind an adapter; raises ValueError for one that is none of `ADAPTERS`."""

    def __init__(self, adapter: str, kinds: Sequence[str]):
        super().__init__()
        if adapter not in ADAPTERS:
            raise ValueError(f"adapter must be one of {', '.join(ADAPTERS)}, not {adapter!r}")
        self.adapter = nn.Identity() if adapter == "none" else Adapter(adapter == ADAPTERS[0])
        self.heads = nn.ModuleDict({kind: nn.Linear(SEEN, len(ANSWERS[kind])) for kind in kinds})

    def film(self, hidden: Float[Tensor, "n frames 37 128"]) -> Float[Tensor, "n 128"]:
        """One vector of a film: the mean over time of its frames as wholes."""
        tower = eyes.dual_encoder().model.vision_model
        seen = tower.encoder.layers[-1](self.adapter(hidden).flatten(0, 1), attention_mask=None)
        return tower.post_layernorm(seen[:, 0]).unflatten(0, hidden.shape[:2]).mean(1)

    def forward(self, hidden: Float[Tensor, "n frames 37 128"]) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        film = self.film(hidden)
        return {kind: head(film) for kind, head in self.heads.items()}


@cache
def taught(seed: int, adapter: str) -> Adapted:
    """The adapter and the heads that have learned from films; the tower, frozen, is not among their weights."""
    eyes.dual_encoder().model.requires_grad_(False)
    torch.manual_seed(seed)
    network, hidden = Adapted(adapter, KINDS), before_last("train")
    return teach(network, lambda now, step: network(hidden[now]), truths(KINDS), STEPS, seed, RATE, BATCH)


def ways(seed: int, adapter: str, shuffled: bool = False, another: bool = False) -> Scores:
    """Which way things go: of a film, of its frames `shuffled`, or of `another` film."""
    hidden = before_last(sound_films.EXAM)
    hidden = film_questions.shuffled(hidden, seed) if shuffled else hidden
    return right(taught(seed, adapter)(hidden), ("way",), int(another))
