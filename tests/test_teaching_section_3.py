"""What section 3 shows: connectors with their places, masks with their names."""

import pytest
import torch

from labs.systems.outcome import kept
from labs.systems.parts.connected import Connector
from labs.teaching import connectors
from labs.teaching.looking import looking


def test_places_are_those_of_the_seed():
    found = kept("blip2/fewer tokens")
    for seed in range(3):
        places = {arm: connectors.place(found, arm, seed) for arm in connectors.ARMS}
        by_place = sorted(places, key=places.get)
        means = [found.arms_by_seed[arm][seed].mean for arm in by_place]
        assert means == sorted(means, reverse=True) and min(places.values()) == 1


def test_of_a_connector_those_parameters_count_that_learn_from_a_picture():
    for kind, tokens in {(kind, max(2, tokens)) for kind, tokens in connectors.ARMS.values()}:  # one looks at itself
        one = Connector(kind, connectors.WIDTH, tokens)
        one(torch.randn(2, 36, 128)).square().sum().backward()
        assert connectors.used(one) == sum(p.numel() for p in one.parameters() if p.grad is not None and p.grad.any())


def test_a_dot_stands_for_every_seed_of_every_connector():
    axes = connectors.scatter().axes[0]
    drawn = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(drawn) == len(connectors.ARMS) and all(len(line.get_ydata()) == 3 for line in drawn)
    assert {text.get_text() for text in axes.get_legend().get_texts()} >= set(connectors.MARKS)


def test_each_mask_has_a_panel_and_all_names():
    mask = torch.tensor([[1, 0], [2, 1], [0, 2]])
    figure = looking({"one": mask, "two": mask}, ["a", "b", "c"], ["x", "y"], ["reads", "sees"])
    for axes, title in zip(figure.axes, ("one", "two"), strict=True):
        assert axes.get_title() == title and [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["reads", "sees"]


def test_a_third_way_of_looking_is_refused():
    with pytest.raises(ValueError, match="shades for 2 ways, named are a, b, c"):
        looking({"one": torch.zeros(1, 1, dtype=torch.int64)}, ["x"], ["y"], ["a", "b", "c"])


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="'one' is .2, 2., named are 1 rows, 2 columns"):
        looking({"one": torch.zeros(2, 2, dtype=torch.int64)}, ["a"], ["x", "y"], ["reads"])
