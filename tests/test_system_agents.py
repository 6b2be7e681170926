"""Agents: what is a call, the loop, tools that look at pixels, what is supervised, and every arm once."""

import ast
import operator
import random
from collections import Counter
from dataclasses import replace

import pytest
from PIL import Image
from small_runs import every_arm, small

from labs.models.entry import Loaded
from labs.systems import agents
from labs.systems.parts import (
    agent_check,
    agent_exam,
    agent_lessons,
    agent_loop,
    agent_pair,
    agent_tools,
)
from labs.systems.parts.agent_calls import CallError, answer, calculate, parse, understood
from labs.systems.parts.agent_lessons import conversation, lessons
from labs.systems.parts.agent_loop import work
from labs.systems.parts.agent_pictures import close_ups, draw_wide, exchanged, next_one, wide_scenes
from labs.systems.parts.agent_questions import KINDS, Asked, about, extreme, heat, right, things
from labs.systems.parts.agent_tools import Seen, look_closely, read_signs, toolbox
from labs.tuning.mask import encode
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene, sample_scene
from labs.world.splits import is_held_out
from labs.world.vocabulary import SHAPES

CACHED = [
    agent_lessons.taught, agent_lessons.lessons, agent_pair.colleague, agent_pair.alone, agent_pair.exam,
    agent_exam.scenes, agent_exam.wide, agent_exam.plain, agent_exam.seen, agent_exam.worked, agent_check.named,
    agent_check.confirmed, agent_tools.reader,
]  # fmt: skip
SIZES = {
    agent_lessons: {"WIDE": 4, "PLAIN": 2, "WARM": 4, "STEPS": 1, "BATCH": 4},
    agent_pair: {"SCENES": 3, "STEPS": 1, "ALONE": 1, "BATCH": 2},
    agent_exam: {"WIDE": 4, "PLAIN": 2},
    agent_tools: {"READ": 240, "READ_STEPS": 200},
}


@pytest.fixture
def cheap():
    """One step on a few conversations; what was trained so is forgotten afterwards."""
    with small(CACHED, SIZES):
        yield


# ---------------------------------------------------------------------------------------------------------------
# Calls


@pytest.mark.parametrize(
    ("reply", "call"),
    [
        ("detector(red stars)", ("detector", "red stars")),
        (" calculator(2*7+1*4) ", ("calculator", "2*7+1*4")),
        ("reader()", ("reader", "")),
        ("two", None),
        ("a red star (small)", None),
        ("", None),
    ],
)
def test_a_call_is_a_name_and_brackets_and_nothing_else(reply, call):
    assert parse(reply) == call


@pytest.mark.parametrize("reply", ["detector(stars", "detector(stars) 2", "detector(stars)reader()", "sum((2)+3)"])
def test_what_only_begins_like_a_call_is_refused(reply):
    with pytest.raises(CallError, match="^A call is a name"):
        parse(reply)


def test_an_unknown_tool_is_named_with_those_that_there_are():
    with pytest.raises(CallError, match="^There is no tool shell; there are: calculator\\.$"):
        answer(parse("shell(ls)"), {"calculator": calculate})


def test_the_calculator_is_right_and_python_s_own_arithmetic_agrees():
    signs, rng = {ast.Add: operator.add, ast.Mult: operator.mul}, random.Random(0)

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        return signs[type(node.op)](value(node.left), value(node.right))

    for _ in range(50):
        parts = [f"{rng.randint(0, 99)}{rng.choice('+*')}" for _ in range(rng.randint(0, 5))]
        text = "".join([*parts, str(rng.randint(0, 9))])
        assert calculate(text) == str(value(ast.parse(text, mode="eval").body))


@pytest.mark.parametrize("text", ["", "2*", "9**9", "1e9", "2-1", "__import__('os')", "(1+2)", "1+" * 20 + "1", "2_0"])
def test_what_is_no_sum_is_refused_and_not_run(text):
    with pytest.raises(CallError, match="whole numbers"):
        calculate(text)


def test_the_detector_is_asked_for_a_colour_and_a_shape_or_for_things():
    assert understood("red crosses") == ("red", "cross") and understood("stars") == (None, "star")
    assert understood("things") == (None, None) and understood("blue things") == ("blue", None)
    for text in ("", "red", "red blue stars", "dogs", "stars red"):
        with pytest.raises(CallError, match="a colour and a shape"):
            understood(text)


def test_tools_count_what_was_seen_and_refuse_what_they_cannot_do():
    tools = toolbox(Seen([("red", "star"), ("red", "cross"), ("red", "star")], "taxi"))
    asked = ("detector(red stars)", "detector(red things)", "detector(moons)", "reader()", "calculator(2*7+1)")
    assert [answer(parse(text), tools) for text in asked] == ["2", "3", "0", "taxi", "15"]
    with pytest.raises(CallError, match="asked nothing"):
        answer(parse("reader(stars)"), tools)


# ---------------------------------------------------------------------------------------------------------------
# The loop


