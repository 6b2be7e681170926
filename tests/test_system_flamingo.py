"""Flamingo: what learns, what holds by construction, pages of examples, hints."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import flamingo
from labs.systems.parts import episodes, lookout, paged
from labs.systems.parts.lexicon import CLS
from labs.systems.parts.lookout import Material, material
from labs.systems.parts.talker import talker

POOL = {"POOL": {"train": 300, "exam": 300}}


@pytest.fixture
def few():
    """Two steps, on a few scenes that serve for learning and for the exam."""
    some = Material(*(part[:16] for part in material("heldout")))
    usual = {"material": lambda split, hinted=0.0: some}
    values = {flamingo: usual | {"TESTED": 6, "CROWD": 8}, paged: usual | {"STEPS": 2, "PAIRS": 4, "PAGES": 2}}
    with small((paged.trained, paged.pooled, episodes.pool, episodes.showing), values | {episodes: POOL}):
        yield some


def test_only_what_is_new_learns(few):
    before, after = flamingo.build(0), flamingo.trained(0, 1, True, False)
    changed = {name.split(".")[0] for name, value in before.state_dict().items()
               if not torch.equal(value, after.state_dict()[name])}  # fmt: skip
    assert changed == {"resampler", "gated"}
    assert all(layer.gate.item() != 0 for layer in after.gated)


def test_shut_gates_are_certain_of_exactly_the_same(few):
    assert flamingo.certainty(0, True) == flamingo.certainty(0, False)


def test_a_resampler_makes_equally_few_tokens_of_any_number_of_frames():
    frames = flamingo.frames_per_token(0, True).values
    assert [one * flamingo.LATENTS for one in frames] == pytest.approx(list(flamingo.FRAMES))
    assert set(flamingo.frames_per_token(0, False).values) == {1 / lookout.PATCHES}


def test_a_hint_changes_the_question_and_not_the_items(few):
    with_hint, without = flamingo.look_there(0, True), flamingo.look_there(0, False)
    assert with_hint.scenes == without.scenes and len(with_hint.scenes) > 5


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = flamingo.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim)


def first_lesson(monkeypatch, blind: bool) -> tuple[torch.Tensor, list]:
    """What is shown and what is read at the first step."""
    met = []
    with monkeypatch.context() as patch:
        patch.setattr(paged.GatedTalker, "loss", lambda model, seen, rows: met.append((seen, rows)) or seen.sum())
        patch.setattr(paged, "learn", lambda parameters, loss, steps, rate: loss(0))
        paged.trained.__wrapped__(0, 1, True, blind)
    return met[0]


def test_blind_lessons_show_other_pictures_beside_pairs_and_as_examples(few, monkeypatch):
    (seen, rows), (other, same) = (first_lesson(monkeypatch, blind) for blind in (False, True))
    assert rows[:5] == same[:5]  # four pairs and the first page: what is read is the same
    examples = rows[4].prefix.count(CLS)
    alike = (seen[: 4 + examples + paged.NAMED] == other[: 4 + examples + paged.NAMED]).flatten(1).all(1)
    assert examples >= 2 and not alike[: 4 + examples].any()
    assert alike[4 + examples :].all()  # the pictures to be named, by names that mean nothing


def test_the_language_model_forgets_what_it_looked_at(few):
    model = flamingo.trained(0, 1, True, False)
    assert model.looking is None
    fresh = talker()
    ids = torch.arange(5, 15)[None]
    assert torch.equal(fresh(ids).logits, model.language(ids).logits)
