"""An exam: held-out pictures, and questions about them with all the answers that are accepted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Item:
    """A question about picture number `picture`."""

    picture: int
    kind: str
    question: str
    answer: str
    also: tuple[str, ...] = ()  # what other people answered: VQA v2 has ten answers in all
    messages: tuple[dict, ...] = ()  # the conversation up to the question, if it is more than pictures and a question

    @property
    def accepted(self) -> tuple[str, ...]:
        """All true answers."""
        return (self.answer, *self.also)

    @property
    def asked(self) -> str | list[dict]:
        """What a model is asked: the question, or the whole conversation up to it."""
        return list(self.messages) or self.question


@dataclass(frozen=True)
class Exam:
    """Held-out questions about what is to be learned, and about what a model could do before.

    An entry of the pictures is one picture or a sequence of several; each may be a function that opens it when it is
    needed. An item is about the entry of its number.
    """

    pictures: Sequence
    new: Sequence[Item]
    earlier_pictures: Sequence = ()
    earlier: Sequence[Item] = ()

    def __post_init__(self) -> None:
        if not self.new:
            raise ValueError("an exam needs at least one question about what is to be learned")
        for pictures, items in ((self.pictures, self.new), (self.earlier_pictures, self.earlier)):
            most = max((item.picture for item in items), default=-1)
            if most >= len(pictures):
                raise ValueError(f"a question is about picture number {most}, but there are only {len(pictures)}")


def several(entry: object) -> tuple:
    """One picture or a sequence of several -> all of them."""
    return tuple(entry) if isinstance(entry, Sequence) else (entry,)


def opened(picture: Image.Image | Callable[[], Image.Image]) -> Image.Image:
    """A picture that may first have to be opened."""
    return picture() if callable(picture) else picture


def looks_of(pictures: Sequence) -> list[list[int]]:
    """For every entry a number for each of its pictures: the same one for pictures that look the same."""
    return [[hash((image.size, image.tobytes())) for image in map(opened, several(entry))] for entry in pictures]


def clusters(pictures: Sequence, items: Sequence[Item]) -> list[int]:
    """For every item a number: the same one for items that share a picture, directly or through others."""
    looks, owner = looks_of(pictures), {}
    for number, seen in enumerate(looks):
        tied = {owner.get(look, number) for look in seen}
        owner |= {look: min(tied) for look in [*seen, *owner] if owner.get(look, number) in tied}
    return [owner[looks[item.picture][0]] if looks[item.picture] else item.picture for item in items]
