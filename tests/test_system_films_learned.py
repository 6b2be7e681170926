"""Films with their sound: what tells what, who looks at what, what stays frozen, and every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import films_learned
from labs.systems.parts import (
    across_senses,
    activated,
    causal_queries,
    difference_adapters,
    eyes,
    film_questions,
    film_reader,
    grown_films,
    pooled_in_time,
    sound_films,
    space_time,
    time_plugged_in,
)  # fmt: skip
from labs.systems.parts.sound_films import ANSWERS, SLOTS
from labs.world.splits import has_held_out_pair, is_held_out

TAUGHT = (across_senses, activated, causal_queries, difference_adapters, grown_films, pooled_in_time, time_plugged_in)
CACHED = (
    sound_films.films, sound_films._passed, sound_films.frames, sound_films.sounds, film_questions.truth,
    film_questions.offered, time_plugged_in.of_pictures, *(module.taught for module in TAUGHT),
)  # fmt: skip
WAY = ("way",)


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few films."""
    values = dict.fromkeys(TAUGHT, {"STEPS": 3})
    values[sound_films] = {"COUNTS": {"train": 48, "choice": 24, "exam": 24}}
    values[grown_films] = {"STEPS": 3, "READ": 16, "FEW": 2}
    values[difference_adapters] = {"STEPS": 3, "BATCH": 4}
    values[time_plugged_in] = {
        "STEPS": 3, "PICTURE_STEPS": 2, "PICTURES": 16, "FEW": 8, "MANY": 24, "BATCH": 4, "PICTURE_BATCH": 8
    }  # fmt: skip
    with small(CACHED, values):
        yield


