"""Figures of the summary: what is drawn is what was judged."""

import pytest

from labs.systems.parts.limit_trust import Judged
from labs.teaching.limits_view import counts, coverage, trust, two
from labs.world.picture import draw
from labs.world.scene import Scene


def judged() -> Judged:
    """Ten answers at 95 %, nine of them right; ten at 15 %, one of them right."""
    return Judged((0.95,) * 10 + (0.15,) * 10, (1.0,) * 9 + (0.0,) + (1.0,) + (0.0,) * 9)


def test_tenths_with_few_answers_are_left_out():
    figure = trust({"sharp": Judged((0.95,) * 4 + (0.15,) * 10, (1.0,) * 14)})
    assert list(figure.axes[0].lines[1].get_xdata()) == [pytest.approx(15)]


def test_the_surest_come_first():
    shares, right = coverage(judged())
    assert shares[0] == 0.1 and right[0] == 1.0
    assert shares[-1] == 1.0 and right[-1] == 0.5
    assert right[shares.index(0.5)] == 0.9


def test_each_view_is_a_line_of_its_own():
    figure = trust({"sharp": judged(), "blurred": judged()})
    left, right = figure.axes
    assert len(left.lines) == 3 and len(right.lines) == 2
    assert left.lines[1].get_linestyle() != left.lines[2].get_linestyle()
    assert list(left.lines[1].get_ydata()) == [pytest.approx(10), pytest.approx(90)]


def test_counts_are_drawn_in_percent_beside_chance():
    (axes,) = counts({"few": [1.0, 0.5], "evenly": [0.75, 0.25]}, 0.5).axes
    assert list(axes.lines[0].get_xdata()) == [1, 2] and list(axes.lines[0].get_ydata()) == [100, 50]
    assert axes.lines[2].get_ydata()[0] == 50


def test_two_pictures_bear_their_captions():
    figure = two([draw(Scene(()))] * 2, ["one", "other"])
    assert [axes.get_title() for axes in figure.axes] == ["one", "other"]
