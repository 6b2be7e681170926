"""Tune what is trainable in a model, on `transformers.Trainer`: seeded, resumable, everything in one run folder."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState

from labs.models.conversation import picture_token
from labs.tuning.agreement import check_examples
from labs.tuning.budget import Budget
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import FeatureCache, features_once
from labs.tuning.lora_at_once import lora_at_once
from labs.tuning.precision import check_precision
from labs.tuning.records import Record, as_records
from labs.tuning.run_folder import RunError, is_full_disk, kept, open_run, write_json
from labs.tuning.score import Score, Scorer
from labs.tuning.sharing import SharedCollator, why_separate
from labs.tuning.steps import Steps
from labs.tuning.trainer import BETTER, StepTrainer, Watch, arguments

TOKENS = defaultdict(lambda: 4096, cpu=1024)  # of a batch; a CPU's caches hold no more


class Speed(NamedTuple):
    """Switches that change speed and memory and not the result: turn one off to see what it buys."""

    share: bool = True  # records about the same pictures share them, where the model can
    label_logits: bool = True  # logits only where a label is
    lora_at_once: bool = True  # a layer and its adapter in one go
    feature_megabytes: int = 1024  # frozen eyes look at a picture once, as far as this goes
    tokens: int | None = 0  # of a batch; a step with more is learned in several. 0: what suits the device
    checkpointing: bool = False  # activations computed twice instead of kept


ALL = Speed()


class Fitted(NamedTuple):
    """A finished run: its folder, the loss (steps,), the held-out score after it, and the seconds of its last go.

    `separate` says why every record had a row of its own, None where records about the same pictures shared them;
    `padding` is the share of the tokens that was padding.
    """

    out: Path
    losses: list[float]
    heldout: Score | None
    seconds: float
    separate: str | None
    padding: float


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
    precision: str = "float32",
    best: str | None = None,
    speed: Speed = ALL,
    progress: bool = True,
) -> Fitted:
    """Train `model` in place for `steps` updates, or `epochs` where no steps are given, and save the result in `out`.

    Each step learns from `batch` records, on all devices together. With `best`, "loss" or "exact", the held-out
    records are scored at every checkpoint and the run ends with the best one; what was chosen by these records should
    then be judged by others. An unfinished run of the same settings in `out` goes on from its last checkpoint, and
    ends as if it had never been interrupted. Text beyond `max_length` tokens is cut. Raises RunError for a folder that
    holds another or a finished run, for an interruption, too little memory, a loss that is not finite or a full disk;
    the checkpoints written before stay usable.
    """
    _check(model, train_records, heldout_records, batch, precision, best)
    out, train_records = Path(out), as_records(train_records)
    examples = Examples(processor, train_records, max_length)
    check_examples(model, examples)  # what cannot be right is refused before anything is written
    collate = SharedCollator(processor.tokenizer.pad_token_id, picture_token(processor))
    separate = why_separate(model, examples, collate) if speed.share else "share=False"
    settings = {"steps": steps, "epochs": None if steps else epochs, "batch": batch, "learning_rate": learning_rate,
                "seed": seed, "save_every": save_every, "max_length": max_length, "precision": precision,
                "best": best}  # fmt: skip
    config = settings | _describe(model) | {"data": fingerprint(train_records)}
    state = PartialState()
    tokens = TOKENS[state.device.type] if speed.tokens == 0 else speed.tokens
    with state.main_process_first():  # the others find the run begun, and go on from the same checkpoint
        checkpoint = open_run(out, config)
    scorer = Scorer(processor, heldout_records, max_length, speed.share) if heldout_records else None
    trainer = StepTrainer(
        model, arguments(out, settings), callbacks=[Watch(progress)],
        train_dataset=Steps(examples, batch, separate is None, seed, state.num_processes),
        eval_dataset=[] if best else None, evaluator=scorer, label_logits=speed.label_logits,
        budget=Budget(Collator(collate.pad_token_id) if separate else collate, tokens),
    )  # fmt: skip
    seconds, looked = _train(trainer, out, checkpoint, speed)
    after = scorer(model) if scorer else None
    history = trainer.state.log_history
    losses, counted = [log["loss"] for log in history if "loss" in log], trainer.budget.counted
    result = Fitted(out, losses, after, seconds, separate, counted["padding"] / max(1, counted["tokens"]))
    curve = [{"step": log["step"]} | {name: log[f"eval_{name}"] for name in BETTER}
             for log in history if "eval_loss" in log]  # fmt: skip
    _finish(trainer, out, result, {"curve": curve, "features": looked})
    model.eval()
    return result


def _check(
    model: Any, train: Sequence[Record], heldout: Sequence[Record], batch: int, precision: str, best: str | None
):
    """Raises RunError for settings that cannot work."""
    devices = PartialState(cpu=not torch.accelerator.is_available()).num_processes  # as `accelerate launch` has it
    if not train:
        raise RunError("there are no records to train on: give at least one.")
    if min(batch, len(train)) < devices:
        raise RunError(f"{devices} devices need {devices} records a step: raise batch, or use fewer devices.")
    if best is not None and best not in BETTER:
        raise RunError(f"best={best!r} is no held-out metric: choose one of {', '.join(BETTER)}.")
    if best is not None and not heldout:
        raise RunError(f"best={best!r} needs held-out records to choose by: hold some back, or leave it out.")
    check_precision(model, precision)


def fingerprint(records: Sequence[Record]) -> str:
    """SHA-256 over what the records say and show, in order."""
    return hashlib.sha256(as_records(records).keys.talks.tobytes()).hexdigest()


def _train(trainer: StepTrainer, out: Path, checkpoint: Path | None, speed: Speed) -> tuple[float, dict | str]:
    """Train, and say how many seconds it took and how often the eyes looked, or why they looked every time."""
    start = time.perf_counter()
    try:
        with _faster(trainer.model, speed) as cache:
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


@contextmanager
def _faster(model: Any, speed: Speed) -> Iterator[FeatureCache | str]:
    """Within it the model trains with what `speed` switches on. Gives the cache of features, or why there is none."""
    earlier = not hasattr(model, "activation_checkpointing_enable")  # the name in older versions of the library
    name = "gradient_checkpointing" if earlier else "activation_checkpointing"
    if speed.checkpointing:
        getattr(model, f"{name}_enable")({"use_reentrant": False})
    try:
        with lora_at_once(model) if speed.lora_at_once else nullcontext():
            with features_once(model, speed.feature_megabytes) as cache:
                yield cache
    finally:
        if speed.checkpointing:
            getattr(model, f"{name}_disable")()


def _finish(trainer: StepTrainer, out: Path, result: Fitted, more: dict) -> None:
    """Save adapter (or model) and metrics, the metrics last."""
    metrics = result._asdict() | {"heldout": result.heldout and result.heldout._asdict()} | more
    try:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if trainer.is_fsdp_enabled else None
        if trainer.is_world_process_zero():
            folder = out / ("adapter" if hasattr(trainer.model, "peft_config") else "model")
            trainer.model.save_pretrained(folder, **({"state_dict": state} if state else {}))
            write_json(out / "metrics.json", {name: value for name, value in metrics.items() if name != "out"})
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
