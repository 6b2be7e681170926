"""Encoders of senses learned without labels: what is hidden and what not, invariances, and every arm once."""

import pytest
import torch

from labs.systems import sense_encoders
from labs.systems.parts import eyes, masked_senses, probe, sense_towers
from labs.systems.sense_encoders import LESSONS
from labs.world.splits import has_held_out_pair

CACHED = (sense_encoders.perceive, sense_encoders.labels, sense_encoders.pretrain, sense_encoders.features)
SHAPES = {"sound": (8, 64), "series": (100, 6), "video": (4, 3, 24, 24), "points": (24, 17, 3)}


def forget() -> None:
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def cheap(monkeypatch):
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    forget()
    for name, value in {"TRAIN": 96, "HELDOUT": 40, "FEW": 32, "SUPERVISED_STEPS": 2, "ORDERS": 1}.items():
        monkeypatch.setattr(sense_encoders, name, value)
    quick = {sense: lesson._replace(steps=2, batch=16) for sense, lesson in LESSONS.items()}
    monkeypatch.setattr(sense_encoders, "LESSONS", quick)
    yield
    forget()


def cloud(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 256, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sense", LESSONS)
def test_every_sense_has_a_loss_and_tokens(cheap, sense):
    perceived, model = sense_encoders.perceive(sense, "train")[:6], sense_encoders.build(sense).eval()
    assert tuple(perceived.shape[1:]) == SHAPES[sense]
    assert model.loss(perceived).item() > 0
    assert sense_encoders.pool(model.tokens(perceived)).ndim == 2


def test_a_sense_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="sense must be one of sound, series, video, points, not 'smell'"):
        sense_encoders.build("smell")


def test_one_cheap_run_of_every_arm(cheap):
    for claim in sense_encoders.claims():
        for name, arm in claim.arms.items():
            scores = arm(0)
            assert len(scores.values) == 40 and list(scores.scenes) == list(range(40)), (claim.name, name)


def test_training_shows_no_held_out_pair(cheap):
    assert not any(map(has_held_out_pair, eyes.scenes("train", 96)))
    assert all(map(has_held_out_pair, eyes.fresh("heldout", 40)))


def test_with_shuffled_labels_the_probe_sits_at_chance(cheap, monkeypatch):
    monkeypatch.setattr(sense_encoders, "ORDERS", 10)
    values = sense_encoders.shuffled(0, "series").values
    assert sum(values) / len(values) == pytest.approx(0.2, abs=0.08)


def test_a_standard_probe_minds_no_units_and_right_labels_alone_are_told():
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(200) % 4
    features = torch.eye(4)[classes] + 0.1 * torch.randn(200, 4, generator=generator)
    units = torch.tensor([1.0, 100.0, 0.1, 10.0])

    def told(truth: torch.Tensor, units: torch.Tensor | float = 1.0) -> torch.Tensor:
        return probe.standard_probe(units * features[:100] + 5, truth, units * features[100:] + 5, 4, 0)

    assert torch.equal(told(classes[:100]), classes[100:]) and torch.equal(told(classes[:100], units), classes[100:])
    by_luck = probe.right_when_shuffled(told, classes[:100], classes[100:], 20, 0)
    assert by_luck.mean().item() == pytest.approx(1 / 4, abs=0.08) and len(by_luck.unique()) > 2  # not one order's


def test_a_few_steps_without_labels_lower_the_loss(cheap, monkeypatch):
    quick = {"series": LESSONS["series"]._replace(steps=40, batch=32)}
    monkeypatch.setattr(sense_encoders, "LESSONS", quick)
    _, losses = sense_encoders.pretrain("series", 0)
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_from_scratch_nothing_of_pretraining_is_used(cheap, monkeypatch):
    def refuse(sense, seed):
        raise AssertionError("a pretrained encoder was asked for")

    monkeypatch.setattr(sense_encoders, "pretrain", refuse)
    assert len(sense_encoders.tuned(0, "series").values) == 40
    assert len(sense_encoders.probed(0, "series", pretrained=False).values) == 40


