"""Cards found by composed queries: the query is true, the measure counts what it says, neither side alone is enough."""

import random
import re
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from labs.world.domains import retrieval
from labs.world.domains.retrieval import DECK, VALUES, Card, Case
from labs.world.splits import HELD_OUT_PAIRS, SPLITS
from labs.world.vocabulary import COLOURS

NUMBERS = ("one", "two", "three", "four")
KINDS = {"count", "step", "size", "colour", "shape", "two"}


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Case]]:
    return {split: [retrieval.sample(random.Random(i), split) for i in range(1500)] for split in SPLITS}


def changed_by(text: str, shown: Card) -> Card:
    """Follow the words of a question, with patterns of this file's own."""
    plain, step = re.sub("(find this card|like this one|with one (more|fewer))", "", text.lower()), "with one " in text
    found = [(name, value) for name, values in VALUES.items() for value in values if re.search(rf"\b{value}\b", plain)]
    new = dict(found)
    assert len(new) == len(found)
    if "one more" in text or "one fewer" in text:
        assert step and "count" not in new
        new["count"] = NUMBERS[NUMBERS.index(shown.count) + (1 if "more" in text else -1)]
    return replace(shown, **new)


@pytest.mark.parametrize("split", SPLITS)
def test_the_words_turn_the_card_shown_into_the_card_wanted(drawn, split):
    kinds = Counter()
    for number, case in enumerate(drawn[split]):
        (one,) = retrieval.questions(case, random.Random(number))
        wanted = changed_by(one.text, case.shown)
        assert wanted == case.wanted != case.shown
        assert one.answer == f"{wanted.count} {wanted.size} {wanted.colour} {wanted.shape}"
        assert (one.kind == "two") == (len(case.changed) == 2)
        kinds[one.kind] += 1
    assert set(kinds) == KINDS and min(kinds.values()) > 20


def test_training_never_shows_or_asks_for_a_held_out_pair_and_a_held_out_case_always_asks_for_one(drawn):
    for case in drawn["train"]:
        assert not {(card.colour, card.shape) for card in (case.shown, case.wanted)} & HELD_OUT_PAIRS
    assert all((case.wanted.colour, case.wanted.shape) in HELD_OUT_PAIRS for case in drawn["heldout"])
    wanted = {split: {case.wanted for case in drawn[split]} for split in SPLITS}
    assert not wanted["train"] & wanted["heldout"]
    assert len(wanted["train"]) > 230 and len(wanted["heldout"]) == 48  # all 240 and all 48 there are, or nearly
    for name, values in VALUES.items():  # each single word is met in both
        assert all({getattr(card, name) for card in wanted[split]} == set(values) for split in SPLITS)


@pytest.mark.parametrize("split", SPLITS)
def test_no_answer_is_frequent(drawn, split):
    counts = Counter(case.wanted.query for case in drawn[split])
    assert max(counts.values()) / len(drawn[split]) < {"train": 0.02, "heldout": 0.05}[split]


# ---------------------------------------------------------------------------------------------------------------
# The measure


def test_the_true_query_finds_each_card_first_and_a_wrong_or_empty_one_does_not():
    for card, other in zip(DECK, DECK[1:] + DECK[:1], strict=True):
        assert retrieval.score(card.query, card) == 1.0
        assert retrieval.score(other.query, card) == 0.0
    for nothing in ("", "yes", "a card", "five thick gold rhombus"):
        assert retrieval.score(nothing, DECK[0], k=288) == 0.0


def test_order_case_and_other_words_do_not_matter_but_two_values_of_one_attribute_do():
    card = Card("two", "big", "red", "star")
    assert retrieval.score("The star: red, BIG, two of them.", card) == 1.0
    assert retrieval.read("two big red blue star") == {"count": "two", "size": "big", "shape": "star"}
    everything = " ".join(value for values in VALUES.values() for value in values)
    assert retrieval.score(everything, card, k=288) == 0.0


def test_a_query_that_fits_many_cards_finds_one_as_often_as_chance():
    card = Card("two", "big", "red", "star")
    assert retrieval.score("big red star", card) == pytest.approx(1 / 4)
    assert retrieval.score("red", card) == pytest.approx(1 / 48)
    assert retrieval.score("red", card, k=12) == pytest.approx(12 / 48)
    assert retrieval.score("red", card, k=48) == retrieval.score("red", card, k=288) == 1.0
    # One attribute is wrong: the card of the query comes first, then the 3 + 1 + 5 + 5 that share three with it.
    assert retrieval.score("three big red star", card) == 0.0
    assert retrieval.score("three big red star", card, k=2) == pytest.approx(1 / 14)
    assert retrieval.score("three big red star", card, k=2, deck=[card, Card("three", "big", "red", "star")]) == 1.0


def test_the_expected_recall_is_that_of_decks_in_random_order():
    rng, wanted, query = random.Random(0), Card("two", "big", "red", "star"), "two small red"
    fits = {card: sum(word in card.query.split() for word in query.split()) for card in DECK}
    found = 0
    for _ in range(1000):
        found += wanted in sorted(rng.sample(DECK, len(DECK)), key=lambda card: -fits[card])[:30]
    assert found / 1000 == pytest.approx(retrieval.score(query, wanted, k=30), abs=0.05)


def test_recall_grows_with_k_and_not_with_the_order_of_the_deck(drawn):
    for case in drawn["train"][:40]:
        query = retrieval.words_only(case) or case.shown.query
        recalls = [retrieval.score(query, case.wanted, k) for k in (1, 5, 10, 50, 288)]
        assert recalls == sorted(recalls)
        assert recalls[2] == pytest.approx(retrieval.score(query, case.wanted, 10, DECK[::-1]))


