"""The failure museum: each room has its bug and no other, shows its symptom, and can be named and proven."""

import re

import numpy as np
import pytest
import torch

from labs.errors import LabsError
from labs.evaluation.interval import difference, interval
from labs.models.chat import message
from labs.models.conversation import picture_token
from labs.teaching import museum, progress
from labs.teaching.museum import exhibit, script, symptoms

ROOMS = museum.ROOMS
PLACES = ("lessons", "split", "template", "row", "batch", "logits")  # in which a bug may sit
PROOFS = {
    "unmasked labels": lambda room: (room.batch["labels"] != -100).sum() / room.batch["attention_mask"].sum(),
    "truncated picture tokens": lambda room: [row.ids.count(picture_token(room.processor)) for row in room.rows],
    "wrong chat template": lambda room: room.processor.apply_chat_template([message("?")], add_generation_prompt=True),
    "evaluation on the training set": lambda room: len(room.heldout.keys.known_to(room.train.keys)),
    "a silently ignored picture": lambda room: "pixel_values" in room.batch,
}
SOUND = {  # what these come to without the bug
    "unmasked labels": lambda found: found < 0.2,
    "truncated picture tokens": lambda found: set(found) == {36},
    "wrong chat template": lambda found: found == "<user><image>?<assistant>",
    "evaluation on the training set": lambda found: found == 0,
    "a silently ignored picture": lambda found: found is True,
}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Progress of the tests is nobody's."""
    monkeypatch.setenv("LABS_RUNS", str(tmp_path))
    monkeypatch.delenv("LABS_TEACHING", raising=False)


@pytest.fixture(scope="module")
def rooms():
    """Every room's run, as visitors see it; the sound script's is `None`."""
    return {None: exhibit.sound()} | {room: museum.visited(room) for room in ROOMS}


def of(name: str) -> str:
    return next(room for room, kept in museum._ROOMS.items() if kept.NAME == name)


@pytest.fixture(scope="module")
def prepared():
    """What goes into every room, and into its twin."""
    return {room: (museum._before(room), museum._before(room, twin=True)) for room in ROOMS}


# ---------------------------------------------------------------------------------------------------------------
# What goes in


@pytest.mark.parametrize("name", PROOFS)
def test_the_bug_is_there_and_its_twin_is_sound(name, prepared):
    here, there = prepared[of(name)]
    assert SOUND[name](PROOFS[name](there)), "the twin has the bug"
    assert not SOUND[name](PROOFS[name](here)), "the bug is not planted"


@pytest.mark.parametrize("name", PROOFS)
def test_a_room_has_no_other_bug(name, prepared):
    here = prepared[of(name)][0]
    assert all(SOUND[other](PROOFS[other](here)) for other in PROOFS if other != name)


@pytest.mark.parametrize("room", ROOMS)
def test_a_bug_sits_in_one_place_and_its_twin_is_the_same_elsewhere(room):
    script, twin = museum._ROOMS[room].SCRIPT, museum._ROOMS[room].TWIN
    changed = {place for place in PLACES if getattr(script, place) is not getattr(twin, place)}
    # the cut alone would be refused by the library's model; the merge that hides it belongs to it
    assert changed == {"row", "logits"} if museum._ROOMS[room].NAME.startswith("truncated") else len(changed) == 1
    assert script.steps == twin.steps and script.rate == twin.rate and script.records == twin.records


def test_without_its_own_merge_the_library_refuses_the_cut_picture(prepared):
    here = prepared[of("truncated picture tokens")][0]
    with pytest.raises(ValueError, match="features"):
        script.SOUND.logits(here.served.model, here.batch)


def test_the_filter_of_the_batch_loses_the_picture_and_the_model_does_not_mind(prepared):
    here, there = prepared[of("a silently ignored picture")]
    told = [here._script.logits(here.served.model, given.batch) for given in (here, there)]
    assert torch.isfinite(told[0]).all() and not torch.allclose(*told)


# ---------------------------------------------------------------------------------------------------------------
# What comes out: real runs


def test_the_sound_script_has_no_symptom(rooms):
    sound = rooms[None]
    assert sound.losses[0] > 2 and np.mean(sound.losses[-10:]) < 0.4
    assert interval(sound.own, range(len(sound.own))).low > 0.3
    gap = interval(sound.own, range(60)).mean - interval(sound.used, range(60)).mean
    assert abs(gap) < 0.25, "its exam is no other than users'"
    assert all(symptoms.in_row(sound, row).mean > 0.6 for row in sound.by_row)


def test_unmasked_labels_keep_the_loss_up_though_answers_are_right(rooms):
    room = rooms[of("unmasked labels")]
    assert room.losses[0] > 10 and min(room.losses) > 3
    assert interval(room.own, range(len(room.own))).low > 0.2


