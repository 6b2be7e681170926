"""Worksheet 3's rig, listener and files of one's own: true labels, gradients where they belong, faults found."""

import math

import pytest
import standins_senses
import torch

from labs.errors import LabsError
from labs.models.entry import Entry, Loaded
from labs.systems.parts.talk import answer_logits, lay_out, see
from labs.teaching import lab3_bound, lab3_exam, lab3_faults, lab3_files, lab3_listener, lab3_own, lab3_real, lab3_rig
from labs.teaching.exercises.lab3.contrastive_loss import contrastive_loss
from labs.teaching.exercises.lab3.patches import patches
from labs.teaching.exercises.lab3.question_records import question_records
from labs.teaching.exercises.lab3.splice import splice
from labs.tuning.packing import Row
from labs.world import splits
from labs.world.scene import Scene, Thing


@pytest.fixture(scope="module")
def recording():
    return lab3_rig.session("heldout", 9, things=12)


@pytest.fixture(scope="module")
def model():
    return lab3_listener.Listener(patches, splice)


def windows(count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, steps, channels, generator=generator)
            for name, (steps, channels, _) in lab3_listener.SENSORS.items()}  # fmt: skip


def records(count: int) -> list[list[dict]]:
    labels = lab3_rig.session("train", 0, count).labels
    return [question_records((float(n), n + 1.0), labels, lab3_rig.QUESTIONS) for n in range(count)]


# ---------------------------------------------------------------------------------------------------------------
# The rig


def test_sensors_tick_at_their_rates_and_labels_cover_every_second(recording):
    for name, rate in lab3_rig.RATES.items():
        assert len(getattr(recording, name)) == 12 * rate
        assert len(lab3_rig.cut(getattr(recording, name), (3.0, 4.0), rate)) == rate
    assert [(one["start"], one["stop"]) for one in recording.labels] == [(n, n + 1.0) for n in range(12)]
    assert all(set(lab3_rig.QUESTIONS) < set(one) for one in recording.labels)


def test_sessions_are_the_same_again_unlike_each_other_and_of_their_split(recording):
    again, other = lab3_rig.session("heldout", 9, things=12), lab3_rig.session("heldout", 8, things=12)
    assert all(torch.equal(getattr(again, name), getattr(recording, name)) for name in lab3_rig.RATES)
    assert other.labels != recording.labels and not torch.equal(other.sound, recording.sound)
    for split in splits.SPLITS:
        things = [Thing(one["shape"], one["colour"], one["size"], 0.5, 0.5)
                  for one in lab3_rig.session(split, 1, things=20).labels]  # fmt: skip
        assert {splits.is_held_out(Scene((thing,))) for thing in things} == {split == "heldout"}


def test_noise_is_what_is_asked_for():
    quiet, loud = (lab3_rig.session("train", 3, 4, louder) for louder in (0.0, 2.0))
    for name, deviation in lab3_rig.NOISE.items():
        error = getattr(loud, name) - getattr(quiet, name)
        assert abs(error.std().item() / (2 * deviation) - 1) < 0.1


# ---------------------------------------------------------------------------------------------------------------
# The listener


def test_towers_and_projections_learn_and_the_language_model_is_frozen(model):
    assert model.sizes()["language model"][0] == 0
    pairs = lab3_listener.branches(records(4))
    model.loss(model.sense(windows(4)), pairs).backward()
    slopes = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert all((slope is None) == name.startswith("language") for name, slope in slopes.items())
    model.zero_grad()


def test_what_is_sensed_reaches_the_answer_as_by_the_systems_own_way(model):
    sensed, asked = model.sense(windows(3)).detach(), lab3_listener.branches(records(3))
    batch = lay_out([Row(see(8), some) for some in asked])
    torch.testing.assert_close(model.logits(batch, sensed), answer_logits(model.language, batch, sensed))


def test_right_is_what_the_model_would_say(model):
    learned = windows(40)
    lab3_listener.train(model, learned, records(40), steps=60)
    with torch.no_grad():
        sensed = torch.cat([model.sense(learned)[:20], model.sense(windows(40, 1))[20:]])
    scores = model.right(sensed, records(40)).tolist()
    said = {kind: model.say(sensed, question) for kind, question in lab3_rig.QUESTIONS.items()}
    asked = lab3_exam.asked(records(40))
    assert scores == [float(said[kind][number] == answer) for number, kind, answer in asked]
    assert 0 < sum(scores) < len(scores)  # or the comparison would say little
    line = lab3_exam.spoken(model, sensed[:2], records(40)[:2])[1]
    assert line.splitlines()[1] == "true: " + ", ".join(answer for number, _, answer in asked if number == 1)