@pytest.fixture
def seen():
    """Frames of six films, as a whole and in regions."""
    return torch.randn(6, SLOTS, 10, 128, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def heard():
    """Sounds of six films."""
    return torch.randn(6, SLOTS, 64, generator=torch.Generator().manual_seed(1))


# ---------------------------------------------------------------------------------------------------------------
# Films


def test_what_is_asked_was_kept_back_and_never_chose_a_setting(cheap):
    scenes = {split: {film.scene for film in sound_films.films(split)} for split in sound_films.COUNTS}
    assert all(map(is_held_out, scenes["exam"])) and not any(map(has_held_out_pair, scenes["train"]))
    assert not scenes["exam"] & scenes["choice"]
    with pytest.raises(ValueError, match="split must be one of"):
        sound_films.films("test")


def test_a_film_backwards_shows_the_same_pictures_and_goes_the_opposite_way(cheap):
    for film in sound_films.films("exam"):
        back = film._replace(way=sound_films.WAYS[film.way], beep=SLOTS - 1 - film.beep)
        there, again = ([at for one in some.moments() for at in (one.things[0].x, one.things[0].y)]
                        for some in (film, back))  # fmt: skip
        assert again[::2] == pytest.approx(there[::2][::-1]) and again[1::2] == pytest.approx(there[1::2][::-1])
        assert film.answers() | {"way": back.way} == back.answers()
        assert len(film.offered()["place"]) == 3 and set(film.offered()["way"]) == {film.way, back.way}


def test_a_thing_is_heard_in_one_frame_and_the_sound_tells_nothing_of_its_path(cheap, monkeypatch):
    monkeypatch.setattr(sound_films, "HISS", 0.0)
    sounds = sound_films.sounds.__wrapped__("exam")
    for film, one in zip(sound_films.films("exam"), sounds, strict=True):
        assert (one.abs().sum(1) > 0).nonzero().flatten().tolist() == [film.beep]
        thing = film.moments()[0].things[0]
        torch.testing.assert_close(sound_films._voice(thing), sound_films._voice(film.scene.things[0]))


def test_frames_are_standardised_over_training_and_the_tower_ends_with_its_last_layer(cheap):
    frames = sound_films.frames("train").flatten(0, 1)
    torch.testing.assert_close(frames.mean(0), torch.zeros(10, 128), atol=1e-4, rtol=0)
    last, before = sound_films._passed("exam")
    layer = eyes.dual_encoder().model.vision_model.encoder.layers[-1]
    with torch.no_grad():
        ended = layer(before.flatten(0, 1), attention_mask=None).unflatten(0, before.shape[:2])
    torch.testing.assert_close(ended[:, :, 0], last[:, list(sound_films.WATCHED), 0], atol=1e-3, rtol=1e-4)


def test_only_what_was_offered_is_chosen_and_the_control_tells_of_another_film(cheap):
    sure = {kind: torch.nn.functional.one_hot(film_questions.truth("exam", kind), len(ANSWERS[kind])).float()
            for kind in ANSWERS}  # fmt: skip
    assert set(film_questions.right(sure, tuple(ANSWERS)).values) == {1.0}
    assert 0 < sum(film_questions.right(sure, ("colour",), shift=1).values) < 12
    allowed = film_questions.offered("exam", "way")
    wrong = {"way": torch.where(allowed, sure["way"] - 1, 9.0)}  # what is not offered is likeliest of all
    assert set(film_questions.right(wrong, WAY).values) == {1.0}


def test_shuffled_frames_are_the_same_frames(seen):
    mixed = film_questions.shuffled(seen, 0)
    torch.testing.assert_close(mixed.sum(1), seen.sum(1), atol=1e-4, rtol=1e-4)
    assert not torch.equal(mixed, seen)


# ---------------------------------------------------------------------------------------------------------------
# Time


def test_a_mean_over_time_has_no_order_and_a_token_for_each_frame_has(seen):
    found = {}
    for way in pooled_in_time.WAYS:
        torch.manual_seed(0)
        network = pooled_in_time.Pooled(way, WAY).eval()
        found[way] = torch.allclose(network(seen)["way"], network(seen.flip(1))["way"], atol=1e-5)
    assert found == {"mean and frames": False, "mean": True, "frames": False, "all regions": False}
    with pytest.raises(ValueError, match="way must be one of"):
        pooled_in_time.pool(seen, "max")


def test_a_picture_is_a_film_of_one_frame(seen):
    tokens = pooled_in_time.pool(seen[:, :1], "mean and frames")
    torch.testing.assert_close(tokens, torch.cat([seen[:, 0, 1:], seen[:, 0, :1]], dim=1))
    assert pooled_in_time.pool(seen, "mean and frames").shape == (6, 17, 128)
    assert pooled_in_time.pool(seen, "all regions").shape == (6, 72, 128)
    for reader in (pooled_in_time.Pooled("mean and frames", WAY), space_time.SpaceTime(WAY)):
        assert reader(seen[:, :1])["way"].shape == (6, 4)


def test_no_question_hears_of_another_and_nothing_absent_is_read():
    torch.manual_seed(0)
    reader = film_reader.Reader(("colour", "way")).eval()
    tokens, absent = torch.randn(3, 5, 64), torch.tensor([[False] * 3 + [True] * 2] * 3)
    before = reader(tokens, absent)
    torch.testing.assert_close(reader(torch.where(absent[..., None], 9.0, tokens), absent)["way"], before["way"])
    with torch.no_grad():
        reader.questions["colour"] *= -1
    after = reader(tokens, absent)
    torch.testing.assert_close(after["way"], before["way"])
    assert not torch.allclose(after["colour"], before["colour"])


def test_every_step_reads_as_many_frames_but_where_it_is_cheap():
    read = {way: {grown_films.rate(way, step) * grown_films.size(way, step) for step in range(grown_films.STEPS)}
            for way in grown_films.WAYS}  # fmt: skip
    few, many = grown_films.FEW, grown_films.READ
    assert read == {"growing": {many}, "all": {many}, "cheap": {few, 4 * few, 8 * few}}
    rates = [grown_films.rate("growing", step) for step in range(grown_films.STEPS)]
    assert rates == sorted(rates) and set(rates) == {1, 4, 8}
    with pytest.raises(ValueError, match="way must be one of"):
        grown_films.rate("shrinking", 0)


def test_frames_are_drawn_one_from_each_stretch(seen):
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(space_time.sample(seen, 8, generator), seen)
    drawn = space_time.sample(seen, 4, generator)
    for at in range(4):
        pair = seen[:, 2 * at : 2 * at + 2]
        assert ((drawn[:, at, None] == pair).flatten(2).all(2).sum(1) == 1).all()
    with pytest.raises(ValueError, match="frames must divide"):
        space_time.sample(seen, 3, generator)


def test_with_time_plugged_in_a_still_film_is_told_as_its_picture(seen):
    torch.manual_seed(0)
    known = space_time.SpaceTime(("colour", "place")).eval()
    fresh = known.plug_in_time(space_time.SpaceTime(("colour", "way"))).eval()
    with torch.no_grad():
        fresh.when.copy_(known.when[:1].expand(SLOTS, -1))
    still = seen[:, :1].expand(-1, SLOTS, -1, -1)
    torch.testing.assert_close(fresh(still)["colour"], known(seen[:, :1])["colour"], atol=1e-5, rtol=1e-4)


def test_without_time_frames_are_a_heap_also_after_lessons(cheap, seen):
    heap, timed = (time_plugged_in.taught(0, way, 8) for way in ("without time", "plugged in"))
    torch.testing.assert_close(heap(seen)["way"], heap(seen.flip(1))["way"], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(timed(seen)["way"], timed(seen.flip(1))["way"], atol=1e-4)
    with pytest.raises(ValueError, match="way must be one of"):
        time_plugged_in.taught(0, "unplugged", 8)


def test_a_new_adapter_changes_nothing_and_only_the_temporal_one_knows_an_order():
    hidden = torch.randn(2, 4, 37, 128, generator=torch.Generator().manual_seed(0))
    for temporal in (True, False):
        torch.manual_seed(0)
        adapter = difference_adapters.Adapter(temporal)
        assert torch.equal(adapter(hidden), hidden)
        torch.nn.init.normal_(adapter.up.weight)
        same = torch.allclose(adapter(hidden.flip(1)).flip(1), adapter(hidden), atol=1e-4)
        assert same is not temporal
    with pytest.raises(ValueError, match="adapter must be one of"):
        difference_adapters.Adapted("LoRA", WAY)


def test_differences_add_up_to_the_way_from_the_first_frame_to_the_last():
    z = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(difference_adapters.difference(z).sum(1), z[:, -1] - z[:, 0])


def test_frozen_eyes_stay_frozen(cheap):
    tower = eyes.dual_encoder().model.vision_model
    before = {name: weight.clone() for name, weight in tower.state_dict().items()}
    network = difference_adapters.taught(0, "temporal difference")
    assert network.adapter.up.weight.abs().sum() > 0
    assert all(torch.equal(weight, before[name]) for name, weight in tower.state_dict().items())
    assert not any("layers" in name for name, _ in network.named_parameters())


# ---------------------------------------------------------------------------------------------------------------
# Two senses


def test_a_causal_q_former_sees_no_frame_before_its_time(seen):
    for causal in (True, False):
        torch.manual_seed(0)
        branch, given = causal_queries.CausalQueries(128, 4, causal).eval(), seen[:, :, 0]
        later = given.clone()
        later[:, 5:] += 1
        same = torch.allclose(branch.frames(given)[:, :5], branch.frames(later)[:, :5], atol=1e-5)
        assert same is causal
        assert branch(given).shape == (6, 4, 64)


def test_apart_the_senses_do_not_meet_before_the_reader(seen, heard):
    torch.manual_seed(0)
    apart = causal_queries.HeardAndSeen("apart", ("place",))
    assert [branch.enter.in_features for branch in apart.branches] == [128, 64]
    fused = causal_queries.HeardAndSeen("fused", ("place",))
    assert [branch.enter.in_features for branch in fused.branches] == [192]
    queries = [sum(len(branch.queries.queries) for branch in network.branches) for network in (apart, fused)]
    assert queries == [8, 8]
    with pytest.raises(ValueError, match="way must be one of"):
        causal_queries.HeardAndSeen("between", ("place",))


def test_across_hides_ones_own_sense_and_within_the_other():
    across, within = across_senses.hidden("across"), across_senses.hidden("within")
    assert across[:8, :8].all() and across[8:, 8:].all() and not across[:8, 8:].any() and not across[8:, :8].any()
    assert torch.equal(within, ~across) and not across_senses.hidden("all").any()
    with pytest.raises(ValueError, match="way must be one of"):
        across_senses.hidden("nowhere")


def test_within_a_sense_nothing_is_known_of_the_other(seen, heard):
    reads = {}
    for way in across_senses.WAYS:
        torch.manual_seed(0)
        network = across_senses.AcrossSenses(way, ("place",)).eval()
        one, other = network.tokens(seen[:, :, 0], heard), network.tokens(seen[:, :, 0], heard + 1)
        reads[way] = not torch.allclose(one[:, :SLOTS], other[:, :SLOTS], atol=1e-5)
    assert reads == {"across": True, "all": True, "within": False}


def test_of_a_sense_that_is_off_nothing_is_read_not_even_its_token(seen, heard):
    torch.manual_seed(0)
    network, frames = activated.Activated(("colour",)).eval(), seen[:, :, 0]
    for clip, (sight, sound) in activated.CLIPS.items():
        on = activated.switches(clip, 6)
        before = network(frames, heard, on)["colour"]
        spoilt = network(frames if sight else frames * torch.nan, heard if sound else heard + 9, on)["colour"]
        torch.testing.assert_close(spoilt, before)
        tokens, absent = network.tokens(frames, heard, on)
        assert tokens.shape == (6, 18, 64) and (~absent).sum(1).tolist() == [9 * (sight + sound)] * 6
        with torch.no_grad():
            network.activation[1] += 1
        assert torch.allclose(network(frames, heard, on)["colour"], before, atol=1e-5) is not sound
    assert activated.Activated(("colour",), tokens=False).tokens(frames, heard, on)[0].shape == (6, 16, 64)


def test_clips_of_all_sorts_come_as_often():
    on = activated.mixed(3000, torch.Generator().manual_seed(0))
    assert on.any(1).all()
    assert on.float().mean(0).tolist() == pytest.approx([2 / 3, 2 / 3], abs=0.03)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in films_learned.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)
