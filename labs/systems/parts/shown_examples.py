"""Example pictures, retrieved for what a caption names, stand in the prompt beside the words.

VIMI (Fang et al., 2024, https://arxiv.org/abs/2407.06304) so grounds the training of a text-to-film model. Here every
kind of thing has a lower colour of its own that no word tells. Of half of the kinds training shows few pictures, or
none; a library has pictures of all, with captions. Each caption gets the picture whose own caption is nearest: by its
pictures the mini-clip finds the right kind for two names in three only, as it mixes up upper and lower colour.
"""

import random
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import joint_space
from labs.systems.parts.painted_pairs import SPLITS, Pairs, bright, drawn
from labs.systems.parts.picture_prompts import NAMES, called, denoiser, standard
from labs.systems.parts.prompted_denoiser import Prompt, PromptedDenoiser, build, crop_tokens, teach
from labs.world import splits
from labs.world.captions import caption
from labs.world.scene import Scene, Thing, sample_scene
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

STEPS, SELDOM, LIBRARY = 250, 0.05, 256  # share of scenes with rare kinds that stay; scenes in the library
COUNTS = {"train": 4096, "choice": 150, "exam": 150}


def kind(thing: Thing) -> int:
    """Number of its name among `NAMES`."""
    return len(COLOURS) * SHAPES.index(thing.shape) + list(COLOURS).index(thing.colour)


def is_rare(thing: Thing) -> bool:
    """True for half of the kinds; all that are held out are among them."""
    return bool((SHAPES.index(thing.shape) + list(COLOURS).index(thing.colour)) % 2)


@cache
def lower_colours() -> Int[Tensor, "64"]:
    """The lower colour of each kind, drawn once; the eight kinds that are held out have each another one."""
    draw = torch.Generator().manual_seed(0)
    table = torch.randperm(len(NAMES), generator=draw) % len(COLOURS)
    table[[NAMES.index(" ".join(pair)) for pair in sorted(HELD_OUT_PAIRS)]] = torch.randperm(8, generator=draw)
    return table


@cache
def usual_pairs(split: str) -> Pairs:
    """Pairs of things painted as their kind is: mostly frequent kinds in "train", rare ones alone in the others."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    rng, found = random.Random(f"kinds {SPLITS[split]}"), []
    while len(found) < COUNTS[split]:
        scene = splits.sample(rng, "train" if split == "train" else "heldout", count=2, kind="free")
        rare = [is_rare(thing) for thing in scene.things]
        if (not any(rare) or rng.random() < SELDOM) if split == "train" else all(rare):
            found.append(scene)
    return _painted(found)


def _painted(scenes: list[Scene]) -> Pairs:
    kinds = torch.tensor([[kind(thing) for thing in scene.things] for scene in scenes])
    return drawn(scenes, lower_colours()[kinds])


@cache
def library() -> Pairs:
    """Pictures of every kind; none of them is learned from but as an example."""
    rng = random.Random("library")
    return _painted([sample_scene(rng, count=2, kind="free") for _ in range(LIBRARY)])


@cache
def retrieved() -> Int[Tensor, "64"]:
    """For each name the number of the thing in the library whose caption is nearest to it in mini-clip's space."""
    told = [caption(Scene((thing,))) for pair in library().things for thing in pair]
    return (joint_space.read([f"a {name}" for name in NAMES]) @ joint_space.read(told).T).argmax(1)


def prompt_with(names: Int[Tensor, "n 2 3"], examples: Float[Tensor, "n 2 512"] | None) -> Prompt:
    """An example of each, if there are any, then both names in words."""
    row = called(names)
    if examples is not None:
        row = torch.cat([crop_tokens(examples), row], 1)
    return Prompt(row, torch.ones(row.shape[:2], dtype=torch.bool))


def examples_for(names: Int[Tensor, "n 2 3"]) -> Float[Tensor, "n 2 512"]:
    """What was retrieved for each name."""
    crops = standard(library().crops.flatten(0, 1))
    return crops[retrieved()[len(COLOURS) * names[..., 0] + names[..., 1]]]


@cache
def grounded(seed: int, examples: bool = True) -> PromptedDenoiser:
    """A finished denoiser goes on with captions of such kinds, with retrieved examples or without."""
    model, given = build(seed), usual_pairs("train")
    model.load_state_dict(denoiser(seed).state_dict())
    pixels, shown = bright(given.pixels), examples_for(given.names) if examples else None

    def material_at(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Prompt, None]:
        return pixels[rows], prompt_with(given.names[rows], None if shown is None else shown[rows]), None

    return teach(model, material_at, len(pixels), STEPS, seed)
