"""How `fit` drives `transformers.Trainer`: its steps, its loss, its arguments, and what is watched meanwhile."""

import math
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from labs.tuning.label_logits import token_losses
from labs.tuning.run_folder import RunError, kept, seal
from labs.tuning.sharing import SharedCollator, model_inputs


class StepTrainer(Trainer):
    """The loss is the mean over the tokens to learn of a step, also where it is spread over devices or accumulated."""

    def __init__(self, *args, label_logits: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.remove_callback(PrinterCallback)
        self.label_logits = label_logits
        self.model_accepts_loss_kwargs = True  # be given the number of tokens

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        targets, inputs = model_inputs(model, inputs)
        losses = token_losses(model, targets, inputs, everywhere=not self.label_logits)
        if num_items_in_batch is None:
            return losses.mean()
        return losses.sum() / num_items_in_batch * self.accelerator.num_processes


def one_step(collate: Callable) -> Callable:
    """A collator for the data loader, whose batches are single items of `Steps`."""
    shared = isinstance(collate, SharedCollator)
    return lambda items: collate(items[0] if shared else [record for group in items[0] for record in group])


class Watch(TrainerCallback):
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
                f"{kept(Path(args.output_dir).parent)}."
            )

    def on_save(self, args, state, control, **kwargs):
        seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()


def arguments(out: Path, settings: dict) -> TrainingArguments:
    """The library's arguments for the settings of `fit`; checkpoints go to out/checkpoints."""
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
