"""Tune what is trainable in a model, on `transformers.Trainer`: seeded, resumable, everything in one run folder."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers import Trainer

from labs.models.conversation import picture_token
from labs.tuning.agreement import check_examples
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.heldout import Score, score
from labs.tuning.records import Record
from labs.tuning.run_folder import RunError, is_full_disk, kept, open_run, write_json
from labs.tuning.sharing import SharedCollator, why_separate
from labs.tuning.steps import Steps
from labs.tuning.trainer import StepTrainer, Watch, arguments, one_step


class Speed(NamedTuple):
    """Switches that change the speed and not the result: turn one off to see what it buys."""

    share: bool = True  # records about the same pictures share them, where the model can
    label_logits: bool = True  # logits only where a label is
    feature_megabytes: int = 1024  # frozen eyes look at a picture once, as far as this goes


ALL = Speed()


class Fitted(NamedTuple):
    """A finished run: its folder, the loss (steps,), the held-out score after it, and the seconds of its last go.

    `separate` says why every record had a row of its own, None where records about the same pictures shared them.
    """

    out: Path
    losses: list[float]
    heldout: Score | None
    seconds: float
    separate: str | None


def fit(
    model: Any,
    processor: Any,
    train_records: Sequence[Record],
    heldout_records: Sequence[Record],
    out: Path,
    *,
    steps: int | None = None,
    epochs: float = 1.0,
    batch: int = 8,
    learning_rate: float = 1e-3,
    seed: int = 0,
    save_every: int = 50,
    max_length: int | None = None,
    speed: Speed = ALL,
    progress: bool = True,
) -> Fitted:
    """Train `model` in place for `steps` updates, or `epochs` where no steps are given, and save the result in `out`.

    An unfinished run of the same settings in `out` goes on from its last checkpoint, and ends as if it had never been
    interrupted. Text beyond `max_length` tokens is cut. Raises RunError for a folder that holds another or a finished
    run, for an interruption, a loss that is not finite or a full disk; the checkpoints written before stay usable.
    """
    if not train_records:
        raise RunError("there are no records to train on: give at least one.")
    out = Path(out)
    examples = Examples(processor, train_records, max_length)
    check_examples(model, examples)  # what cannot be right is refused before anything is written
    collate = SharedCollator(processor.tokenizer.pad_token_id, picture_token(processor))
    separate = why_separate(model, examples, collate) if speed.share else "share=False"
    settings = {"steps": steps, "epochs": None if steps else epochs, "batch": batch, "learning_rate": learning_rate,
                "seed": seed, "save_every": save_every, "max_length": max_length}  # fmt: skip
    checkpoint = open_run(out, settings | _describe(model) | {"data": fingerprint(train_records)})
    trainer = StepTrainer(
        model, arguments(out, settings), one_step(Collator(collate.pad_token_id) if separate else collate),
        Steps(examples, batch, separate is None, seed), callbacks=[Watch(progress)], label_logits=speed.label_logits,
    )  # fmt: skip
    seconds, looked = _train(trainer, out, checkpoint, speed.feature_megabytes)
    after = score(model, processor, heldout_records) if heldout_records else None
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    result = Fitted(out, losses, after, seconds, separate)
    metrics = result._asdict() | {"heldout": after and after._asdict(), "features": looked}
    _finish(model, out, {name: value for name, value in metrics.items() if name != "out"})
    model.eval()
    return result


def fingerprint(records: Sequence[Record]) -> str:
    """SHA-256 over the conversations and picture paths, in order."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps(record.messages, sort_keys=True).encode())
    return digest.hexdigest()


def _train(trainer: Trainer, out: Path, checkpoint: Path | None, megabytes: int) -> tuple[float, dict | str]:
    """Train, and say how many seconds it took and how often the eyes looked, or why they looked every time."""
    start = time.perf_counter()
    try:
        with features_once(trainer.model, megabytes) as cache:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt:
        step = trainer.state.global_step
        raise RunError(f"stopped at step {step}: {kept(out)}, and the same command goes on from there.") from None
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise _full_disk(out) from None
    looked = cache if isinstance(cache, str) else {"anew": cache.misses, "remembered": cache.hits}
    return time.perf_counter() - start, looked


def _finish(model: Any, out: Path, metrics: dict) -> None:
    try:
        model.save_pretrained(out / ("adapter" if hasattr(model, "peft_config") else "model"))
        write_json(out / "metrics.json", metrics)
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise _full_disk(out) from None


def _full_disk(out: Path) -> RunError:
    return RunError(f"the disk of {out} is full: free some space and repeat the command; {kept(out)}.")


def _describe(model: Any) -> dict:
    """What tells one model's run from another's: class, name, adapters, and the number of trainable parameters."""
    adapters = getattr(model, "peft_config", {})
    kept = ("r", "lora_alpha", "lora_dropout", "target_modules")
    spec = {name: getattr(adapters["default"], name) for name in kept} if adapters else None
    if spec:
        spec["target_modules"] = sorted(spec["target_modules"])
    return {
        "model": model.config._name_or_path,
        "lora": spec,
        "four_bit": bool(getattr(model, "is_loaded_in_4bit", False)),
        "trainable": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }
