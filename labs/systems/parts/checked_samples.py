"""Samples for an embedder that a model writes, and checks itself: mmE5 (Chen et al., 2025,
https://arxiv.org/abs/2502.08468).

    picture --writer--> task, language, instruction, what is wanted, what is nearly right but wrong
                  `---> looks at its sample again: rewritten where it holds another word for likelier, dropped where it
                        is not sure of that either

Broad: three tasks in two languages. Aligned: query and texts are written of the same picture in one go. The writer has
learned from the few samples that people have written; like a language model it draws its words.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from labs.systems.claim import Scores
from labs.systems.parts import sought_pictures
from labs.systems.parts.bridged import Bridge
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sought_pictures import scenes, seen
from labs.systems.parts.teller import Teller, names, taught
from labs.world.vocabulary import COLOURS

FEW, SURE = 64, 0.8  # samples that people have written; how sure the writer must be of each word
TASKS, LANGUAGES = ("colour", "shape", "name"), ("en", "es")
INSTRUCTIONS = len(TASKS) * len(LANGUAGES)
KINDS, WORDS = len(COLOURS), 4 * len(COLOURS)  # English colours and shapes, Spanish colours and shapes
STEPS, BATCH, RATE = 400, 128, 2e-3
WAYS = ("few by people", "written, unchecked", "written and checked", "true samples")


class Samples(NamedTuple):
    """Numbers of pictures, instructions, and colour and shape of what is wanted and of what is nearly right."""

    pictures: Int[Tensor, " samples"]
    instructions: Int[Tensor, " samples"]
    wanted: Int[Tensor, "samples 2"]
    wrong: Int[Tensor, "samples 2"]


def texts(instructions: Int[Tensor, " n"], things: Int[Tensor, "n 2"]) -> Float[Tensor, "n 32"]:
    """The words for a thing's colour, its shape or both, as an instruction wants them, in its language."""
    task, spanish = instructions // len(LANGUAGES), instructions % len(LANGUAGES)
    colour, shape = (one_hot(things[:, at], KINDS).float() for at in (0, 1))
    said = torch.cat([colour * (task != 1)[:, None], shape * (task != 0)[:, None]], 1)
    return torch.cat([said * (1 - spanish)[:, None], said * spanish[:, None]], 1)


def queries(pictures: Float[Tensor, "n 128"], instructions: Int[Tensor, " n"]) -> Float[Tensor, "n 134"]:
    """Pictures with their instructions."""
    return torch.cat([pictures, 3 * one_hot(instructions, INSTRUCTIONS).float()], 1)


@cache
def writer(seed: int) -> Teller:
    """What has learned from the pictures that people have written of."""
    return taught(seen("train")[:FEW], names(scenes("train")[:FEW]), seed)


@cache
def samples(seed: int, way: str) -> Samples:
    """In one of `WAYS`; raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    generator, given = torch.Generator().manual_seed(seed), seen("train")
    pictures = torch.arange(FEW if way == "few by people" else len(given))
    instructions = torch.randint(INSTRUCTIONS, (len(given),), generator=generator)[pictures]
    wanted = names(scenes("train"))[pictures]
    if way.startswith("written"):
        wanted = writer(seed).draw(given, generator)
    if way == "written and checked":
        wanted, stays = check(writer(seed), given, wanted, instructions)
        pictures, instructions, wanted = pictures[stays], instructions[stays], wanted[stays]
    return Samples(pictures, instructions, wanted, nearly(wanted, instructions, generator))


def check(
    judge: Teller, given: Float[Tensor, "n 128"], wanted: Int[Tensor, "n 2"], instructions: Int[Tensor, " n"]
) -> tuple[Int[Tensor, "n 2"], Tensor]:
    """Samples rewritten where another word is likelier; and of which of them, (n,), all words are sure enough."""
    chances = judge.chances(given)
    best, task = chances.argmax(-1), instructions // len(LANGUAGES)
    sure = chances.gather(2, best[..., None])[..., 0] > SURE
    asked = torch.stack([task != 1, task != 0], 1)  # nobody checks a word that is not written
    return torch.where(asked, best, wanted), (sure | ~asked).all(1)


def nearly(
    wanted: Int[Tensor, "n 2"], instructions: Int[Tensor, " n"], generator: torch.Generator
) -> Int[Tensor, "n 2"]:
    """Hard negatives: another colour and another shape; of a name one of the two stays."""
    shift = torch.randint(1, KINDS, wanted.shape, generator=generator)
    one = one_hot(torch.randint(2, (len(wanted),), generator=generator), 2)
    name = (instructions // len(LANGUAGES) == TASKS.index("name"))[:, None]
    return (wanted + torch.where(name, one * shift, shift)) % KINDS


@cache
def embedder(seed: int, way: str, shuffled: bool = False) -> Bridge:
    """After learning from such samples; those of `shuffled` pictures are a control."""
    found, given = samples(seed, way), seen("train")
    given = given.roll(len(given) // 2, 0) if shuffled else given
    asking = queries(given[found.pictures], found.instructions)
    wanted, wrong = (texts(found.instructions, part) for part in (found.wanted, found.wrong))
    torch.manual_seed(seed)
    model, at = Bridge(asking.shape[1], WORDS), batches(len(asking), min(BATCH, len(asking)), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        offered = torch.cat([wanted[rows], wrong[rows]])
        right = (wanted[rows][:, None] == offered).all(-1).float()
        return cross_entropy(model(asking[rows], offered), right / right.sum(1, keepdim=True))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds(seed: int, way: str, shuffled: bool = False) -> Scores:
    """1 where the right text comes first among all texts that an instruction may want, for all instructions."""
    model, shown = embedder(seed, way, shuffled), scenes(sought_pictures.EXAM)
    pictures, truth, values = seen(sought_pictures.EXAM), names(shown), []
    every = torch.cartesian_prod(torch.arange(KINDS), torch.arange(KINDS))
    for number in range(INSTRUCTIONS):
        offered = texts(torch.full((len(every),), number), every)
        wanted = texts(torch.full((len(truth),), number), truth)
        best = model(queries(pictures, torch.full((len(shown),), number)), offered).argmax(1)
        values += (offered[best] == wanted).all(1).float().tolist()
    return Scores(values, [*range(len(shown))] * INSTRUCTIONS)
