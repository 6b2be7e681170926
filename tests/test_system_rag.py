"""Retrieval: libraries, what lies beside a picture, rankings beside their definition, and every arm once."""

import random

import pytest
import torch
from small_runs import every_arm, small

from labs.models.chat import message
from labs.models.conversation import write
from labs.systems import rag
from labs.systems.parts import joint_space, rag_library, rag_reader, rag_reranker, rag_retriever
from labs.systems.parts.limit_tuning import Said, load
from labs.world.picture import draw
from labs.world.splits import is_held_out
from labs.world.vocabulary import NUMBERS, PLACES

CACHED = (
    rag_library.library, rag_library.queries, rag_library._pictures, rag_retriever.nearest, rag_reranker.reordered,
    rag_reader.taught, rag.beside, rag.said, rag.by_heart,
)  # fmt: skip
SIZES = {
    rag_library: {"SIZE": 12, "VIEWS": 1}, rag_reader: {"STEPS": 1, "VIEWS": 1, "BATCH": 4},
}  # fmt: skip


@pytest.fixture
def cheap():
    """A dozen cards and one step; what was made so is forgotten afterwards."""
    with small(CACHED, SIZES):
        yield


# ---------------------------------------------------------------------------------------------------------------
# The library


def test_facts_are_as_often_one_as_another_and_those_of_another_edition_are_others(cheap):
    facts = rag_library.draw_facts("any", 54)
    assert {place: [p for p, _ in facts].count(place) for place in PLACES} == dict.fromkeys(PLACES, 6)
    assert {price: [p for _, p in facts].count(price) for price in NUMBERS} == dict.fromkeys(NUMBERS, 9)
    old, new = (rag_library.library("heldout", 0, edition) for edition in (0, 1))
    assert [card.picture for card in old] == [card.picture for card in new] and old != new


def test_cards_are_of_their_split_and_no_two_show_the_same(cheap):
    for split in ("train", "heldout"):
        cards = rag_library.library(split, 0)
        assert len({frozenset(card.name.split(", ")) for card in cards}) == len(cards) == 12
        assert all(is_held_out(card.picture) == (split == "heldout") for card in cards)


def test_a_query_shows_what_its_card_shows_and_the_answer_stands_on_that_card(cheap):
    cards = rag_library.library("heldout", 0)
    for query in rag_library.queries("heldout", 0):
        card = cards[query.card]
        named = {f"{thing.colour} {thing.shape}" for thing in query.picture.things}
        assert named == set(card.name.split(", ")) and query.picture != card.picture
        assert card.text == f"{card.name}: {card.place}, {card.price}"


def test_each_fact_is_scored_by_itself(cheap):
    cards, seen = rag_library.library("heldout", 0), rag_library.queries("heldout", 0)
    said = [cards[query.card].answer for query in seen]
    assert rag_library.scored(said, "heldout", 0).values == [1.0] * 24
    said[0], said[1], said[2] = "no", "", said[2].split(",")[0]
    assert rag_library.scored(said, "heldout", 0).values == [0.0] * 4 + [1.0, 0.0] + [1.0] * 18
    assert rag_library.scored(said, "heldout", 0).scenes == [query.card for query in seen for _ in range(2)]


# ---------------------------------------------------------------------------------------------------------------
# Retriever and reranker


def test_cards_come_in_the_order_of_their_pictures_cosine(cheap):
    found = rag_retriever.nearest("heldout", 0, 1, 5)
    keys = joint_space.see([card.picture for card in rag_library.library("heldout", 0)])
    for query, order in zip(rag_library.queries("heldout", 0), found, strict=True):
        one = joint_space.see([query.picture])[0]
        cosines = [torch.dot(one, key).item() for key in keys]
        assert list(order) == sorted(range(12), key=lambda n: -cosines[n])[:5]


def test_how_sure_a_card_is_equals_both_answers_read_one_by_one(cheap):
    query, loaded = rag_library.queries("heldout", 0)[0], load()
    cards, picture = rag_library.library("heldout", 0)[:2], draw(query.picture)
    asked = [rag_reranker.questions(card) for card in cards]
    found = rag_reranker.sure(loaded, [picture], [asked])
    yes, end = loaded.processor.tokenizer("yes</s>")["input_ids"]
    for column, two in enumerate(asked):
        expected = 0.0
        for text in two:
            inputs = write(loaded.processor, [message(text)], [picture])
            length = inputs["input_ids"].shape[1]
            inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([[yes, end]])], 1)
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
            with torch.no_grad():
                logits = loaded.model(**inputs).logits[0].log_softmax(-1)
            expected += (logits[length - 1, yes] + logits[length, end]).item()
        assert found[0, column].item() == pytest.approx(expected, abs=1e-3)


