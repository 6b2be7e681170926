"""One small projector for every sense: learned from pictures and texts, then frozen; others are attached before it.

    picture, text -> frozen encoder ----------------> + token of the sense -> projector -> common space
    sound         -> frozen encoder -> thin layers -> + token of the sense -> the same, frozen now

OneEncoder (Faye et al., 2024, https://arxiv.org/abs/2409.11059). A new sense so costs one linear layer and a token.
"""

import math
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts import finished_spaces
from labs.systems.parts.finished_spaces import COUNT, READ, WIDTH, contrast, features, known
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sense_towers import Tower

FEW, STEPS, ATTACHED, BATCH, RATE, ATTACHED_RATE, INNER, THIN = 128, 300, 200, 128, 2e-3, 5e-3, 256, 64
WAYS = ("attached", "its own encoder", "its own projector", "a layer alone")


class Projector(nn.Module):
    """Residual layers that all senses share; which one it is, a token says that is added."""

    def __init__(self, senses: tuple[str, ...]):
        super().__init__()
        self.tokens = nn.ParameterDict({sense: nn.Parameter(0.02 * torch.randn(READ)) for sense in senses})
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(READ), nn.Linear(READ, INNER), nn.GELU(), nn.Linear(INNER, READ)) for _ in "ab"
        )
        self.out = nn.Sequential(nn.LayerNorm(READ), nn.Linear(READ, WIDTH))
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))

    def forward(self, read: Float[Tensor, "n 128"], token: Float[Tensor, " 128"]) -> Float[Tensor, "n 64"]:
        """Of length 1."""
        hidden = read + token
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        return normalize(self.out(hidden), dim=-1)

    def of(self, sense: str, read: Float[Tensor, "n 128"]) -> Float[Tensor, "n 64"]:
        """A sense that it has learned with."""
        return self(read, self.tokens[sense])


class Attached(nn.Module):
    """A further sense, in one of `WAYS`; raises ValueError for another way.

    Thin layers and a token before the frozen projector; an encoder of its own, which learns from what is heard itself;
    a projector of its own behind the frozen encoder; or one layer behind that, and nothing else.
    """

    def __init__(self, projector: Projector, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way, self.shared = way, [projector]  # in a list, so that it is no part of what learns
        self.token = nn.Parameter(0.02 * torch.randn(READ))
        if way == "attached":
            self.thin = nn.Sequential(nn.Linear(READ, THIN), nn.GELU(), nn.Linear(THIN, READ))
        elif way == "its own encoder":
            self.tower = Tower("sound")
            self.head = nn.Linear(self.tower.width, WIDTH)
        elif way == "its own projector":
            self.own = Projector(())
        else:
            self.head = nn.Linear(READ, WIDTH)

    def forward(self, heard: Float[Tensor, "n ..."]) -> Float[Tensor, "n 64"]:
        """What the frozen encoder made of sounds, or, for an encoder of its own, the sounds; of length 1."""
        if self.way == "attached":
            return self.shared[0](self.thin(heard), self.token)
        if self.way == "its own projector":
            return self.own(heard, self.token)
        return normalize(self.head(self.tower(heard) if self.way == "its own encoder" else heard), dim=-1)


def hear(way: str, split: str) -> Float[Tensor, "scenes ..."]:
    """The sounds of a split as an `Attached` of this way takes them."""
    return finished_spaces.heard(split) if way == "its own encoder" else features("sound", split)


@cache
def universal(seed: int) -> Projector:
    """The projector after pictures and texts, frozen."""
    torch.manual_seed(seed)
    model, senses = Projector(("picture", "text")), ("picture", "text")
    read, at = [features(sense, "train") for sense in senses], batches(COUNT, min(BATCH, COUNT), seed)

    def loss(step: int) -> Tensor:
        one, other = (model.of(sense, part[at(step)]) for sense, part in zip(senses, read, strict=True))
        return contrast(one, other, model.log_scale)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


@cache
def attach(seed: int, way: str, count: int = 0, shuffled: bool = False) -> Attached:
    """Sound after `count` pairs with texts, `FEW` where it is 0; `shuffled` ones, anew at each step, are a control."""
    projector, rows = universal(seed), known(count or FEW)
    torch.manual_seed(seed)
    sound, generator = Attached(projector, way), torch.Generator().manual_seed(seed)
    heard, told = hear(way, "train")[rows], projector.of("text", features("text", "train")[rows])
    at = batches(len(rows), min(BATCH, len(rows)), seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        others = now[torch.randperm(len(now), generator=generator)] if shuffled else now
        return contrast(sound(heard[now]), told[others], projector.log_scale)

    learn(sound.parameters(), loss, ATTACHED, ATTACHED_RATE)
    return sound.eval().requires_grad_(False)
