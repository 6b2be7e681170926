"""Runs that are really killed, and checkpoints that are really damaged, end as if nothing had happened."""

import multiprocessing
import os
import random
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from labs.data.records import Record
from labs.models import catalog
from labs.tuning import trainer
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.run_folder import RunError, checkpoints
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS, ask

STEPS, KILLS = 40, 20


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[Record]:
    """Two questions about each of six pictures."""
    folder, rng, made = tmp_path_factory.mktemp("pictures"), random.Random(0), []
    for number in range(6):
        scene = splits.sample(rng, count=3)
        draw(scene).save(folder / f"{number}.png")
        for question in (ask(scene, rng, kind) for kind in KINDS[:2]):
            picture = {"type": "image", "path": str(folder / f"{number}.png")}
            made.append(Record(f"record {len(made)}", [
                {"role": "user", "content": [picture, {"type": "text", "text": question.text}]},
                {"role": "assistant", "content": [{"type": "text", "text": question.answer}]},
            ]))  # fmt: skip
    return made


def run(folder: Path, records: list[Record], out: Path) -> None:
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"])
    model = add_lora(loaded.model, LoraSpec(r=2, lora_dropout=0.1))  # dropout, so that random states count too
    fit(model, loaded.processor, records, [], out, steps=STEPS, batch=8, save_every=2, progress=False)


def run_and_die(folder: Path, records: list[Record], out: Path, moments: int) -> None:
    """The run, killed at the given one of the moments that matter: before a step, after it, before a seal, after it."""
    passed = [0]

    def dies(function):
        def passes(*arguments, **named):
            for moment in (False, True):
                passed[0] += 1
                if passed[0] == moments:
                    os.kill(os.getpid(), signal.SIGKILL)
                if not moment:
                    result = function(*arguments, **named)
            return result

        return passes

    trainer.StepTrainer.training_step = dies(trainer.StepTrainer.training_step)
    trainer.seal = dies(trainer.seal)
    run(folder, records, out)


def adapter(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "adapter" / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def whole(folder, records, tmp_path_factory) -> dict[str, torch.Tensor]:
    """The adapter of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(folder, records, out)
    return adapter(out)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_twenty_times_the_adapter_is_the_same_to_the_bit(folder, records, whole, tmp_path):
    rng, out = random.Random(9), tmp_path / "run"
    reached = []
    for _ in range(KILLS):
        child = multiprocessing.get_context("fork").Process(
            target=run_and_die, args=(folder, records, out, rng.randint(3, 12))
        )
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        reached += [int(path.name.split("-")[1]) for path in checkpoints(out)[-1:]]
    assert len(set(reached)) > 5 and reached[-1] < STEPS, reached
    run(folder, records, out)
    found = adapter(out)
    assert found.keys() == whole.keys() and all(torch.equal(found[name], whole[name]) for name in whole)


@pytest.mark.parametrize("damage", ["a byte", "the end", "a file"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    folder, records, whole, tmp_path, monkeypatch, capfd, damage
):
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(trainer.StepTrainer, "training_step", _interrupts_at(21, trainer.StepTrainer.training_step))
        with pytest.raises(RunError, match="checkpoint-20 is the last good checkpoint"):
            run(folder, records, out)
    spoil(out / "checkpoints" / "checkpoint-20" / "adapter_model.safetensors", damage)
    run(folder, records, out)
    said = capfd.readouterr().err
    assert "checkpoint-20 is damaged (adapter_model.safetensors is not as it was written)" in said
    assert (out / "checkpoints" / "damaged-checkpoint-20").is_dir()
    found = adapter(out)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


def spoil(file: Path, damage: str) -> None:
    content = bytearray(file.read_bytes())
    if damage == "a file":
        file.unlink()
        return
    content[len(content) // 2] ^= 1
    file.write_bytes(content if damage == "a byte" else content[: len(content) // 2])


def _interrupts_at(number, function):
    calls = [0]

    def wrapper(*arguments, **named):
        calls[0] += 1
        if calls[0] == number:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    return wrapper
