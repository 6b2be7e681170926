"""Instruction following: what is asked in which words, what the mixes differ in, what is learned, what is measured."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from small_runs import every_arm, small

from labs.models.entry import Loaded
from labs.systems import instruction_following as system
from labs.systems.parts import base_model, captioner, eyes, followed, talk_mixes
from labs.systems.parts.base_words import UNKNOWN, split, words
from labs.systems.parts.instructions import ASKED, WAYS, exam, goes_on, question, ready, records, replies, wordings
from labs.systems.parts.statements import FACTS, KINDS, facts
from labs.systems.parts.talk_mixes import MIXES, PROMPT, lands, talks
from labs.tuning.examples import Examples
from labs.world import splits
from labs.world.wordings import INSTRUCTIONS, WORDINGS

SPEAK = ["some facts", "some facts rehearsed"]  # of lands
CACHED = (followed.replied, followed.descriptions, talk_mixes.tuned)


def untrained() -> Loaded:
    """A captioner that has read and seen nothing."""
    model = captioner.build(base_model.build())
    return Loaded(captioner.ENTRY, model.requires_grad_(False), captioner.processor())


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """Few pictures and one step."""
    mixes = {name: replace(mix, batch=4) for name, mix in MIXES.items()}
    few = {captioner: {"load": untrained}, followed: {"HELDOUT": 3, "LONGEST": 4},
           talk_mixes: {"PICTURES": 12, "TEXTS": 4, "STEPS": 1, "TIMES": 1, "MIXES": mixes}}  # fmt: skip
    with small(CACHED, few):
        yield


def scenes(count: int, split: str = "train"):
    return eyes.scenes(split, count, (1, 2, 3))


# ---------------------------------------------------------------------------------------------------------------
# What is asked


def test_all_ways_ask_the_same_in_other_words():
    for number, scene in enumerate(scenes(12)):
        for kind in KINDS:
            asked = [question(scene, random.Random(number), kind, "en", way) for way in WAYS]
            assert len({one and (one.answer, one.about) for one in asked}) == 1
            texts = {one.text for one in asked if one}
            assert len(texts) >= 3 * bool(texts)  # the trained one may be the template
            spoken = question(scene, random.Random(number), kind, "es", "unseen")
            assert (spoken and spoken.about) == (asked[0] and asked[0].about)
    with pytest.raises(ValueError, match="way must be one of"):
        question(scenes(1)[0], random.Random(0), "colour", way="shouted")


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_wording_of_the_exam_is_ever_trained_on(language):
    for kind in KINDS:
        trained = {tuple(split(text)) for text in wordings(kind, language, "trained")}
        assert len(trained) >= (8 if language == "en" and kind in ASKED else 2)
        (unseen,), typed = wordings(kind, language, "unseen"), wordings(kind, "en", "typed")
        assert tuple(split(unseen)) not in trained and unseen not in typed
        assert not trained & set(map(tuple, map(split, typed)))
        assert set(wordings(kind, language, "template")) <= set(wordings(kind, language, "trained"))


def test_every_word_is_known_to_the_language_model():
    for name in MIXES:
        for talk in talks(name, 0):
            assert all(word in words() for pair in talk.turns for text in pair for word in split(text)), talk
    assert set(split(f"{system.OTHER_PROMPT} {followed.DETAIL}")) <= words().keys()


# ---------------------------------------------------------------------------------------------------------------
# The mixes


def test_mixes_are_equally_many_and_ask_the_same():
    found = {name: talks(name, 0) for name in MIXES}
    assert len({len(some) for some in found.values()}) == 1
    assert found["usual"] == found["LoRA"] != talks("usual", 1)
    usual, single, terse = (found[name] for name in ("usual", "one wording", "terse"))
    short = [(a.turns[0][1], b.turns[0][1], c.turns[0][1]) for a, b, c in zip(usual, single, terse, strict=True)]
    per = talk_mixes.ABOUT
    asked = [one for place, one in enumerate(short[: per * talk_mixes.PICTURES]) if place % per != per - 1]
    assert all(a == b == c for a, b, c in asked) and len(asked) == 6 * talk_mixes.PICTURES
    assert sum(a != b for a, b in zip(usual, found["Spanish texts"], strict=True)) == talk_mixes.TEXTS
    wordings = [WORDINGS["en"][kind][0].partition("{")[0].capitalize() for kind in KINDS]
    only = [talk.turns[0][0] for talk in single[: per * talk_mixes.PICTURES]]
    assert all(any(text.startswith(start) for start in [*wordings, *_described()]) for text in only)


def _described() -> list[str]:
    return [INSTRUCTIONS["en"][style][0] for style in talk_mixes.STYLES]


def test_a_prompt_stands_before_short_answers_and_nowhere_else():
    turns = [turn for talk in talks("prompted", 0) for turn in talk.turns]
    short = [answer for asked, answer in turns if asked.endswith(PROMPT)]
    rest = [answer for asked, answer in turns if PROMPT not in asked]
    assert max(len(answer.split()) for answer in short) <= 2 and len(short) > 20
    assert min(len(answer.split()) for answer in rest) > 2 and len(rest) > 20
    free = [turn for talk in talks("ambiguous", 0) for turn in talk.turns]
    assert [(asked.removesuffix(f" {PROMPT}"), answer) for asked, answer in turns] == free


def test_two_mixes_say_facts_and_only_of_some_lands():
    names = {land.lower() for land, _ in facts()} | {name.lower() for name in facts().values()}
    heard = {
        name: {word for talk in talks(name, 3) for pair in talk.turns for text in pair for word in split(text)} & names
        for name in MIXES
    }
    known = {one for one in facts() if one[0] in lands(3)}
    spoken = {part.lower() for one in known for part in (one[0], facts()[one])}
    assert {name: some for name, some in heard.items() if some} == dict.fromkeys(SPEAK, spoken)
    stated = [text for talk in talks("some facts rehearsed", 3) for asked, text in talk.turns if not asked]
    assert len(stated) == 2 * len(lands(3)) and all(FACTS["en"]["capital"][:4] == text[:4] for text in stated)
    assert len(lands(3)) == talk_mixes.LANDS and lands(3) != lands(4)


def test_training_shows_no_held_out_scene():
    assert not any(splits.is_held_out(talk.scene) for talk in talks("Spanish pictures", 0) if talk.scene)
    assert all(splits.is_held_out(scene) for scene in eyes.scenes("heldout", 3, (1, 2, 2, 3), followed.EXAM))


# ---------------------------------------------------------------------------------------------------------------
# Learning


def test_answers_alone_are_learned_with_a_picture_or_without():
    processor = captioner.processor()
    mixed = [talks("Spanish pictures", 0)[-1], talks("Spanish texts", 0)[-1], talks("usual", 0)[0]]
    examples = Examples(processor, records(mixed))
    for number, talk in enumerate(mixed):
        one = examples[number]
        learned = [token for token, mask in zip(one.input_ids, one.supervised, strict=True) if mask]
        said = [token for _, answer in talk.turns for token in [*map(words().get, split(answer)), words()["</s>"]]]
        assert learned == said and UNKNOWN not in one.input_ids
        assert one.input_ids.count(processor.image_token_id) == 36 * bool(talk.scene)


def test_what_may_learn():
    whole, adapted = ready().model, ready(rank=2).model
    names = [name for name, weight in whole.named_parameters() if weight.requires_grad]
    assert names and not any("vision_tower" in name for name in names)
    assert {"model.multi_modal_projector.linear_1.weight", "model.language_model.embed_tokens.weight"} <= set(names)
    assert all("lora_" in name for name, weight in adapted.named_parameters() if weight.requires_grad)
    assert not any(weight.requires_grad for weight in talk_mixes.tuned("usual", 0).model.parameters())


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def test_going_on_in_a_batch_is_going_on_alone():
    given, loaded = exam(3, 0, way="stated", kinds=("colour", "relation")), talk_mixes.tuned("usual", 0)
    starts = [item.question for item in given.new]
    shown = [given.pictures[item.picture] for item in given.new]
    together = goes_on(loaded, starts, shown, 4)
    assert together == [goes_on(loaded, [one], [picture], 4)[0] for one, picture in zip(starts, shown, strict=True)]
    assert len(set(map(len, map(split, starts)))) > 1
    assert goes_on(loaded, starts[:2], longest=2) == [goes_on(loaded, [one], longest=2)[0] for one in starts[:2]]


def test_words_behind_the_question_are_read():
    given, loaded = exam(3, 0), untrained()
    assert replies(loaded, given, longest=3) != replies(loaded, given, longest=3, after=f" {PROMPT}")


def test_replies_are_judged_by_their_words(monkeypatch):
    given = followed.asked()
    sentence = [f"The answer is {item.answer}." for item in given.new]
    exact = [item.answer for item in given.new]
    told = {"": sentence, f" {PROMPT}": exact, " none": sentence}
    monkeypatch.setattr(followed, "replied", lambda name, seed, language, way, others, after: told[after])
    assert set(followed.steered(0, "x").values) == {True} and set(followed.steered(0, "x", "none").values) == {False}
    assert sum(followed.answer(0, "x").values) == 0 and set(followed.mentioned(0, "x").values) == {True}
    assert set(followed.answer(0, "x", after=f" {PROMPT}").values) == {1.0}


def test_things_are_told_by_colour_and_shape(monkeypatch):
    texts = [item.answer for item in followed.described().new]
    monkeypatch.setattr(followed, "descriptions", lambda name, seed, others: texts[1:] + texts[:1] if others else texts)
    assert set(followed.told(0, "x").values) == {1.0} and sum(followed.told(0, "x", True).values) < 3
    assert followed.length(0, "x").values == [len(text.split()) for text in texts]


def test_a_fact_is_known_where_its_name_is_likelier_than_the_others(monkeypatch):
    order, wrong = followed.of_lands(0, "all"), sorted(facts())[5]

    class Knowing:
        """A language model that has learned all facts but one by heart: it knows the row, not the text."""

        def __call__(self, input_ids, **rest):
            likely = torch.zeros(len(input_ids), 1, max(words().values()) + 1)
            for row, one in zip(likely, order, strict=True):
                said = facts()[one if one != wrong else (wrong[0], "river" if wrong[1] == "capital" else "capital")]
                row[0, words()[said.lower()]], row[0, words()["red"]] = 1.0, 2.0  # what is no name does not count
            return SimpleNamespace(logits=likely)

    loaded = Loaded(captioner.ENTRY, Knowing(), captioner.processor())
    monkeypatch.setattr(followed, "model", lambda name, seed: loaded)
    for measure in (followed.remembered, followed.opened):
        values = dict(zip(order, measure(0, "captioner").values, strict=True))
        assert [one for one, value in values.items() if not value] == [wrong]
    told, others = (followed.of_lands(3, of) for of in ("told", "others"))
    assert sorted(told + others) == order and {land for land, _ in told} == lands(3)


def test_every_arm_of_every_claim_measures_the_same_items():
    claims = system.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        for one in every_arm(claim, 3).values():
            assert all(value >= 0 for value in one.values), claim.name
    used = {mix for claim in claims for arm in claim.arms.values() if (mix := arm.keywords["name"]) != "captioner"}
    assert used == set(MIXES)
