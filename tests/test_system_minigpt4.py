"""MiniGPT-4: what the web says, what is cured, and that one layer alone learns."""

import random

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import minigpt4
from labs.systems.parts import connected, describe, shown, talk, told
from labs.systems.parts.lexicon import END
from labs.systems.parts.lookout import Material, material
from labs.world.scene import Scene, Thing

SCENE = Scene((Thing("star", "red", "big", 0.1, 0.1), Thing("moon", "blue", "small", 0.5, 0.5)))


@pytest.fixture
def few():
    """Three steps in all, on a few scenes; short descriptions."""
    some = Material(*(part[:12] for part in material("heldout")))
    usual = {"material": lambda split: some, "STEPS": 3}
    values = {minigpt4: usual | {"SECOND": 1, "CURATED": 6}, connected: usual, describe: {"LONGEST": 4}}
    with small((minigpt4.taught, minigpt4.said, connected.connected), values):
        yield some


def read(branch) -> str:
    return told.lexicon().read(torch.tensor(branch.ids[branch.supervised.index(True) :]))


def test_the_web_says_what_is_true_but_never_ends():
    scenes, true = [SCENE] * 300, told.tell(SCENE).split(", ")
    texts = []
    for (one,) in describe.from_the_web(scenes, 0):
        assert END not in one.ids
        parts = read(one).split(", ")
        assert all(any(whole.startswith(part) for whole in true) for part in parts)
        texts.append(parts)
    whole = sum(all(part in true for part in parts) for parts in texts) / len(texts)
    assert 0.3 < whole < 0.8  # the others break off
    assert any(len(set(parts)) < len(parts) for parts in texts)


def test_the_web_is_another_one_with_another_seed():
    one, same, other = (describe.from_the_web([SCENE] * 20, seed) for seed in (0, 0, 1))
    assert one == same != other


@pytest.mark.parametrize("how", minigpt4.TAUGHT)
def test_the_layer_alone_learns_and_in_every_stage(few, how):
    before, after = connected.build("linear"), minigpt4.taught(how, 0)
    changed = {name for name, value in before.state_dict().items() if not torch.equal(value, after.state_dict()[name])}
    assert changed == {"connector.inner.0.weight", "connector.inner.0.bias"}


def test_an_unknown_teaching_is_refused():
    with pytest.raises(ValueError, match="how must be one of web"):
        minigpt4.taught("books", 0)


def test_free_telling_is_what_teacher_forcing_finds_likeliest(few):
    """Word by word the model says what it finds likeliest after all that it has said."""
    model = minigpt4.taught("web", 0)
    for said, seen in zip(describe.tell_freely(model, few.seen[:4]), few.seen[:4], strict=True):
        words = said.removesuffix(" ...").replace(",", " ,")
        if not set(words.split()) <= told.lexicon().number.keys() or not words:
            continue
        batch = shown.rows(model.connector.tokens, [[talk.pair(told.DESCRIBE, words)]])
        likeliest = talk.answer_logits(model.language, batch, model.connector(seen[None])).argmax(-1)
        spoken = [told.lexicon().number[word] for word in words.split()]
        assert likeliest.tolist()[: len(spoken)] == spoken


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = minigpt4.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        assert all(0 <= value <= 1 for one in every_arm(claim).values() for value in one.values)


def test_only_some_pairs_are_curated():
    given = minigpt4.curated()
    assert len(given.scenes) == len(given.seen) == len(given.pairs) == minigpt4.CURATED
    assert random.Random(0).choice(given.scenes) in material("train").scenes
