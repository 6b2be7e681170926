"""The recipes in short: they learn, resume to the bit, stop at a gate, and their control does not learn."""

import json

import pretrain
import pytest
import torch
from recipes import dual, language, workers

from labs.models.tokens import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(scenes=300)


def test_the_short_recipe_beats_its_control_by_ten_points(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(dual, "BATCH", 32)
    arms = {}
    for name, shuffled in (("paired", False), ("shuffled", True)):
        dual.run(tmp_path / name, tokenizer, steps=80, counts=(1, 2), shuffled=shuffled)
        log = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        arms[name] = log[-1]["patch_colour"]  # held-out scenes; what a patch knows of the thing that covers it
    assert arms["shuffled"] < 0.25, f"the control must stay near chance (1 in 8): {arms}"
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


def test_two_workers_learn_from_the_mean_of_their_gradients(tmp_path):
    workers.launch(_learn, str(tmp_path))
    first, second = (torch.load(tmp_path / f"{number}.pt") for number in range(workers.COUNT))
    assert torch.equal(first, second)
    assert torch.allclose(first, torch.tensor([[2.0, 3.0]]))  # the mean of (1, 3) and (3, 3)


def _learn(folder):
    layer = torch.nn.Linear(2, 1, bias=False)
    layer(torch.tensor([[1.0 + 2 * workers.rank(), 3.0]])).sum().backward()
    workers.average_gradients(layer.parameters())
    torch.save(layer.weight.grad, f"{folder}/{workers.rank()}.pt")


def test_nothing_is_built_on_a_stage_below_its_gate(tmp_path, monkeypatch):
    def made(name, runs, steps):
        (runs / name).mkdir()
        (runs / name / "log.jsonl").write_text(json.dumps({"zero_shot": 0.69, "patch_place": 0.99}) + "\n")

    monkeypatch.setattr(pretrain, "_run", made)
    with pytest.raises(SystemExit, match="zero_shot is 0.69 on held-out scenes, below 0.7"):
        pretrain.make("dual", tmp_path, steps=None)


def _dies_in_call(number, function, error):
    calls = []

    def wrapper(*arguments, **named):
        calls.append(1)
        if len(calls) == number:
            raise error
        return function(*arguments, **named)

    return wrapper
