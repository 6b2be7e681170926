"""Two contrastive losses that share the eyes, and what is done where their gradients conflict.

    words ---network--> <--- loss ---> <--network--- picture ---network--> <--- loss ---> <--network--- sound

added     the shared network follows the sum of both gradients
turned    where they point apart, each first loses its part along the other: PCGrad (https://arxiv.org/abs/2001.06782),
          which Gradient Harmonization (https://arxiv.org/abs/2211.02077) does between the losses of senses in VATT

A share of the scenes has the words of others, as narrations often speak of something else than what is seen.
"""

import math
import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts import eyes, joint_space, senses
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.noise import exchanged
from labs.world.captions import caption

WIDTH, OFFERED = 64, 10
STEPS, BATCH, RATE = 150, 128, 2e-3
WRONG = 0.8  # of the scenes have the words of others
COUNTS, SEEDS = {"train": 1024, "choice": 600, "exam": 600}, {"train": 0, "choice": 0, "exam": 1}  # of the data


class Spaces(nn.Module):
    """A small network for each of picture, sound and words; vectors have length 1. The sharpness is learned."""

    def __init__(self, sizes: dict[str, int]):
        super().__init__()
        self.networks = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(size, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
             for name, size in sizes.items()}
        )  # fmt: skip
        self.scale = nn.ParameterDict({name: nn.Parameter(torch.tensor(math.log(10.0))) for name in ("sound", "words")})

    def forward(self, name: str, given: Float[Tensor, "n size"]) -> Float[Tensor, "n 64"]:
        """Vectors of one of the three."""
        return normalize(self.networks[name](given), dim=-1)

    def loss(self, other: str, seen: Float[Tensor, "n 64"], given: Float[Tensor, "n size"]) -> Float[Tensor, ""]:
        """CLIP's, between pictures and "sound" or "words"."""
        logits = seen @ self(other, given).T * self.scale[other].exp().clamp(max=100)
        return contrastive_loss(logits, torch.eye(len(seen)))


@cache
def plain(split: str) -> dict[str, Float[Tensor, "scenes size"]]:
    """What of each scene the three networks start from."""
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    seen = eyes.look(scenes)[:, 1:]
    return {
        "picture": torch.cat([seen.mean(1), seen.amax(1)], dim=1),
        "sound": senses.perceive_once("sound", scenes).mean(1),
        "words": joint_space.read([caption(scene) for scene in scenes]),
    }


@cache
def given(split: str) -> dict[str, Float[Tensor, "scenes size"]]:
    """The same with mean 0 and deviation 1 over the scenes to learn from."""
    usual = plain("train")
    return {name: (x - usual[name].mean(0)) / (usual[name].std(0) + 1e-4) for name, x in plain(split).items()}


def turn(
    one: list[Float[Tensor, "..."]], other: list[Float[Tensor, "..."]]
) -> tuple[list[Float[Tensor, "..."]], list[Float[Tensor, "..."]]]:
    """Two gradients of the same weights; where they point apart, each without its part along the other."""
    along = sum((a * b).sum() for a, b in zip(one, other, strict=True))
    if along >= 0:
        return one, other
    sizes = [sum((a**2).sum() for a in part).clamp(min=1e-12) for part in (one, other)]
    return (
        [a - along / sizes[1] * b for a, b in zip(one, other, strict=True)],
        [b - along / sizes[0] * a for a, b in zip(one, other, strict=True)],
    )


def nudge(shared: Sequence[nn.Parameter], one: Float[Tensor, ""], other: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """A term of no value, whose gradient turns that of the sum of both losses: the common loop need not know of it."""
    both = [[*torch.autograd.grad(loss, shared, retain_graph=True)] for loss in (one, other)]
    every = zip(shared, *both, *turn(*both), strict=True)
    return sum(((c + d - a - b) * (weight - weight.detach())).sum() for weight, a, b, c, d in every)


@cache
def train(way: str, seed: int, wrong: float = WRONG) -> Spaces:
    """The three networks after learning in one of two ways, a share of the words being `wrong`."""
    if way not in ("added", "turned"):
        raise ValueError(f"way must be added or turned, not {way!r}")
    torch.manual_seed(seed)
    known = given("train")
    network, at = Spaces({name: x.shape[1] for name, x in known.items()}), batches(COUNTS["train"], BATCH, seed)
    words = torch.tensor(exchanged(COUNTS["train"], wrong, random.Random(seed)))
    shared = list(network.networks["picture"].parameters())

    def loss(step: int) -> Tensor:
        now = at(step)
        seen = network("picture", known["picture"][now])
        heard = network.loss("sound", seen, known["sound"][now])
        told = network.loss("words", seen, known["words"][words[now]])
        return heard + told + (nudge(shared, heard, told) if way == "turned" else 0)

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def chosen(network: Spaces, split: str, another: bool = False) -> Float[Tensor, " scenes"]:
    """1 where a picture of held-out scenes lies nearest to its own sound, of that and those of nine other scenes.

    As a control the picture of `another` scene, whose sound is not among the ten, takes its place.
    """
    seen, heard = (network(name, given(split)[name]) for name in ("picture", "sound"))
    seen = seen.roll(int(another), 0)
    alike = torch.stack([(seen * heard.roll(-turn, 0)).sum(1) for turn in range(OFFERED)])
    return (alike.argmax(0) == 0).float()


def finds(seed: int, way: str, wrong: float = WRONG, another: bool = False) -> Scores:
    """Is a picture's own sound chosen among ten?"""
    found = chosen(train(way, seed, wrong), "exam", another)
    return Scores(found.tolist(), range(len(found)))
