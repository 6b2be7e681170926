"""What a run learns with, and how the library is told."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments

from labs.tuning.precision import PRECISIONS
from labs.tuning.run_folder import RunError

BETTER = {"loss": "lower", "exact": "higher"}  # the held-out metrics that may choose a checkpoint


@dataclass(frozen=True)
class Settings:
    """Written into the run's config: only a run with the same settings goes on with it. Raises RunError."""

    steps: int | None = None  # updates; where none are given, `epochs` decides
    epochs: float = 1.0
    batch: int = 8  # records that a step learns from, on all devices together
    learning_rate: float = 1e-3
    seed: int = 0
    save_every: int = 50  # steps
    max_length: int | None = None  # text beyond so many tokens is cut
    precision: str = "float32"
    # The held-out records are scored at every checkpoint, and the run ends with the best one by this metric. What was
    # chosen by these records should then be judged by others.
    best: str | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise RunError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}: choose one of them.")
        if self.best is not None and self.best not in BETTER:
            raise RunError(f"best={self.best!r} is no held-out metric: choose one of {', '.join(BETTER)}.")


def arguments(out: Path, settings: Settings) -> TrainingArguments:
    """The library's arguments for the settings; checkpoints go to out/checkpoints."""
    best, precision = settings.best, settings.precision
    chosen = {"eval_strategy": "steps", "eval_steps": settings.save_every, "metric_for_best_model": best,
              "greater_is_better": BETTER[best] == "higher",
              "load_best_model_at_end": True} if best else {}  # fmt: skip
    return TrainingArguments(
        str(out / "checkpoints"),
        max_steps=settings.steps or -1, num_train_epochs=settings.epochs,
        per_device_train_batch_size=1, train_sampling_strategy="sequential",  # a step is one item of Steps
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear", warmup_steps=min(10, (settings.steps or 100) // 10),
        use_cpu=not torch.accelerator.is_available(), bf16=precision == "bfloat16", fp16=precision == "float16",
        seed=settings.seed, data_seed=settings.seed,
        save_steps=settings.save_every, save_total_limit=2,
        logging_steps=1, logging_nan_inf_filter=False,  # a loss that is not a number must be seen
        disable_tqdm=True, report_to="none", remove_unused_columns=False, dataloader_pin_memory=False, **chosen,
    )  # fmt: skip
