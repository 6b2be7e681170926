"""Tune what is trainable in a model, on `transformers.Trainer`: seeded, resumable, everything in one run folder."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from labs.models.conversation import picture_token
from labs.tuning.agreement import check_examples
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import FeatureCache, features_once
from labs.tuning.heldout import Score, score
from labs.tuning.label_logits import token_losses
from labs.tuning.records import Record
from labs.tuning.run_folder import COMPLETE, RunError, checkpoints, is_full_disk, open_run, write_json
from labs.tuning.sharing import SharedCollator, model_inputs, why_separate
from labs.tuning.steps import Steps


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
    progress: bool = True,
    share: bool = True,
    label_logits: bool = True,
    feature_megabytes: int = 1024,
    max_length: int | None = None,
) -> Fitted:
    """Train `model` in place for `steps` updates, or `epochs` where no steps are given, and save the result in `out`.

    An unfinished run of the same settings in `out` goes on from its last checkpoint, and ends as if it had never been
    interrupted. `share` lets records about the same pictures share them, where the model can; `label_logits` computes
    logits only where a label is; frozen eyes look at a picture once, as far as `feature_megabytes` go. All three
    change the speed and not the result. Text beyond `max_length` tokens is cut.
    Raises RunError for a folder that holds another or a finished run, for an interruption, a loss that
    is not finite or a full disk; the checkpoints written before stay usable.
    """
    if not train_records:
        raise RunError("there are no records to train on: give at least one.")
    out = Path(out)
    examples = Examples(processor, train_records, max_length)
    check_examples(model, examples)  # what cannot be right is refused before anything is written
    collate = SharedCollator(processor.tokenizer.pad_token_id, picture_token(processor))
    separate = why_separate(model, examples, collate) if share else "share=False"
    settings = {"steps": steps, "epochs": None if steps else epochs, "batch": batch, "learning_rate": learning_rate,
                "seed": seed, "save_every": save_every, "max_length": max_length}  # fmt: skip
    checkpoint = open_run(out, settings | _describe(model) | {"data": fingerprint(train_records)})
    trainer = _Trainer(
        model, _arguments(out, settings), _one_step(Collator(collate.pad_token_id) if separate else collate),
        Steps(examples, batch, separate is None, seed), callbacks=[_Watch(progress)], label_logits=label_logits,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    start = time.perf_counter()
    with features_once(model, feature_megabytes) as features:
        _train(trainer, out, checkpoint)
    seconds = time.perf_counter() - start
    after = score(model, processor, heldout_records) if heldout_records else None
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    _finish(model, out, {"losses": losses, "heldout": after._asdict() if after else None, "seconds": seconds,
                         "separate": separate, "features": _told(features)})  # fmt: skip
    model.eval()
    return Fitted(out, losses, after, seconds, separate)


def fingerprint(records: Sequence[Record]) -> str:
    """SHA-256 over the conversations and picture paths, in order."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps(record.messages, sort_keys=True).encode())
    return digest.hexdigest()


class _Trainer(Trainer):
    """The loss is the mean over the tokens to learn of a step, also where it is spread over devices or accumulated."""

    def __init__(self, *args, label_logits: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.label_logits = label_logits
        self.model_accepts_loss_kwargs = True  # be given the number of tokens

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        targets, inputs = model_inputs(model, inputs)
        losses = token_losses(model, targets, inputs, everywhere=not self.label_logits)
        if num_items_in_batch is None:
            return losses.mean()
        return losses.sum() / num_items_in_batch * self.accelerator.num_processes


def _one_step(collate: Callable) -> Callable:
    """A collator for the data loader, whose batches are single items of `Steps`."""
    shared = isinstance(collate, SharedCollator)
    return lambda items: collate(items[0] if shared else [record for group in items[0] for record in group])


def _told(features: FeatureCache | str) -> dict | str:
    return features if isinstance(features, str) else {"computed": features.misses, "remembered": features.hits}


class _Watch(TrainerCallback):
    """The progress bar; a loss that is not finite; the mark on a checkpoint that was written to the end."""

    def __init__(self, progress: bool):
        self.progress = progress

    def on_train_begin(self, args, state, control, **kwargs):
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc="tuning", unit="step", disable=not self.progress
        )

    def on_log(self, args, state, control, logs=None, **kwargs):
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        self.bar.update(state.global_step - self.bar.n)
        self.bar.set_postfix(loss=f"{loss:.3f}")
        if not math.isfinite(loss):  # logged before a checkpoint could be written with it
            raise RunError(
                f"the loss of step {state.global_step} is {loss}: lower the learning rate, or look at the records; "
                f"{_kept(Path(args.output_dir).parent)}."
            )

    def on_save(self, args, state, control, **kwargs):
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()


def _train(trainer: Trainer, out: Path, checkpoint: Path | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt:
        step = trainer.state.global_step
        raise RunError(f"stopped at step {step}: {_kept(out)}, and the same command goes on from there.") from None
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise _full_disk(out) from None


def _finish(model: Any, out: Path, metrics: dict) -> None:
    try:
        model.save_pretrained(out / ("adapter" if hasattr(model, "peft_config") else "model"))
        write_json(out / "metrics.json", metrics)
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise _full_disk(out) from None


def _full_disk(out: Path) -> RunError:
    return RunError(f"the disk of {out} is full: free some space and repeat the command; {_kept(out)}.")


def _kept(out: Path) -> str:
    kept = checkpoints(out)
    return f"{kept[-1]} is the last good checkpoint" if kept else "there was no checkpoint yet"


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


def _arguments(out: Path, settings: dict) -> TrainingArguments:
    return TrainingArguments(
        str(out / "checkpoints"),
        max_steps=settings["steps"] or -1, num_train_epochs=settings["epochs"] or 1.0,
        per_device_train_batch_size=1, train_sampling_strategy="sequential",  # a step is one item of Steps
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="linear", warmup_steps=min(10, (settings["steps"] or 100) // 10),
        seed=settings["seed"], data_seed=settings["seed"],
        save_steps=settings["save_every"], save_total_limit=2,
        logging_steps=1, logging_nan_inf_filter=False,  # a loss that is not a number must be seen
        disable_tqdm=True, report_to="none", remove_unused_columns=False, dataloader_pin_memory=False,
    )  # fmt: skip
