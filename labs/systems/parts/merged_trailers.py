"""What was seen and what was heard in a trailer, merged into one description: MMTrail (Chi et al., 2024,
https://arxiv.org/abs/2407.20962).

    three frames --captioner--> red star, red star, pink star --.
                                                                 > "a red star, while something like a blue ring sounds"
    music        --captioner--> like a blue ring ---------------'

Who merges reads captions alone: of the frames it takes what most of them say, and leaves out what they disagree about.
A question of the exam tells both; to choose from are 16 trailers, of four things seen and four heard, each with each.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from labs.systems.claim import Scores
from labs.systems.parts import eyes, few_shots, senses
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.sought_pictures import around_zero, fitted
from labs.systems.parts.teller import names, taught
from labs.world.scene import Scene

COUNTS = {"train": 768, "choice": 160, "exam": 160}  # trailers
SEEDS = {"train": 10, "choice": 10, "exam": 11}  # of the data
EXAM = "exam"  # the split that is asked
FRAMES, FEW, HISS = 3, 96, 0.5  # frames of a trailer; described by people, for the captioners; noise of sounds
KINDS, RIVALS = 8, 3  # other things seen, and other things heard, of the trailers to choose from
WAYS = ("merged", "seen alone", "heard alone", "seen and heard, apart", "true descriptions")


@cache
def scenes(split: str, heard: bool) -> tuple[Scene, ...]:
    """What is seen, or what is `heard`: of neither follows the other."""
    return eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split] + 100 * heard)


@cache
def frames(split: str) -> Float[Tensor, "trailers frames 128"]:
    """The same thing through three grains."""
    many = FRAMES if split == "train" else 1
    return torch.stack([around_zero(few_shots.look(scenes(split, False), 60 + at)) for at in range(many)], 1)


@cache
def music(split: str) -> Float[Tensor, "trailers 64"]:
    """Mean power of each mel band, and hiss."""
    played = senses.perceive_once("sound", scenes(split, True)).mean(1)
    usual = played if split == "train" else senses.perceive_once("sound", scenes("train", True)).mean(1)
    plain = (played - usual.mean(0)) / usual.std()
    return plain + HISS * torch.randn(plain.shape, generator=torch.Generator().manual_seed(SEEDS[split]))


def trailers(split: str) -> Float[Tensor, "trailers 192"]:
    """The first frame beside the music."""
    return torch.cat([frames(split)[:, 0], music(split)], 1)


def words(told: Int[Tensor, "n 2"], known: Float[Tensor, "n 2"] | None = None) -> Float[Tensor, "n 16"]:
    """Colour and shape as a bag of words, without what is not `known`."""
    said = one_hot(told, KINDS).float()
    return (said if known is None else said * known[..., None]).flatten(1)


def merge(captions: Int[Tensor, "n frames 2"], heard: Int[Tensor, "n 2"]) -> Float[Tensor, "n 32"]:
    """One description of what was seen, as far as most frames agree, and heard."""
    votes = one_hot(captions, KINDS).sum(1)
    most = votes.max(-1)
    return torch.cat([words(most.indices, (2 * most.values > captions.shape[1]).float()), words(heard)], 1)


@cache
def captions(seed: int) -> tuple[Int[Tensor, "n frames 2"], Int[Tensor, "n 2"]]:
    """What the captioners say of all frames and of all music; each has learned from a few examples of its sense."""
    given = [(frames("train")[:, 0], frames("train")), (music("train"), music("train"))]
    return tuple(
        taught(shown[:FEW], names(scenes("train", bool(at))[:FEW]), seed).best(told)
        for at, (shown, told) in enumerate(given)
    )


def described(seed: int, way: str) -> tuple[Int[Tensor, " n"], Float[Tensor, "n 32"]]:
    """Numbers of trailers and what is told of them, in one of `WAYS`; raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    every = torch.arange(COUNTS["train"])
    if way == "true descriptions":
        return every, torch.cat([words(names(scenes("train", heard))) for heard in (False, True)], 1)
    merged = merge(*captions(seed))
    sides = torch.arange(merged.shape[1]) < merged.shape[1] // 2
    seen, heard = merged * sides, merged * ~sides
    if way == "seen and heard, apart":
        return torch.cat([every, every]), torch.cat([seen, heard])
    return every, {"merged": merged, "seen alone": seen, "heard alone": heard}[way]


@cache
def model(seed: int, way: str, shuffled: bool = False) -> Bridge:
    """What has learned from such descriptions, or from those of `shuffled` trailers."""
    which, told = described(seed, way)
    return fitted(trailers("train")[which.roll(len(which) // 3) if shuffled else which], told, seed)


def finds(seed: int, way: str, shuffled: bool = False) -> Scores:
    """1 where a question that tells what is seen and heard finds its trailer among all that join its four and four."""
    bridge, seen, heard, values = model(seed, way, shuffled), frames(EXAM)[:, 0], music(EXAM), []
    truth = [names(scenes(EXAM, side)) for side in (False, True)]
    asked = bridge.text(torch.cat([words(one) for one in truth], 1))
    for i in range(len(asked)):
        shown, sounding = ([i, *unlike(one, i)] for one in truth)
        joined = torch.cartesian_prod(torch.tensor(shown), torch.tensor(sounding))
        near = normalize(bridge.sound(torch.cat([seen[joined[:, 0]], heard[joined[:, 1]]], 1)), dim=-1) @ asked[i]
        values.append(float(near.argmax() == 0))
    return Scores(values, range(len(asked)))


def unlike(truth: Int[Tensor, "n 2"], which: int) -> list[int]:
    """The next trailers of which this side is called otherwise, and otherwise than that of each other."""
    found: list[int] = []
    for at in [*range(which + 1, len(truth)), *range(which)]:
        if all((truth[at] != truth[other]).any() for other in (which, *found)):
            found.append(at)
        if len(found) == RIVALS:
            break
    return found