@pytest.mark.parametrize("split", SPLITS)
def test_neither_the_picture_nor_the_words_alone_find_the_card(drawn, split):
    for baseline, least, most in ((retrieval.picture_only, 0.0, 0.0), (retrieval.words_only, 0.02, 0.08)):
        queries = [(baseline(case), case.wanted) for case in drawn[split][:400]]
        recall = {k: sum(retrieval.score(*pair, k) for pair in queries) / len(queries) for k in (1, 10)}
        assert least <= recall[1] <= most < recall[10] < 0.5


@pytest.mark.parametrize("split", SPLITS)
def test_not_even_a_reader_of_one_side_who_knows_all_frequencies_finds_the_card(split):
    joint = defaultdict(float)  # how often a card is shown, words are said and a card is wanted, up to a factor
    for names in retrieval.CHANGES:
        cases = [Case(*pair) for pair in product(DECK, DECK) if pair[0] != pair[1] and changes(*pair) == names
                 if possible(*pair, split)]  # fmt: skip
        for case in cases:
            near = abs(steps(case)) == 1
            for one in (case, replace(case, step=True)) if near else (case,):
                step = steps(case) if one.step else 0
                words = (retrieval.words_only(one), step)
                joint[case.shown, words, case.wanted] += 1 / len(cases) / (1 + near)
    assert sum(joint.values()) == pytest.approx(len(retrieval.CHANGES))
    for side in (0, 1):
        seen = defaultdict(Counter)
        for key, weight in joint.items():
            seen[key[side]][key[2]] += weight
        right = sum(max(counts.values()) for counts in seen.values()) / len(retrieval.CHANGES)
        # A held-out card has one of six pairs of colour and shape: who knows them can tell one from the other.
        assert right < {"train": 0.11, "heldout": 0.21}[split], side


def steps(case: Case) -> int:
    return NUMBERS.index(case.wanted.count) - NUMBERS.index(case.shown.count)


def changes(shown: Card, wanted: Card) -> tuple[str, ...]:
    return tuple(name for name in VALUES if getattr(shown, name) != getattr(wanted, name))


def possible(shown: Card, wanted: Card, split: str) -> bool:
    kept = [(card.colour, card.shape) in HELD_OUT_PAIRS for card in (shown, wanted)]
    return kept[1] if split == "heldout" else not any(kept)


# ---------------------------------------------------------------------------------------------------------------
# What is drawn


def signs(case: Case, size: int) -> np.ndarray:
    """Where the card shows the colour of its signs: bool (size, size)."""
    picture = np.asarray(retrieval.draw(case, size)).astype(int)
    return np.abs(picture - np.array(COLOURS[case.shown.colour])).max(axis=2) < 40


@pytest.mark.parametrize("size", [72, 224])
def test_there_are_as_many_signs_as_told_of_the_size_told(drawn, size):
    for case in drawn["train"][:150]:
        mask, half = signs(case, size), size // 2
        parts = [mask[half * row :][:half, half * column :][:, :half] for row, column in product((0, 1), repeat=2)]
        assert tuple(i for i, part in enumerate(parts) if part.any()) == case.quarters
        assert len(case.quarters) == NUMBERS.index(case.shown.count) + 1
        for quarter in case.quarters:
            rows, columns = np.nonzero(parts[quarter])
            least, most = {"small": (0.08, 0.19), "big": (0.2, 0.33)}[case.shown.size]
            assert least < max(np.ptp(rows), np.ptp(columns)) / size < most


def test_each_of_the_288_cards_looks_different():
    pictures = set()
    for card in DECK:
        other = replace(card, size="small" if card.size == "big" else "big")
        pictures.add(retrieval.draw(Case(card, other)).tobytes())
    assert len(pictures) == len(DECK) == 288


def test_the_picture_shows_nothing_of_what_is_wanted(drawn):
    for case in drawn["train"][:20]:
        size = "small" if case.shown.size == "big" else "big"
        other = replace(case, wanted=replace(case.shown, size=size), step=False)
        picture = retrieval.draw(case)
        assert picture.mode == "RGB" and picture.size == (72, 72)
        assert picture.tobytes() == retrieval.draw(other).tobytes() == retrieval.draw(case).tobytes()


def test_the_seed_decides():
    def made(seed: int) -> list:
        rng = random.Random(seed)
        return [(case := retrieval.sample(rng, "heldout"), retrieval.questions(case, rng)) for _ in range(20)]

    assert made(0) == made(0) != made(1)


CARD = Card("two", "big", "red", "star")


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: retrieval.sample(random.Random(0), "test"), r"split must be one of \('train', .*\), not 'test'"),
        (lambda: Card("five", "big", "red", "star"), r"count must be one of \('one', .*\), not 'five'"),
        (lambda: Card("one", "big", "pink", "star"), r"colour must be one of \('red', .*\), not 'pink'"),
        (lambda: Case(CARD, CARD), "one or two attributes must change, not 0"),
        (lambda: Case(CARD, Card("one", "small", "red", "heart")), "one or two attributes must change, not 3"),
        (lambda: Case(CARD, replace(CARD, count="four"), step=True), "from a count to the next, not from two to four"),
        (lambda: Case(CARD, replace(CARD, count="three"), quarters=(0,)), "two signs need a quarter each, not .0,."),
        (lambda: retrieval.score("red", CARD, k=0), "k must be at least 1, not 0"),
        (lambda: retrieval.score("red", CARD, deck=DECK[:3]), "'two big red star' must be in the deck exactly once"),
        (lambda: retrieval.draw(retrieval.sample(random.Random(0)), 32), "size must be at least 64 pixels, not 32"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
