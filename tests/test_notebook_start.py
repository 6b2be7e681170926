"""The first cell of every notebook, the folder of its runs, and what brings a lost session back."""

import json
import os
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import badges
import pytest
from test_preflight import IN_COLAB, L4, LOCAL, MACHINES, T4

import labs
from labs.data.records import read
from labs.errors import LabsError
from labs.models import catalog
from labs.preflight import costs, notebook
from labs.preflight.notebook import UNASKED, run_folder, start, take_finished
from labs.tuning import fit as fitting
from labs.tuning.fit import fit, fit_or_open
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.run_folder import LOCK, RunError, alone_in

THERMAL = labs.home() / "data" / "samples" / "thermal"
FINISHED = sorted(file.parent for file in (labs.home() / "data" / "finished").glob("*/*/config.json"))


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What `start` changes is put back."""
    for name in ("LABS_PROFILE", "LABS_RUNS", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def machine(monkeypatch):
    """Makes this machine look like another."""
    return lambda other: monkeypatch.setattr(notebook.looking, "look", lambda: other)


# ---------------------------------------------------------------------------------------------------------------
# Choosing


def test_without_a_gpu_the_mini_models_run_and_the_network_is_closed(machine, capsys):
    import huggingface_hub

    machine(LOCAL)
    choice = start()
    assert choice.profile == os.environ["LABS_PROFILE"] == "mini" and os.environ["HF_HUB_OFFLINE"] == "1"
    assert huggingface_hub.constants.HF_HUB_OFFLINE  # which was imported before
    assert "there is no CUDA GPU, and the mini models need none" in capsys.readouterr().out


def test_a_gpu_gets_real_models_that_are_small_and_the_network_stays_open(machine, capsys):
    machine(replace(LOCAL, gpu=T4))
    choice = start()
    assert choice.profile == os.environ["LABS_PROFILE"] == "colab" and "HF_HUB_OFFLINE" not in os.environ
    assert 0 < choice.download <= UNASKED
    assert f"{choice.download:.1f} GB to download" in capsys.readouterr().out


def test_what_is_large_is_downloaded_only_when_it_is_asked_for(machine, monkeypatch):
    machine(replace(LOCAL, gpu=L4))
    choice = start()
    assert choice.profile == "colab" and "LABS_PROFILE=full asks for it" in choice.reasons["profile"]
    monkeypatch.setenv("LABS_PROFILE", "full")
    assert start().profile == "full"


def test_what_is_in_the_cache_already_is_used(machine):
    machine(replace(LOCAL, gpu=L4, cached=frozenset({catalog.FULL["multimodal"].name})))
    assert start().profile == "full"


def test_asking_for_the_mini_profile_closes_the_network_before_looking(monkeypatch):
    monkeypatch.setenv("LABS_PROFILE", "mini")
    monkeypatch.setattr(notebook.looking, "look", lambda: replace(LOCAL, offline=os.environ["HF_HUB_OFFLINE"] == "1"))
    assert start().profile == "mini"


def test_what_would_stop_the_labs_stops_here_in_one_sentence(machine, monkeypatch):
    machine(replace(IN_COLAB, gpu=T4))
    with pytest.raises(LabsError, match=r"torchao 0.10.0 is too old.*: pip uninstall -y torchao, then run this cell"):
        start()
    machine(MACHINES["offline"])
    with pytest.raises(LabsError, match="HF_HUB_OFFLINE=1 closes the network: .* choose the profile mini"):
        start(profile="colab")


def test_any_decision_can_be_overridden(machine):
    machine(replace(LOCAL, gpu=T4))
    assert start(numbers="float32", four_bit=False, side=64).side == 64


# ---------------------------------------------------------------------------------------------------------------
# What it costs


def test_costs_come_from_the_card_of_the_device_and_from_nowhere_else(tmp_path):
    lab = {"minutes": 7.25, "date": "2026-11-20"}  # the card's date is that of the last lab
    card = {"profile": "colab", "device": T4.name, "date": "2026-11-21", "labs": {"06_1_demo": lab}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    with_t4 = replace(LOCAL, gpu=T4)
    assert costs.in_words("colab", with_t4, tmp_path) == "minutes measured on Tesla T4, 2026-11-21: 06_1 7.2"
    for profile, other in (("colab", replace(LOCAL, gpu=L4)), ("full", with_t4), ("mini", with_t4)):
        assert costs.UNKNOWN in costs.in_words(profile, other, tmp_path)
    assert costs.of_lab("06_1", "colab", T4.name, tmp_path) == "measured: 7.2 minutes on Tesla T4, 2026-11-20"
    for lab, device in (("06_2", T4.name), ("06_1", L4.name)):
        assert costs.of_lab(lab, "colab", device, tmp_path).startswith(f"minutes: {costs.UNKNOWN}")


def test_in_the_mini_profile_any_processor_tells_and_the_budget_stands_beside_it(tmp_path):
    lab = {"minutes": 0.4, "date": "2026-11-20"}
    card = {"profile": "mini", "device": "2 CPU cores", "date": "2026-11-21", "labs": {"06_1_demo": lab}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert costs.of_lab("06_1", "mini", "8 CPU cores", tmp_path) == (
        "measured: 0.4 of 3 minutes on 2 CPU cores, 2026-11-20"
    )


def test_every_card_is_whole():
    for card in costs.cards():
        assert {"profile", "device", "date", "versions", "labs"} <= set(card)
        for cost in card["labs"].values():
            assert {"download_gb", "minutes", "date", "peak_gb", "figures"} <= set(cost) and cost["figures"]


@pytest.mark.parametrize("path", badges.notebooks(), ids=lambda path: path.stem)
def test_an_executed_notebook_prints_the_minutes_of_the_card(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    told = "".join(line for cell in cells for out in cell.get("outputs", []) for line in out.get("text", ""))
    assert costs.of_lab(path.stem[:4], "mini", "") in told, "execute it again: its card was measured since"


def test_the_peak_of_memory_is_that_of_this_process():
    held = bytearray(50_000_000)
    before = costs.peak_gigabytes()
    held += bytearray(500_000_000)
    assert costs.peak_gigabytes() >= before and costs.peak_gigabytes() > 0.5 * len(held) / 1e9


# ---------------------------------------------------------------------------------------------------------------
# Where runs lie


def test_runs_lie_in_the_repository_or_where_one_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LABS_RUNS", str(tmp_path))
    folder = run_folder("06_2")
    assert folder == tmp_path / "06_2" / "mini" and folder.is_dir()
    (folder / "lora").mkdir()
    run_folder("06_2")
    assert "none yet" in (told := capsys.readouterr().out) and "lora from before" in told


@pytest.mark.parametrize(
    ("place", "drive", "where"),
    [("colab", False, "/content/runs"), ("kaggle", False, "/kaggle/working/runs"),
     ("colab", True, "/content/drive/MyDrive/multimodal-labs"), ("local", True, str(labs.home() / "runs"))],
)  # fmt: skip
def test_each_place_keeps_runs_where_they_last(monkeypatch, place, drive, where):
    mounted = []
    package = ModuleType("google.colab")
    package.drive = SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setattr(notebook.looking, "place", lambda: place)
    assert str(notebook.runs(drive)) == where
    assert mounted == (["/content/drive"] if place == "colab" and drive else [])


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABS_RUNS", str(tmp_path / "file"))
    with pytest.raises(LabsError, match="file/06_2/mini cannot be made .*: set LABS_RUNS to a folder of your own"):
        run_folder("06_2")


# ---------------------------------------------------------------------------------------------------------------
# A lost session


def tuned(folder, out, **changes):
    """An untrained mini-llava with small adapters, after a few steps in `out`, or as `out` has it."""
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"])
    model = add_lora(loaded.model, LoraSpec(r=changes.pop("r", 2)))
    records = read(THERMAL / "records.json", THERMAL / "images")[:8]
    settings = {"steps": 2, "batch": 4, "progress": False} | changes
    return model, fit_or_open(model, loaded.processor, records, [], out, **settings)


def adapters(model):
    return {name: weight for name, weight in model.named_parameters() if "lora_" in name}


def test_a_finished_run_is_opened_on_the_spot(folder, tmp_path, monkeypatch):
    model, first = tuned(folder, tmp_path / "run")
    monkeypatch.setattr(fitting, "fit", lambda *_, **__: pytest.fail("trained again"))
    again, opened = tuned(folder, tmp_path / "run")
    assert opened == first
    assert all((weight == adapters(again)[name]).all() for name, weight in adapters(model).items())
    with pytest.raises(RunError, match="holds a run with another steps: repeat its settings"):
        tuned(folder, tmp_path / "run", steps=3)
    with pytest.raises(RunError, match="another lora, trainable"):
        tuned(folder, tmp_path / "run", r=4)


def test_a_folder_in_which_another_process_trains_is_left_alone(folder, tmp_path):
    with alone_in(tmp_path / "run"), pytest.raises(RunError, match="another notebook or command is training into"):
        tuned(folder, tmp_path / "run")
    assert {file.name for file in (tmp_path / "run").iterdir()} == {LOCK}
    tuned(folder, tmp_path / "run")  # the lock is gone with its process


def test_a_run_begun_with_other_libraries_says_so_and_loses_nothing(folder, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(RunError, match="stopped at step"):
        patch.setattr(fitting.StepTrainer, "training_step", killed)
        tuned(folder, out)
    versions = json.loads((out / "versions.json").read_text())
    (out / "versions.json").write_text(json.dumps(versions | {"peft": "0.1.0"}))
    with pytest.raises(RunError, match=r"begun with peft 0.1.0, now .*: install those versions again, or delete"):
        tuned(folder, out)
    (out / "versions.json").unlink()
    assert len(tuned(folder, out)[1].losses) == 2


@pytest.mark.parametrize("source", FINISHED, ids=lambda source: "/".join(source.parts[-2:]))
def test_the_finished_runs_that_come_with_the_labs_open_and_do_what_their_figures_say(source):
    from labs.evaluation import skill
    from labs.tuning.four_bit import nf4

    settings = json.loads((source / "config.json").read_text())
    assert settings["model"] == "mini-llava"
    bits = {"quantization_config": nf4()} if settings["four_bit"] else {}
    loaded = catalog.load("multimodal", "mini", **bits)
    exam = skill.thermal_items(12, seed=5)
    before = skill.judge(loaded, exam, views=["new"])["new"]
    model = add_lora(loaded.model)
    fitting.set_peft_model_state_dict(model, fitting.load_file(source / "adapter" / "adapter_model.safetensors"))
    after = skill.judge(catalog.Loaded(loaded.entry, model, loaded.processor), exam, views=["new"])["new"]
    assert sum(before) < 3 and sum(after) > len(after) / 2
    base = json.loads((source / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert base == "data/checkpoints/mini-llava"


def test_there_are_finished_runs():
    assert [source.name for source in FINISHED] == ["lora", "qlora"]


def test_finished_runs_are_taken_once_and_never_over_ones_own(tmp_path):
    take_finished("06_2", tmp_path)
    assert (tmp_path / "lora" / "metrics.json").exists()
    with pytest.raises(LabsError, match="lora holds a run of your own: move it away, or go on with it"):
        take_finished("06_2", tmp_path)


def test_there_are_none_for_real_models(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROFILE", "colab")
    with pytest.raises(LabsError, match="no finished runs of 06_2 in profile colab: run its training cells"):
        take_finished("06_2", tmp_path)


def test_fit_itself_never_opens_a_finished_run(folder, tmp_path):
    tuned(folder, tmp_path / "run")
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"])
    records = read(THERMAL / "records.json", THERMAL / "images")[:8]
    with pytest.raises(RunError, match="already holds a finished run"):
        fit(add_lora(loaded.model), loaded.processor, records, [], tmp_path / "run", steps=2, batch=4)
