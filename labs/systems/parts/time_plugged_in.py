"""A reader of pictures becomes one of films, as in RED-VILLM (Huang et al., 2024, https://arxiv.org/abs/2404.11865):
its fusion module is kept, time is plugged in, and few films do.

    1152 pictures --learn--> colour, shape, place  --plug in time-->  few films --learn--> colour, shape, way
                                          nothing  -------------->  the same films --learn--> colour, shape, way

Pictures are frames of films of which nothing else is shown.
"""

from functools import cache

import torch
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import film_questions, sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import teach
from labs.systems.parts.sound_films import STATIC, films, frames
from labs.systems.parts.space_time import SpaceTime

KINDS = (*STATIC, "way")
PICTURES, FEW, MANY = 1152, 192, 384  # pictures; films, few or many, which begin behind them
PICTURE_STEPS, STEPS, RATE = 250, 150, 2e-3
PICTURE_BATCH, BATCH = 128, 32
WAYS = ("plugged in", "from scratch", "without time")


@cache
def of_pictures(seed: int) -> SpaceTime:
    """The reader that has learned from pictures: the frames in which things are heard, for of these a place is told."""
    torch.manual_seed(seed)
    network, which = SpaceTime((*STATIC, "place")), torch.arange(PICTURES)
    heard = torch.tensor([film.beep for film in films("train")[:PICTURES]])
    seen = frames("train")[which, heard][:, None]
    truth = {kind: true[:PICTURES] for kind, true in truths((*STATIC, "place")).items()}
    return teach(network, lambda now, step: network(seen[now]), truth, PICTURE_STEPS, seed, RATE, PICTURE_BATCH)


@cache
def taught(seed: int, way: str, count: int) -> SpaceTime:
    """What so many films have made of it, or of a fresh network. Raises ValueError for a way not of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    network = SpaceTime(KINDS)
    if way != "from scratch":
        network = of_pictures(seed).plug_in_time(network)
    if way == "without time":
        network.forget_time()
    seen = frames("train")[PICTURES : PICTURES + count]
    truth = {kind: true[PICTURES : PICTURES + count] for kind, true in truths(KINDS).items()}

    def told(now: Tensor, step: int) -> dict[str, Tensor]:
        return network(seen[now])

    return teach(network, told, truth, STEPS, seed, RATE, BATCH)


def ways(seed: int, way: str, few: bool = True, shuffled: bool = False) -> Scores:
    """Which way things go: of films, or of their frames `shuffled`."""
    seen = frames(sound_films.EXAM)
    told = taught(seed, way, FEW if few else MANY)(film_questions.shuffled(seen, seed) if shuffled else seen)
    return right(told, ("way",))
