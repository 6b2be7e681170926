"""The command `labs claim` and scripts/claims.py: what they print and refuse, and what makes them measure again."""

import json

import claims as script
import pytest
from test_claims import make
from typer.testing import CliRunner

import labs
from labs.cli.app import app
from labs.systems import claim as claims
from labs.systems import outcome


@pytest.fixture
def one_system(monkeypatch):
    """A system with one claim that takes no time."""
    found = {"paper/a claim": make()}
    monkeypatch.setattr(claims, "systems", lambda: ["paper"])
    monkeypatch.setattr(claims, "find", lambda name: found)


def test_a_claim_is_run_printed_and_written(one_system, tmp_path):
    file = tmp_path / "out.json"
    told = CliRunner().invoke(app, ["claim", "paper", "--json", str(file)])
    assert told.exit_code == 0 and "Reproduced" in told.output and "ours - theirs" in told.output
    assert json.loads(file.read_text())["paper/a claim"]["verdict"] == "reproduced"


def test_what_is_kept_serves_again(one_system, tmp_path):
    for _ in range(2):
        CliRunner().invoke(app, ["claim", "paper", "--seeds", "1", "--keep", str(tmp_path)])
    assert len(list(tmp_path.rglob("*.json"))) == 3  # one for each arm


def test_without_a_name_all_claims_are_listed_with_what_ships(one_system, monkeypatch):
    monkeypatch.setattr(outcome, "all_kept", lambda: {"paper/a claim": claims.run(make(), progress=False)})
    told = CliRunner().invoke(app, ["claim"])
    assert told.exit_code == 0 and "a claim" in told.output and "reproduced" in told.output


def test_a_name_that_does_not_exist_ends_with_2():
    told = CliRunner().invoke(app, ["claim", "flying_carpet"])
    assert told.exit_code == 2 and "there is no system 'flying_carpet': choose one of" in told.output


@pytest.mark.parametrize("changed, same", [("paper.py", False), ("parts/tool.py", False), ("parts/other.py", True)])
def test_a_system_is_measured_again_when_its_code_has_changed(changed, same, tmp_path, monkeypatch):
    folder = tmp_path / "labs" / "systems"
    (folder / "parts").mkdir(parents=True)
    (folder / "paper.py").write_text("from labs.systems.parts import tool\n")
    (folder / "parts" / "tool.py").write_text("x = 1\n")
    (folder / "parts" / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    before = script.fingerprint("paper")
    file = folder / changed
    file.write_text(file.read_text() + "y = 2\n")
    assert (script.fingerprint("paper") == before) is same


def test_what_ships_names_its_machine_and_no_control_has_left_chance():
    shipped = json.loads((labs.home() / "data" / "claims.json").read_text(encoding="utf-8"))
    kept = outcome.all_kept()
    assert {name.split("/")[0] for name in kept} == set(shipped["systems"])
    for about in shipped["systems"].values():
        assert about["minutes"] > 0 and about["machine"]["cores"] and about["versions"]["torch"]
    for name, one in kept.items():
        assert not one.broken, f"{name}: {one.broken}"
        assert one.verdict == shipped["claims"][name]["verdict"]
        # the longest arm trains six adapters, if their claims were measured in another run
        assert len(one.gap_by_seed) >= outcome.NEEDED and max(max(s) for s in one.seconds.values()) <= 6 * 120


def test_what_ships_says_what_the_code_says():
    for name, one in outcome.all_kept().items():
        assert claims.find(name)[name].said() == one.said, f"{name} was changed since: python scripts/claims.py"
