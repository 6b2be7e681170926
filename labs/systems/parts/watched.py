"""What is told of held-out films: of a motion its direction and its axis, of a parade its order."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import films
from labs.systems.parts.branches import choose
from labs.systems.parts.films import watch
from labs.systems.parts.taught_branches import FRAMES, watcher


def moves(
    seed: int, other: Mapping[str, str] = films.OPPOSITE, frames: int = FRAMES, positions: bool = True, shift: int = 0
) -> Scores:
    """1 where the way a thing moves is found likelier than its opposite, or than one `films.ACROSS`."""
    shown = films.moved()
    ways = [films.way(film) for film in shown]
    words = watcher(seed, frames, positions)(watch(shown, "heldout", frames).roll(shift, 0))
    found = choose(words, [film.pairs for film in shown], [[way, other[way]] for way in ways])
    return of_each(found == 0, 1)


def orders(seed: int, positions: bool = True, shuffled: bool = False) -> Scores:
    """1 where of a parade's three shapes the first, and the last, is found; `shuffled` puts frames in any order."""
    shown = films.parades()
    seen, shapes = watch(shown, "heldout", FRAMES), [films.shapes(film) for film in shown]
    if shuffled:
        generator = torch.Generator().manual_seed(seed)
        seen = torch.stack([one[torch.randperm(FRAMES, generator=generator)] for one in seen])
    found = choose(watcher(seed, FRAMES, positions)(seen), [film.pairs for film in shown], shapes)
    return of_each(found == torch.tensor([0, 2]).repeat(len(shown)), 2)


def of_each(found: Bool[Tensor, " answers"], count: int) -> Scores:
    """So many answers about each film or thing."""
    return Scores(found.float().tolist(), [number // count for number in range(len(found))])
