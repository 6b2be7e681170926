"""One projection for every sense: what is asked, what learns at which stage, how a gap is closed, every arm once."""

from dataclasses import replace

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import one_connector
from labs.systems.claim import Scores
from labs.systems.parts import bound, eyes, hub, one_kind, one_thing, projected, sensor_towers, shown, staged, talk
from labs.systems.parts.lexicon import split
from labs.systems.parts.senses import perceive
from labs.world.scene import Thing
from labs.world.vocabulary import COLOURS, DEPTHS, MOTIONS, PLACES

CACHED = [
    *(getattr(bound, name) for name in ("bind", "perceive", "partners")),
    *(hub.vectors, hub.pictures, sensor_towers.perceived, staged.taught, one_kind.asked_one),
]
WIDTH = 8  # of vectors made up


@pytest.fixture
def few():
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    sizes = {
        bound: {"TRAIN": 48, "STEPS": 2, "BATCH": 16}, one_thing: {"TRAIN": 48, "HELDOUT": 12},
        staged: {"STEPS": 2}, one_kind: {"STEPS": 2}, projected: {"BATCH": 8},
    }  # fmt: skip
    with small(CACHED, sizes):
        yield


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


def states(model: projected.Projected) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


# ---------------------------------------------------------------------------------------------------------------
# What is asked


def with_value(thing: Thing, kind: str, value: str) -> Thing:
    """The same but for one attribute."""
    if kind != "place":
        return replace(thing, **{kind: value})
    column, row = PLACES.index(value) % 3, PLACES.index(value) // 3
    return replace(thing, x=(column + 0.5) / 3, y=(row + 0.5) / 3)


@pytest.mark.parametrize("kind, values", one_thing.CHOICES.items())
def test_a_question_tells_neither_its_answer_nor_a_colour(kind, values):
    for scene in eyes.scenes("heldout", 9):
        asked = [one_thing.question(with_value(scene.things[0], kind, value), kind) for value in values]
        assert [one.answer for one in asked] == list(values) and len({one.text for one in asked}) == 1
        assert not set(split(asked[0].text)) & set(COLOURS)
        assert all(talk.pair(one.text, one.answer) for one in asked)  # the language model has read every word


@pytest.mark.parametrize("kind", one_thing.CHOICES)
def test_who_knows_nothing_of_a_held_out_scene_is_right_by_chance(kind):
    given = [one_thing.question(scene.things[0], kind).answer for scene in one_thing.scenes("heldout")]
    others = given[1:] + given[:1]
    right = sum(one == other for one, other in zip(given, others, strict=True)) / len(given)
    assert right == pytest.approx(one_thing.chance((kind,)), abs=0.07)
    assert one_thing.chance((kind, "size")) == pytest.approx((one_thing.chance((kind,)) + 1 / 2) / 2)


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="kind must be one of shape, .*, not 'smell'"):
        one_thing.question(eyes.scenes("train", 1)[0].things[0], "smell")


@pytest.mark.parametrize("kind, sense, choices", [("depth", "points", DEPTHS), ("motion", "motion", MOTIONS)])
def test_what_pictures_do_not_show_another_sense_does(kind, sense, choices):
    scene = eyes.scenes("train", 1)[0]
    same = [replace(scene, things=(replace(scene.things[0], **{kind: value}),)) for value in choices]
    assert len(torch.unique(perceive("picture", same), dim=0)) == 1
    assert len(torch.unique(perceive(sense, same), dim=0)) == len(choices)


# ---------------------------------------------------------------------------------------------------------------
# One matrix before a frozen language model


def test_what_is_perceived_comes_in_as_large_as_words():
    shown = 30 * vectors(100)
    model = projected.build(0, shown)
    words = model.words(shown)
    assert words.shape == (100, projected.TOKENS, model.language.config.hidden_size)
    torch.testing.assert_close(words.std(), model.language.get_input_embeddings().weight.std())


@pytest.mark.parametrize("tower", [torch.nn.Identity, sensor_towers.MotionTower])
def test_the_language_model_is_frozen_and_all_else_learns(tower, monkeypatch):
    monkeypatch.setattr(projected, "BATCH", 4)
    scenes = eyes.scenes("train", 8)
    shown = vectors(8) if tower is torch.nn.Identity else perceive("motion", scenes)
    model = projected.build(0, shown, tower)
    before, learned = states(model), {name for name, one in model.named_parameters() if one.requires_grad}
    projected.train(model, shown, one_thing.ask(scenes, ("motion",)), 2, 0)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"projection"} | (
        {"tower"} if tower is not torch.nn.Identity else set()
    )
    assert changed <= learned and not any(name.startswith("language") for name in learned)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_tower_stays_as_it_came(few, frozen):
    tower = sensor_towers.MotionTower
    came = projected.build(0, sensor_towers.perceived("motion", "train")[:100], tower).tower.state_dict()
    model = one_kind.asked_one(0, "motion", "motion", tower, frozen)
    same = [torch.equal(value, came[name]) for name, value in model.tower.state_dict().items()]
    assert all(same) if frozen else not all(same)


def test_an_exam_in_parts_is_the_exam_as_a_whole(monkeypatch):
    pairs = one_thing.ask(eyes.scenes("train", 7), ("size", "colour"))
    model = projected.build(0, vectors(7))
    whole = model.right(vectors(7), pairs)
    monkeypatch.setattr(shown, "AT_ONCE", 3)
    assert torch.equal(model.right(vectors(7), pairs), whole) and len(whole) == 14