def test_patches_of_a_sound_are_those_of_the_librarys_convolution():
    model, heard = masked_senses.MaskedSound(), torch.randn(2, 8, 64)
    projection = model.encoder.embeddings.patch_embeddings.projection
    weight = projection.weight.flatten(1)  # (width, 16), frequency before time
    wanted = model.encoder.embeddings.patch_embeddings(heard)
    torch.testing.assert_close(model.patches(heard).flatten(1, 2) @ weight.T + projection.bias, wanted)


def test_tokens_of_a_series_are_the_librarys_without_a_mask():
    model, felt = masked_senses.MaskedSeries().eval(), torch.randn(3, 100, 6)
    whole = sense_towers.mover().eval()
    whole.load_state_dict(model.model.model.state_dict())
    wanted = whole(past_values=felt).last_hidden_state  # (n, channels, patches, width)
    torch.testing.assert_close(model.tokens(felt), wanted.transpose(1, 2).flatten(2))


def test_of_a_clip_exactly_the_later_half_is_hidden():
    model, seen = masked_senses.MaskedVideo().eval(), torch.randn(2, 4, 3, 24, 24)
    hidden, later, earlier = model.later_half(2), seen.clone(), seen.clone()
    later[:, 2:], earlier[:, :2] = 0, 0
    inner = model.model.videomae
    before, after, other = (inner(x, bool_masked_pos=hidden).last_hidden_state for x in (seen, later, earlier))
    assert hidden.sum(1).tolist() == [36, 36]
    assert torch.equal(before, after) and not torch.allclose(before, other)


def test_no_two_patches_of_a_clip_have_the_same_position():
    table = masked_senses.clip_positions(64)[0]
    assert torch.pdist(table).min() > 0.1
    apart = (table[0] - table).norm(dim=-1)
    assert apart[1] < apart[2] < apart[3]  # neighbours are alike


def test_the_order_of_points_makes_no_difference():
    model, points = masked_senses.MaskedPoints().eval(), cloud()
    order = torch.randperm(256, generator=torch.Generator().manual_seed(1))
    one, other = (sense_encoders.pool(model.tokens(masked_senses.group(p))) for p in (points, points[:, order]))
    torch.testing.assert_close(one, other)


def test_the_order_of_groups_makes_no_difference():
    model, groups = masked_senses.MaskedPoints().eval(), masked_senses.group(cloud())
    torch.testing.assert_close(
        sense_encoders.pool(model.tokens(groups)), sense_encoders.pool(model.tokens(groups.flip(1)))
    )


def test_groups_are_points_of_the_cloud_and_their_centres_lie_apart():
    points = cloud()
    groups = masked_senses.group(points)
    members = (groups[:, :, 1:] + groups[:, :, :1]).flatten(1, 2)
    assert torch.cdist(members, points).amin(2).max() < 1e-2  # cdist rounds
    near = torch.cdist(points, points).topk(2, largest=False).values[:, :, 1].mean()
    assert all(torch.pdist(centres).min() > 2 * near for centres in groups[:, :, 0])


def test_chamfer_is_the_loop_and_zero_for_the_same_cloud_in_another_order():
    one, other = torch.randn(2, 5, 3), torch.randn(2, 7, 3)
    there = [min(((a - b) ** 2).sum() for b in other[i]) for i in range(2) for a in one[i]]
    back = [min(((a - b) ** 2).sum() for a in one[i]) for i in range(2) for b in other[i]]
    wanted = torch.stack(there).mean() + torch.stack(back).mean()
    torch.testing.assert_close(masked_senses.chamfer(one, other), wanted)
    assert masked_senses.chamfer(one, one.flip(1)) == 0


def test_shapes_are_enforced():
    with pytest.raises(TypeError):
        masked_senses.chamfer(torch.zeros(2, 5, 3), torch.zeros(3, 5, 3))
