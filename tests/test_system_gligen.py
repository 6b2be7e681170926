"""GLIGEN: what stays frozen, which boxes are given, how a box's filling is measured, and when boxes count."""

import math

import pytest
import torch
from small_runs import every_arm, small
from standins_diffusion import awake, untaught

from labs.models.diffusion.gated import Boxes
from labs.systems import gligen
from labs.systems.parts import boxes_filled, first_stage, grounded, picture_judge, text_to_picture
from labs.systems.parts import shipped_in_four_bits as shipped
from labs.systems.parts.grounded import NEVER_BOXED, asked, inside, layouts, new_parts
from labs.systems.parts.picture_judge import Read, find, overlap, truth
from labs.systems.parts.small_pictures import draw_small, read_texts
from labs.world.captions import caption
from labs.world.scene import Scene, Thing

SHIPPED = grounded.shipped  # the one that opens the file
BOXED = Thing("square", "red", "big", 0.2, 0.2)
NEVER = Thing(NEVER_BOXED[0], "blue", "small", 0.8, 0.5)
TWO = Scene((BOXED, NEVER))


@pytest.fixture
def few(monkeypatch):
    """Two steps on a few pictures; the judge guesses."""
    monkeypatch.setattr(text_to_picture, "shipped", awake)
    monkeypatch.setattr(first_stage, "shipped", untaught)
    monkeypatch.setattr(grounded, "shipped", lambda: grounded.grounded("gated", 0))
    cached = (grounded.material, grounded.grounded, gligen.exam, gligen.made, picture_judge._learned)
    values = {
        grounded: {"TRAIN": 12, "STEPS": 2, "BATCH": 4}, gligen: {"HELDOUT": 12, "LOOKS": 2},
        picture_judge: {"KNOWN": 64, "STEPS": 2},
    }  # fmt: skip
    with small(cached, values):
        yield


# ---------------------------------------------------------------------------------------------------------------
# What learns


def test_gated_layers_learn_and_the_base_stays_bit_for_bit(few):
    base, new = awake().state_dict(), grounded.build(0)
    model = grounded.grounded("gated", 0)
    after = model.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in base.items())
    for before, part in zip(new_parts(new), new_parts(model), strict=True):
        assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), part.parameters(), strict=True))
    assert after.keys() - base.keys() == {n for n in after if n.startswith("grounding") or ".gated." in n}


def test_the_rival_tunes_everything(few):
    base, after = awake().state_dict(), grounded.grounded("everything", 0).state_dict()
    assert all(not torch.equal(after[name], base[name]) for name in ("enter.weight", "blocks.0.attention.query.weight"))
    with pytest.raises(ValueError, match="gated, everything"):
        grounded.teach(grounded.build(0), "half", 0)


def test_new_gates_are_closed_and_learned_ones_are_not(few):
    assert gligen.changed(0).values == [0.0] * 12
    assert not torch.equal(gligen.made("gated", "boxes", 0), gligen.made("base", "none", 0))
    assert torch.equal(gligen.made("gated", "none", 0), gligen.made("base", "none", 0))


def test_what_ships_is_opened_beside_the_base(few, tmp_path, monkeypatch):
    model = grounded.grounded("gated", 0)
    monkeypatch.setattr(shipped.labs, "home", lambda: tmp_path)
    shipped.keep(tmp_path / "data" / "finished" / grounded.FILE, grounded.to_keep(model))
    opened = SHIPPED()
    assert all(torch.equal(opened.state_dict()[name], weight) for name, weight in awake().state_dict().items())
    for kept, part in zip(new_parts(model), new_parts(opened), strict=True):
        for before, after in zip(kept.parameters(), part.parameters(), strict=True):
            torch.testing.assert_close(after, shipped.rounded(before))


# ---------------------------------------------------------------------------------------------------------------
# What is given


def test_shapes_that_never_come_with_boxes_have_none():
    given = layouts([TWO], NEVER_BOXED)
    assert given.taken.tolist() == [[True, False, False]] and layouts([TWO]).taken.tolist() == [[True, True, False]]
    called = asked(given).called
    torch.testing.assert_close(called[0, :2], read_texts(["red square", "blue star"]).states[:, 0])


def test_latents_count_more_where_they_meet_a_box_that_is_asked_for():
    boxed = inside(layouts([TWO], NEVER_BOXED))[0, 0]
    x0, y0, x1, y1 = (6 * truth([TWO]).boxes[0, 0]).tolist()
    expected = torch.zeros(6, 6)
    expected[math.floor(y0) : math.ceil(y1), math.floor(x0) : math.ceil(x1)] = 1
    assert torch.equal(boxed, expected) and 0 < expected.sum() < 18


def test_another_scenes_boxes_are_of_as_many_things(few):
    at, taken = layouts(gligen.exam()).at, layouts(gligen.exam()).taken
    moved = boxes_filled.elsewhere(at, gligen.exam())
    assert ((moved.sum(-1) > 0) == taken).all()
    assert sorted(moved[:, 0].tolist()) == sorted(at[:, 0].tolist()) and not torch.equal(moved, at)


