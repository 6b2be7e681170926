"""The retriever: cards in the order in which the bundled dual encoder finds their pictures like the one asked about."""

from functools import cache

from labs.systems.parts import joint_space
from labs.systems.parts import rag_library as lib


@cache
def nearest(split: str, seed: int, views: int, most: int) -> tuple[tuple[int, ...], ...]:
    """For each query the numbers of the cards of its library whose pictures are most like it, the likest first."""
    keys = joint_space.see([card.picture for card in lib.library(split, seed)])
    seen = joint_space.see([query.picture for query in lib.queries(split, seed, views)])
    return tuple(map(tuple, (seen @ keys.T).topk(min(most, len(keys))).indices.tolist()))
