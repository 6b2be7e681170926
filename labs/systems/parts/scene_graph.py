"""Scene graphs to count, locate and relate by: detected, written as triples, searched for what a question names.

    picture --detector, cell by cell--> things --> (red star, at, top left) (red star, left of, blue ring) ...
                                                        | those that share most words with the question
                                                        v
                                                     a reader

After Scene-graph MM-RAG (Xue et al., 2024, https://arxiv.org/abs/2412.20927). The detector is a linear probe that
learned from few scenes, errors and all.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from labs.systems.parts.collages import NOTHING, looked
from labs.systems.parts.graph_questions import NONE
from labs.systems.parts.probe import standard_probe

LABELLED, RETRIEVED = 150, 6  # scenes that the detector learned from; triples that are read
PREDICATES = ("at " * 9).split() + ["left of", "right of", "above", "below"]  # a place each, then relations
Triple = tuple[int, int, int, int, int]  # colour and shape, predicate, colour and shape


def triples(kinds: Sequence[int]) -> list[Triple]:
    """The graph of a picture of which is known what is in each cell: places, then relations both ways."""
    things = [(cell, (kind // 8, 8 + kind % 8)) for cell, kind in enumerate(kinds) if kind != NOTHING]
    graph = [(*name, cell, NONE, NONE) for cell, name in things]
    for here, one in things:
        for there, other in things:
            if here % 3 != there % 3:
                graph.append((*one, 9 if here % 3 < there % 3 else 10, *other))
            if here // 3 != there // 3:
                graph.append((*one, 11 if here // 3 < there // 3 else 12, *other))
    return graph


def retrieve(graph: Sequence[Triple], words: Sequence[int]) -> list[Triple]:
    """The triples whose subject and object share most words with those of a question; places come first at a tie."""
    wanted = [(at, word) for at, word in zip((0, 1, 3, 4), words, strict=True) if word != NONE]
    score = {triple: sum(triple[at] == word for at, word in wanted) - 0.1 * (triple[2] > 8) for triple in graph}
    return sorted(graph, key=lambda triple: -score[triple])[:RETRIEVED]


@cache
def detected(split: str, labelled: int = LABELLED) -> Int[Tensor, "scenes 9"]:
    """What a linear probe takes the cells for: it learned from the first scenes of training."""
    known, asked = looked("train"), looked(split)
    inputs, truth = known.cells[:labelled, :, :-4].flatten(0, 1), known.kinds[:labelled].flatten()
    tested = asked.cells[..., :-4].flatten(0, 1)
    nothing = truth == NOTHING
    colour = standard_probe(inputs, truth.div(8, rounding_mode="floor").where(~nothing, 8), tested, 9, 0)
    shape = standard_probe(inputs, (truth % 8).where(~nothing, 8), tested, 9, 0)
    return torch.where((colour == 8) | (shape == 8), NOTHING, 8 * colour + shape).view_as(asked.kinds)
