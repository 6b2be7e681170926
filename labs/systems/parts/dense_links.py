"""Points of a scan that learn what they belong to: each point is linked to a pixel, and through the pixel to words.

    point --seen at--> pixel, whose region frozen eyes have looked at --nearest word of the caption--> text

DMA (Li et al., 2024, https://arxiv.org/abs/2407.09781): pictures bridge points and words, densely. Scenes show three
things, and their captions do not say what is where; which word belongs to a pixel, the frozen space tells. In place of
masks that a segmenter draws, regions are the nine cells of the picture.
"""

import random
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from labs.systems.parts import eyes, few_shots
from labs.systems.parts.aligned_clouds import CloudEncoder
from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.joint_space import see
from labs.systems.parts.learn import batches, learn
from labs.world.picture import draw
from labs.world.points import scan
from labs.world.scene import Scene, sample_background, sample_thing

THINGS, COUNT, EXAM = 3, 512, 128  # in a scene; scenes to learn from; scenes of the exam
ALL, ASKED, NEAR = 768, 12, 48  # points of a scan; of them asked, or learned from; neighbours that tell a point's shape
STEPS, BATCH, RATE = 300, 16, 2e-3  # a batch is of scenes
WAYS = ("pixels and words", "pixels", "words", "scenes")


@cache
def lessons() -> tuple[Scene, ...]:
    """Scenes to learn from."""
    return eyes.scenes("train", COUNT, (THINGS,), seed=4)


@cache
def exam(draws: str = "exam") -> tuple[Scene, ...]:
    """New scenes whose things have every name equally often. Settings were chosen on other draws."""
    rng = random.Random(f"dense, {draws}")
    names = [name for _ in range(-(-EXAM * THINGS // len(NAMES))) for name in rng.sample(NAMES, len(NAMES))]
    return tuple(_scene(rng, names[at : at + THINGS]) for at in range(0, EXAM * THINGS, THINGS))


def _scene(rng: random.Random, names: Sequence[tuple[str, str]]) -> Scene:
    cells = rng.sample(range(9), len(names))
    things = (sample_thing(rng, cell, shape, colour) for cell, (colour, shape) in zip(cells, names, strict=True))
    return Scene(tuple(things), **sample_background(rng))


@cache
def scanned(scenes: tuple[Scene, ...]) -> Float[Tensor, "scenes points 6"]:
    """Points in front of the wall, thing by thing, equally many of each."""
    each = ALL // 2 // THINGS * THINGS
    return torch.from_numpy(np.stack([scan(scene, ALL)[:each] for scene in scenes]))


def surroundings(
    points: Float[Tensor, "scenes points 6"], asked: Int[Tensor, "scenes asked"]
) -> Float[Tensor, "all near 6"]:
    """The nearest neighbours of each asked point, around their middle and in the size that they have together."""
    here = points[torch.arange(len(points))[:, None], asked]
    near = torch.cdist(here[..., :3], points[..., :3]).topk(NEAR, largest=False).indices
    found = points[torch.arange(len(points))[:, None, None], near].flatten(0, 1)
    where = found[..., :3] - found[..., :3].mean(1, keepdim=True)
    wide = where[..., :2].norm(dim=-1).mean(1)[:, None, None]
    return torch.cat([where / wide, 2 * found[..., 3:] - 1], dim=-1)


def seen_at(points: Float[Tensor, "scenes asked 6"], scenes: Sequence[Scene]) -> Int[Tensor, "scenes asked"]:
    """In which region of its scene's picture each point is seen, straight from the front; the first has number 0."""
    cells = (3 * points[..., 1]).long() * 3 + (3 * points[..., 0]).long()
    there = torch.tensor([[thing.cell for thing in scene.things] for scene in scenes])
    return (cells[..., None] == there[:, None]).int().argmax(-1)


@cache
def linked() -> Int[Tensor, "scenes points"]:
    """The same of all points to learn from."""
    return seen_at(scanned(lessons()), lessons())


def regions(scenes: tuple[Scene, ...]) -> Float[Tensor, "scenes things 128"]:
    """What frozen eyes see where each thing stands: the picture, with all other cells painted over."""
    pictures = [_alone(draw(scene), thing.cell) for scene in scenes for thing in scene.things]
    return see(pictures).unflatten(0, (len(scenes), -1))


def _alone(picture: Image.Image, cell: int) -> Image.Image:
    """Nothing but one of the nine cells; the others have the mean colour of its rim."""
    side = picture.width // 3
    box = (cell % 3 * side, cell // 3 * side, (cell % 3 + 1) * side, (cell // 3 + 1) * side)
    part = picture.crop(box)
    pixels = np.asarray(part)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).mean(0)
    plain = Image.new("RGB", picture.size, tuple(int(value) for value in rim))
    plain.paste(part, box)
    return plain


@cache
def seen() -> Float[Tensor, "scenes things 128"]:
    """The regions of the scenes to learn from."""
    return regions(lessons())


@cache
def worded() -> Float[Tensor, "scenes things 128"]:
    """For each region the name that fits it best, of those that the scene's caption lists in no telling order."""
    listed = [[NAMES.index((thing.colour, thing.shape)) for thing in scene.things] for scene in lessons()]
    offered = few_shots.names()[torch.tensor(listed)]  # (scenes, names, 128)
    best = torch.einsum("stw,snw->stn", seen(), offered).argmax(2)
    return offered[torch.arange(len(listed))[:, None], best]


@cache
def train(seed: int, way: str, shuffled: bool = False) -> CloudEncoder:
    """An encoder of points that has learned in one of `WAYS`; "scenes" links whole scenes, not points.

    If `shuffled`, points are linked to pixels of any scenes, anew at each step. Raises ValueError for another way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    encoder, points, generator = CloudEncoder(), scanned(lessons()), torch.Generator().manual_seed(seed)
    at = batches(len(points), min(BATCH, len(points)), seed)
    met = batches(len(points), min(BATCH, len(points)), seed + 1000) if shuffled else at

    def loss(step: int) -> Tensor:
        rows = at(step)
        others = met(step)
        asked = torch.randint(points.shape[1], (len(rows), ASKED), generator=generator)
        mine = encoder(surroundings(points[rows], asked))
        if way == "scenes":
            mine = normalize(mine.unflatten(0, (len(rows), ASKED)).mean(1), dim=-1)
            partners = [normalize(part[others].mean(1), dim=-1) for part in (seen(), worded())]
        else:
            pixels = others[:, None].expand(-1, ASKED), linked()[rows[:, None], asked]
            partners = [part[pixels].flatten(0, 1) for part in (seen(), worded())]
        wanted = {"pixels": partners[:1], "words": partners[1:]}.get(way, partners)
        return torch.stack([encoder.contrast(mine, partner) for partner in wanted]).mean()

    learn(encoder.parameters(), loss, STEPS, RATE)
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def label(encoder: CloudEncoder, scenes: tuple[Scene, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Which of 64 names each of `ASKED` points of a scene has, and which its thing has: (scenes * points,) each."""
    points, generator = scanned(scenes), torch.Generator().manual_seed(seed)
    asked = torch.randint(points.shape[1], (len(scenes), ASKED), generator=generator)
    told = (encoder(surroundings(points, asked)) @ few_shots.names().T).argmax(1)
    own = torch.tensor([[NAMES.index((thing.colour, thing.shape)) for thing in scene.things] for scene in scenes])
    here = points[torch.arange(len(points))[:, None], asked]
    return told, own.gather(1, seen_at(here, scenes)).flatten()
