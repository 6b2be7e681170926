"""The text-only teacher: what it is given, what it writes, whether that is true, and a chat model in its place."""

import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from standins_language import smollm

from labs.data.records import read
from labs.models.entry import Entry, Loaded
from labs.systems.parts import eyes, teacher_chat, teacher_shown
from labs.systems.parts.base_words import split, words
from labs.systems.parts.instructions import THINGS
from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, KINDS, REASONING, REASONS, TALKS, Taught, teach
from labs.systems.parts.teacher_chat import ChatTeacher, examples, prompt, read_reply, replied
from labs.systems.parts.teacher_exam import agreement, end, exam, facts, score
from labs.systems.parts.teacher_reads import Item, TeacherError, gather, items_of, names, text_of
from labs.systems.parts.teacher_records import (
    CAPTION,
    RECORDS,
    captioned,
    counts,
    gold,
    mistaken,
    talked,
    taught,
    write_llava,
)
from labs.systems.parts.teacher_shown import COSTS, STATES
from labs.systems.parts.teacher_truth import Unread, holds, share_true, truth, verdicts
from labs.systems.parts.teacher_writes import TURNS, describe
from labs.world.scene import Scene, Thing
from labs.world.splits import HELD_OUT_PAIRS

SCENES = eyes.scenes("train", 80, (1, 2, 2, 3, 4, 5))
STAR = Thing("star", "red", "small", 0.5, 0.17)
RING = Thing("ring", "blue", "big", 0.17, 0.5)
SCENE = Scene((STAR, RING))
TEXT = """blue ring, red star
a blue ring and a red star
a big blue ring and a small red star

ring: [0.02, 0.35, 0.32, 0.65]
star: [0.42, 0.08, 0.58, 0.24]"""


# ---------------------------------------------------------------------------------------------------------------
# What is given


def test_the_text_says_where_in_boxes_alone_and_which_colour_in_captions_alone():
    captions, layout = text_of(SCENE).split("\n\n")
    assert "red" in captions and "top" not in captions and "[" not in captions
    assert "red" not in layout and layout.splitlines()[0].startswith("ring: [0.0")
    assert text_of(SCENE, boxes=False) == captions


def test_what_is_gathered_is_so_and_hardly_anything_is_missing():
    missing = things = 0
    for scene in SCENES:
        so = Counter((thing.shape, thing.colour, thing.size, thing.place) for thing in scene.things)
        found = gather(text_of(scene))
        assert Counter((one.shape, one.colour, one.size) for one in found) == Counter(key[:3] for key in so.elements())
        placed = Counter((*one[:3], one.place) for one in found if one.box)
        assert not placed - so
        missing, things = missing + sum(one.box is None for one in found), things + len(found)
    assert 0 < missing < things / 3  # of two big stars nobody can say which is the red one


def test_of_two_things_alike_in_shape_the_size_tells_which_is_which():
    text = "red star, blue star\na red star and a blue star\na big red star and a small blue star\n\n"
    small, big = "star: [0.40, 0.40, 0.56, 0.56]", "star: [0.02, 0.02, 0.31, 0.31]"
    red, blue = sorted(gather(f"{text}{small}\n{big}"), key=lambda item: item.colour, reverse=True)
    assert (red.place, blue.place) == ("top left", "centre")
    assert all(item.box is None for item in gather(f"{text}{small}\n{small}"))


def test_what_captions_contradict_is_not_kept():
    assert gather("red star\na blue star\na big blue star\n\nstar: [0.02, 0.02, 0.31, 0.31]")[0].colour is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text has no caption"),
        ("a red elephant", "'a red elephant' is no thing of a caption"),
        ("a red star\n\nstar: [0.1, 0.2]", "is no box"),
        ("a red star\n\nstar: [0.1, 0.2, one, 0.4]", "is no box"),
        ("a red star\n\nstar: [0.5, 0.2, 0.3, 0.4]", "is no box"),
        ("a red star\n\nstar at the top", "is no box"),
    ],
)
def test_a_text_without_a_meaning_is_refused(text, sentence):
    with pytest.raises(TeacherError, match=sentence.replace("'", ".")):
        gather(text)


# ---------------------------------------------------------------------------------------------------------------
# What is written


def test_everything_that_is_written_is_true_and_can_be_judged():
    for scene in SCENES:
        for source in (taught, talked, gold):
            for one in source(scene, random.Random(len(scene.things))):
                assert set(verdicts(scene, one)) == {True}, (text_of(scene), one)


def test_a_lie_is_noticed():
    said = Taught(
        CONVERSATION, (("What colour is the star?", "blue"), ("Is there a ring?", "yes"), ("Where is it?", "top"))
    )
    assert verdicts(SCENE, said) == [False, True, False]
    told = Taught(
        DESCRIPTION, (("?", "There are three things. A red star is at the top. The star is left of the ring. Lo."),)
    )
    assert verdicts(SCENE, told) == [False, True, None, None]  # neither side clearly wins
    steps = Taught(
        REASONING,
        (("Which is bigger, the star or the ring? Explain.", "The star is big, the ring is big, so the star."),),
    )
    assert verdicts(SCENE, steps) == [False, True, False]
    assert share_true([(SCENE, [said, told])]) == (2 / 5, 5 / 7)