def test_shifts_ask_beside_the_vectors_of_other_scenes():
    pairs = one_thing.ask(eyes.scenes("train", 5), ("size", "colour"))
    shown = torch.arange(5.0)[:, None]

    class Even(projected.Projected):
        def __init__(self):
            torch.nn.Module.__init__(self)

        def right(self, perceived, pairs):
            return (perceived[:, 0] % 2 == 0).repeat_interleave(2)

    def told(*shifts: int) -> Scores:
        return projected.answers(Even(), shown, pairs, shifts)

    assert told(0).values[::2] == [1, 0, 1, 0, 1] == told(5).values[::2]
    assert told(1).values[::2] == [0, 1, 0, 1, 1] and told(0, 1).values[1::2] == [0.5, 0.5, 0.5, 0.5, 1]
    assert list(told(1).scenes) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


# ---------------------------------------------------------------------------------------------------------------
# Stages, and the gap


def test_pictures_alone_are_pictures_alone(few, monkeypatch):
    def only_pictures(sense, split, seed):
        assert sense == "picture"
        return hub.pictures(split)

    monkeypatch.setattr(staged, "vectors", only_pictures)
    staged.taught(0, ("picture",))
    with pytest.raises(AssertionError):
        staged.taught(0, ("picture",), ("sound",))


def test_every_order_meets_every_sense_equally_often(few, monkeypatch):
    senses, met = one_connector.SENSES, {}
    marked = {sense: float(number) for number, sense in enumerate(senses)}
    monkeypatch.setattr(staged, "vectors", lambda sense, split, seed: torch.full((48, 1), marked[sense]))
    monkeypatch.setattr(staged, "as_pictures_are", lambda found: found)
    monkeypatch.setattr(staged, "STEPS", 12)  # each scene of a sense twice

    def learned(model, shown, pairs, steps, seed):
        at = projected.batches(len(pairs), projected.BATCH, seed)
        rows = torch.cat([at(step) for step in range(steps)])
        for number in shown[rows, 0].tolist():
            met[order][senses[int(number)]] = met[order].get(senses[int(number)], 0) + 1

    monkeypatch.setattr(projected, "train", learned)
    for order in ((senses,), one_connector.OTHERS_LAST, one_connector.OTHERS_FIRST, *(((one,),) for one in senses)):
        met[order] = {}
        staged.taught.__wrapped__(0, *order)
        assert met[order] == {sense: 96 for stage in order for sense in stage}
    met[order := one_connector.REHEARSED] = {}
    staged.taught.__wrapped__(0, *order)
    assert sum(met[order].values()) == 4 * 96 and met[order]["picture"] > 96  # no more steps, more of them on pictures
    assert next(iter(met[one_connector.OTHERS_LAST])) == "picture" == list(met[one_connector.OTHERS_FIRST])[-1]


def test_a_projection_reads_pictures_with_mean_zero_and_spread_one(few):
    read = hub.as_pictures_are(hub.pictures("train"))
    torch.testing.assert_close(read.std(), torch.tensor(1.0), atol=1e-2, rtol=0)
    assert read.mean(0).abs().max() < 1e-4


def test_centred_a_sense_has_the_mean_of_pictures_and_cached_it_is_one(few, monkeypatch):
    far = hub.pictures("train") + 3.0
    monkeypatch.setattr(hub, "vectors", lambda sense, split, seed: far)
    assert hub.sensed(0, "sound").mean() > 1
    torch.testing.assert_close(hub.sensed(0, "sound", "centred"), hub.as_pictures_are(hub.pictures("train")))
    monkeypatch.setattr(hub, "vectors", lambda sense, split, seed: hub.pictures("train"))
    monkeypatch.setattr(hub, "CACHED", 1)
    torch.testing.assert_close(hub.sensed(0, "sound", "cached"), hub.as_pictures_are(hub.pictures("train")))
    with pytest.raises(ValueError, match="how must be one of as it is, centred, cached, not 'shut'"):
        hub.sensed(0, "sound", "shut")


def test_the_cache_knows_no_held_out_scene(few):
    known = {tuple(row) for row in hub.as_pictures_are(hub.pictures("train")).tolist()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "CACHED", 1)
        assert {tuple(row) for row in hub.sensed(0, "picture", "cached").tolist()} <= known
    assert not {tuple(row) for row in hub.sensed(0, "picture").tolist()} & known


# ---------------------------------------------------------------------------------------------------------------
# Towers of their own, and all arms


def test_the_order_of_points_is_nothing_and_half_of_them_lie_on_the_thing():
    points = sensor_towers.thin_out(perceive("points", eyes.scenes("train", 3)))
    assert points.shape == (3, sensor_towers.POINTS, sensor_towers.VALUES)
    wall = (points[:, :, 2] > 0.99).float().mean(1)
    assert torch.all((wall - 0.5).abs() < 0.05)
    tower, order = sensor_towers.PointTower(), torch.randperm(sensor_towers.POINTS)
    torch.testing.assert_close(tower(points), tower(points[:, order]))
    assert not torch.allclose(tower(points), tower(points * torch.tensor([1.0, 1, -1, 1, 1, 1])))


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = one_connector.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim, 12)


def test_shapes_are_enforced():
    with pytest.raises(TypeError):
        sensor_towers.PointTower()(torch.zeros(2, 256, 3))
