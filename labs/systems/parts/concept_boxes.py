"""A space of concepts, boxes learned once from texts alone; each sense then learns a quick projection onto it.

    texts -> how often "red" is said of stars --> a box for each concept; P(red | star): how much of it is red's
    sound -> frozen encoder -> projection ------> a box among them: P(red | sound)

Concept-centric learning (Geng and Tang, 2024, https://arxiv.org/abs/2412.13847). Boxes are soft, so that two which do
not meet have a gradient still; volumes are those of Gumbel boxes, nearly (Dasgupta et al., 2020,
https://arxiv.org/abs/2010.04831).
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, softplus

from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.finished_spaces import INNER, READ, SHARED, Space, captions, contrast, features, finish
from labs.systems.parts.learn import batches, learn
from labs.world.vocabulary import COLOURS, SHAPES, SIZES

GROUPS = (tuple(COLOURS), SHAPES, tuple(SIZES))
CONCEPTS = tuple(word for group in GROUPS for word in group)
SPAN, SOFT = 12, 0.05  # dimensions of the space; how soft the edges of boxes are
LEARNED, STEPS, BATCH, RATE = 1000, 20, 64, 4e-2  # steps of the space, and of a projection
WAYS = ("onto concepts", "onto concepts of its own", "with texts", "onto texts of a finished space")


class Boxes(nn.Module):
    """Boxes given by their lower corner and the logarithm of how far they reach."""

    def __init__(self, count: int):
        super().__init__()
        self.low, self.reach = nn.Parameter(torch.rand(count, SPAN)), nn.Parameter(torch.zeros(count, SPAN))

    def forward(self) -> Float[Tensor, "boxes 2 span"]:
        """Lower and upper corners."""
        return corners(self.low, self.reach)


def corners(low: Float[Tensor, "n span"], reach: Float[Tensor, "n span"]) -> Float[Tensor, "n 2 span"]:
    """Lower and upper corners of boxes."""
    return torch.stack([low, low + softplus(reach)], dim=1)


def log_volume(boxes: Float[Tensor, "*n 2 span"]) -> Float[Tensor, "*n"]:
    """The logarithm of soft volumes; a box turned inside out has a small one, not none."""
    low, high = boxes.unbind(-2)
    return (SOFT * softplus((high - low) / SOFT)).clamp(min=1e-12).log().sum(-1)


def meet(one: Float[Tensor, "*n 2 span"], other: Float[Tensor, "*m 2 span"]) -> Float[Tensor, "*k 2 span"]:
    """The box that two have in common."""
    low = torch.maximum(one[..., 0, :], other[..., 0, :])
    return torch.stack([low, torch.minimum(one[..., 1, :], other[..., 1, :])], dim=-2)


def entailed(given: Float[Tensor, "n 2 span"], concepts: Float[Tensor, "c 2 span"]) -> Float[Tensor, "n c"]:
    """P(concept | given): how much of each given box lies in each concept's."""
    share = log_volume(meet(given[:, None], concepts[None])) - log_volume(given)[:, None]
    return share.exp().clamp(1e-6, 1 - 1e-6)


@cache
def said(split: str) -> Float[Tensor, "scenes concepts"]:
    """1 for each concept that a scene's caption names."""
    told = [set(text.replace(",", " ").split()) for text in captions(split)]
    return torch.tensor([[float(word in words) for word in CONCEPTS] for words in told])


@cache
def spoken_of(split: str) -> Float[Tensor, "scenes concepts"]:
    """1 for all concepts of a group of which the caption names one: of sizes some captions say nothing."""
    parts = said(split).split([len(group) for group in GROUPS], dim=1)
    return torch.cat([part.amax(1, keepdim=True).expand_as(part) for part in parts], dim=1)


@cache
def together(split: str) -> Float[Tensor, "concepts concepts"]:
    """Row: given this concept, how often is each said where it is spoken of?"""
    here, asked = said(split), spoken_of(split)
    return (here.T @ here) / (here.T @ asked).clamp(min=1)


@cache
def space(seed: int) -> Boxes:
    """Boxes of all concepts after they have learned from texts; frozen."""
    torch.manual_seed(seed)
    boxes, wanted = Boxes(len(CONCEPTS)), together("train")
    learn(boxes.parameters(), lambda step: binary_cross_entropy(entailed(boxes(), boxes()), wanted), LEARNED, 2e-2)
    return boxes.eval().requires_grad_(False)


class Projection(nn.Module):
    """What the frozen encoder of a sense makes of a thing -> a box among the concepts'."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(READ, INNER), nn.GELU(), nn.Linear(INNER, 2 * SPAN))

    def forward(self, read: Float[Tensor, "n 128"]) -> Float[Tensor, "n 2 span"]:
        low, reach = self.net(read).chunk(2, dim=1)
        return corners(low + 0.5, reach - 1)


class Learned(nn.Module):
    """A sense with what it was projected onto: boxes of concepts, or a function of texts, the other being None."""

    def __init__(self, sense: nn.Module, boxes: Boxes | None, texts: Space | None):
        super().__init__()
        self.sense, self.boxes, self.texts = sense, boxes, texts

    def names(self, read: Float[Tensor, "n 128"], names: Float[Tensor, "names 128"]) -> Float[Tensor, "n names"]:
        """How well each of `NAMES` fits: for boxes, the logarithm of P(colour) P(shape)."""
        if self.texts is not None:
            return self.sense("sound", read) @ self.texts("text", names).T
        odds = entailed(self.sense(read), self.boxes()).log()
        own = torch.tensor([[CONCEPTS.index(word) for word in name] for name in NAMES])
        return odds[:, own].sum(-1)


def build(seed: int, way: str) -> Learned:
    """Before anything is learned but what is finished: boxes of concepts, or a space of pictures and texts.

    Raises ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    finished = {"onto concepts": space, "onto texts of a finished space": lambda seed: finish(seed + 200, SHARED)}
    onto = finished[way](seed) if way in finished else None
    torch.manual_seed(seed)
    if "concepts" in way:
        return Learned(Projection(), onto or Boxes(len(CONCEPTS)), None)
    return Learned(Space(("sound",)), None, onto or Space(("text",)))


@cache
def project(seed: int, way: str, shuffled: bool = False) -> Learned:
    """Sound after `STEPS` steps, in one of `WAYS`; `shuffled` sounds have the captions of others, anew at each step."""
    model, told, asked = build(seed, way), said("train"), spoken_of("train")
    heard, read = features("sound", "train"), features("text", "train")
    at, generator = batches(len(heard), min(BATCH, len(heard)), seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        others = rows[torch.randperm(len(rows), generator=generator)] if shuffled else rows
        if model.texts is not None:
            sound, text = model.sense("sound", heard[rows]), model.texts("text", read[others])
            return contrast(sound, text, model.sense.log_scale)
        return binary_cross_entropy(entailed(model.sense(heard[rows]), model.boxes()), told[others], asked[others])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
