"""The reader: mini-llava with adapters, which answers about a picture from a card that lies beside it, or says no.

    <user> picture, card, question <assistant> bottom left, three        where the card is about what the picture shows
                                               no                        where it is about something else

Of several cards each is read by itself, and the surest answer counts (RAG-Sequence without its sum, Lewis et al., 2020,
https://arxiv.org/abs/2005.11401). What lay beside the pictures in lessons is all that differs between ways to learn:

    retrieved   of each picture's two lessons one is with a wrong card, of the first that the retriever brings
    by lot      the same, but the wrong card is drawn by lot
    perfect     both are with the right card, which states other facts
    closed      no card: it learns the very facts that it is asked for, from new pictures of what the cards show
"""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from labs.data import records
from labs.models import catalog
from labs.models.entry import Loaded
from labs.models.pictures import as_png
from labs.systems.parts import rag_library as lib
from labs.systems.parts.camera import entry_of
from labs.systems.parts.limit_tuning import Said, ask
from labs.systems.parts.rag_library import Card, Query
from labs.systems.parts.rag_retriever import nearest
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.world.picture import draw

WAYS = ("retrieved", "by lot", "perfect", "closed")
NO = "no"
VIEWS, STEPS, BATCH = 16, 300, 16  # pictures of each card's things in lessons; each lesson is learned once
HARD = 3  # wrong cards that the retriever brings first, of which a lesson has one
RANK, RATE = 16, 4e-3
LONGEST = 6  # tokens of an answer


@cache
def taught(seed: int, way: str) -> Loaded:
    """The model after its lessons; the seed draws lessons, adapter and batches."""
    return teach(lessons(seed, way), seed, STEPS)


def teach(taught_on: records.Records, seed: int, steps: int) -> Loaded:
    """A freshly loaded mini-llava with adapters after so many steps; frozen."""
    loaded = catalog.load("multimodal", "mini")
    model = add_lora(loaded.model, LoraSpec(r=RANK, lora_alpha=2 * RANK), seed)
    with TemporaryDirectory() as folder:
        fit(
            model, loaded.processor, taught_on, [], Path(folder) / "run", steps=steps, batch=BATCH,
            learning_rate=RATE, seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    return Loaded(loaded.entry, model.requires_grad_(False), loaded.processor)


def lessons(seed: int, way: str) -> records.Records:
    """Two lessons about each picture, with a card each. Raises ValueError for a way that there is not.

    Cards are of training scenes and state other facts in every lesson, so that none can be learned by heart; only who
    learns with the book closed is given the facts of the exam's library.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, not {way!r}")
    if way == "closed":
        cards, seen = lib.library("heldout", seed), lib.queries("heldout", seed, 2 * VIEWS)
        pairs = [(lib.QUESTION, cards[query.card].answer) for query in seen]
        entries = [_entry(query, pair) for query, pair in zip(seen, pairs, strict=True)]
        return records.of(entries, "lessons with the book closed")
    cards, ranked = lib.library("train", seed), nearest("train", seed, VIEWS, HARD + 1)
    entries = []
    for number, query in enumerate(lib.queries("train", seed, VIEWS)):
        rng = random.Random(f"lesson {seed} {number}")
        other = query.card if way == "perfect" else wrong_card(query, ranked[number], way, rng)
        for beside in (query.card, other):
            card = restated(cards[beside], rng)
            entries.append(_entry(query, (question(card), card.answer if beside == query.card else NO)))
    return records.of(entries, f"lessons with cards, {way}")


def _entry(query: Query, pair: tuple[str, str]) -> dict:
    return entry_of([as_png(draw(query.picture))], [pair])


def wrong_card(query: Query, ranked: Sequence[int], way: str, rng: random.Random) -> int:
    """The number of a card that is about something else: one of the nearest, or any."""
    pool = ranked if way == "retrieved" else range(lib.SIZE)
    return rng.choice([number for number in pool if number != query.card][: HARD if way == "retrieved" else None])


def restated(card: Card, rng: random.Random) -> Card:
    """The same card with other facts."""
    return Card(card.picture, *(rng.choice(values) for values in lib.VALUES.values()))


def question(card: Card) -> str:
    """What a reader reads after the picture."""
    return f"{card.text}\n{lib.QUESTION}"


# ---------------------------------------------------------------------------------------------------------------
# Exams


def read(reader: Loaded, seed: int, beside: Sequence[Sequence[int]], edition: int = 0) -> list[list[Said]]:
    """What it says of each held-out query, with each of the cards of these numbers beside it in turn."""
    cards, seen = lib.library("heldout", seed, edition), lib.queries("heldout", seed)
    pictures = [draw(query.picture) for query in seen]
    asked = [(picture, question(cards[number])) for picture, some in zip(pictures, beside, strict=True)
             for number in some]  # fmt: skip
    said = iter(ask(reader, *map(list, zip(*asked, strict=True)), LONGEST))
    return [[next(said) for _ in some] for some in beside]


def recalled(reader: Loaded, seed: int) -> list[str]:
    """What it says with no card."""
    seen = lib.queries("heldout", seed)
    said = ask(reader, [draw(query.picture) for query in seen], [lib.QUESTION] * len(seen), LONGEST)
    return [one.text for one in said]


def surest(said: Sequence[Said]) -> str:
    """Of the answers that are not no the surest; nothing where there is none."""
    return max((one for one in said if one.text != NO), key=lambda one: one.sure, default=Said("", 0.0)).text