def test_reranking_brings_no_card_that_was_not_retrieved(cheap):
    pools = rag_retriever.nearest("heldout", 0, 1, rag_reranker.POOL)
    for pool, order in zip(pools, rag_reranker.reordered(0), strict=True):
        assert sorted(pool) == sorted(order)


def test_what_lies_beside_a_query(cheap):
    seen = rag_library.queries("heldout", 0)
    for which in ("retrieved", "reranked", "oracle", "others"):
        chosen = rag.beside(0, which, 3)
        assert all(len(set(cards)) == 3 for cards in chosen)
        there = [query.card in cards for query, cards in zip(seen, chosen, strict=True)]
        assert which not in ("oracle", "others") or set(there) == {which == "oracle"}
    with pytest.raises(ValueError, match="^which must be retrieved, .*, not 'best'$"):
        rag.beside(0, "best", 3)


# ---------------------------------------------------------------------------------------------------------------
# Lessons


def talk(record) -> tuple[list[str], str]:
    """The lines of the question and the answer."""
    asked, told = ("".join(part.get("text", "") for part in turn["content"]) for turn in record.messages)
    return asked.split("\n"), told


@pytest.mark.parametrize("way", ["retrieved", "by lot", "perfect"])
def test_a_lesson_s_answer_stands_on_the_card_if_that_is_about_the_picture_and_is_no_otherwise(cheap, way):
    cards, told = rag_library.library("train", 0), []
    seen = [query for query in rag_library.queries("train", 0, rag_reader.VIEWS) for _ in range(2)]
    for record, query in zip(rag_reader.lessons(0, way), seen, strict=True):
        (card, question), answer = talk(record)
        name, facts = card.split(": ")
        assert question == rag_library.QUESTION
        assert answer == (facts if name == cards[query.card].name else rag_reader.NO)
        told.append(answer)
    assert rag_reader.NO not in told[::2]
    assert set(told[1::2]) == {rag_reader.NO} if way != "perfect" else rag_reader.NO not in told


def test_wrong_cards_are_the_nearest_or_any(cheap):
    ranked = rag_retriever.nearest("train", 0, 1, rag_reader.HARD + 1)
    for way in ("retrieved", "by lot"):
        drawn = set()
        for query, order in zip(rag_library.queries("train", 0), ranked, strict=True):
            wrong = {rag_reader.wrong_card(query, order, way, random.Random(n)) for n in range(60)}
            assert query.card not in wrong and (wrong < set(order)) == (way == "retrieved")
            drawn |= wrong
        assert way == "retrieved" or drawn == set(range(12))


def test_with_the_book_closed_the_very_facts_of_the_exam_are_learned(cheap):
    cards, seen = rag_library.library("heldout", 0), rag_library.queries("heldout", 0, 2 * rag_reader.VIEWS)
    assert len(seen) == len(rag_reader.lessons(0, "perfect"))
    for record, query in zip(rag_reader.lessons(0, "closed"), seen, strict=True):
        assert talk(record) == ([rag_library.QUESTION], cards[query.card].answer)


def test_the_surest_answer_that_is_not_no_counts():
    said = [Said("no", 0.9), Said("top, one", 0.3), Said("left, two", 0.4)]
    assert rag_reader.surest(said) == "left, two" and rag_reader.surest(said[:2]) == "top, one"
    assert rag_reader.surest(said[:1]) == rag_reader.surest([]) == ""


def test_what_is_read_from_the_pool_is_what_is_read_from_its_cards_alone(cheap):
    beside, model = rag.beside(0, "oracle", 3), rag_reader.taught(0, "perfect")
    alone = [rag_reader.surest(some) for some in rag_reader.read(model, 0, beside)]
    assert rag.answer(0, "perfect", "oracle", 3) == alone


def test_other_ways_are_refused(cheap):
    with pytest.raises(ValueError, match="^way must be one of .*, not 'open'$"):
        rag_reader.lessons(0, "open")


def test_one_cheap_run_of_every_arm(cheap):
    for claim in rag.claims():
        found = every_arm(claim)
        assert all(set(one.values) <= {0.0, 1.0} for one in found.values()), claim.name
