"""Held-out cases of a domain (labs.world.domains) as an exam, and how right a model's answers to it are."""

from collections.abc import Sequence
from typing import NamedTuple

from labs.evaluation.exam import Exam, Item
from labs.world import domains
from labs.world.domains import Asked
from labs.world.picture import SIZE


class DomainExam(NamedTuple):
    """The cases of a domain in their order, and the questions about them; item i is about case `items[i].picture`."""

    domain: str
    asked: list[Asked]
    exam: Exam

    @property
    def items(self) -> Sequence[Item]:
        return self.exam.new

    def scores(self, told: Sequence[str]) -> list[float]:
        """How right each answer is, in the domain's own way, from 0 to 1. Raises ValueError unless each has one."""
        questions = [(one.case, question) for one in self.asked for question in one.questions]
        if len(told) != len(questions):
            raise ValueError(f"every question needs an answer, got {len(questions)} and {len(told)}")
        return [domains.score(self.domain, *about, text) for about, text in zip(questions, told, strict=True)]


def questions(domain: str, cases: int, seed: int = 0, split: str = "heldout", size: int = SIZE) -> DomainExam:
    """`cases` cases with all that is asked about each. Raises ValueError for a domain or split that cannot be."""
    asked = [domains.asked(domain, split, number, seed) for number in range(cases)]
    items = [Item(i, q.kind, q.text, q.answer) for i, one in enumerate(asked) for q in one.questions]
    pictures = [domains.of(domain).draw(one.case, size) for one in asked]
    return DomainExam(domain, asked, Exam(pictures, items))