@pytest.fixture
def scripted(monkeypatch):
    """A model that says what stands in a script, by what was said to it last; and the conversations that it saw."""
    saw = []

    def answers(loaded, pictures, talks, max_new_tokens):
        saw.extend([turn["content"][-1]["text"] for turn in talk] for talk in talks)
        return [loaded.model[talk[-1]["content"][-1]["text"]] for talk in talks]

    monkeypatch.setattr(agent_loop, "answers", answers)
    return saw


TOOLS, PICTURE = {"calculator": calculate}, Image.new("RGB", (72, 72))


def play(script: dict, questions: str, **how) -> list[agent_loop.Worked]:
    loaded = Loaded(agent_tools.base().entry, script, None)
    return work(loaded, [PICTURE] * len(questions), list(questions), [TOOLS] * len(questions), **how)


def test_the_loop_puts_replies_into_the_conversation_until_there_is_an_answer(scripted):
    model = {"a": "calculator(2*3)", "6": "calculator(6+1)", "7": "seven", "b": "blue"}
    done = play(model, "ab")
    assert done == [("seven", [("calculator(2*3)", "6"), ("calculator(6+1)", "7")]), ("blue", [])]
    assert scripted[-1] == ["a", "calculator(2*3)", "6", "calculator(6+1)", "7"] and len(scripted) == 4


def test_a_malformed_call_gets_one_sentence_and_the_model_may_go_on(scripted):
    refusal = "A call is a name and what is asked in brackets, and nothing else."
    (done,) = play({"a": "calculator(2*3", refusal: "six"}, "a")
    assert done == ("six", [("calculator(2*3", refusal)])


def test_who_never_answers_is_stopped(scripted):
    (done,) = play({"a": "calculator(1)", "1": "calculator(1)"}, "a", calls=3)
    assert done.answer == "" and len(scripted) == 4 and len(done.calls) == 4


def test_a_first_call_can_be_made_for_the_model(scripted):
    (done,) = play({"a": "no", "5": "yes"}, "a", first="calculator(2+3)")
    assert done == ("yes", [("calculator(2+3)", "5")])


# ---------------------------------------------------------------------------------------------------------------
# Pictures and tools


def test_a_close_up_of_a_thing_is_the_ordinary_picture_of_it_alone_in_the_middle():
    rng, seen = random.Random(3), 0
    for scene in wide_scenes("train", 24):
        if scene.background != "plain":
            continue
        views = close_ups(draw_wide(scene))
        assert len(views) == 9 and {view.size for view in views} == {(SIZE, SIZE)}
        thing = rng.choice(scene.things)
        moved = replace(thing, x=thing.x - (thing.column - 1) / 3, y=thing.y - (thing.row - 1) / 3)
        alone = draw(Scene((moved,), tone=scene.tone))
        differ = sum(max(abs(a - b) for a, b in zip(*pair, strict=True)) > 60
                     for pair in zip(_pixels(views[thing.cell]), _pixels(alone), strict=True))  # fmt: skip
        assert differ <= 24  # a border may be a pixel off, where halves are rounded
        seen += 1
    assert seen > 2


def _pixels(picture: Image.Image) -> list:
    return [picture.getpixel((x, y)) for y in range(picture.height) for x in range(picture.width)]


def test_of_an_ordinary_picture_there_is_nothing_nearer_to_see():
    picture = draw(sample_scene(random.Random(0)))
    assert close_ups(picture) == [picture]
    assert len(close_ups(picture.resize((300, 200)))) == 9


def test_the_detector_sees_pixels_and_no_scene(cheap):
    scenes = wide_scenes("heldout", 6, seed=9)
    pictures = [draw_wide(scene) for scene in scenes]
    found = look_closely(pictures)
    right_ones = [Counter(seen.things) & Counter(things(scene)) for seen, scene in zip(found, scenes, strict=True)]
    assert sum(sum(one.values()) for one in right_ones) >= 0.85 * sum(len(scene.things) for scene in scenes)
    assert look_closely([Image.new("RGB", (144, 144), (200, 200, 200))])[0].things == []


def test_the_reader_reads_words_that_stand_there(cheap):
    scenes = wide_scenes("heldout", 24, seed=9)
    words = read_signs([close_ups(draw_wide(scene)) for scene in scenes])
    assert sum(word == scene.sign for word, scene in zip(words, scenes, strict=True)) > 12


def test_pictures_are_exchanged_without_regard_to_what_they_show():
    other = next_one(20, 0)
    assert sorted(other) == list(range(20)) and all(number != place for place, number in enumerate(other))
    assert exchanged("abc", 1) == ["abc"[number] for number in next_one(3, 1)] and next_one(20, 1) != other


# ---------------------------------------------------------------------------------------------------------------
# Questions and lessons


def test_questions_are_true_and_true_tools_lead_to_the_answers():
    kinds = Counter()
    for number, scene in enumerate(wide_scenes("train", 40)):
        tools = toolbox(Seen(list(things(scene)), scene.sign))
        for kind in KINDS:
            asked = about(scene, random.Random(number), kind)
            assert [answer(parse(call), tools) for call, _ in asked.calls] == [told for _, told in asked.calls]
            last = asked.calls[-1][1]
            assert asked.answer == (("no" if last == "0" else "yes") if kind == "existence" else last)
            kinds[kind, asked.answer] += 1
    assert 10 < kinds["existence", "yes"] < 30


