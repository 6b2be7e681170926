"""The recipes in short: they learn, resume to the bit, and their control does not learn."""

import pytest
import torch
from recipes import dual, language

from labs.models.tokens import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(scenes=300)


def zero_shot(clip, tokenizer) -> float:
    model = dual.WithHeads(clip).eval()
    with torch.no_grad():
        return dual.validate(model, tokenizer)["zero_shot"]


def test_the_short_recipe_beats_its_control_by_ten_points(tokenizer, tmp_path):
    arms = {}
    for name, shuffled in (("paired", False), ("shuffled", True)):
        clip = dual.run(tmp_path / name, tokenizer, steps=160, counts=(1, 2), shuffled=shuffled)
        arms[name] = zero_shot(clip, tokenizer)
    assert arms["shuffled"] < 0.10, f"the control must stay near chance (1 in 64): {arms}"
    assert arms["paired"] > arms["shuffled"] + 0.10, arms


def test_a_recipe_killed_and_started_again_ends_with_the_same_weights(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(language, "ROWS", 2)
    monkeypatch.setattr(language.loop, "SAVE_EVERY", 2)
    monkeypatch.setattr(language, "validate", lambda *_: {})
    whole = language.run(tmp_path / "whole", tokenizer, steps=6)

    class Killed(Exception):
        pass

    monkeypatch.setattr(language, "text_rows", _dies_in_call(4, language.text_rows, Killed))
    with pytest.raises(Killed):
        language.run(tmp_path / "broken", tokenizer, steps=6)
    monkeypatch.undo()
    monkeypatch.setattr(language, "ROWS", 2)
    monkeypatch.setattr(language, "validate", lambda *_: {})
    resumed = language.run(tmp_path / "broken", tokenizer, steps=6)
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def _dies_in_call(number, function, error):
    calls = []

    def wrapper(*arguments):
        calls.append(1)
        if len(calls) == number:
            raise error
        return function(*arguments)

    return wrapper
