"""What preflight chooses and finds wrong, on machines that are only described."""

import importlib
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs.cli.app import app
from labs.models import catalog
from labs.models.real import COLAB, FULL, SYSTEMS
from labs.preflight import machine as looking
from labs.preflight.decide import CONTEXT, LEAST, RULES, decide
from labs.preflight.machine import Gpu, Machine, cached_ids, look
from labs.preflight.minutes import in_words
from labs.preflight.problems import TORCHAO, problems

T4, L4 = Gpu("Tesla T4", 15.8, (7, 5)), Gpu("NVIDIA L4", 24.2, (8, 9))
A100, H200 = Gpu("NVIDIA A100-SXM4-40GB", 42.4, (8, 0)), Gpu("NVIDIA H200", 150.1, (9, 0))
P100 = Gpu("Tesla P100-PCIE-16GB", 17.1, (6, 0))
COLABS = {"torch": "2.11.0", "torchvision": "0.26.0", "transformers": "5.15.0", "peft": "0.20.0", "datasets": "4.0.0",
          "accelerate": "1.14.0", "huggingface_hub": "1.27.0", "torchao": "0.10.0"}  # fmt: skip
OURS = {"torch": "2.13.0+cpu", "transformers": "5.23.0", "peft": "0.21.2", "datasets": "5.2.0", "accelerate": "1.15.0",
        "huggingface_hub": "2.4.0", "bitsandbytes": "0.50.2"}  # fmt: skip
LOCAL = Machine("Linux", "local", (3, 11), 8, 32.0, 500.0, versions=OURS, hub=True)
IN_COLAB = Machine("Linux", "colab", (3, 13), 2, 13.6, 200.0, versions=COLABS, hub=True)
MACHINES = {
    "processor": LOCAL,
    "mac": replace(LOCAL, system="Darwin"),
    "windows": replace(LOCAL, system="Windows"),
    "windows with an L4": replace(LOCAL, system="Windows", gpu=L4),
    "colab without a GPU": IN_COLAB,
    "colab": replace(IN_COLAB, gpu=T4),
    "colab with an L4": replace(IN_COLAB, gpu=L4),
    "A100": replace(LOCAL, gpu=A100),
    "H200": replace(LOCAL, gpu=H200),
    "kaggle": replace(IN_COLAB, place="kaggle", gpu=T4),
    "kaggle without internet": replace(IN_COLAB, place="kaggle", gpu=T4, hub=False),
    "kaggle with a P100": replace(IN_COLAB, place="kaggle", gpu=P100),
    "a small GPU": replace(LOCAL, gpu=Gpu("NVIDIA GeForce RTX 3050", 8.6, (8, 6))),
    "offline": replace(LOCAL, gpu=T4, offline=True, hub=None),
    "a full disk": replace(LOCAL, gpu=T4, disk=3.0),
}


@pytest.mark.parametrize(
    ("name", "profile", "device", "numbers", "four_bit"),
    [
        ("processor", "mini", "cpu", "float32", False),
        ("mac", "mini", "cpu", "float32", False),
        ("windows", "mini", "cpu", "float32", False),
        ("windows with an L4", "full", "cuda", "bfloat16", True),
        ("colab without a GPU", "mini", "cpu", "float32", False),
        ("colab", "colab", "cuda", "float16", False),
        ("colab with an L4", "full", "cuda", "bfloat16", True),
        ("A100", "full", "cuda", "bfloat16", False),
        ("H200", "full", "cuda", "bfloat16", False),
        ("kaggle", "colab", "cuda", "float16", False),
        ("kaggle without internet", "mini", "cpu", "float32", False),
        ("kaggle with a P100", "mini", "cpu", "float32", False),
        ("a small GPU", "mini", "cpu", "float32", False),
        ("offline", "mini", "cpu", "float32", False),
        ("a full disk", "mini", "cpu", "float32", False),
    ],
)
def test_every_machine_gets_what_it_can_run(name, profile, device, numbers, four_bit):
    machine = MACHINES[name]
    choice = decide(machine)
    assert (choice.profile, choice.device, choice.numbers, choice.four_bit) == (profile, device, numbers, four_bit)
    assert set(choice.reasons) == set(RULES) and all(choice.reasons.values())
    assert machine.gpu is None or choice.device == "cpu" or choice.memory <= machine.gpu.gigabytes
    assert (choice.download == 0) == (profile == "mini")


@pytest.mark.parametrize("name", [name for name in MACHINES if not name.startswith(("colab", "kaggle"))])
def test_what_is_chosen_by_itself_meets_no_problem_that_stops(name):
    assert [problem for problem in problems(MACHINES[name], decide(MACHINES[name])) if problem.stops] == []


