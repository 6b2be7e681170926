"""python -m benching.true_shape FOLDER [--qlora]

Models as large as the real ones, with random weights: what tuning them takes, on a GPU that cannot reach the Hub.
Such a model is written to disk as a checkpoint and opened as any other, so the peak of opening it counts too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoProcessor, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from labs.data.records import read
from labs.errors import LabsError
from labs.models.catalog import load_from
from labs.models.checkpoint import processor_for
from labs.models.device import best_device, dtype_for
from labs.models.entry import Entry
from labs.models.tokens import build_tokenizer
from labs.preflight.costs import peak_gigabytes
from labs.tuning.fit import fit
from labs.tuning.four_bit import nf4, repair_on_cpu
from labs.tuning.lora import add_lora
from labs.world.thermal_camera import write_llava

SHARD = 2e9  # bytes of a file
STEPS, BATCH = 20, 8
SHAPES = {
    "LLaVA-1.5-7B": LlamaConfig(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
                                num_attention_heads=32, vocab_size=32064),
    "a LLaVA of 2.7 B": LlamaConfig(hidden_size=2560, intermediate_size=6912, num_hidden_layers=32,
                                    num_attention_heads=32, vocab_size=32064),
}  # fmt: skip


def measure_all() -> dict[str, dict]:
    """LoRA in 16 bits and QLoRA in NF4 on every shape, each in a process of its own; what does not fit says so.

    Raises LabsError without a CUDA GPU.
    """
    if best_device().type != "cuda":
        raise LabsError("models of true shapes are measured on a CUDA GPU, and there is none: run this on one.")
    found = {}
    for name, text in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), LlavaConfig(text_config=text.to_dict()))
            for arm, option in (("LoRA", []), ("QLoRA", ["--qlora"])):
                found[f"{name}, {arm}"] = _apart([folder, *option])
    return found


def _apart(arguments: list[str]) -> dict:
    """This file's command in a fresh process; its result, or the last line of its error."""
    command = [sys.executable, "-m", "benching.true_shape", *arguments]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    return {"failed": lines[-1][:200]} if done.returncode else json.loads(lines[-1])


def write(folder: Path, config: LlavaConfig) -> None:
    """A checkpoint of this configuration with random weights in float16, written a file at a time, and a processor."""
    tokenizer, side = build_tokenizer(scenes=300), config.vision_config.image_size
    config.image_token_id = tokenizer.convert_tokens_to_ids("<image>")
    config.image_seq_length = (side // config.vision_config.patch_size) ** 2
    config.dtype = torch.float16
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    processor = processor_for(model, tokenizer)
    processor.patch_size, processor.image_processor.size = (
        config.vision_config.patch_size,
        {"height": side, "width": side},
    )
    processor.save_pretrained(folder)
    shapes = model.state_dict()
    where: dict[str, str] = {}
    for number, shard in enumerate(_shards(shapes)):
        save_file(shard, folder / f"model-{number:05d}.safetensors", {"format": "pt"})
        where |= dict.fromkeys(shard, f"model-{number:05d}.safetensors")
    index = {"metadata": {"total_size": 2 * sum(shape.numel() for shape in shapes.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config.architectures = ["LlavaForConditionalGeneration"]
    config.save_pretrained(folder)


def _shards(shapes: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    """Random matrices, norms of one, biases of zero, up to SHARD bytes at a time."""
    generator, shard, size = torch.Generator().manual_seed(0), {}, 0
    for name, shape in shapes.items():
        flat = torch.ones if "norm" in name and name.endswith("weight") else torch.zeros
        drawn = torch.randn(shape.shape, generator=generator).mul_(0.02) if shape.dim() > 1 else flat(shape.shape)
        shard[name] = drawn.half()
        size += shard[name].nbytes
        if size > SHARD:
            yield shard
            shard, size = {}, 0
    if shard:
        yield shard


def measure(folder: Path, qlora: bool, steps: int = STEPS) -> dict:
    """Open the checkpoint, tune it for a few steps, and say what it took: gigabytes at the peak, pairs a second."""
    device, start = best_device(), time.perf_counter()
    numbers = dtype_for(device)
    options = {"dtype": numbers} | ({"quantization_config": nf4(numbers)} if qlora else {})
    loaded = load_from(str(folder), Entry(str(folder), "LlavaForConditionalGeneration"), **options)
    repair_on_cpu(loaded.model)
    if not qlora:
        loaded.model.to(device)
    opened = time.perf_counter() - start
    model = add_lora(loaded.model)
    side = AutoProcessor.from_pretrained(folder).image_processor.size["height"]
    settings = {"steps": steps, "batch": BATCH, "precision": str(numbers).removeprefix("torch."), "save_every": 10**6}
    with tempfile.TemporaryDirectory() as work:
        records = read(write_llava(Path(work), steps * BATCH, size=max(64, side)), Path(work) / "images")
        run = fit(model, loaded.processor, records, [], Path(work) / "run", progress=False, **settings)
    return {"parameters": loaded.model.num_parameters(), "opened_in_seconds": round(opened, 1),
            "pairs_per_second": round(3 * BATCH * steps / run.seconds, 2), "peak_gb": round(peak_gigabytes(), 2),
            "steps": steps, "numbers": "nf4" if qlora else settings["precision"]}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--qlora", action="store_true")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.folder, asked.qlora)))
