"""BLIP-2: what learns from what at which stage, how many tokens the language model gets, and the claims."""

import random

import pytest
import torch
from recipes import dual
from small_runs import every_arm, small

from labs.systems import blip2
from labs.systems.parts import connected, eyes
from labs.systems.parts.lookout import Material, described, material


@pytest.fixture
def few():
    """Two steps in all, on a few scenes that serve for learning and for the exam."""
    some = Material(*(part[:24] for part in material("heldout")))
    usual = {"material": lambda split: some, "STEPS": 2}
    with small((blip2.in_two_stages, connected.connected), {blip2: usual | {"FIRST": 1}, connected: usual}):
        yield some


def frozen(model: connected.Connected) -> bool:
    before = connected.talker("strong").state_dict()
    return all(torch.equal(value, before[name]) for name, value in model.language.state_dict().items())


@pytest.mark.parametrize("kind, tokens", blip2.ARMS.values())
def test_the_connector_alone_learns(few, kind, tokens):
    before, after = connected.build(kind, tokens, 0), connected.connected(kind, tokens, 0)
    assert frozen(after)
    assert not torch.equal(before.connector(few.seen), after.connector(few.seen))
    assert after.connector(few.seen).shape[1] == tokens


def test_stage_one_goes_without_the_language_model(few, monkeypatch):
    model = connected.build("Q-Former", blip2.QUERIES, 0)
    monkeypatch.setattr(model.language, "forward", None)
    before = model.connector(few.seen)
    blip2.represent(model.connector, 0)
    assert not torch.equal(before, model.connector(few.seen))


def test_captions_are_those_that_the_text_tower_learned_to_read(few):
    """By the recipe that made it; and none is longer than it reads."""
    texts = blip2.captions(few.scenes)
    for scene, text in zip(few.scenes, texts, strict=True):
        assert text in {dual._text(scene, random.Random(number)) for number in range(40)}
    model, read = eyes.dual_encoder().model, eyes.dual_encoder().processor.tokenizer(texts)
    assert max(map(len, read["input_ids"])) <= model.config.text_config.max_position_embeddings


def test_stage_one_contrasts_with_captions_and_describes(few, monkeypatch):
    texts, told, read, loss = [], [], blip2.read, connected.Connected.loss
    monkeypatch.setattr(blip2, "read", lambda some: texts.extend(some) or read(some))
    monkeypatch.setattr(
        connected.Connected, "loss", lambda self, seen, pairs: told.extend(pairs) or loss(self, seen, pairs)
    )
    blip2.represent(connected.build("Q-Former", blip2.QUERIES, 0).connector, 0)
    assert texts == blip2.captions(few.scenes)
    assert len(told) == blip2.FIRST * blip2.BATCH and all(one in described(few.scenes) for one in told)


def test_after_stage_one_queries_come_in_as_loud_as_words(few):
    model = blip2.in_two_stages(0)
    assert frozen(model)
    ratio = model.connector(few.seen).std() / model.language.get_input_embeddings().weight.std()
    assert 0.5 < ratio.item() < 2


def test_descriptions_are_learned_beside_answers(few):
    assert [len(lesson) for lesson in few.lessons()] == [len(some) + 1 for some in few.pairs]


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = blip2.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    assert blip2.BLIND in claims[0].arms and blip2.BLIND not in blip2.ARMS
    for claim in claims:
        every_arm(claim, 21)


def test_the_same_seed_gives_the_same_answers(few):
    once = connected.answer("linear", 36, 1).values
    connected.connected.cache_clear()
    assert connected.answer("linear", 36, 1).values == once
