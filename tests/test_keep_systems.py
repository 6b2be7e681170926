"""scripts/keep_systems.py: what it writes is what the notebooks open, and it was trained for longer than the claims."""

import keep_systems
import pytest
import torch

import labs
from labs.systems import masked_modelling, seem
from labs.systems.parts import any_model, connected, school, shown_segmenter, talker, taught_branches
from labs.systems.parts.bound_sound import Ear
from labs.systems.parts.branches import VideoBranch
from labs.systems.parts.connected import Connected, Connector


@pytest.fixture
def asked(monkeypatch):
    """Instead of a training its untrained module, and how many times the usual steps were asked for."""
    times = {}

    def untrained(system):
        return lambda seed, **how: times.update({system: how["times"]}) or system.build(seed)

    for system in (masked_modelling, seem):
        monkeypatch.setattr(system, "train", untrained(system))
    monkeypatch.setattr(keep_systems, "bind", _ear)
    monkeypatch.setattr(school, "train", talker.build)
    monkeypatch.setattr(connected, "connected", _connected)
    monkeypatch.setattr(taught_branches, "watcher", lambda seed, frames, positions: _watcher())
    monkeypatch.setattr(any_model, "train", any_model.build)
    return times


def _ear(seed: int) -> Ear:
    torch.manual_seed(seed)
    return Ear()


def _watcher() -> VideoBranch:
    torch.manual_seed(keep_systems.SEED)
    return VideoBranch(taught_branches.FRAMES)


def _connected(kind: str, tokens: int, seed: int) -> Connected:
    torch.manual_seed(seed)
    language = talker.build()
    return Connected(language, Connector(kind, language.config.hidden_size, tokens))


def test_what_is_written_is_opened_by_name_in_16_bits_and_frozen(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(labs, "home", lambda: tmp_path)
    monkeypatch.setattr(keep_systems, "FINISHED", tmp_path / "data" / "finished")
    keep_systems.main([])
    made = masked_modelling.build(keep_systems.SEED), seem.build(keep_systems.SEED), _ear(keep_systems.SEED)
    made += tuple(talker.build(size, keep_systems.SEED) for size in talker.SIZES)
    made += (_connected("Q-Former", 16, keep_systems.SEED).connector,)
    opened = masked_modelling.shipped(), *shown_segmenter.shipped(), *map(talker.talker, talker.SIZES)
    made += (_watcher(), any_model.build(keep_systems.SEED))
    opened += (connected.shipped().connector, taught_branches.shipped(), any_model.shipped())
    for before, after in zip(made, opened, strict=True):
        weights = after.state_dict()
        assert weights.keys() == before.state_dict().keys() and not any(p.requires_grad for p in after.parameters())
        for name, weight in before.state_dict().items():
            torch.testing.assert_close(weights[name], weight.half().float() if weight.is_floating_point() else weight)
    assert asked == {masked_modelling: masked_modelling.LONGER, seem: seem.LONGER}


def test_only_what_is_named_is_made(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keep_systems, "FINISHED", tmp_path)
    keep_systems.main(["03_1/talkers"])
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")] == [talker.FILE] and not asked
    with pytest.raises(SystemExit, match="2"):
        keep_systems.main(["03_1/walkers"])
    assert "there is no file 03_1/walkers: choose of 02_2/segmenter" in capsys.readouterr().err