def test_a_sum_is_what_things_cost():
    for number, scene in enumerate(wide_scenes("train", 20)):
        asked = about(scene, random.Random(number), "sum")
        words = asked.text.replace(",", "").replace(".", "").split()
        prices = {words[1]: int(words[3]), words[5]: int(words[7])}
        assert set(prices) <= set(SHAPES) and len(prices) == 2
        assert int(asked.answer) == sum(prices.get(thing.shape, 0) for thing in scene.things)


def test_numbers_are_right_as_words_and_as_digits():
    asked = Asked("count", "", (), "3")
    assert right("three", asked) == right("3", asked) == 1 and right("13", asked) == right("", asked) == 0


def test_heat_is_asked_where_one_thing_is_hottest(cheap):
    for scene in agent_lessons.warm_scenes("heldout", 6):
        asked = heat(scene, "hottest")
        thing = extreme(scene, "hottest")
        assert asked.answer == thing.colour and asked.calls[0][1] == thing.place and is_held_out(scene)
        assert len({thing.colour for thing in scene.things}) == len(scene.things) >= 3
    with pytest.raises(ValueError, match="no single coldest thing"):
        heat(Scene(agent_lessons.warm_scenes("heldout", 1)[0].things[:1]), "coldest")


def test_calls_and_answers_are_learned_and_what_tools_reply_is_not(cheap):
    processor = agent_tools.base().processor
    record = next(one for one in lessons("tools") if "costs" in one.messages[0]["content"][-1]["text"])
    encoded = encode(processor, record)
    learned = processor.tokenizer.decode([i for i, on in zip(encoded.input_ids, encoded.supervised, strict=True) if on])
    said = [turn["content"][-1]["text"] for turn in record.messages if turn["role"] == "assistant"]
    assert learned == "".join(f"{text}</s>" for text in said) and len(said) == 4


def test_every_way_asks_the_same_and_only_the_tools_differ(cheap):
    asked = {way: [one.messages[0]["content"][-1]["text"] for one in lessons(way)] for way in agent_lessons.WAYS}
    assert asked["tools"] == asked["warned"] and asked["direct"] == asked["tools"][: len(asked["direct"])]
    assert {len(one.messages) for one in lessons("direct")} == {2}
    assert {len(one.messages) for one in lessons("tools")} >= {2, 4, 8}
    ends = {way: [one.messages[-1]["content"][-1]["text"] for one in lessons(way)] for way in agent_lessons.WAYS}
    assert ends["tools"] == ends["warned"] and ends["direct"] == ends["tools"][: len(ends["direct"])]


def test_who_is_warned_hears_lies_about_a_third_of_what_is_there():
    with small([agent_lessons.lessons], {agent_lessons: SIZES[agent_lessons] | {"WIDE": 60}}):
        true, warned = lessons("tools"), lessons("warned")
        differ = [one for one, other in zip(true, warned, strict=True) if one.messages != other.messages]
        assert 10 <= len(differ) <= 30 and all("detector" in one.messages[1]["content"][0]["text"] for one in differ)
    asked = Asked("existence", "Is there?", (("detector(moons)", "2"),), "yes")
    assert conversation(asked, "warned", agent_lessons.lie_about(asked))[1] == ("0", "yes")


def test_an_unknown_way_check_or_toolbox_is_refused(cheap):
    with pytest.raises(ValueError, match="^way must be one of"):
        lessons("thoughts")
    with pytest.raises(ValueError, match="^check must be one of"):
        agent_check.kept(0, "twice")
    with pytest.raises(ValueError, match="^tools must be one of"):
        agent_exam.tools_of(0, "wide", "broken")


# ---------------------------------------------------------------------------------------------------------------
# The exam and the claims


def test_lies_are_the_opposite_of_what_is_seen(cheap):
    both = [agent_exam.tools_of(0, "wide", tools) for tools in ("own", "lying")]
    for honest, lying in zip(*both, strict=True):
        for text in ("things", "red stars", "moons"):
            assert (honest["detector"](text) == "0") == (lying["detector"](text) != "0")
        assert honest["reader"]("") == lying["reader"]("")


def test_a_check_drops_and_never_adds_and_random_drops_as_many_as_itself(cheap):
    left = {check: agent_check.kept(0, check) for check in agent_check.CHECKS}
    assert [len(some) for some in left["itself"]] == [len(some) for some in left["random"]]
    for some in zip(*left.values(), strict=True):
        assert all(set(one) <= set(some[0]) for one in some)


def test_exams_are_of_held_out_scenes_and_change_with_the_seed(cheap):
    assert all(map(is_held_out, agent_exam.scenes(0))) and agent_exam.scenes(0) != agent_exam.scenes(1)
    assert len(agent_exam.wide(0)) == 4 * len(KINDS)


def test_every_claim_can_be_measured(cheap):
    found = agents.claims()
    assert len({claim.name for claim in found}) == len(found) == 12
    for claim in found:
        every_arm(claim)
