"""Single things as point clouds, with what may be paired with them: views from several sides, and captions of views.

A view from an angle is the picture turned about an upright axis through the thing: from the side the thing is narrow,
and frozen eyes err. A captioner, the bundled mini-git, writes what it sees in each view; it errs there too. So a
tri-modal set is made of shapes alone, without anybody who writes: ULIP-2 (Xue et al., 2023,
https://arxiv.org/abs/2305.08275).
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import grid_sample

from labs.models.pixels import to_pixels
from labs.models.tokens import ASSISTANT, USER
from labs.systems.parts import eyes, few_shots
from labs.systems.parts.contrastive import NAMES, embed_pictures, name_of
from labs.systems.parts.git_text import mini_git, text_logits
from labs.systems.parts.joint_space import read
from labs.world.picture import draw
from labs.world.points import scan
from labs.world.scene import Scene

COUNT, VIEWS, STEEPEST = 512, 3, 70  # things to learn from; views of each; degrees to either side
POINTS, EACH, PART = 96, 8, 256  # points of a cloud; things of each name in the exam; pictures at a time
OPENING = f"{USER}Describe the picture.{ASSISTANT}There is one thing. A"  # how mini-git begins, whatever it sees
WORDS = 3  # size, colour and shape follow


def lessons() -> tuple[Scene, ...]:
    """Scenes of one thing to learn from."""
    return eyes.scenes("train", COUNT, seed=3)


def cloud(scene: Scene) -> Float[Tensor, "points 6"]:
    """The points on the thing: around its middle, as wide as 1 on average; colours from -1 to 1."""
    points = torch.from_numpy(scan(scene, 4 * POINTS)[: 2 * POINTS : 2])
    where = points[:, :3] - points[:, :3].mean(0)
    return torch.cat([where / where[:, :2].norm(dim=1).mean(), 2 * points[:, 3:] - 1], dim=1)


@cache
def clouds(scenes: tuple[Scene, ...]) -> Float[Tensor, "things points 6"]:
    """One cloud a scene."""
    return torch.stack([cloud(scene) for scene in scenes])


@cache
def exam(draws: str = "exam") -> tuple[Scene, ...]:
    """New things, `EACH` of every name in turn. Settings were chosen on other draws."""
    return few_shots.of_every_name(EACH, f"clouds, {draws}")


def turned(
    pixels: Float[Tensor, "n 3 height width"], middle: Float[Tensor, " n"], degrees: Float[Tensor, " n"]
) -> Float[Tensor, "n 3 height width"]:
    """Pictures as seen from the side: narrower by the cosine, about an upright axis at `middle` (0 to 1)."""
    side = pixels.shape[-1]
    line = (torch.arange(side) + 0.5) * 2 / side - 1
    down, along = torch.meshgrid(line, line, indexing="ij")
    axis = (2 * middle - 1)[:, None, None]
    sought = axis + (along - axis) / torch.deg2rad(degrees).cos()[:, None, None]
    grid = torch.stack([sought, down.expand_as(sought)], dim=-1)
    return grid_sample(pixels, grid, padding_mode="border", align_corners=False)


@cache
def photographed() -> Float[Tensor, "things views 3 72 72"]:
    """Every thing to learn from, seen from `VIEWS` sides of its own."""
    rng, scenes = random.Random("views"), lessons()
    pixels = to_pixels([draw(scene) for scene in scenes]).repeat_interleave(VIEWS, 0)
    degrees = torch.tensor([rng.uniform(-STEEPEST, STEEPEST) for _ in range(len(pixels))])
    middle = torch.tensor([scene.things[0].x for scene in scenes]).repeat_interleave(VIEWS)
    return turned(pixels, middle, degrees).unflatten(0, (-1, VIEWS))


@cache
@torch.no_grad()
def views() -> Float[Tensor, "things views 128"]:
    """The same in the joint space of mini-clip."""
    model = eyes.dual_encoder().model
    found = [embed_pictures(model, part) for part in photographed().flatten(0, 1).split(PART)]
    return torch.cat(found).unflatten(0, (-1, VIEWS))


@torch.no_grad()
def describe(pixels: Float[Tensor, "n 3 72 72"]) -> list[str]:
    """What mini-git writes of pictures of one thing: "big red star", or what it takes it for."""
    loaded, found = mini_git(), []
    opening = torch.tensor(loaded.processor.tokenizer(OPENING)["input_ids"])
    for part in pixels.split(PART):
        ids = opening.expand(len(part), -1)
        for _ in range(WORDS):
            ids = torch.cat([ids, text_logits(loaded.model, part, ids)[:, -1:].argmax(-1)], dim=1)
        found += loaded.processor.tokenizer.batch_decode(ids[:, len(opening) :])
    return [text.strip() for text in found]


@cache
def written() -> tuple[tuple[str, ...], ...]:
    """What the captioner wrote of each view of each thing."""
    told = describe(photographed().flatten(0, 1))
    return tuple(tuple(told[at : at + VIEWS]) for at in range(0, len(told), VIEWS))


@cache
def captions(true: bool = False) -> Float[Tensor, "things views 128"]:
    """Captions in the joint space: the captioner's of each view, or the `true` name, the same for all views."""
    if true:
        return read(as_names([name_of(scene) for scene in lessons()]))[:, None].expand(-1, VIEWS, -1)
    return read([f"a {text}" for views in written() for text in views]).unflatten(0, (-1, VIEWS))


def as_names(names: Sequence[tuple[str, str]]) -> list[str]:
    """("red", "star") -> "a red star"."""
    return [f"a {colour} {shape}" for colour, shape in names]


def truth() -> Int[Tensor, " things"]:
    """The number of the name of each thing of the exam."""
    return torch.arange(len(NAMES)).repeat(EACH)