def test_a_wrong_template_fails_users_alone(rooms):
    room, sound = rooms[of("wrong chat template")], rooms[None]
    assert np.mean(room.losses[-10:]) < 0.4 and interval(room.own, range(60)).low > 0.3
    assert difference(sound.used, room.used, range(60)).low > 0.2
    assert interval(room.own, range(60)).low > interval(room.used, range(60)).high
    assert sum(map(symptoms._formed, room.told)) < 45 < sum(map(symptoms._formed, sound.told)), "users get the old form"


def test_an_exam_that_was_trained_on_is_passed_and_users_are_not_served(rooms):
    room, sound = rooms[of("evaluation on the training set")], rooms[None]
    assert np.mean(room.losses[-10:]) < 0.05
    assert np.mean(room.own) > 0.8 and interval(room.used, range(60)).high < 0.75
    assert np.mean(room.own) > np.mean(sound.own)
    assert all(map(symptoms._formed, room.told)), "users get the new form"


def test_a_cut_picture_hides_its_last_rows(rooms):
    room, sound = rooms[of("truncated picture tokens")], rooms[None]
    right = {row: symptoms.in_row(room, row) for row in room.by_row}
    assert right["bottom"].high < 0.4 < min(right["top"].low, right["middle"].low)
    assert symptoms.in_row(sound, "bottom").mean > 0.6


def test_an_ignored_picture_leaves_guessing(rooms):
    room = rooms[of("a silently ignored picture")]
    assert np.mean(room.losses[-10:]) > 1 and np.mean(room.own) < 0.1
    assert all(symptoms.in_row(room, row).high < 0.2 for row in room.by_row)


# ---------------------------------------------------------------------------------------------------------------
# Visiting and naming


SENTENCES = {
    "unmasked labels": "everything would be supervised",
    "truncated picture tokens": r"the text has \d+ picture tokens and the model computes 36 picture features",
    "wrong chat template": r"(?s)USER: <image>.*<user><image>",
    "evaluation on the training set": r"held-out in training: (\d+) of \1 ",
    "a silently ignored picture": "not beyond the blind control, not beyond the shuffled control",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_engine_says_its_own_sentence(name, rooms):
    assert re.search(SENTENCES[name], museum._ROOMS[of(name)].engine(rooms[of(name)]))


@pytest.mark.parametrize("room", ROOMS)
def test_a_visit_shows_symptoms_and_no_name(room, rooms, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(museum, "show", lambda figure, alt: seen.append((figure, alt)))
    shown = museum.visit(room)
    told = capsys.readouterr().out + seen[0][1] + repr(shown)
    assert f"room {room}" in told and "things named, its way, bottom row" in told
    assert not [word for name in museum.BUGS for word in name.split() if len(word) > 7 and word in told]
    assert shown is rooms[room], "what was run is kept"


@pytest.mark.parametrize("name", PROOFS)
def test_a_name_with_a_measurement_solves_a_room(name, rooms, capsys):
    museum.name(of(name), name, PROOFS[name])
    told = capsys.readouterr().out
    assert f"Room {of(name)}: {name}, and proven." in told and "What looks like it" in told
    assert progress.load()[f"lab2.room_{of(name)}"]["state"] == "solved"


def test_a_name_alone_asks_for_the_proof_and_a_symptom_is_none(rooms, capsys):
    museum.name("B", "unmasked")
    assert "Now prove it" in capsys.readouterr().out
    museum.name("B", "unmasked", lambda room: room.losses[-1])
    assert "The measurement raises IndexError" in capsys.readouterr().out
    museum.name("B", "unmasked", lambda room: len(room.rows))
    assert "Both are the same" in capsys.readouterr().out
    assert progress.load()["lab2.room_B"] == {"state": "wrong", "attempts": 3}


def test_another_name_says_what_its_signs_would_be(capsys):
    museum.name("B", "wrong chat template")
    told = capsys.readouterr().out
    assert "Room B: another one." in told and "users get few right answers" in " ".join(told.split())
    assert "unmasked" not in told


def test_a_room_without_a_name_goes_on_and_the_role_of_solution_names_it(rooms, monkeypatch, capsys):
    museum.name("A")
    assert "has no name yet" in capsys.readouterr().out
    monkeypatch.setenv("LABS_TEACHING", "solution")
    museum.name("A")
    assert f"Room A: {museum._ROOMS['A'].NAME}." in capsys.readouterr().out
    assert not progress.load()


@pytest.mark.parametrize(
    "bug, what", [("labels and masks", "none of the bugs"), ("picture", "more than one"), ("", "none")]
)
def test_what_is_no_bug_is_refused_in_one_sentence(bug, what):
    with pytest.raises(LabsError, match=what):
        museum.name("A", bug)


def test_what_is_no_room_is_refused():
    with pytest.raises(LabsError, match="the rooms are A, B, C, D, E"):
        museum.visit("F")


def test_long_answers_are_folded_beneath_their_picture():
    assert symptoms._folded("red ring, blue moon, pink star") == "red ring,\nblue moon,\npink star"