@pytest.mark.parametrize(
    ("changes", "asked", "what", "mend"),
    [
        ({}, {}, "torchao 0.10.0 is too old", "pip uninstall -y torchao"),
        ({"gpu": None}, {}, "no GPU", "Runtime > Change runtime type > T4 GPU"),
        ({"place": "kaggle", "gpu": P100}, {}, "P100-PCIE-16GB is too old", "Settings > Accelerator > GPU T4 x2"),
        ({"place": "kaggle", "hub": False}, {"profile": "colab"}, "Hub does not answer", "Settings > Internet > On"),
        ({"offline": True, "hub": None}, {"profile": "colab"}, "closes the network", "unset HF_HUB_OFFLINE"),
        ({"disk": 3.0}, {"profile": "colab"}, "of disk are needed, and 3 are free", "set HF_HOME"),
        ({}, {"four_bit": True}, "bitsandbytes is missing", "pip install bitsandbytes"),
        ({}, {"profile": "full", "four_bit": False}, "tuning would take", "profile colab or mini"),
        ({"python": (3, 10)}, {}, "Python is 3.10, and the labs run on 3.11 to 3.13", "install Python 3.11"),
        ({"memory": 4.0}, {}, "4 GB of memory are little", "close other programs"),
        ({"gpu": None}, {"profile": "full"}, "on a processor full takes", "Runtime > Change runtime type > T4 GPU"),
        ({"gpu": None, "place": "local"}, {"profile": "full"}, "days to tune", "choose the profile mini, or a GPU"),
        ({"versions": COLABS | {"torchvision": "0.25.0"}}, {}, "torchvision 0.25.0 does not work with torch 2.11.0",
         "pip uninstall -y torchvision"),
        ({"broken": {"torchvision": "no nms"}}, {}, "torchvision 0.26.0 does not work", "pip uninstall -y torchvision"),
        ({"broken": {"torch": "no libcudart"}}, {}, "torch cannot be imported (no libcudart)", "bash scripts/run.sh"),
        ({"versions": {}}, {}, "torch, transformers, peft, datasets, accelerate, huggingface_hub is not installed",
         "pip install torch transformers peft"),
    ],
)  # fmt: skip
def test_every_problem_comes_with_what_mends_it(changes, asked, what, mend):
    machine = replace(MACHINES["colab"], **changes)
    found = [problem for problem in problems(machine, decide(machine, **asked)) if what in problem.what]
    assert len(found) == 1 and mend in found[0].mend


def test_a_torchvision_that_belongs_to_its_torch_is_left_alone():
    for torch, torchvision in (("2.11.0", "0.26.0+cu128"), ("2.13.0+cpu", "0.28.0"), ("3.0.0", "1.0.0")):
        machine = replace(LOCAL, versions=OURS | {"torch": torch, "torchvision": torchvision})
        assert problems(machine, decide(machine)) == []
    new = replace(LOCAL, versions=OURS | {"torchao": TORCHAO})
    assert problems(new, decide(new)) == []


def test_everything_can_be_asked_for():
    asked = {"profile": "colab", "device": "cpu", "numbers": "bfloat16", "four_bit": True, "attention": "eager",
             "tokens": 99, "checkpointing": True, "side": 64}  # fmt: skip
    choice = decide(LOCAL, **asked)
    assert set(asked) == set(RULES) and all(getattr(choice, name) == value for name, value in asked.items())
    assert set(choice.reasons.values()) == {"asked for"}
    with pytest.raises(catalog.CatalogError, match="no profile 'large': choose one of mini, colab, full"):
        decide(LOCAL, profile="large")


def test_predicted_minutes_grow_with_the_work_and_shrink_with_the_machine():
    on_t4, on_a100 = (decide(replace(LOCAL, gpu=gpu), profile="colab").minutes for gpu in (T4, A100))
    assert 1 < on_a100 < on_t4 < 15  # a lab of half an hour has room for it
    assert decide(MACHINES["A100"], profile="full").minutes > 5 * on_a100
    assert decide(replace(LOCAL, cores=16)).minutes < decide(LOCAL).minutes < 3
    unknown = Gpu("a GPU of next year", 48.0, (13, 0))
    assert decide(replace(LOCAL, gpu=unknown)).profile == "full" and decide(replace(LOCAL, gpu=unknown)).minutes > 1


def test_minutes_are_said_as_hours_and_days():
    assert [in_words(minutes) for minutes in (0.9, 15, 180, 7200)] == ["0.9 minutes", "15 minutes", "3 hours", "5 days"]


def test_attention_is_one_that_the_gpu_has():
    on_t4 = decide(replace(LOCAL, gpu=T4))
    assert on_t4.attention == "sdpa" and "flash-attention 2 does not" in on_t4.reasons["attention"]
    assert "flash" not in decide(MACHINES["A100"]).reasons["attention"]


def test_what_is_in_the_cache_needs_no_network():
    cached = frozenset(entry.name for entry in COLAB.values())
    machine = replace(MACHINES["kaggle without internet"], cached=cached)
    choice = decide(machine)
    assert choice.profile == "colab" and choice.download == 0
    assert not [problem for problem in problems(machine, choice) if "Hub" in problem.what]


