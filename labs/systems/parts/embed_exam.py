"""What is searched for among held-out scenes, and how often what comes first is right: recall at 1.

    captions   a caption -> its picture, among those of 50 scenes and of their twins, two colours of which are exchanged
    edited     a picture of one thing and "make it blue." -> the picture after that, among eight: it is as before or
               blue, of its shape or another, at its place or another
    alike      a picture of one thing and "the same colour." -> one of six: two each are alike in colour, shape, place

Settings were chosen on searches of another data seed.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from labs.systems.parts.embed_pairs import Side, asked_alike, shown, told
from labs.systems.parts.embed_scenes import RESPECTS, cube, edit, like, scene_with_twin
from labs.systems.parts.embedder import AT_ONCE, Embedded, Embedder, Tokens, likeness, rows
from labs.world import splits
from labs.world.picture import draw
from labs.world.scene import Scene

DATA = 1  # the data seed of what is measured; settings were chosen on 0
SEARCHES = {"captions": 200, "edited": 200, "alike": 80}  # scenes; of "alike" each is asked about three times
BLOCK = 50  # scenes of which, with their twins, a caption finds one


class Searches(NamedTuple):
    """For each query the numbers of its candidates among the documents, which of them are right, and its scene."""

    queries: tuple[Side, ...]
    documents: tuple[Scene, ...]
    candidates: tuple[tuple[int, ...], ...]
    right: tuple[tuple[int, ...], ...]
    scenes: tuple[int, ...]

    @property
    def chance(self) -> float:
        return len(self.right[0]) / len(self.candidates[0])


@cache
def searches(kind: str, seed: int | None = None) -> Searches:
    """All searches of a kind. Raises KeyError for another one."""
    rng = random.Random(f"search {kind} {DATA if seed is None else seed}")
    return MAKERS[kind](rng, SEARCHES[kind])


def _captions(rng: random.Random, count: int) -> Searches:
    both = [scene_with_twin(rng, "heldout") for _ in range(count)]
    starts = [number - number % BLOCK for number in range(count)]
    among = [tuple(range(2 * at, 2 * min(at + BLOCK, count))) for at in starts]
    return Searches(
        tuple(told(scene) for scene, _ in both), tuple(one for two in both for one in two), tuple(among),
        tuple((2 * number,) for number in range(count)), tuple(range(count)),
    )  # fmt: skip


def _edited(rng: random.Random, count: int) -> Searches:
    edits = [edit(rng, "heldout") for _ in range(count)]
    return Searches(
        tuple(shown(one.before, one.words) for one in edits), tuple(scene for one in edits for scene in cube(one, rng)),
        tuple(tuple(range(8 * at, 8 * at + 8)) for at in range(count)), tuple((8 * at,) for at in range(count)),
        tuple(range(count)),
    )  # fmt: skip


@cache
def unrelated(count: int) -> tuple[tuple[Side, ...], Tensor]:
    """So many queries with an edit that have nothing to do with any candidates, and what is seen of them: a control.

    They want any of the 64 combinations: queries of the exam want held-out ones, which of eight candidates one is.
    """
    rng = random.Random("unrelated queries")
    edits = [edit(rng, rng.choices(("train", "heldout"), (7, 1))[0]) for _ in range(count)]
    look = Embedder(None).look([draw(one.before) for one in edits])
    return tuple(shown(one.before, one.words) for one in edits), look


def _alike(rng: random.Random, count: int) -> Searches:
    scenes = [splits.sample(rng, "heldout", count=1) for _ in range(count)]
    documents = tuple(like(scene, respect, rng) for scene in scenes for respect in RESPECTS for _ in range(2))
    many, asked = 2 * len(RESPECTS), list(enumerate(RESPECTS))
    return Searches(
        tuple(shown(scene, asked_alike(respect)) for scene in scenes for respect in RESPECTS), documents,
        tuple(tuple(range(many * at, many * at + many)) for at in range(count) for _ in RESPECTS),
        tuple((many * at + 2 * i, many * at + 2 * i + 1) for at in range(count) for i, _ in asked),
        tuple(at for at in range(count) for _ in RESPECTS),
    )  # fmt: skip


MAKERS: dict[str, Callable[[random.Random, int], Searches]] = {
    "captions": _captions, "edited": _edited, "alike": _alike,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------
# Searching


@cache
def seen(kind: str, what: str, seed: int | None = None) -> Tensor | None:
    """What the language model gets to see of the "queries" or "documents" of all searches; None where no picture is."""
    one = searches(kind, seed)
    scenes = [side.scene for side in one.queries] if what == "queries" else list(one.documents)
    return None if scenes[0] is None else Embedder(None).look([draw(scene) for scene in scenes])


@torch.no_grad()
def embedded(call: Callable, words: Sequence[str], visual: Tensor | None) -> Embedded:
    """What an embedder's `call` makes of many rows, so many at a time that memory stays small."""
    parts = [call(words[at : at + AT_ONCE], None if visual is None else visual[at : at + AT_ONCE])
             for at in range(0, len(words), AT_ONCE)]  # fmt: skip
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)
    longest = max(part.there.shape[1] for part in parts)
    widened = [(longest - part.there.shape[1], part) for part in parts]
    return Tokens(
        torch.cat([pad(part.vectors, (0, 0, 0, more)) for more, part in widened]),
        torch.cat([pad(part.there, (0, more)) for more, part in widened]),
    )  # fmt: skip


def recall(queries: Embedded, documents: Embedded, one: Searches) -> list[float]:
    """Recall at 1 of each query; where several candidates are equally near, the share of them that is right."""
    scores = []
    for number, (among, right) in enumerate(zip(one.candidates, one.right, strict=True)):
        near = likeness(rows(queries, [number]), rows(documents, among))[0]
        first = near == near.max()
        wanted = torch.tensor([candidate in right for candidate in among])
        scores.append(((first & wanted).sum() / first.sum()).item())
    return scores
