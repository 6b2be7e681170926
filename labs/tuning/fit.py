"""Tune what is trainable in a model, on `transformers.Trainer`: seeded, resumable, everything in one run folder."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from labs.data.records import Record, Records, as_records
from labs.files import write_json
from labs.models.conversation import picture_token
from labs.tuning.agreement import check_examples
from labs.tuning.budget import Budget
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.precision import check_precision
from labs.tuning.process import this_process
from labs.tuning.run_folder import alone_in, finished, full_disk_said, kept, open_run
from labs.tuning.run_identity import RunError, check_same, describe
from labs.tuning.score import Score, Scorer
from labs.tuning.settings import BETTER, Settings, arguments
from labs.tuning.sharing import SharedCollator, why_separate
from labs.tuning.speed import Speed, faster
from labs.tuning.steps import Steps
from labs.tuning.trainer import StepTrainer, Watch

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
    speed: Speed = ALL,
    progress: bool = True,
    watch: Callable[[int, float], None] | None = None,
    **settings: Any,
) -> Fitted:
    """Train `model` in place on the training records and save the result in `out`; `settings` are those of `Settings`.

    `watch` is told each step and its loss; a KeyboardInterrupt that it raises interrupts the run, as Ctrl-C does.

    An unfinished run of the same settings in `out` goes on from its last checkpoint, and ends as if it had never been
    interrupted. Raises RunError for settings that cannot work, a folder that holds another or a finished run, for an
    interruption, too little memory, a loss that is not finite or a full disk; the checkpoints written before stay
    usable.
    """
    chosen, out = Settings(**settings), Path(out)
    _check(model, train_records, heldout_records, chosen)
    examples = Examples(processor, train_records, chosen.max_length)
    check_examples(model, examples)  # what cannot be right is refused before anything is written
    collate = SharedCollator(processor.tokenizer.pad_token_id, picture_token(processor))
    separate = why_separate(model, examples, collate) if speed.share else "share=False"
    state = this_process()
    with alone_in(out) if state.is_main_process else nullcontext():
        with state.main_process_first():  # the others find the run begun, and go on from the same checkpoint
            checkpoint = open_run(out, config_of(model, examples.records, chosen))
        scorer = Scorer(processor, heldout_records, chosen.max_length, speed.share) if heldout_records else None
        collate = Collator(collate.pad_token_id) if separate else collate
        trainer = StepTrainer(
            model, arguments(out, chosen), callbacks=[Watch(progress, watch)], evaluator=scorer,
            label_logits=speed.label_logits,
            train_dataset=Steps(examples, chosen.batch, separate is None, chosen.seed, state.num_processes),
            eval_dataset=[] if chosen.best else None, budget=Budget(collate, speed.tokens_on(state.device.type)),
        )  # fmt: skip
        seconds, looked = _train(trainer, out, checkpoint, speed)
        after = scorer(model) if scorer else None
        result = _finish(trainer, out, after, seconds, separate, looked)
    model.eval()
    return result


def fit_or_open(
    model: Any, processor: Any, train_records: Sequence[Record], heldout_records: Sequence[Record], out: Path, **options
) -> Fitted:
    """`fit`; but where `out` holds that very run, finished, its adapter is put into `model` instead, on the spot."""
    if not finished(Path(out)):
        return fit(model, processor, train_records, heldout_records, out, **options)
    settings = {name: value for name, value in options.items() if name not in ("speed", "progress", "watch")}
    check_same(Path(out), config_of(model, as_records(train_records), Settings(**settings)))
    metrics = json.loads((Path(out) / "metrics.json").read_text(encoding="utf-8"))
    set_peft_model_state_dict(model, load_file(Path(out) / "adapter" / "adapter_model.safetensors"))
    model.eval()
    heldout = metrics["heldout"] and Score(**metrics["heldout"])
    return Fitted(**{name: metrics.get(name) for name in Fitted._fields} | {"out": Path(out), "heldout": heldout})


def config_of(model: Any, records: Records, settings: Settings) -> dict:
    """What tells one run from another, as config.json has it."""
    return asdict(settings) | describe(model) | {"data": fingerprint(records)}


def _check(model: Any, train: Sequence[Record], heldout: Sequence[Record], settings: Settings) -> None:
    """Raises RunError for settings that do not fit the model, the records or the devices."""
    devices = this_process().num_processes
    if not train:
        raise RunError("there are no records to train on: give at least one.")
    if min(settings.batch, len(train)) < devices:
        raise RunError(f"{devices} devices need {devices} records a step: raise batch, or use fewer devices.")
    if settings.best is not None and not heldout:
        raise RunError(f"best={settings.best!r} needs held-out records to choose by: hold some back, or leave it out.")
    check_precision(model, settings.precision)


def fingerprint(records: Records) -> str:
    """SHA-256 over what the records say and show, in order."""
    return hashlib.sha256(records.keys.talks.tobytes()).hexdigest()


def _train(trainer: StepTrainer, out: Path, checkpoint: Path | None, speed: Speed) -> tuple[float, dict | str]:
    """Train, and say how many seconds it took and how often the eyes looked, or why they looked every time."""
    start = time.perf_counter()
    try:
        with full_disk_said(out), faster(trainer.model, speed) as cache:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt:
        step = trainer.state.global_step
        raise RunError(f"stopped at step {step}: {kept(out)}, and the same command goes on from there.") from None
    looked = cache if isinstance(cache, str) else {"anew": cache.misses, "remembered": cache.hits}
    return time.perf_counter() - start, looked


def _finish(
    trainer: StepTrainer, out: Path, after: Score | None, seconds: float, separate: str | None, looked: dict | str
) -> Fitted:
    """Save adapter (or model) and metrics, the metrics last."""
    history, counted = trainer.state.log_history, trainer.budget.counted
    losses = [log["loss"] for log in history if "loss" in log]
    curve = [{"step": log["step"]} | {name: log[f"eval_{name}"] for name in BETTER}
             for log in history if "eval_loss" in log]  # fmt: skip
    result = Fitted(out, losses, after, seconds, separate, counted["padding"] / max(1, counted["tokens"]))
    metrics = result._asdict() | {"heldout": after and after._asdict(), "curve": curve, "features": looked}
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if trainer.is_fsdp_enabled else None
    if trainer.is_world_process_zero():
        folder = out / ("adapter" if hasattr(trainer.model, "peft_config") else "model")
        with full_disk_said(out):
            trainer.model.save_pretrained(folder, **({"state_dict": state} if state else {}))
            write_json(out / "metrics.json", {name: value for name, value in metrics.items() if name != "out"})
    return result
