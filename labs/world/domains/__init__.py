"""Six domains, drawn: medical, writing, code generation, sentiment, arithmetic, information retrieval.

A domain is a module with `sample(rng, split) -> case`, `draw(case, size) -> picture` and `questions(case, rng)`; what
is asked of a case is true by construction, and held-out cases differ from those of training in combinations, not in
seeds alone. `score` says how right an answer is, in each domain in its own way.
"""

import random
import re
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from labs.world.questions import Question

NAMES = ("medical", "writing", "code", "sentiment", "arithmetic", "retrieval")


class Asked(NamedTuple):
    """A case of a domain with all that is asked about it."""

    case: Any
    questions: list[Question]


def of(name: str) -> ModuleType:
    """The domain's module. Raises ValueError for a name that is none of `NAMES`."""
    if name not in NAMES:
        raise ValueError(f"domain must be one of {NAMES}, not {name!r}")
    return import_module(f"labs.world.domains.{name}")


def asked(name: str, split: str, number: int, seed: int = 0) -> Asked:
    """Case `number` of a split: it depends on nothing else, so the first 100 of 1,000 are those of 100."""
    rng = random.Random(f"{name} {split} {seed} {number}")
    case = of(name).sample(rng, split)
    return Asked(case, of(name).questions(case, rng))


def worked(name: str, case: Any, question: Question) -> str:
    """The answer after the steps that lead to it, where the domain has any ("5+2=6+1=7"); otherwise the answer."""
    domain = of(name)
    return domain.worked(case, question) if hasattr(domain, "worked") else question.answer


def score(name: str, case: Any, question: Question, text: str) -> float:
    """How right `text` is as an answer, from 0 to 1; what a case itself answers has 1.

    Writing: the F1 of the facts told, if the form is kept. Code: how much of what it draws is as it should be.
    Retrieval: whether the card is the first that the query finds. All others: whether the answer is the true one;
    of an answer with steps, what stands after the last of them.
    """
    domain = of(name)
    if name == "writing":
        return domain.score(case, question.kind, text)
    if name == "code":
        return domain.score(case, text)
    if name == "retrieval":
        return domain.score(text, case.wanted)
    return float(_plain(re.split("[=:]", text)[-1]) == _plain(question.answer))


def _plain(text: str) -> str:
    """Lower case, single spaces, no closing full stop."""
    return " ".join(text.lower().split()).rstrip(".")
