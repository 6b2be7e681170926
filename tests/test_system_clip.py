"""CLIP: the loss beside the library's, what counts as right, tests that can be failed, and one cheap run of an arm."""

import pytest
import torch
from small_runs import small

from labs.systems import clip
from labs.systems.parts import eyes, small_clip
from labs.systems.parts.contrastive import NAMES, contrastive_loss, embed_pictures, embed_texts, read, related
from labs.systems.parts.scoops import scoops
from labs.world.splits import has_held_out_pair, is_held_out


@pytest.fixture
def cheap():
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    cached = (small_clip.training_set, small_clip.trained, clip.single_things, scoops, clip.scoop_pictures)
    learning = {"STEPS": {"pixels": 2, "features": 3}, "PAIRS": 64, "BATCH": 16}
    with small(cached, {small_clip: learning, clip: {"TESTED": 24}}):
        yield


def test_the_loss_is_the_librarys_where_each_caption_is_right_for_one_picture():
    model, texts = clip.build(0).eval(), ["a red circle", "a blue star", "two"]
    pixels, tokens = torch.rand(3, 3, 72, 72), read(texts)
    expected = model(pixel_values=pixels, **tokens, return_loss=True)
    logits = embed_pictures(model, pixels) @ embed_texts(model, texts).T * model.logit_scale.exp()
    torch.testing.assert_close(logits, expected.logits_per_image)
    torch.testing.assert_close(contrastive_loss(logits, torch.eye(3)), expected.loss)


def test_merging_equal_captions_shares_what_is_right_between_them():
    logits = torch.tensor([[4.0, 4.0], [4.0, 4.0]])
    torch.testing.assert_close(contrastive_loss(logits, torch.ones(2, 2)), torch.tensor(2.0).log())


def test_related_names_share_a_word():
    red_circle, red_square, blue_square = (NAMES.index(name) for name in
                                           (("red", "circle"), ("red", "square"), ("blue", "square")))  # fmt: skip
    grid = related(torch.tensor([red_circle, red_square, blue_square]))
    assert grid.tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


def test_the_towers_give_unit_vectors_and_refuse_another_start():
    for start, seen in (("pixels", torch.rand(2, 3, 72, 72)), ("features", torch.rand(2, 37, 128))):
        vectors = embed_pictures(clip.build(0, start), seen)
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2))
    with pytest.raises(ValueError, match="start must be one of pixels, features"):
        clip.build(0, "smells")


def test_scoops_differ_in_the_colours_alone(cheap):
    for true, exchanged, other in zip(*scoops(clip.TESTED), strict=True):
        assert not any(map(has_held_out_pair, (true, exchanged, other)))
        assert [thing.colour for thing in exchanged.things] == [thing.colour for thing in true.things][::-1]
        assert other.things[1].colour not in {thing.colour for thing in true.things}
        assert {thing.shape for scene in (true, exchanged, other) for thing in scene.things} == {true.things[0].shape}
        assert [thing.cell for thing in exchanged.things] == [thing.cell for thing in true.things]


def test_what_is_tested_was_kept_back_and_what_is_learned_from_was_not(cheap):
    assert all(map(is_held_out, clip.single_things()[0]))
    assert not any(map(is_held_out, clip.training_set("pixels", (1, 2))[0]))


def test_one_cheap_run_of_every_arm(cheap):
    for claim in clip.claims():
        lengths = {name: len(arm(0).values) for name, arm in claim.arms.items()}
        assert set(lengths.values()) == {24}, (claim.name, lengths)


def test_a_class_for_each_name_cannot_name_what_it_never_met(cheap, monkeypatch):
    monkeypatch.setattr(small_clip, "PAIRS", 512)
    assert sum(clip.classified(0, words=False)) == 0


def test_an_untrained_model_sits_at_chance():
    scoops.cache_clear()
    model = clip.build(3, "features").eval()
    assert sum(clip.zero_shot(model)) / clip.TESTED < 0.06
    assert 0.4 < sum(clip.prefers(model, "features", 1)) / clip.TESTED < 0.6
    assert eyes.look(scoops(clip.TESTED)[0][:2]).shape == (2, 37, 128)
