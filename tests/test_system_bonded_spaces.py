"""Bonded spaces: views and captions, dense links, bonds and routers, attached senses, boxes, films; every arm once."""

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import normalize

from labs.models.pixels import to_pixels
from labs.systems import bonded_spaces
from labs.systems.parts import (
    aligned_clouds,
    bonded_exams,
    concept_boxes,
    dense_links,
    film_mediated,
    finished_spaces,
    object_clouds,
    space_bonds,
    space_router,
    unimodal,
    universal_projector,
)
from labs.systems.parts.contrastive import NAMES, name_of
from labs.world.picture import draw
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (
    object_clouds.clouds, object_clouds.exam, object_clouds.photographed, object_clouds.views, object_clouds.written,
    object_clouds.captions, aligned_clouds.kinds, aligned_clouds.train, dense_links.lessons, dense_links.exam,
    dense_links.scanned, dense_links.linked, dense_links.seen, dense_links.worded, dense_links.train,
    finished_spaces.scenes, finished_spaces.features, finished_spaces._seen, finished_spaces.captions,
    finished_spaces.heard, finished_spaces.names, finished_spaces.finish, space_bonds.bonded,
    space_router.pseudo_pairs, space_router.build, space_router.route, universal_projector.universal,
    universal_projector.attach, concept_boxes.said, concept_boxes.spoken_of, concept_boxes.together,
    concept_boxes.space, concept_boxes.project, film_mediated.scenes, film_mediated.read, film_mediated.felt,
    film_mediated.seen, film_mediated.train, unimodal.listener, unimodal.captions, unimodal.pairs,
)  # fmt: skip
SHORT = {"STEPS": 2, "BATCH": 16}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes, and ears that have hardly heard anything."""
    trained = aligned_clouds, dense_links, space_bonds, space_router, concept_boxes, film_mediated, universal_projector
    values = dict.fromkeys(trained, SHORT)
    values[aligned_clouds] = values[space_bonds] = SHORT
    values[object_clouds] = {"COUNT": 24, "VIEWS": 2, "EACH": 1}
    values[aligned_clouds] = SHORT | {"VIEWS": 2}
    values[dense_links] = SHORT | {"COUNT": 24, "EXAM": 16}
    values[finished_spaces] = SHORT | {"COUNT": 48, "EACH": 2}
    values[space_bonds] = values[space_router] = SHORT | {"FEW": 24}
    values[universal_projector] = SHORT | {"COUNT": 48, "FEW": 24, "ATTACHED": 2}
    values[concept_boxes] = SHORT | {"LEARNED": 2}
    values[film_mediated] = SHORT | {"COUNT": 24, "EXAM": 24, "GALLERY": 12}
    values[bonded_exams] = {"ALL": 48}
    values[unimodal] = {"SCENES": 96, "LISTENED": 2, "BATCH": 16}
    with small(CACHED, values):
        yield


def vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


# ---------------------------------------------------------------------------------------------------------------
# Point clouds


def test_a_cloud_tells_neither_place_nor_size():
    scene = object_clouds.exam("exam")[0]
    found = object_clouds.cloud(scene)
    assert found.shape == (object_clouds.POINTS, 6)
    torch.testing.assert_close(found[:, :3].mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    assert found[:, :2].norm(dim=1).mean().item() == pytest.approx(1, abs=1e-4)


def test_turning_leaves_the_front_as_it_is_and_narrows_what_is_seen_from_the_side():
    scene = object_clouds.exam("exam")[0]
    pixels, middle = to_pixels([draw(scene)]), torch.tensor([scene.things[0].x])
    torch.testing.assert_close(object_clouds.turned(pixels, middle, torch.zeros(1)), pixels, atol=1e-4, rtol=1e-4)
    stripe = torch.zeros(1, 3, 72, 72)
    stripe[..., 26:46] = 1  # 20 pixels wide, around the middle
    wide = object_clouds.turned(stripe, torch.tensor([0.5]), torch.tensor([60.0]))[0, 0, 0].sum()
    assert wide.item() == pytest.approx(10, abs=1)


def test_things_of_the_exam_chose_no_setting(cheap):
    assert not set(object_clouds.exam("exam")) & set(object_clouds.exam("choice"))
    assert [NAMES.index(name_of(scene)) for scene in object_clouds.exam("exam")] == object_clouds.truth().tolist()
    assert not any(map(has_held_out_pair, object_clouds.lessons()))
    assert not set(dense_links.exam("exam")) & set(dense_links.exam("choice"))
    assert not set(finished_spaces.scenes("exam")) & set(finished_spaces.scenes("choice"))
    assert not set(finished_spaces.scenes("train")) & set(finished_spaces.scenes("unpaired"))
    assert not set(film_mediated.scenes("exam")) & set(film_mediated.scenes("choice"))
    assert all(map(is_held_out, film_mediated.scenes("exam")))


def test_the_captioner_writes_a_size_a_colour_and_a_shape(cheap):
    texts = [text for views in object_clouds.written() for text in views]
    assert len(texts) == object_clouds.COUNT * object_clouds.VIEWS
    known = [any(text.endswith(f"{colour} {shape}") for colour, shape in NAMES) for text in texts]
    assert sum(known) > 0.9 * len(known)


def test_views_that_fit_the_words_count_the_most():
    told, seen = vectors(5, 128), vectors(5, 3, 128, seed=1)
    seen[:, 1] = told
    near = torch.einsum("nw,nw->n", aligned_clouds.weighed_views(seen, told), told)
    even = torch.einsum("nw,nw->n", aligned_clouds.weighed_views(seen, told, sharpness=0.0), told)
    assert (near > even).all()
    torch.testing.assert_close(aligned_clouds.weighed_views(seen[:, :1], told), seen[:, 0])
    order = [2, 0, 1]
    torch.testing.assert_close(
        aligned_clouds.weighed_views(seen[:, order], told), aligned_clouds.weighed_views(seen, told)
    )


def test_a_kind_is_what_most_captions_say():
    assert aligned_clouds.kind_told(["big red star", "big red star", "big red moon"]) == 3
    assert aligned_clouds.kind_told(["", "big"]) == 0


def test_all_of_a_kind_are_as_good_as_partners():
    encoder, kinds = aligned_clouds.CloudEncoder(), torch.tensor([0, 0, 1])
    mine = partners = normalize(torch.eye(128)[[0, 0, 1]], dim=-1)
    assert encoder.contrast(mine, partners, kinds).item() < encoder.contrast(mine, partners).item() + 1e-6
    swapped = encoder.contrast(mine, partners[[1, 0, 2]], kinds)
    torch.testing.assert_close(swapped, encoder.contrast(mine, partners, kinds))


def test_unknown_ways_are_refused():
    for train in (aligned_clouds.train, dense_links.train, film_mediated.train, concept_boxes.build):
        with pytest.raises(ValueError, match="way must be one of"):
            train(0, "somehow")
    with pytest.raises(ValueError, match="way must be one of"):
        universal_projector.Attached(universal_projector.Projector(()), "somehow")


# ---------------------------------------------------------------------------------------------------------------
# Dense links


def test_a_point_is_seen_in_the_region_of_its_own_thing(cheap):
    scenes = dense_links.exam("exam")
    points = dense_links.scanned(scenes)
    each = points.shape[1] // dense_links.THINGS
    expected = torch.arange(dense_links.THINGS).repeat_interleave(each).expand(len(scenes), -1)
    assert torch.equal(dense_links.seen_at(points, scenes), expected)


def test_surroundings_do_not_depend_on_where_they_are_or_in_which_order(cheap):
    points = dense_links.scanned(dense_links.exam("exam"))[:2]
    asked = torch.tensor([[0, 200], [5, 300]])
    found = dense_links.surroundings(points, asked)
    assert found.shape == (4, dense_links.NEAR, 6)
    moved = points.clone()
    moved[..., 0] += 0.25
    torch.testing.assert_close(dense_links.surroundings(moved, asked).sum(1), found.sum(1), atol=1e-2, rtol=1e-3)
    assert not torch.allclose(found[0], found[1])


def test_a_region_shows_one_thing_alone(cheap):
    scene = dense_links.exam("exam")[0]
    alone = dense_links._alone(draw(scene), scene.things[0].cell)
    others = [dense_links._alone(draw(scene), thing.cell) for thing in scene.things[1:]]
    side = alone.width // 3
    row, column = divmod(scene.things[0].cell, 3)
    box = (column * side, row * side, (column + 1) * side, (row + 1) * side)
    assert alone.crop(box).tobytes() == draw(scene).crop(box).tobytes()
    assert all(len(other.crop(box).getcolors(2) or [0, 0]) == 1 for other in others)


def test_words_of_pixels_are_words_of_the_caption(cheap):
    listed = [{(thing.colour, thing.shape) for thing in scene.things} for scene in dense_links.lessons()]
    near = (dense_links.worded() @ bonded_exams.named_in_words().T).argmax(-1)
    assert all(NAMES[one] in there for there, row in zip(listed, near.tolist(), strict=True) for one in row)


# ---------------------------------------------------------------------------------------------------------------
# Finished spaces


def test_specialists_meet_their_own_half_only(cheap):
    for shapes in space_router.HALVES:
        met = [finished_spaces.scenes("train")[at].things[0].shape for at in finished_spaces.known(1000, shapes)]
        assert met and set(met) <= set(shapes)


def test_bonds_leave_the_spaces_as_they_were_and_pictures_where_the_expert_has_them(cheap):
    joined = space_bonds.bonded(0)
    again = finished_spaces.finish.__wrapped__(0, finished_spaces.UNIFIED, space_bonds.FEW)
    for name, weight in joined.unified.state_dict().items():
        torch.testing.assert_close(weight, again.state_dict()[name])
    seen = finished_spaces.features("picture", "exam")
    torch.testing.assert_close(joined.embed("picture", seen), joined.pictures("picture", seen))


def test_shares_of_none_and_of_all_read_one_space_alone(cheap):
    joined, heard = space_bonds.bonded(0), finished_spaces.features("sound", "exam")
    torch.testing.assert_close(joined.embed("sound", heard, 0.0), joined.displaced(joined.unified("sound", heard)))
    torch.testing.assert_close(joined.embed("sound", heard, 1.0), joined.combined(joined.expert("sound", heard)))


def test_routers_weigh_in_all_one_and_blind_ones_see_nothing(cheap):
    model, blind = space_router.route(0), space_router.route(0, blind=True)
    lies = model.remapped("sound", finished_spaces.features("sound", "exam"))
    weights = model.weights("sound", lies)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(lies)))
    assert weights.std(0).max() > 0 and blind.weights("sound", lies).std(0).max() == 0
    same = lies[:, :1].expand_as(lies)
    torch.testing.assert_close(model("sound", same), same[:, 0])
    torch.testing.assert_close(space_router.evenly(same), same[:, 0])


def test_only_routers_learn(cheap):
    before, after = space_router.build(0).state_dict(), space_router.route(0).state_dict()
    for name, weight in before.items():
        if not name.startswith("routers"):
            assert torch.equal(weight, after[name]), name
    assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith("routers"))


def test_pseudo_pairs_are_never_of_the_same_scene(cheap):
    text = space_router.pseudo_pairs(0)["text"]
    assert (text != torch.arange(len(text))).all()


def test_a_picture_is_found_by_its_name_and_the_own_one_is_not_offered():
    things = vectors(len(NAMES), 16).repeat(2, 1)
    assert all(finished_spaces.found(things, things).values)
    assert not any(finished_spaces.found(things[: len(NAMES)], things[: len(NAMES)]).values)
    told = torch.eye(len(NAMES)).repeat(2, 1)
    assert all(finished_spaces.named(told).values)
    assert sum(finished_spaces.named(told, another=True).values) < 10
    assert sum(finished_spaces.found(things, things, another=True).values) < 10


# ---------------------------------------------------------------------------------------------------------------
# Senses that come later


def test_the_universal_projector_stays_frozen_while_a_sense_is_attached(cheap):
    projector = universal_projector.universal(0)
    before = {name: weight.clone() for name, weight in projector.state_dict().items()}
    attached = universal_projector.attach(0, "attached")
    assert all(torch.equal(weight, before[name]) for name, weight in projector.state_dict().items())
    names = {name.split(".")[0] for name, _ in attached.named_parameters()}
    assert names == {"token", "thin"} and attached.shared[0] is projector


def test_boxes_hold_what_lies_in_them_and_nothing_of_what_lies_apart():
    low = torch.zeros(3, concept_boxes.SPAN)
    low[2] = 50.0
    reach = torch.stack([torch.full((concept_boxes.SPAN,), value) for value in (4.0, 2.0, 2.0)])
    boxes = concept_boxes.corners(low, reach)
    odds = concept_boxes.entailed(boxes, boxes)
    torch.testing.assert_close(odds.diagonal(), torch.ones(3), atol=1e-4, rtol=0)
    assert odds[1, 0] > 0.99 and odds[0, 1] < 0.5 and odds[2, 0] < 1e-4
    sides = boxes[:, 1] - boxes[:, 0]
    torch.testing.assert_close(concept_boxes.log_volume(boxes), sides.log().sum(1), atol=1e-3, rtol=1e-3)


def test_concepts_are_counted_where_they_are_spoken_of(cheap):
    said, asked = concept_boxes.said("train"), concept_boxes.spoken_of("train")
    assert (said <= asked).all() and asked[:, :16].all() and not asked[:, 16:].all()
    assert (said[:, :8].sum(1) == 1).all() and (said[:, 8:16].sum(1) == 1).all()
    assert torch.equal(concept_boxes.together("train").diagonal(), (said.sum(0) > 0).float())


def test_finished_concepts_stay_and_others_learn(cheap):
    before = {name: weight.clone() for name, weight in concept_boxes.space(0).state_dict().items()}
    kept = concept_boxes.project(0, "onto concepts").boxes
    assert all(torch.equal(weight, before[name]) for name, weight in kept.state_dict().items())
    fresh = concept_boxes.build(0, "onto concepts of its own").boxes
    learned = concept_boxes.project(0, "onto concepts of its own").boxes
    assert not torch.equal(fresh.low, learned.low)


def test_what_is_drawn_from_a_film_depends_on_the_film_and_on_who_asks():
    torch.manual_seed(0)
    towers = film_mediated.Towers()
    asking, film = vectors(2, 64), torch.randn(2, 36, 64)
    drawn = towers.drawn(asking, film)
    assert not torch.allclose(drawn, towers.drawn(asking.flip(0), film), atol=1e-4)
    assert not torch.allclose(drawn, towers.drawn(asking, film.flip(0)), atol=1e-4)
    torch.testing.assert_close(drawn, towers.drawn(asking, film.flip(1)), atol=1e-5, rtol=1e-4)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in bonded_spaces.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)