def test_training_watches_hides_and_refuses(model):
    fresh, seen, before = lab3_listener.Listener(patches, splice), [], windows(40)
    given = {name: part.clone() for name, part in before.items()}
    lab3_listener.train(fresh, given, records(40), steps=3, hide=0.5, watch=seen.append)
    assert seen == [3] and all(torch.equal(given[name], before[name]) for name in given)
    with pytest.raises(ValueError, match="hide must be from 0 to 0.5"):
        lab3_listener.train(fresh, given, records(40), steps=1, hide=0.6)
    with pytest.raises(LabsError, match="never read the word 'jogging'"):
        lab3_listener.branches([question_records((0.0, 1.0), [{"start": 0.0, "stop": 1.0, "motion": "jogging"}],
                                                 lab3_rig.QUESTIONS)])  # fmt: skip


def test_hiding_hides_one_sensor_of_a_window_and_never_both(monkeypatch):
    fresh, shown = lab3_listener.Listener(patches, splice), []
    monkeypatch.setattr(fresh, "sense", lambda given: shown.append(given) or torch.zeros(32, 8, 96, requires_grad=True))
    monkeypatch.setattr(fresh, "loss", lambda sensed, pairs: sensed.sum())
    monkeypatch.setattr(
        lab3_listener, "learn", lambda parameters, loss, steps, rate: [loss(n).item() for n in range(40)]
    )
    ones = {name: torch.ones_like(part) for name, part in windows(64).items()}
    lab3_listener.train(fresh, ones, records(64), hide=0.25)
    there = {name: torch.cat([given[name].mean((1, 2)) for given in shown]) for name in ones}
    assert not ((there["sound"] == 0) & (there["motion"] == 0)).any()
    assert all(abs((part == 0).float().mean().item() - 0.25) < 0.05 for part in there.values())


# ---------------------------------------------------------------------------------------------------------------
# Binding


def test_a_camera_bound_to_motion_finds_its_second_and_a_shuffled_one_does_not(monkeypatch):
    monkeypatch.setattr(lab3_bound, "STEPS", 25)
    maps = torch.cat([lab3_rig.session("train", n).depth for n in range(2)])
    hub = torch.randn(128, 1, generator=torch.Generator().manual_seed(0)).T + maps.flatten(1)[:, :1024:8]
    ranks = {}
    for shuffled in (False, True):
        tower = lab3_bound.DepthTower(hub)
        lab3_bound.bind(tower, maps, hub, contrastive_loss, shuffled=shuffled)
        with torch.no_grad():
            near = torch.nn.functional.normalize(tower.way(maps), dim=1) @ (hub - hub.mean(0)).T
            lengths = (tower(maps) - tower.mean).norm(dim=1)
        torch.testing.assert_close(lengths, tower.far.expand(len(maps)))
        ranks[shuffled] = (near >= near.diagonal()[:, None]).sum(1).float().mean().item()
    assert ranks[False] < 30 < ranks[True]


# ---------------------------------------------------------------------------------------------------------------
# Exams


def test_not_listening_is_always_the_most_frequent_answer():
    def one(answer: str) -> list[dict]:
        return question_records((0.0, 1.0), [{"start": 0.0, "stop": 1.0, "motion": answer}], lab3_rig.QUESTIONS)

    learned, asked = [one("up"), one("up"), one("left")], [one("up"), one("left"), one("up"), one("down")]
    right = lab3_exam.prior(learned, asked)
    assert right.tolist() == [1, 0, 1, 0]
    found = lab3_exam.by_kind(right, asked)
    assert set(found) == {"motion", "all"} and found["motion"].mean == 0.5 and found["all"].n == 4


# ---------------------------------------------------------------------------------------------------------------
# Files of one's own


@pytest.fixture(scope="module")
def own(tmp_path_factory, recording):
    folder = tmp_path_factory.mktemp("own")
    lab3_own.write(folder, recording)
    return folder


def test_what_is_written_is_read_again(own, recording):
    again = lab3_own.read(own)
    assert again.labels == recording.labels
    torch.testing.assert_close(again.sound, recording.sound, rtol=0, atol=1e-4)
    torch.testing.assert_close(again.motion, recording.motion, rtol=0, atol=1e-4)


