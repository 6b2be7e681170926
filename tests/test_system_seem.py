"""SEEM: the segmenter, its prompts and its maps; the losses against the library's, the best assignment against all."""

from itertools import permutations

import numpy as np
import pytest
import torch
from small_runs import every_arm
from transformers.models.mask2former import modeling_mask2former as mask2former

from labs.systems import seem
from labs.systems.parts import (
    asking,
    bound_sound,
    eyes,
    panoptic,
    segmentation_exam,
    segmenter,
    shipped,
    shown_segmenter,
)  # fmt: skip
from labs.systems.parts.asking import KEPT_BACK, KINDS, NAMES, view
from labs.systems.parts.segmenter import Prompts, Seen, Things
from labs.teaching import masks_view
from labs.world import regions
from labs.world.picture import draw

SCENES = 24


@pytest.fixture(scope="module", autouse=True)
def small():
    """Few scenes and few steps; what was cached at this size is forgotten at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (seem, "TRAIN", 32), (seem, "STEPS", 3), (bound_sound, "SCENES", 32), (bound_sound, "STEPS", 3),
            (segmentation_exam, "SCENES", SCENES), (segmentation_exam, "ITEMS", 10),
        ):  # fmt: skip
            patch.setattr(module, name, value)
        yield
    for cached in (seem.train, bound_sound.bind, bound_sound.hear, view):
        cached.cache_clear()


@pytest.fixture(scope="module")
def model():
    return seem.build(0).eval()


@pytest.fixture(scope="module")
def looked(model):
    seen = view("heldout", SCENES)
    with torch.no_grad():
        return model.look(seen.pictures, seen.patches)


def prompts(kind: str, thing: int = 0) -> Prompts:
    seen, things = view("heldout", SCENES), torch.full((SCENES, 1), thing)
    kinds = torch.full((SCENES, 1), list(KINDS).index(kind))
    return asking.ask(seen, things, kinds, torch.randn(SCENES, 3, 128, generator=torch.Generator().manual_seed(0)))


def random_masks(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, 72, 72, generator=torch.Generator().manual_seed(seed))


def test_an_arm_of_every_claim_measures_the_same_items():
    claims = seem.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim)


def test_controls_sit_at_chance_before_any_training(model, monkeypatch):
    monkeypatch.setattr(segmentation_exam, "ITEMS", SCENES)
    heard = torch.zeros(SCENES, 3, 128)
    lucky = segmentation_exam.answered(model, heard, "text", less_others=True, of_another=True).values
    assert abs(sum(lucky) / len(lucky)) < 0.02
    assert sum(segmentation_exam.panoptic_quality(model, of_another=True).values) < 0.02 * SCENES


def test_losses_are_those_of_mask2former():
    masks, wanted = random_masks(1, 4), random_masks(1, 3, seed=1) > 0
    flat = wanted[0].flatten(1).float()
    ours = segmenter.mask_loss(masks[0, :3], wanted[0])
    dice = mask2former.dice_loss(masks[0, :3].flatten(1), flat, 1)
    pixels = mask2former.sigmoid_cross_entropy_loss(masks[0, :3].flatten(1), flat, 1)
    assert ours.sum() == pytest.approx((5 * pixels + dice).item(), rel=1e-5)


def test_costs_of_pairs_are_those_of_mask2former():
    small = [torch.nn.functional.avg_pool2d(one, 2).flatten(2)[0] for one in (random_masks(1, 4), random_masks(1, 3))]
    wanted = torch.nn.functional.avg_pool2d((random_masks(1, 3) > 0).float(), 2).flatten(2)[0]
    dice = mask2former.pair_wise_dice_loss(small[0], wanted)
    pixels = mask2former.pair_wise_sigmoid_cross_entropy_loss(small[0], wanted)
    ours = segmenter.pair_costs(random_masks(1, 4), random_masks(1, 3) > 0)[0]
    torch.testing.assert_close(ours, 5 * pixels + dice, rtol=1e-4, atol=1e-5)


def test_the_assignment_is_the_cheapest_of_all():
    costs = torch.rand(20, 5, 3, generator=torch.Generator().manual_seed(0))
    for scene, best in zip(costs, segmenter.assign(costs), strict=True):
        assert len(set(best.tolist())) == 3
        found = sum(scene[query, thing] for thing, query in enumerate(best.tolist()))
        assert found <= min(sum(scene[q, t] for t, q in enumerate(way)) for way in permutations(range(5), 3)) + 1e-6


def test_what_is_not_given_is_never_read(model, looked):
    asked = prompts("text")
    other = asked._replace(marks=asked.marks + 9, meanings=asked.meanings + torch.tensor([0.0, 1.0])[:, None])
    with torch.no_grad():
        torch.testing.assert_close(model.answer(looked, asked), model.answer(looked, other))
        changed = model.answer(looked, asked._replace(meanings=asked.meanings + 1))
    assert not torch.allclose(model.answer(looked, asked), changed, atol=1e-3)


def test_prompts_asked_together_are_answered_by_themselves(model, looked):
    one, other = prompts("point", 0), prompts("sound", 1)
    both = Prompts(*(torch.cat(pair, dim=1) for pair in zip(one, other, strict=True)))
    with torch.no_grad():
        together = model.answer(looked, both)
        apart = [model.answer(looked, part)[:, 0] for part in (one, other)]
    torch.testing.assert_close(together, torch.stack(apart, dim=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_prompt_gives_just_what_its_kind_says(kind):
    asked, (marks, texts, sound) = prompts(kind), KINDS[kind]
    assert asked.marked.all() == (marks >= 0) and asked.marked.any() == (marks >= 0)
    assert asked.meant[0, 0].tolist() == [texts >= 0, sound]


def test_marks_lie_on_their_thing_and_loose_boxes_off_the_twin():
    seen, scenes = view("heldout", SCENES), eyes.fresh("heldout", SCENES, (3,))
    for i, scene in enumerate(scenes):
        for thing, mask in enumerate(seen.masks[i]):
            x, y = seen.marks[i, thing, [0, 2]].long().unbind(-1)  # point and scribble
            assert mask[y, x].all()
        one = int(seen.weak[i])
        if one >= 0:
            x0, y0, x1, y1 = (*seen.marks[i, one, 3].amin(0).long(), *(seen.marks[i, one, 3].amax(0).long() + 1))
            inside = [bool(mask[y0:y1, x0:x1].any()) for mask in seen.masks[i]]
            twin = [t for t in range(3) if t != one and scene.things[t].shape == scene.things[one].shape]
            assert inside[one] and len(twin) == 1 and not inside[twin[0]] and sum(inside) == 2
    assert (seen.weak >= 0).sum() > 3


def test_training_asks_weak_prompts_only_about_the_thing_that_fits():
    seen, draw = view("heldout", SCENES), torch.Generator().manual_seed(0)
    things, kinds = asking.choose(seem.TAUGHT["everything"], seen, draw)
    assert things.shape == kinds.shape == (SCENES, 4)
    fits = seen.weak >= 0
    assert (things[fits, 3] == seen.weak[fits]).all() and (kinds[:, 3] >= list(KINDS).index("word")).all()
    taught = {kind for options in seem.TAUGHT["one at a time"] for kind in options}
    assert not taught & {"sound", "word and loose box"}


def test_names_kept_back_take_no_part_in_training(model, monkeypatch):
    seen = view("train", 32)
    assert not KEPT_BACK[seen.names].any() and KEPT_BACK.sum() == 8
    with torch.no_grad():
        found = model.things(model.look(seen.pictures, seen.patches))
    found = Things(*(part.clone().requires_grad_() for part in found))
    panoptic.finding_loss(found, seen).backward()
    assert found.names.grad.abs().sum() > 0
    before, names = panoptic.finding_loss(found, seen).item(), asking.in_joint_space(NAMES)
    monkeypatch.setattr(panoptic, "in_joint_space", lambda texts: torch.where(KEPT_BACK[:, None], -names, names))
    assert panoptic.finding_loss(found, seen).item() == pytest.approx(before)


def truth() -> tuple[Things, asking.View]:
    """What a perfect segmenter would find: each thing by a query of its own, three queries with nothing."""
    seen = view("heldout", SCENES)
    masks = torch.cat([torch.where(seen.masks, 9.0, -9.0), torch.full((SCENES, 3, 72, 72), 9.0)], dim=1)
    names = asking.in_joint_space(NAMES)[torch.cat([seen.names, seen.names], dim=1)]
    return Things(masks, names, torch.tensor([-50.0] * 3 + [50.0] * 3).expand(SCENES, -1)), seen


def test_the_maps_of_a_perfect_segmenter_are_the_worlds_own():
    found, seen = truth()
    maps = panoptic.panoptic(found)
    assert panoptic.quality(maps, seen.masks, seen.names).tolist() == pytest.approx([1.0] * SCENES)
    assert (panoptic.instances(maps)[:, :3] == seen.masks).all() and not panoptic.instances(maps)[:, 3:].any()
    for i, scene in enumerate(eyes.fresh("heldout", SCENES, (3,))):
        assert (panoptic.semantic(maps)[i].numpy() == regions.semantic_map(scene)).all()


def test_panoptic_quality_pays_for_what_is_missed_invented_or_misnamed():
    found, seen = truth()
    maps = panoptic.panoptic(found)
    missed = maps._replace(map=maps.map * (maps.map != 1))
    assert panoptic.quality(missed, seen.masks, seen.names).tolist() == pytest.approx([4 / 5] * SCENES)
    invented = maps._replace(map=torch.where(maps.map == 0, 6, maps.map))
    assert panoptic.quality(invented, seen.masks, seen.names).tolist() == pytest.approx([6 / 7] * SCENES)
    misnamed = maps._replace(names=(maps.names + torch.tensor([1, 0, 0, 0, 0, 0])) % len(NAMES))
    assert panoptic.quality(misnamed, seen.masks, seen.names).tolist() == pytest.approx([4 / 6] * SCENES)


def test_no_mask_that_does_not_know_what_is_meant_overlaps_by_more_than_a_third_on_average():
    seen = view("heldout", SCENES)
    for mask in (*(seen.masks[:, [i]] for i in range(3)), seen.masks.any(1, keepdim=True), random_masks(SCENES, 1) > 0):
        assert panoptic.iou(mask.expand(-1, 3, -1, -1), seen.masks).sum(1).max() <= 1 + 1e-6


def test_shapes_are_enforced(model):
    with pytest.raises(Exception, match="look"):
        model.look(torch.zeros(1, 3, 64, 64), torch.zeros(1, 36, 128))
    with pytest.raises(Exception, match="_masks"):
        model.things(Seen(torch.zeros(1, 81, 64), torch.zeros(1, 32, 18, 18)))


def test_what_is_looked_at_is_what_is_measured(model, monkeypatch):
    monkeypatch.setattr(shown_segmenter, "SHOWN", SCENES)
    masks = shown_segmenter.follow(model, bound_sound.bind(0), 2, 1, ("point", "text", "word"))
    assert masks.shape == (3, 72, 72)
    everything = (torch.arange(SCENES), torch.ones(SCENES, dtype=torch.long))
    monkeypatch.setattr(segmentation_exam, "items", lambda kind, pairs: everything)
    found = segmentation_exam.overlaps(model, segmentation_exam.heard_things(0), "point")[2]
    torch.testing.assert_close(panoptic.iou(masks[:1].expand(3, -1, -1), view("heldout", SCENES).masks[2]), found)
    whole = shown_segmenter.whole_map(model, 2)
    assert (whole.map == panoptic.panoptic(segmentation_exam.find_all(model, torch.tensor([2]))).map).all()


def test_what_is_kept_is_opened_again(model, tmp_path):
    ear = bound_sound.bind(0)
    again = segmenter.Segmenter(), bound_sound.Ear()
    for use, pair in ((shipped.keep, (model, ear)), (shipped.fill, again)):
        use(tmp_path / "new" / "both.safetensors", dict(zip(("model", "ear"), pair, strict=True)))
    for before, after in zip((model, ear), again, strict=True):
        for one, other in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_the_segmenter_that_ships_finds_what_is_meant_and_is_not_fooled(monkeypatch):
    monkeypatch.setattr(segmentation_exam, "ITEMS", SCENES)
    model, ear = shown_segmenter.shipped()
    heard = bound_sound.listen(ear, view("heldout", SCENES).sounds)
    for kind in ("point", "text", "sound"):
        found, other = (segmentation_exam.answered(model, heard, kind, of_another=of).values for of in (False, True))
        assert sum(found) / SCENES > 0.45 > 0.4 > sum(other) / SCENES, kind


def test_masks_are_drawn_over_their_picture():
    scene, seen = eyes.fresh("heldout", SCENES, (3,))[0], view("heldout", SCENES)
    figure = masks_view.prompted(scene, seen.masks[0], ["one", "two", "three"], {1: seen.marks[0, 1, 2]})
    assert [len(axes.lines) for axes in figure.axes] == [0, 1, 0] and len(figure.axes) == 3
    lit = figure.axes[0].images[0].get_array()[seen.masks[0, 0].numpy()]
    assert (lit == np.asarray(draw(scene))[seen.masks[0, 0].numpy()]).all()
    things = panoptic.panoptic(truth()[0])._replace(names=seen.names)
    names = [NAMES[i] for i in seen.names[0].tolist()]
    drawn = masks_view.maps(scene, panoptic.semantic(things)[0], things.map[0], names)
    assert sorted(text.get_text() for text in drawn.axes[2].texts) == sorted(names)
