"""Faces and voices that get harder to tell apart: a contrast of distances with one negative for each pair.

Learnable PINs (Nagrani et al., 2018, https://arxiv.org/abs/1805.00833) takes the negative at a percentile of difficulty
that rises while learning goes on: an easy one first, later a hard one, never the hardest of all. Whoever is heard is a
thing, its voice the sound and its face the picture; nobody's name is told.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.unimodal import perceive

TRAIN, HELDOUT, NOISE = 4096, 600, 1.5  # things; noise of the microphone
WIDTH, INNER = 64, 128
MARGIN = 0.6  # beyond this distance a negative is far enough
STEPS, BATCH, RATE = 600, 64, 2e-3
EASY, HARD = 0.3, 0.8  # percentiles of difficulty, at first and in the end
CHOICES = ("curriculum", "random", "hardest", "all")


class FaceAndVoice(torch.nn.Module):
    """A small network for what is seen and one for what is heard, into one space of unit vectors."""

    def __init__(self, seen: int, heard: int):
        super().__init__()
        self.face, self.voice = (
            torch.nn.Sequential(torch.nn.Linear(size, INNER), torch.nn.GELU(), torch.nn.Linear(INNER, WIDTH))
            for size in (seen, heard)
        )
        self.log_scale = torch.nn.Parameter(torch.tensor(2.6592))  # of "all": CLIP's temperature of 0.07

    def near(
        self, seen: Float[Tensor, "faces numbers"], heard: Float[Tensor, "voices features"]
    ) -> Float[Tensor, "faces voices"]:
        """Cosines of all faces with all voices."""
        return normalize(self.face(seen), dim=-1) @ normalize(self.voice(heard), dim=-1).T


def distance(near: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Between two unit vectors of that cosine, from 0 to 2."""
    return (2 - 2 * near).clamp(min=1e-6).sqrt()


def negatives(near: Float[Tensor, "n n"], difficulty: float | None, generator: torch.Generator) -> Int[Tensor, " n"]:
    """For each face the voice of another pair: at a percentile of difficulty, 1 being the nearest; or any."""
    count = len(near)
    if difficulty is None:
        return (torch.arange(count) + torch.randint(1, count, (count,), generator=generator)) % count
    others = near.detach().masked_fill(torch.eye(count, dtype=torch.bool), -torch.inf)
    return others.argsort(1)[:, 1 + round(difficulty * (count - 2))]  # the first is a face's own voice


def margin_loss(near: Float[Tensor, "n n"], chosen: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """Own pairs are drawn together, the chosen others are pushed beyond the margin."""
    apart = distance(near[torch.arange(len(chosen)), chosen])
    return (distance(near.diagonal()) ** 2 + (MARGIN - apart).clamp(min=0) ** 2).mean()


def difficulty(choice: str, done: float) -> float | None:
    """The percentile after a share of all steps; None for a random negative."""
    return {"curriculum": EASY + (HARD - EASY) * done, "random": None, "hardest": 1.0}[choice]


@cache
def met(split: str) -> tuple[Float[Tensor, "scenes 128"], Float[Tensor, "scenes 512"]]:
    """Faces, the mean of what the frozen eyes see, and voices, through a noisy microphone."""
    scenes = eyes.fresh(split, TRAIN if split == "train" else HELDOUT)
    return eyes.look(scenes)[:, 1:].mean(1), perceive(scenes, int(split == "heldout"), NOISE).flatten(1)


def plain(faces: Float[Tensor, "n 128"]) -> Float[Tensor, "n 128"]:
    """Faces with the mean 0 and the deviation 1 of those to learn from."""
    known = met("train")[0]
    return (faces - known.mean(0)) / (known.std(0) + 1e-4)


@cache
def train(seed: int, choice: str, shuffled: bool = False) -> FaceAndVoice:
    """A network that learned from faces and voices, with one of `CHOICES` of negatives.

    "all" are all others of the batch at once, in a softmax, as in CLIP. `shuffled` voices are those of others, a
    control. Raises ValueError for an unknown choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice must be one of {', '.join(CHOICES)}, not {choice!r}")
    torch.manual_seed(seed)
    (faces, voices), generator = met("train"), torch.Generator().manual_seed(seed)
    faces, model, at = plain(faces), FaceAndVoice(faces.shape[1], voices.shape[1]), batches(TRAIN, BATCH, seed)
    met_too = batches(TRAIN, BATCH, seed + 1000) if shuffled else at

    def loss(step: int) -> Tensor:
        near = model.near(faces[at(step)], voices[met_too(step)])
        if choice == "all":
            logits, own = near * model.log_scale.exp(), torch.arange(len(near))
            return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
        return margin_loss(near, negatives(near, difficulty(choice, step / STEPS), generator))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
