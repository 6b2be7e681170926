"""How `fit` drives `transformers.Trainer`: its steps, its loss, and what is watched meanwhile."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback

from labs.tuning.budget import Budget
from labs.tuning.label_logits import token_losses
from labs.tuning.mask import Encoded
from labs.tuning.process import this_process
from labs.tuning.run_folder import RunError, kept, seal
from labs.tuning.sharing import Shared, model_inputs


@dataclass(frozen=True)
class Step:
    """What a step learns from, whole: the data loader looks for tensors in everything else."""

    groups: Sequence[Sequence[Encoded]]


def collate_step(items: list) -> dict[str, Step]:
    """An item of `Steps` as the library wants it."""
    return {"step": Step(items[0])}


class StepTrainer(Trainer):
    """The loss is the mean over the tokens to learn of a step, in however many batches and on however many devices.

    If memory does not suffice for a batch, the step begins anew with batches half as large.
    """

    def __init__(self, *args, budget: Budget, label_logits: bool, evaluator: Any, **kwargs):
        super().__init__(*args, data_collator=collate_step, **kwargs)
        self.remove_callback(PrinterCallback)
        self.budget, self.label_logits, self.evaluator = budget, label_logits, evaluator

    def training_step(self, model, inputs, num_items_in_batch=None):
        model.train()
        groups = inputs["step"].groups
        count = torch.tensor(sum(sum(record.supervised[1:]) for group in groups for record in group))
        count = self.accelerator.reduce(count.to(self.args.device), "sum")  # over the devices
        while True:
            try:
                return self._learn(model, groups, count)
            except Exception as error:
                if not should_reduce_batch_size(error):
                    raise
            model.zero_grad()  # outside, where the error no longer holds on to the tensors
            clear_device_cache(garbage_collection=True)
            self._halve(groups)

    def evaluate(self, *args, **kwargs):
        metrics = {f"eval_{name}": value for name, value in self.evaluator(self.model)._asdict().items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def floating_point_ops(self, inputs):
        return 0  # the library would guess them from a single batch

    def _learn(self, model, groups, count) -> torch.Tensor:
        """Forward and backward of a step. Returns the loss, summed over the devices' shares."""
        batches, total = self.budget.batches(groups), 0.0
        for number, rows in enumerate(batches, start=1):
            apart = number < len(batches) and self.accelerator.num_processes > 1  # gradients meet in the last batch
            with self.accelerator.no_sync(model) if apart else nullcontext():
                with self.compute_loss_context_manager():
                    targets, inputs = model_inputs(model, self._prepare_inputs(self.budget.lay_out(rows)))
                    losses = token_losses(model, targets, inputs, everywhere=not self.label_logits)
                if not torch.isfinite(losses).all():
                    self._refuse(model, rows)
                loss = losses.sum() / count * self.accelerator.num_processes
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    @torch.no_grad()
    def _refuse(self, model, rows: Sequence[Shared]) -> None:
        """What is not finite spreads over its row, so each record is tried alone; the first bad one is named."""
        for row, record in [(part, one) for part in rows for one in part.records]:
            alone = self.budget.lay_out([Shared([record], row.prefix, row.first)])
            loss = token_losses(model, *model_inputs(model, self._prepare_inputs(alone))).sum()
            if not torch.isfinite(loss):
                break
        raise RunError(
            f"the loss of step {self.state.global_step + 1} is {loss:.0f} for {record.name}: look at "
            f"this record, or lower the learning rate; {kept(Path(self.args.output_dir).parent)}."
        )

    def _halve(self, groups) -> None:
        out = Path(self.args.output_dir).parent
        if self.accelerator.num_processes > 1 or not self.budget.halve(groups):
            raise RunError(
                f"memory does not suffice for step {self.state.global_step + 1}, a record at a time: use --qlora, "
                f"gradient checkpointing, smaller pictures or a max_length; {kept(out)}."
            )
        tqdm.write(
            f"Step {self.state.global_step + 1} does not fit into memory: from here on a step is learned in batches "
            "half as large, one after the other, from as many records as before."
        )


class Watch(TrainerCallback):
    """The progress bar, whoever else watches, and the mark on a checkpoint that was written to the end."""

    def __init__(self, progress: bool, tell: Callable[[int, float], None] | None = None):
        self.progress, self.tell = progress, tell

    def on_train_begin(self, args, state, control, **kwargs):
        hidden = not (self.progress and state.is_world_process_zero)
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="tuning", unit="step", disable=hidden)

    def on_log(self, args, state, control, logs=None, **kwargs):
        shown = {name.removeprefix("eval_"): value for name, value in logs.items() if name in ("loss", "eval_loss")}
        self.bar.update(state.global_step - self.bar.n)
        self.bar.set_postfix({name: f"{value:.3f}" for name, value in shown.items()})
        if self.tell and "loss" in logs:
            self.tell(state.global_step, logs["loss"])

    def on_save(self, args, state, control, **kwargs):
        this_process().wait_for_everyone()  # every process writes its random state
        if state.is_world_process_zero:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()