SENTENCES = {
    "sound at 44.1 kHz": "44,100 samples a second",
    "microphone off": "is silent",
    "half a second": "lasts 0.50 s",
    "motion at 50 Hz": "50 rows a second",
    "an empty cell": "line 72: gyroscope z is ''",
    "a gap": "a gap, 0.31 s long after 0.79 s",
    "a dead axis": "gyroscope z is 0 all the time",
    "in units of g": "feels 1.0",
    "lying flat": "of it on accelerometer y",
    "an unknown word": "line 2: 'walking' is no motion",
}


@pytest.mark.parametrize("fault", lab3_faults.FAULTS)
def test_every_usual_fault_is_refused_with_one_sentence(fault, own, tmp_path):
    said = lab3_faults.said(fault, own, tmp_path / "bad")
    assert SENTENCES[fault] in said and "\n" not in said


def test_other_files_are_refused_too(own, tmp_path):
    cases = {
        "mine.wav": [(b"no sound at all", "no WAV file"), (b"", "no WAV file")],
        "mine.csv": [(b"", "no rows"), (b"a,b\n1,2\n", "no column 'time'"), (b"\xff\xfe\x00", "no text in UTF-8")],
        "labels.csv": [(b"start,stop\n0,1\n", "tells nothing"), (b"start,stop,colour\n1,1,red\n", "line 2 stops at"),
                       (b"start,stop,colour\n100,101,red\n", "after mine")],
    }  # fmt: skip
    for name, wrong in cases.items():
        for text, words in wrong:
            for good in own.iterdir():
                (tmp_path / good.name).write_bytes(good.read_bytes())
            (tmp_path / name).write_bytes(text)
            with pytest.raises(LabsError, match=words):
                lab3_own.read(tmp_path)
    with pytest.raises(LabsError, match=r"there is no mine.wav"):
        lab3_own.read(tmp_path / "nowhere")


def test_labels_leave_out_what_is_not_known(tmp_path):
    (tmp_path / "labels.csv").write_text("start,stop,colour,motion,note\n0,1.5,Red,,wind\n2,3,, up ,\n")
    found = lab3_files.read_labels(tmp_path / "labels.csv")
    assert found == [{"start": 0.0, "stop": 1.5, "colour": "red"}, {"start": 2.0, "stop": 3.0, "motion": "up"}]


def test_unlike_is_nothing_for_the_same_and_grows_with_shift_and_spread():
    train = torch.randn(50, 20, 3, generator=torch.Generator().manual_seed(0))
    assert lab3_own.unlike(train, train) < 1e-5
    shifted = train.clone()
    shifted[..., 1] += 2
    assert abs(lab3_own.unlike(shifted, train) - 2 / 3) < 0.05  # one channel of three
    assert abs(lab3_own.unlike(4 * train, train) - math.log(4)) < 0.1


# ---------------------------------------------------------------------------------------------------------------
# Real ears, on stand-ins


def standing_in(name: str) -> Loaded:
    made = getattr(standins_senses, name)()
    return Loaded(Entry(name, type(made.model).__name__), made.model.eval(), made.processor)


def test_real_ears_label_compare_and_answer(recording):
    second = recording.sound[:16_000]
    labels = lab3_real.labels_of(standing_in("ast"), second)
    assert len(labels) == 3 and list(labels.values()) == sorted(labels.values(), reverse=True)
    texts = ["a bell", "the wind", "a voice"]
    fits = lab3_real.fits(standing_in("clap"), second, texts)
    assert list(fits) == texts and abs(sum(fits.values()) - 1) < 1e-4
    assert isinstance(lab3_real.answer(standing_in("qwen_audio"), second, "What do you hear?"), str)


@pytest.mark.parametrize("name", ["patchtst", "timesfm"])
def test_a_forecast_is_measured_beside_what_stays_as_it_is(name, recording):
    loaded = standing_in(name)
    errors = lab3_real.forecast(loaded, recording.motion)
    still = recording.motion[:1].expand(200, -1) + 1e-3 * torch.randn(
        200, 6, generator=torch.Generator().manual_seed(0)
    )
    assert set(errors) == {"forecast", "stays as it is"} and all(error > 0 for error in errors.values())
    assert lab3_real.forecast(loaded, still)["stays as it is"] > 0
    with pytest.raises(ValueError, match="the recording has 60"):
        lab3_real.forecast(loaded, recording.motion[:60])
