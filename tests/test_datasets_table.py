"""The table of data sets: rows keep their rules, say where their figures come from, and find a place in the plot."""

from collections import Counter
from dataclasses import replace

import pytest

from labs.teaching import datasets
from labs.teaching.datasets import KINDS, STATES, USES, read, size_in_words
from labs.teaching.looks import COLOURS

ROWS = read()
SENSES = {"picture", "text", "boxes", "video", "sound", "motion", "thermal", "depth", "points", "radar", "ecg"}


def test_every_kind_and_every_use_is_there_and_no_name_twice():
    assert {row.kind for row in ROWS} == set(KINDS) and {row.use for row in ROWS} == set(USES)
    assert max(Counter(row.name for row in ROWS).values()) == 1
    assert 45 <= len(ROWS) <= 65


def test_two_figures_of_three_have_been_looked_up_and_every_other_says_that_it_was_not():
    states = Counter(row.status for row in ROWS)
    assert set(states) <= set(STATES) and states["checked"] >= 2 * len(ROWS) / 3


def test_rows_are_plausible_and_short_enough_to_read():
    for row in ROWS:
        assert 2009 <= row.year <= 2026 and row.size < 10**11, row.name
        assert row.senses and set(row.senses) <= SENSES, row.name
        assert row.unit.isalpha() and row.licence and 3 <= len(row.note.split()) <= 16, row.name
        assert not row.note.endswith(".") and len(row.name) <= 28, row.name


def test_rows_of_a_kind_stand_together_in_the_order_of_years():
    order = list(KINDS)
    keys = [(order.index(row.kind), row.year, row.name) for row in ROWS]
    assert keys == sorted(keys)


@pytest.mark.parametrize("column, wrong", [("kind", "smell"), ("use", "decoration"), ("status", "surely"),
                                           ("licence_status", "surely")])  # fmt: skip
def test_a_word_that_the_table_does_not_know_is_refused(column, wrong):
    with pytest.raises(ValueError, match=f"{column} of .* must be one of .*, not '{wrong}'"):
        replace(ROWS[0], **{column: wrong})


@pytest.mark.parametrize("wrong", [{"size": 0}, {"source": "somewhere"}])
def test_a_row_without_size_or_source_is_refused(wrong):
    with pytest.raises(ValueError, match="needs a size above 0 and an https source"):
        replace(ROWS[0], **wrong)


def test_what_nobody_has_checked_is_marked():
    checked = replace(ROWS[0], size=5_850_000_000, unit="pairs", status=STATES[0], licence_status=STATES[1])
    assert checked.amount == "5.85 billion pairs" and checked.terms == f"{checked.licence} ?"
    assert replace(checked, status=STATES[2]).amount == "5.85 billion pairs ?"


@pytest.mark.parametrize("size, words", [(999, "999"), (45_336, "45,336"), (3_318_333, "3.32 million"),
                                         (12_800_000_000, "12.8 billion")])  # fmt: skip
def test_large_numbers_are_read_as_words(size, words):
    assert size_in_words(size) == words


def test_the_plot_names_every_set_and_no_two_labels_meet():
    figure = datasets.plot(ROWS)
    figure.draw_without_rendering()
    named = [text for axes in figure.axes for text in axes.texts]
    assert sorted(text.get_text() for text in named) == sorted(row.name for row in ROWS)
    unchecked = {row.name for row in ROWS if row.status != STATES[0]}
    assert {text.get_text() for text in named if text.get_style() == "italic"} == unchecked
    for axes in figure.axes:
        assert axes.get_yscale() == "log" and axes.get_xlabel()
        boxes = [text.get_window_extent().shrunk(0.97, 0.8) for text in axes.texts]
        meeting = [(a, b) for a in range(len(boxes)) for b in range(a) if boxes[a].overlaps(boxes[b])]
        assert not [(axes.texts[a].get_text(), axes.texts[b].get_text()) for a, b in meeting]


def test_the_plot_gives_each_kind_its_colour():
    colours = {row.name: COLOURS[KINDS[row.kind]] for row in ROWS}
    for axes in datasets.plot(ROWS).axes:
        assert all(text.get_color() == colours[text.get_text()] for text in axes.texts)
