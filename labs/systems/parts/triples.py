"""Three at once: a picture, a sound and a word of which no two have anything to do with each other, but all three do.

The word's colour follows from the picture's and the sound's by exclusive or of their numbers, 0 to 7 in three bits:

    picture   something blue (5)      sound   something yellow (2)      word   "pink" (7 = 5 xor 2)

Contrast of pairs and contrast of triples (Symile, Saporta et al., 2024, https://arxiv.org/abs/2411.01053) learn from
them. Symile's score of a triple is the sum over the products of its three vectors, which is large or small only for
all three together; its negatives are one vector with two others drawn from two other triples each.
"""

import math
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.systems.parts import senses
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.joint_space import see
from labs.systems.parts.learn import batches, learn
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS

CODES, WIDTH, INNER = len(COLOURS), 32, 128
STEPS, BATCH = 1000, 256


class Triples(NamedTuple):
    """The features from which each of the three is told, and what they stand for."""

    picture: Float[Tensor, "n width"]
    sound: Float[Tensor, "n mels"]
    word: Int[Tensor, " n"]  # the right one
    seen: Int[Tensor, " n"]
    heard: Int[Tensor, " n"]


class Encoders(torch.nn.Module):
    """A small network for pictures and one for sounds, a vector for each word, all of length 1; a learned sharpness."""

    def __init__(self, seen: int, heard: int):
        super().__init__()
        self.picture, self.sound = (
            torch.nn.Sequential(torch.nn.Linear(size, INNER), torch.nn.GELU(), torch.nn.Linear(INNER, WIDTH))
            for size in (seen, heard)
        )
        self.word = torch.nn.Embedding(CODES, WIDTH)
        self.scale = torch.nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(
        self, picture: Float[Tensor, "n seen"], sound: Float[Tensor, "n heard"], word: Int[Tensor, " n"]
    ) -> list[Float[Tensor, "n width"]]:
        """The three vectors of each triple."""
        return [normalize(part, dim=-1) for part in (self.picture(picture), self.sound(sound), self.word(word))]


def pairwise_loss(
    vectors: list[Float[Tensor, "n width"]], scale: Float[Tensor, ""], generator: torch.Generator
) -> Float[Tensor, ""]:
    """CLIP's loss for each of the three pairs; nothing is drawn."""
    own, losses = torch.arange(len(vectors[0])), []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        logits = scale * vectors[one] @ vectors[other].T
        losses += [cross_entropy(logits, own), cross_entropy(logits.T, own)]
    return torch.stack(losses).mean()


def symile_loss(
    vectors: list[Float[Tensor, "n width"]], scale: Float[Tensor, ""], generator: torch.Generator
) -> Float[Tensor, ""]:
    """Each vector in turn is to choose its own two companions among n - 1 pairs of others."""
    own, losses = torch.arange(len(vectors[0])), []
    whole = vectors[0] * vectors[1] * vectors[2]
    for turn in range(3):
        anchor, *others = vectors[turn:] + vectors[:turn]
        one, other = (part[torch.randperm(len(own), generator=generator)] for part in others)
        logits = anchor @ (one * other).T
        logits = torch.where(torch.eye(len(own), dtype=torch.bool), whole.sum(1)[:, None], logits)
        losses.append(cross_entropy(scale * logits, own))
    return torch.stack(losses).mean()


def join(
    picture: Float[Tensor, "n width"],
    sound: Float[Tensor, "n mels"],
    seen: Int[Tensor, " n"],
    heard: Int[Tensor, " n"],
) -> Triples:
    """Triples of pictures and sounds that know nothing of each other, and the word that both make."""
    return Triples(picture, sound, seen ^ heard, seen, heard)


@cache
def of_scenes(scenes: tuple[Scene, ...]) -> Triples:
    """The picture of each scene of one thing, in the joint space, with the sound of the scene after it, the mean of its
    spectra; codes are the colours' places in the table."""
    codes = torch.tensor([list(COLOURS).index(name_of(scene)[0]) for scene in scenes])
    spectra = senses.perceive_once("sound", scenes).mean(1)
    return join(see(scenes), spectra.roll(-1, 0), codes, codes.roll(-1))


LOSSES = {"pairs": pairwise_loss, "triples": symile_loss}


@torch.no_grad()
def choose(encoders: Encoders, triples: Triples, loss: str) -> Int[Tensor, " n"]:
    """Which word fits a picture and a sound best, by the score that the loss has taught."""
    picture, sound, _ = encoders(triples.picture, triples.sound, triples.word)
    words = normalize(encoders.word.weight, dim=-1)
    asked = picture * sound if loss == "triples" else picture + sound
    return (asked @ words.T).argmax(1)


def train(triples: Triples, loss: str, seed: int, shuffled: bool = False, redundant: bool = False) -> Encoders:
    """Encoders taught by `pairs` or `triples`. The words may be shuffled, or `redundant`: what the picture shows."""
    torch.manual_seed(seed)
    encoders = Encoders(triples.picture.shape[1], triples.sound.shape[1])
    generator = torch.Generator().manual_seed(seed)
    words = triples.seen if redundant else triples.word
    words = words[torch.randperm(len(words), generator=generator)] if shuffled else words
    at = batches(len(words), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        rows = at(step)
        vectors = encoders(triples.picture[rows], triples.sound[rows], words[rows])
        return LOSSES[loss](vectors, encoders.scale.exp().clamp(max=100), generator)

    learn(encoders.parameters(), loss_at, STEPS)
    return encoders.eval()