def test_a_t4_tunes_7_billion_weights_in_4_bits_only():
    machine = replace(MACHINES["A100"], gpu=T4)
    choice = decide(machine, profile="full")
    assert choice.four_bit and choice.checkpointing and CONTEXT < choice.memory < LEAST["colab"]


# ---------------------------------------------------------------------------------------------------------------
# This machine


def test_this_machine_is_looked_at_without_the_network(monkeypatch, tmp_path):
    monkeypatch.setattr(looking, "_answers", lambda address: pytest.fail("asked the Hub in offline mode"))
    found = look()
    assert found.offline and found.hub is None and found.memory > 0 and found.versions["torch"]
    assert found.python == sys.version_info[:2]
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(looking, "_answers", lambda address: False)
    assert look().hub is False


def test_a_package_that_cannot_be_imported_is_found(monkeypatch, tmp_path):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = looking.import_faults(["torchvision", "json"])
    assert list(found) == ["torchvision"] and "torchvision::nms does not exist" in found["torchvision"]


def test_only_whole_snapshots_count_as_cached(tmp_path):
    for name in ("models--a--whole", "models--a--half", "models--a--torn", "datasets--b--whole", "models--a--empty"):
        snapshot = tmp_path / name / "snapshots" / "0123"
        snapshot.mkdir(parents=True)
        (tmp_path / name / "blobs").mkdir()
        if "empty" not in name:
            (tmp_path / name / "blobs" / "abc").write_text("weights")
            (snapshot / "model.safetensors").symlink_to(Path("../../blobs/abc"))
    (tmp_path / "models--a--half" / "blobs" / "def.incomplete").write_text("wei")
    (tmp_path / "models--a--torn" / "blobs" / "abc").unlink()
    assert cached_ids(tmp_path) == {"a/whole", "b/whole"}


def test_looking_loads_no_transformers():
    """Which may be what is broken."""
    code = "import sys; from labs.preflight.machine import look; look(); print('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_the_command_says_what_it_chose_and_stops_where_something_would(monkeypatch, tmp_path):
    monkeypatch.setattr(looking, "look", lambda: MACHINES["colab"])
    done = CliRunner().invoke(app, ["preflight", "--json", str(tmp_path / "found.json")])
    assert done.exit_code == 2 and "Tesla T4 has no bfloat16" in " ".join(done.output.split())
    assert (
        "STOP: torchao 0.10.0 is too old, and peft refuses to add LoRA beside it: pip uninstall -y torchao."
        in done.output
    )
    assert (tmp_path / "found.json").exists()
    monkeypatch.setattr(looking, "look", lambda: MACHINES["processor"])
    assert CliRunner().invoke(app, ["preflight"]).exit_code == 0


# ---------------------------------------------------------------------------------------------------------------
# The catalogue

ENTRIES = list(dict.fromkeys([*COLAB.values(), *FULL.values(), *SYSTEMS.values()]))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry):
    if importlib.util.find_spec(entry.library):
        library = importlib.import_module(entry.library)
        assert hasattr(library, entry.model_class) and hasattr(library, entry.processor_class or entry.model_class)
    assert entry.library in ("transformers", "diffusers")
    assert entry.licence and entry.why and entry.prompt and entry.millions and entry.gigabytes
    assert not entry.gated
    # the weights as they are stored; Qwen3 has its word list stored twice
    assert entry.memory(entry.stored) == pytest.approx(entry.gigabytes, rel=0.25)


def test_what_a_profile_needs_is_installed_and_lies_in_main():
    """A tuning needs no extra, and what packs a profile fetches main alone."""
    profiles = [*COLAB.values(), *FULL.values()]
    assert {(entry.library, entry.revision) for entry in profiles} == {("transformers", "main")}


def test_colab_is_free_of_restrictions_and_small():
    assert {entry.licence for entry in COLAB.values()} <= {"apache-2.0", "mit", "bsd-3-clause"}
    assert sum(entry.gigabytes for entry in COLAB.values()) < 15
    assert all(entry.memory("float16") < 3 for entry in COLAB.values())


def test_unknown_names_are_refused():
    for call, sentence in (
        (lambda: catalog.find("smell"), "profile mini has no 'smell': it has dual_encoder"),
        (lambda: catalog.find("multimodal", "huge"), "there is no profile 'huge'"),
        (lambda: catalog.system("flamingoes"), "there is no system 'flamingoes': the catalogue has clip"),
    ):
        with pytest.raises(catalog.CatalogError, match=sentence):
            call()


def test_the_profile_comes_from_the_environment(monkeypatch):
    assert catalog.find("multimodal") is catalog.MINI["multimodal"]
    monkeypatch.setenv("LABS_PROFILE", "colab")
    assert catalog.find("multimodal") is COLAB["multimodal"]
