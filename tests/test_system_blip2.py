"""BLIP-2: what learns at which stage, how many tokens the language model gets, and the claims."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import blip2
from labs.systems.parts import connected
from labs.systems.parts.lookout import Material, material


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
    for claim in claims:
        every_arm(claim, 21)


def test_the_same_seed_gives_the_same_answers(few):
    once = connected.answer("linear", 36, 1).values
    connected.connected.cache_clear()
    assert connected.answer("linear", 36, 1).values == once
