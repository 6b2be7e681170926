"""Several processes learn what one does: a run of `accelerate launch` over gloo beside the same run alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file

from labs.tuning.four_bit import nf4

ROOT = Path(__file__).resolve().parents[1]
LAUNCH = ROOT / "scripts" / "accelerate"
# Run by both: LoRA on a stand-in, records about several pictures and some about none, of different lengths.
RUN = """
import sys
from pathlib import Path
import torch
import labs
labs.offline()
import standins
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
torch.set_num_threads(1)
pictures = sorted(Path(sys.argv[1]).glob("*.png"))
says = [("What colour is the star?", "red"), ("Where is it?", "at the top left"), ("Which two?", "42 stars")]
records = [standins.record(pictures, ((says[n % 3][0] * (1 + n % 4), says[n % 3][1], *((n // 8,) if n % 5 else ())),))
           for n in range(23)]
model, processor = standins.llava()
fit(add_lora(model, LoraSpec(r=2)), processor, records, records[:4], Path(sys.argv[2]), epochs=2, batch=10,
    progress=False, save_every=3, best="loss")
"""


def test_two_processes_end_where_one_does(tmp_path):
    import standins

    (tmp_path / "pictures").mkdir()
    standins.draw_pictures(tmp_path / "pictures")
    script = tmp_path / "run.py"
    script.write_text(RUN)
    launched = ["accelerate.commands.launch", "--config_file", str(LAUNCH / "two_processes.yaml")]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    for name, before in (("one", []), ("two", ["-m", *launched, "--main_process_port", "0"])):
        command = [sys.executable, *before, str(script), str(tmp_path / "pictures"), str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert max((one[name] - two[name]).abs().max().item() for name in one) < 1e-5
    assert max(value.abs().max().item() for name, value in one.items() if "lora_B" in name) > 1e-3
    alone, both = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two"))
    assert both["losses"] == pytest.approx(alone["losses"], abs=1e-5) and len(alone["losses"]) == 6
    newest = max((tmp_path / "two" / "checkpoints").iterdir())
    assert {"rng_state_0.pth", "rng_state_1.pth", "complete"} <= {file.name for file in newest.iterdir()}


@pytest.mark.parametrize("file", sorted(LAUNCH.glob("*.yaml")), ids=lambda file: file.stem)
def test_launch_files_are_understood_and_say_whether_they_were_run(file):
    """What cannot be run here says so."""
    config = load_config_from_file(str(file))
    assert config.num_processes == yaml.safe_load(file.read_text())["num_processes"] == 2
    said = file.read_text().split("compute_environment")[0]
    assert f"scripts/accelerate/{file.name} -m labs tune" in said
    assert ("NOT RUN HERE" in said) != ("tests/test_devices.py" in said)


def test_weights_in_4_bits_that_are_dealt_out_are_stored_in_the_type_they_compute_in(monkeypatch):
    """FSDP deals out only tensors of one type."""
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        assert nf4(dtype).bnb_4bit_quant_storage == dtype
        monkeypatch.delenv("ACCELERATE_USE_FSDP")
        assert nf4(dtype).bnb_4bit_quant_storage == torch.uint8
