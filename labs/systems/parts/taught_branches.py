"""Video-LLaMA's two branches, each trained by itself; eyes, ears and the language model are frozen."""

import random
from functools import cache

import torch
from torch import Tensor

from labs.systems.parts import films, listened
from labs.systems.parts.branches import AudioBranch, VideoBranch, language, loudness
from labs.systems.parts.films import watch
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped import fill
from labs.systems.parts.shown import loss

FILE = "03_2/watcher.safetensors"  # in data/finished, made by scripts/keep_systems.py
FRAMES = 4  # of a film, if nothing else is said
STEPS, RATE, MOTIONS, PARADES = 1200, 3e-3, 12, 4  # films of each kind a step
AUDIO_STEPS, THINGS = 300, 32  # pictures, or sounds, a step


def build(frames: int, seed: int, positions: bool = True) -> VideoBranch:
    """A new video branch, as loud as words."""
    torch.manual_seed(seed)
    branch = VideoBranch(frames, positions)
    loudness(branch, watch(films.lesson(random.Random(seed), range(2 * MOTIONS), 2 * PARADES), "train", frames))
    return branch


@cache
def watcher(seed: int, frames: int, positions: bool) -> VideoBranch:
    """A video branch after its films, so many frames of each."""
    branch, at = build(frames, seed, positions), batches(len(films.pool("train")), MOTIONS, seed)

    def loss_at(step: int) -> Tensor:
        shown = films.lesson(random.Random(f"video-llama {seed} {step}"), at(step).tolist(), PARADES)
        return loss(language(), branch(watch(shown, "train", frames)), [film.pairs for film in shown])

    learn(branch.parameters(), loss_at, STEPS, RATE)
    return branch.requires_grad_(False)


@cache
def listener(seed: int, taught: str) -> AudioBranch:
    """An audio branch that has learned from the vectors of pictures, and never met a sound; or from those of sounds."""
    given, pairs = listened.vectors(taught, seed), listened.lessons()
    torch.manual_seed(seed)
    branch, at = AudioBranch(given), batches(len(given), THINGS, seed)
    loudness(branch, given[:100])

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        return loss(language(), branch(given[chosen]), [pairs[i] for i in chosen.tolist()])

    learn(branch.parameters(), loss_at, AUDIO_STEPS, RATE)
    return branch.requires_grad_(False)


def shipped() -> VideoBranch:
    """The video branch with positions that has learned with seed 0: so no notebook has to wait for it."""
    branch = VideoBranch(FRAMES)
    fill(FILE, {"watcher": branch})
    return branch
