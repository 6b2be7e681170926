"""What check_real.py writes: a lab's cost, from a run of it, and models of true shapes where there is no Hub."""

import json
from dataclasses import replace

import check_real
import nbformat
import pytest
from benching import true_shape
from test_preflight import LOCAL, MACHINES, T4
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

import labs
from labs.errors import LabsError
from labs.models.catalog import load_from
from labs.models.entry import Entry

CELL = "figures = {'exact match': '75.0 % [70.0, 80.0]'}\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LABS_PROFILE", "LABS_RUNS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def lab(folder, name, source=CELL):
    """A notebook of one cell."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def card(folder):
    (file,) = folder.glob("*.json")
    return file.name, json.loads(file.read_text())


def test_a_lab_s_cost_is_written_and_others_keep_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr(check_real, "look", lambda: LOCAL)
    takes = CELL + "import os; held = bytearray(300_000_000); assert os.environ['LABS_PROFILE'] == 'mini'\n"
    takes += "from pathlib import Path; run = Path(os.environ['LABS_RUNS'], 'lab'); run.mkdir()\n"
    record = {"models": {"a/b": {"gigabytes": 1.5}}, "datasets": {"c/d": {"gigabytes": 0.25}}}
    takes += f"Path(run, 'downloads.json').write_text({json.dumps(record)!r})"
    check_real.check([lab(tmp_path, "06_1_demo", takes)], "mini", False, tmp_path / "cards")
    name, found = card(tmp_path / "cards")
    cost = found["labs"]["06_1_demo"]
    assert name == "mini-8-cpu-cores.json" and found["versions"] == LOCAL.versions and found["date"]
    assert cost["download_gb"] == 1.75 and cost["peak_gb"] > 0.3 and cost["minutes"] >= 0
    assert cost["figures"] == {"exact match": "75.0 % [70.0, 80.0]"} and cost["date"] == found["date"]
    check_real.check([lab(tmp_path, "06_2_demo")], "mini", False, tmp_path / "cards")
    assert card(tmp_path / "cards")[1]["labs"]["06_1_demo"] == cost
    assert len(nbformat.read(tmp_path / "06_1_demo.ipynb", as_version=4).cells) == 1  # as it was


def test_a_lab_that_fails_is_named_and_changes_no_card(tmp_path, monkeypatch):
    monkeypatch.setattr(check_real, "look", lambda: LOCAL)
    with pytest.raises(LabsError, match="06_1_demo stopped: ValueError: the wrong shape"):
        check_real.check([lab(tmp_path, "06_1_demo", "raise ValueError('the wrong shape')")], "mini", False, tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_machine_that_cannot_run_the_profile_is_refused_before(tmp_path, monkeypatch):
    monkeypatch.setattr(check_real, "look", lambda: replace(LOCAL, hub=False))
    with pytest.raises(LabsError, match="the Hub does not answer"):
        check_real.check([], "colab", False, tmp_path)


def test_a_gpu_without_the_hub_measures_true_shapes_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(check_real, "look", lambda: replace(MACHINES["offline"], offline=False, hub=False))
    monkeypatch.setattr(true_shape, "measure_all", lambda: {"a shape, LoRA": {"peak_gb": 12.5}})
    check_real.check([], "colab", False, tmp_path)
    name, found = card(tmp_path)
    assert name == "true-shapes-tesla-t4.json" and found["shapes"] == {"a shape, LoRA": {"peak_gb": 12.5}}
    assert found["profile"] == "true shapes" and found["labs"] == {}


def test_a_gpu_gives_the_card_its_name(tmp_path):
    assert check_real.open_card(tmp_path, "colab", replace(LOCAL, gpu=T4))["device"] == "Tesla T4"
    assert check_real.slug("NVIDIA A100-SXM4-40GB") == "nvidia-a100-sxm4-40gb"


# ---------------------------------------------------------------------------------------------------------------
# True shapes


@pytest.fixture(scope="module")
def shape(tmp_path_factory):
    """A checkpoint of random weights, written in several files as the large ones are."""
    folder = tmp_path_factory.mktemp("shape")
    eyes = CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                            image_size=72, patch_size=12)  # fmt: skip
    text = LlamaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
                       vocab_size=2000)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(true_shape, "SHARD", 3e5)
        true_shape.write(folder, LlavaConfig(text_config=text.to_dict(), vision_config=eyes.to_dict()))
    return folder


def test_a_checkpoint_of_a_shape_opens_as_any_other(shape):
    loaded = load_from(str(shape), Entry(str(shape), "LlavaForConditionalGeneration"))
    assert len(list(shape.glob("*.safetensors"))) > 1
    size = sum(file.stat().st_size for file in shape.glob("*.safetensors"))
    assert size == pytest.approx(2 * loaded.model.num_parameters(), rel=0.1)
    matrix = loaded.model.model.language_model.layers[0].mlp.up_proj.weight
    assert matrix.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("qlora", [False, True])
def test_tuning_a_shape_is_measured(shape, qlora):
    found = true_shape.measure(shape, qlora, steps=2)
    assert found["numbers"] == ("nf4" if qlora else "float32")
    assert found["pairs_per_second"] > 0 and found["peak_gb"] > 0.1 and found["steps"] == 2


def test_the_shapes_are_those_they_are_called():
    import torch

    for name, millions in (("LLaVA-1.5-7B", 7063), ("a LLaVA of 2.7 B", 2700 + 320)):
        with torch.device("meta"):
            model = true_shape.LlavaForConditionalGeneration(LlavaConfig(text_config=true_shape.SHAPES[name].to_dict()))
        assert model.num_parameters() / 1e6 == pytest.approx(millions, rel=0.06)


def test_the_readme_s_table_of_true_shapes_comes_from_such_cards(tmp_path):
    from benching import tables

    assert [f"{name}, {arm}" for name in true_shape.SHAPES for arm in ("LoRA", "QLoRA")] == tables.TRUE_SHAPES
    assert tables.true_shapes(tmp_path).count("not run") == 4
    shapes = {"LLaVA-1.5-7B, LoRA": {"failed": "CUDA out of memory"},
              "LLaVA-1.5-7B, QLoRA": {"pairs_per_second": 3.25, "peak_gb": 9.5}}  # fmt: skip
    (tmp_path / "true-shapes-t4.json").write_text(json.dumps({"device": "Tesla T4", "shapes": shapes}))
    rows = tables.true_shapes(tmp_path).splitlines()
    assert "| LLaVA-1.5-7B, LoRA | Tesla T4 | CUDA out of memory |  |" in rows
    assert "| LLaVA-1.5-7B, QLoRA | Tesla T4 | 3.2 | 9.5 |" in rows


def test_without_a_gpu_true_shapes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(check_real, "look", lambda: LOCAL)
    with pytest.raises(LabsError, match="measured on a CUDA GPU, and there is none"):
        check_real.check([], None, True, tmp_path)


def test_the_readme_takes_its_costs_from_the_cards_alone(monkeypatch):
    import readme

    from labs.preflight import costs

    cost = {"download_gb": 1.25, "minutes": 7.5, "date": "2026-11-20", "peak_gb": 9.0,
            "figures": {"exact match": "75 %"}}  # fmt: skip
    name = sorted((labs.home() / "notebooks").glob("*.ipynb"))[0].stem
    card = {"profile": "colab", "device": "Tesla T4", "date": "2026-11-21", "labs": {name: cost}}
    monkeypatch.setattr(costs, "cards", lambda folder=None: [card])
    rows = readme.costs().splitlines()
    assert f"| {name} | colab | Tesla T4, 2026-11-20 | 1.2 | 7.5 | 9.0 | exact match 75 % |" in rows
    assert "| all | full | not yet measured on this device |  |  |  |  |" in rows and len(rows) == 5
