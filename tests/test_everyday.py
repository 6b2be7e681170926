"""Everyday wordings: true by independent recomputation, loosely typed, no leak, and some kept from training."""

import random
import re
from collections import Counter

import pytest
from test_world_words import facts, find_again, fitting, read, the_one

from labs.models.familiar import judge_question
from labs.world import everyday, splits
from labs.world.captions import STYLES
from labs.world.questions import KINDS
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

BACK = {other: word for word, other in everyday.SYNONYMS.items()}
CHECK = re.compile(
    rf"is (?P<the>the .+?) (?:(?:an?|at the) )?(?P<value>{'|'.join((*COLOURS, *SHAPES, *SIZES, *PLACES))})"
)


def tidy(text: str) -> str:
    """The text in the micro-world's own words, small, without its closing mark and its please."""
    text = text[0].lower() + text[1:].rstrip("?.").removesuffix(", please")
    return re.sub(r"\w+", lambda match: BACK.get(match[0], match[0]), text)


def readings(kind: str, text: str) -> list[dict[str, str]]:
    """The slots of each wording of the kind that the text may be; those whose slots are noun phrases."""
    found = []
    asides = [aside.format(clause=clause) for aside in everyday.ASIDES for clause in everyday.CLAUSES[kind]]
    for wording in (*everyday.WORDINGS[kind], *asides):
        plain = wording[0].lower() + wording[1:].rstrip("?.")
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(plain))
        match = re.fullmatch(pattern, text)
        if match and all(is_phrase(slot) for slot in match.groupdict().values()):
            found.append(match.groupdict())
    return found


def is_phrase(text: str) -> bool:
    try:
        return bool(read(text, "en")) or text.endswith(("thing", "things"))
    except AssertionError:
        return False


def answer_again(scene, question) -> str:
    text = tidy(question.text)
    if question.answer in ("yes", "no") and question.kind != "existence":
        slots = CHECK.fullmatch(text).groupdict()
        return "yes" if facts(the_one(scene, slots["the"], "en"))[question.kind] == slots["value"] else "no"
    [slots] = readings(question.kind, text)[:1] or [None]
    assert slots is not None, question
    return find_again(scene, question.kind, slots | {"gone": slots.get("the_many", "")}, "en")


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_everyday_answer_is_true(kind, kept):
    rng, asked = random.Random(f"{kind} {kept}"), 0
    for number in range(600):
        split = splits.SPLITS[number % 2]
        scene = splits.sample(rng, split, **({"kind": "odd"} if kind.startswith("odd_") else {}))
        question = everyday.ask_everyday(scene, rng, kind, kept)
        if question:
            assert answer_again(scene, question) == question.answer, question
            asked += 1
    assert asked > 200


@pytest.mark.parametrize("kind", everyday.CHECKS)
def test_checks_are_balanced_and_never_name_a_held_out_pair_in_training(kind):
    rng, answers = random.Random(kind), Counter()
    for _ in range(3000):
        scene = splits.sample(rng)
        question = everyday.ask_everyday(scene, rng, kind)
        if question and question.answer in ("yes", "no"):
            answers[question.answer] += 1
            value = CHECK.fullmatch(tidy(question.text))["value"]
            thing = scene.things[question.about[0]]
            assert ((value, thing.shape) if kind == "colour" else (thing.colour, value)) not in HELD_OUT_PAIRS
    assert answers.total() > 250 and 0.4 < answers["yes"] / answers.total() < 0.6


def test_training_never_asks_in_the_kept_wordings():
    rng = random.Random(4)
    for kind in KINDS:
        taught, kept = everyday.WORDINGS[kind][: -everyday.KEPT], everyday.WORDINGS[kind][-everyday.KEPT :]
        assert len(set(taught) | set(kept)) == len(taught) + len(kept)
        fixed = [re.sub(r"{\w+}", "", wording).strip(" ?.") for wording in kept]
        for _ in range(200):
            question = everyday.ask_everyday(splits.sample(rng), rng, kind)
            assert not question or tidy(question.text) not in fixed
    for style in (*STYLES, "story"):
        kept = {tidy(text) for text in everyday.INSTRUCTIONS[style][-everyday.KEPT :]}
        assert not kept & {tidy(everyday.instruct(style, rng)) for _ in range(200)}
        assert kept == {tidy(everyday.instruct(style, rng, kept=True)) for _ in range(50)}


def test_typed_keeps_the_meaning_and_drops_only_form():
    rng, text = random.Random(5), "Which of the big things in the picture has the colour of the centre?"
    forms = {everyday.typed(text, rng) for _ in range(500)}
    assert len(forms) > 60 and {tidy(form) for form in forms} == {tidy(text)}
    assert any(form[0].islower() for form in forms) and any(form[-1] != "?" for form in forms)


def test_everyday_questions_are_familiar():
    rng = random.Random(6)
    for kind in KINDS:
        for kept in (False, True):
            for _ in range(40):
                question = everyday.ask_everyday(splits.sample(rng), rng, kind, kept)
                assert not question or judge_question(question.text).ok, question


def test_a_question_about_one_thing_fits_it_alone():
    rng = random.Random(7)
    for _ in range(300):
        scene = splits.sample(rng, "heldout")
        question = everyday.ask_everyday(scene, rng, "size")
        if question and question.answer not in ("yes", "no"):
            [slots] = readings("size", tidy(question.text))[:1]
            assert fitting(scene, read(slots["the"], "en")) == [scene.things[question.about[0]]]