def test_the_checker_and_the_world_agree():
    for item in exam(CONVERSATION, 30, 0).new:
        scene = eyes.scenes("train", 30, THINGS, 0)[item.picture]
        assert truth(scene, item.question) == item.answer
    with pytest.raises(Unread):
        truth(SCENE, "What colour is the moon?")
    with pytest.raises(Unread):
        holds(SCENE, "the ring is happy about the star")


def test_the_text_alone_decides():
    assert teach(TEXT) == teach(TEXT) != teach(TEXT, draw=1)
    moved = TEXT.replace("[0.02, 0.35, 0.32, 0.65]", "[0.67, 0.35, 0.97, 0.65]")
    assert "big blue ring is at the left" in teach(TEXT)[TALKS].turns[0][1]
    assert "big blue ring is at the right" in teach(moved)[TALKS].turns[0][1]


def test_without_boxes_nothing_is_said_of_places():
    for scene in SCENES:
        said = " ".join(
            text for one in teach(text_of(scene, boxes=False)) for turn in one.turns for text in turn
        ).lower()
        assert not any(
            word in said for word in (" at the ", "side", "left of", "nearer", "above", "seen from", "where")
        )


def test_all_kinds_and_words_are_known():
    found = [one for scene in SCENES for one in teach(text_of(scene))]
    assert {one.kind for one in found} == set(KINDS)
    assert all(len(one.turns) <= TURNS for one in found)
    assert {word for one in found for turn in one.turns for text in turn for word in split(text)} <= words().keys()
    ends = " ".join(one.turns[0][0] for one in found if one.kind == REASONING)
    assert all(start in ends for start in ("If the", "Which is bigger", "On which side", "Which is nearer"))
    several = [one for one in found if one.kind == DESCRIPTION]
    assert all(one.turns[0][1].count(".") >= 2 for one in several)


def test_what_exams_are_about_is_never_denied():
    for scene in SCENES:
        for one in talked(scene, random.Random(1)):
            for question, answer in one.turns:
                asked = question.lower().rstrip("?").split()
                assert answer != "no" or not any({colour, shape} <= {*asked} for colour, shape in HELD_OUT_PAIRS)


def test_names_fit_one_thing_alone():
    items = [Item("star", "red", "small"), Item("star", None, "big"), Item("ring", "blue", "big")]
    assert names(items[0], items) == ["the small star"]  # the other star may be red, too
    assert names(items[2], items) == ["the ring", "the blue ring", "the big ring"]  # the other star may be blue


# ---------------------------------------------------------------------------------------------------------------
# Sources and records


def test_every_source_writes_as_many_records():
    for source in (taught, gold, talked, captioned):
        assert all(len(source(scene, random.Random(0))) == RECORDS for scene in SCENES)
    kinds = counts(one for scene in SCENES for one in taught(scene, random.Random(0)))
    assert {kind: one["records"] // len(SCENES) for kind, one in kinds.items()} == dict(
        zip(KINDS, (TALKS, 1, REASONS), strict=True)
    )
    assert counts([Taught(CAPTION, (("?", "a star"),))]) == {CAPTION: {"records": 1, "answers": 1, "words": 3}}


def test_what_is_told_wrongly_is_as_much_as_was_said():
    assert mistaken(SCENE, 0.0, random.Random(0)) == SCENE
    changed = Counter()
    for number, scene in enumerate(SCENES):
        wrong = mistaken(scene, 0.25, random.Random(number))
        assert sorted(thing.shape for thing in wrong.things) == sorted(thing.shape for thing in scene.things)
        for thing in scene.things:
            same = [
                one
                for one in wrong.things
                if (one.shape, one.tilt, one.shade) == (thing.shape, thing.tilt, thing.shade)
            ]
            changed.update(colour=same[0].colour != thing.colour, size=same[0].size != thing.size,
                           place=same[0].place != thing.place, things=1)  # fmt: skip
    for name in ("colour", "size", "place"):
        assert 0.19 < changed[name] / changed["things"] < 0.31
    true, _ = share_true([(scene, taught(scene, random.Random(0), noise=0.5)) for scene in SCENES])
    assert 0.4 < true < 0.8


def test_records_are_written_in_llavas_format_and_read_by_the_engine(tmp_path):
    file = write_llava(tmp_path / "new", SCENES[:3])
    entries = json.loads(file.read_text(encoding="utf-8"))
    assert [entry["kind"] for entry in entries[:RECORDS]] == [one.kind for one in teach(text_of(SCENES[0]))]
    assert entries[0]["conversations"][0]["value"].startswith("<image>\n")
    found = read(file, file.parent / "images")
    assert len(found) == 3 * RECORDS and found[0].pictures[0].is_file()
    with pytest.raises(FileExistsError):
        write_llava(tmp_path / "new", SCENES[:1])


# ---------------------------------------------------------------------------------------------------------------
# Exams


