"""A library of cards: each shows two things and states two facts that no picture tells and no weights hold.

    red star, blue ring: bottom left, three        where the two are kept, and at what price

Facts are drawn anew for every library, so that who answers rightly has read the card, or has learned that very library.
Places and numbers are words that the bundled models can say; where things stand in the picture says nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from labs.evaluation.metrics import exact_match
from labs.systems.claim import Scores
from labs.world import splits
from labs.world.scene import Scene, sample_background, sample_thing
from labs.world.vocabulary import NUMBERS, PLACES

SIZE, VIEWS = 150, 1  # cards of a library; pictures of each card's things that questions are asked about
DRAWN = 1  # which draw of libraries: one of the first was looked at too early
QUESTION = "Where is it kept, and at what price?"
VALUES = {"place": PLACES, "price": NUMBERS}
CHANCE = sum(1 / len(values) for values in VALUES.values()) / len(VALUES)  # of guessing a fact


@dataclass(frozen=True)
class Card:
    """What is on a card: its picture, and the place and the price of what that shows."""

    picture: Scene
    place: str
    price: str

    @property
    def name(self) -> str:
        """The things in words, in reading order of the card's own picture."""
        return ", ".join(f"{thing.colour} {thing.shape}" for thing in self.picture.things)

    @property
    def text(self) -> str:
        """What a reader is given of it: the picture is for the retriever alone."""
        return f"{self.name}: {self.answer}"

    @property
    def answer(self) -> str:
        """Place and price."""
        return f"{self.place}, {self.price}"


@dataclass(frozen=True)
class Query:
    """A new picture of what a card shows, whose number is `card`."""

    picture: Scene
    card: int


@cache
def library(split: str, seed: int, edition: int = 0) -> tuple[Card, ...]:
    """Cards of different pairs of things of a split. Another edition states other facts about the same."""
    return tuple(
        Card(picture, *facts)
        for picture, facts in zip(_pictures(split, seed), draw_facts(f"{split} {seed} {edition}", SIZE), strict=True)
    )


def draw_facts(name: str, count: int) -> list[tuple[str, str]]:
    """Places and prices, each about as often as any other, in an order of their own."""
    rng, columns = random.Random(f"facts {name}"), []
    for values in VALUES.values():
        column = [values[number % len(values)] for number in range(count)]
        rng.shuffle(column)
        columns.append(column)
    return list(zip(*columns, strict=True))


@cache
def queries(split: str, seed: int, views: int | None = None) -> tuple[Query, ...]:
    """So many new pictures of what each card of a library shows, VIEWS where no number is named."""
    views = views or VIEWS
    rng = random.Random(f"queries {split} {seed} {views}")
    cards = _pictures(split, seed)
    return tuple(Query(seen_again(card, rng), number) for _ in range(views) for number, card in enumerate(cards))


def seen_again(scene: Scene, rng: random.Random) -> Scene:
    """The same kinds of things in other places, sizes and light, before another wall."""
    cells = rng.sample(range(9), len(scene.things))
    things = [sample_thing(rng, cell, one.shape, one.colour) for cell, one in zip(cells, scene.things, strict=True)]
    return Scene(tuple(things), **sample_background(rng))


@cache
def _pictures(split: str, seed: int) -> tuple[Scene, ...]:
    """Scenes of two things; no two scenes show the same two."""
    rng, found = random.Random(f"library {split} {seed} {DRAWN}"), {}
    while len(found) < SIZE:
        scene = splits.sample(rng, split, count=2)
        found.setdefault(tuple(sorted((thing.colour, thing.shape) for thing in scene.things)), scene)
    return tuple(found.values())


def scored(said: Sequence[str], split: str, seed: int, edition: int = 0) -> Scores:
    """1 for each fact that is right in the answer about each query; the facts of one card stand or fall together."""
    cards, values, numbers = library(split, seed, edition), [], []
    for text, query in zip(said, queries(split, seed), strict=True):
        place, _, price = text.partition(", ")
        card = cards[query.card]
        values += [exact_match(place, card.place), exact_match(price, card.price)]
        numbers += [query.card] * len(VALUES)
    return Scores(values, numbers)
