"""Two towers that learn from few pairs by contrast alone, or with something beside it (parts.beside_terms)."""

from functools import cache

import torch
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts.beside_terms import TERMS, Now
from labs.systems.parts.heard_scenes import heard
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.objectives import contrast
from labs.systems.parts.skills import searched
from labs.systems.parts.two_towers import TwoTowers
from labs.systems.parts.unpaired_joined import PAIRS, Joined
from labs.systems.parts.web import WORDS, lexicon

STEPS, BATCH, RATE = 300, 64, 3e-3
BESIDE = (*TERMS, "unpaired", "unpaired, nothing looked up")


@cache
def train(seed: int, *beside: str, shuffled: bool = False) -> TwoTowers:
    """Towers after learning from `PAIRS` pairs; `shuffled` captions are those of any other pictures, a control.

    Raises ValueError for something beside that is none of `BESIDE`.
    """
    if not set(beside) <= set(BESIDE):
        raise ValueError(f"beside must be some of {', '.join(BESIDE)}, not {beside}")
    torch.manual_seed(seed)
    model, given, generator = TwoTowers(lexicon(), WORDS), heard("train"), torch.Generator().manual_seed(seed)
    terms = [TERMS[name]() for name in beside if name in TERMS]
    joined = Joined() if any(name.startswith("unpaired") for name in beside) else None
    at = batches(PAIRS, BATCH, seed)
    partner = torch.randperm(PAIRS, generator=generator) if shuffled else torch.arange(PAIRS)

    def loss(step: int) -> Tensor:
        rows = at(step)
        regions, captions = given.regions[rows], given.captions[partner[rows]]
        seen, told = model.see(regions), model.read(captions)
        one, two = model.picture(seen), model.text(told, captions)
        now = Now(regions, captions, seen, told, one, two)
        if joined:
            paired = joined(model, rows, one, two, generator, look_up="unpaired" in beside)
        else:
            paired = contrast(one, two, model.scale)
        return paired + sum(term(model, now, generator) for term in terms)

    extra = [*terms, *([joined] if joined else [])]
    learn([*model.parameters(), *(p for part in extra for p in part.parameters())], loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds(seed: int, beside: str | None = None, shuffled: bool = False) -> Scores:
    """Is each one's partner the first of a hundred, by the towers' vectors?"""
    model = train(seed, *([beside] if beside else []), shuffled=shuffled)
    return searched(lambda given: model.vectors(given.regions, given.captions))