@pytest.mark.parametrize("kind", KINDS)
def test_true_answers_have_full_marks_and_others_have_none(kind):
    given = exam(kind, 20, 0)
    assert all(score(item.answer, item) == 1 for item in given.new)
    assert all(score("", item) == 0 for item in given.new)


def test_ends_and_facts():
    assert end("Three in all, one taken away, so two left.") == "two" == end("two")
    assert end("The star is small, the ring is big, so the ring.") == "ring"
    assert facts("A small red star is at the top left.") == facts("a small red star at the top left")
    assert agreement("A red star is at the top.", "A big red star is at the top.") == 0.8
    told = describe(items_of(SCENE), random.Random(0))[1]
    assert len(facts(told)) == 6 and agreement(told.replace("red", "blue"), told) == 5 / 6


# ---------------------------------------------------------------------------------------------------------------
# A chat model as the teacher


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_plain_function_writes_has_the_form_that_is_asked_for(kind):
    for scene in SCENES[:40]:
        one = teach(text_of(scene), (kind,))[0]
        assert len(one.turns) == 1 and kind == CONVERSATION or read_reply(replied(one), kind) == one


@pytest.mark.parametrize("kind", KINDS)
def test_the_prompt_shows_examples_and_ends_with_the_text(kind):
    told = prompt(TEXT, kind)
    assert [message["role"] for message in told] == ["user", "assistant"] * len(examples(kind)) + ["user"]
    assert told[-1]["content"] == TEXT
    assert told[1]["content"] == examples(kind)[0][1] and read_reply(told[1]["content"], kind)
    with pytest.raises(ValueError, match="kind must be one of"):
        prompt(TEXT, "a poem")


@pytest.mark.parametrize(
    ("reply", "kind", "sentence"),
    [
        ("Sure! Question: Where?\nAnswer: top", CONVERSATION, "does not begin with a question"),
        ("", REASONING, "does not begin with a question"),
        ("Question: Where is it?\nQuestion: Why?", CONVERSATION, "do not take turns"),
        ("Question: Where is it?", DESCRIPTION, "do not take turns"),
        ("Question: Where is it?\nAnswer:", REASONING, "is empty"),
        ("Question: Where is it?\nAnswer: In the box, so there.", REASONING, "what was read"),
        ("Question: Where is it?\nAnswer: At [0.1, 0.2], so there.", REASONING, "what was read"),
        ("Question: Where is it?\nAnswer: top", CONVERSATION, "has 1 questions"),
        ("Question: Where?\nAnswer: top\n" * 9, CONVERSATION, "has 9 questions"),
        ("Question: Tell me.\nAnswer: A red star.", DESCRIPTION, "fewer than two sentences"),
        ("Question: Which is bigger?\nAnswer: The star.", REASONING, "what follows"),
    ],
)
def test_a_reply_that_breaks_the_form_is_refused(reply, kind, sentence):
    with pytest.raises(TeacherError, match=sentence):
        read_reply(reply, kind)


def test_refusals_are_counted_and_nothing_of_them_is_kept(monkeypatch):
    said = {CONVERSATION: "Question: What colour is the star?\nAnswer: red\nQuestion: Where is it?\nAnswer: top",
            DESCRIPTION: "A star.", REASONING: "Question: Why?\nAnswer: Two things, so two."}  # fmt: skip
    teacher = ChatTeacher(Loaded(Entry("stub", ""), None, None))
    monkeypatch.setattr(
        ChatTeacher,
        "reply",
        lambda self, told: next(said[k] for k in KINDS if teacher_chat.TASKS[k] in told[0]["content"]),
    )
    found = teacher(TEXT)
    assert [one.kind for one in found] == [CONVERSATION, REASONING]
    assert found[0].turns == (("What colour is the star?", "red"), ("Where is it?", "top"))
    assert teacher.kept == {CONVERSATION: 1, REASONING: 1}
    assert teacher.refused == {f"{DESCRIPTION}: the reply does not begin with a question.": 1}


def test_a_chat_model_is_opened_by_its_folder_asked_and_refused(tmp_path, monkeypatch):
    standin = smollm()
    for part in standin:
        part.save_pretrained(tmp_path / "model")
    monkeypatch.setattr(teacher_chat, "LONGEST", 8)
    teacher = teacher_chat.teacher(str(tmp_path / "model"))
    assert teacher(TEXT) == []
    assert sum(teacher.refused.values()) == len(KINDS) and not teacher.kept
    assert teacher_chat.teacher() is teach


# ---------------------------------------------------------------------------------------------------------------
# To be shown


def test_a_lesson_shows_what_was_read_and_what_is_wrong():
    shown = teacher_shown.lesson(SCENE)
    assert text_of(SCENE) in shown and "FALSE" not in shown and shown.count("all true") == RECORDS
    assert "FALSE" in teacher_shown.lesson(SCENE, text=text_of(Scene((replace(STAR, colour="pink"), RING))))
    assert teacher_shown.amounts(teach(TEXT)).row_count == len(KINDS)


def test_costs_have_sources():
    assert teacher_shown.costs().row_count == len(COSTS)
    assert all(one.source.startswith("https://") and one.status in STATES for one in COSTS)