def test_scenes_drawn_again_have_the_same_words(few):
    scenes, others = gligen.exam(), boxes_filled.same_words(gligen.exam(), 0)
    assert [caption(one) for one in scenes] == [caption(other) for other in others]
    assert not torch.equal(layouts(scenes).at, layouts(others).at)


class Counted(text_to_picture.Denoiser):
    """A denoiser that notes at which steps it got boxes."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.boxed = []

    def forward(self, noisy, steps, text, boxes=None):
        self.boxed.append(boxes is not None)
        return torch.zeros_like(noisy)


@pytest.mark.parametrize("tau, counted", [(1.0, 10), (0.4, 4), (0.0, 0)])
def test_boxes_count_in_the_first_share_of_the_steps(few, tau, counted):
    model = Counted()
    grounded.place(model, ["red square"], asked(layouts([TWO]))._replace(), torch.randn(1, 24, 6, 6), tau, looks=10)
    assert model.boxed == [True] * counted + [False] * (10 - counted)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def test_pixels_say_where_a_thing_is():
    scenes = [TWO, Scene((NEVER,), "gradient", (44, 47, 56)), Scene((BOXED,), "stripes", (206, 218, 230), 3)]
    true = truth(scenes)
    found = find(draw_small(scenes), true.names)
    assert overlap(found, true.boxes)[true.there].min() > 0.6 and (found[~true.there] == 0).all()


def test_a_box_is_filled_by_the_nearest_thing_of_its_colour(few, monkeypatch):
    scenes = (TWO,)
    true = truth(scenes)
    monkeypatch.setattr(gligen, "exam", lambda: scenes)
    monkeypatch.setattr(boxes_filled, "judge", lambda pictures: said)
    said = true
    assert gligen.fits_true(0).values == pytest.approx([1.0])
    assert gligen.fits_true(0, never=True).values == pytest.approx([1.0])
    other_shape = true.names.clone()
    other_shape[..., 0] = other_shape[..., 0].clamp(max=1)
    said = Read(other_shape, true.boxes)
    assert gligen.fits_true(0).values == pytest.approx([1.0])
    said = Read(true.names.roll(1, 1), true.boxes)  # the names moved on by a cell, the boxes stayed
    assert gligen.fits_true(0).values == [0.0]
    said = Read(true.names * 0, true.boxes)
    assert gligen.fits_true(0).values == [0.0]
    twice = true.names.clone()
    twice[0, 8] = twice[0, 0]
    said = Read(twice, true.boxes)
    assert gligen.fits_true(0).values == pytest.approx([1.0])


def test_a_thing_is_as_told_if_its_cell_shows_it_with_all_its_attributes(few, monkeypatch):
    scenes = (TWO,)
    monkeypatch.setattr(gligen, "exam", lambda: scenes)
    monkeypatch.setattr(gligen, "made", lambda *_: draw_small(scenes))
    names = truth(scenes).names
    one_more, other_size = names.clone(), names.clone()
    one_more[0, 8], other_size[0, 0, 2] = names[0, 0], 1 - names[0, 0, 2]
    for said, right in ((names, [1, 1]), (names.roll(2, 1), [0, 0]), (one_more, [1, 1]), (other_size, [0, 1])):
        monkeypatch.setattr(boxes_filled, "judge", lambda pictures, said=said: Read(said, torch.zeros(1, 9, 4)))
        assert gligen.drawn(0, "base") == (right, [0, 0])


def test_words_tell_where_a_big_thing_is_better_than_where_a_small_one_is():
    """A big thing nearly fills its cell; a small one may lie anywhere in it."""
    big, small_ones = (
        [Scene((Thing(NEVER.shape, "red", size, 0.5, 0.5),)) for _ in range(40)] for size in ("big", "small")
    )
    means = []
    for some in (big, small_ones):
        read_again = truth(boxes_filled.same_words(some, 0))
        assert boxes_filled.overlaps(read_again, some)[0] == []
        means.append(sum(boxes_filled.overlaps(read_again, some, never=True)[0]) / 40)
    assert means[0] > 0.8 and 0.1 < means[1] < 0.7


def test_every_arm_measures_the_same_things(few):
    for claim in gligen.claims():
        found = every_arm(claim, least=1)
        assert all(0 <= value <= 1 for one in found.values() for value in one.values), claim.name


def test_a_picture_with_its_boxes_for_the_notebook(few):
    for given in ("boxes", "none"):
        assert gligen.follow(grounded.build(0), TWO, given).size == (144, 144)
    assert isinstance(asked(layouts([TWO])), Boxes)
    for wrong in (("nobody", "boxes"), ("base", "nothing")):
        with pytest.raises(ValueError, match="must be one of"):
            gligen.made(*wrong, 0)
