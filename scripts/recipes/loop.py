"""One training loop for every recipe: fixed steps, resumable to the bit, a progress bar."""

import json
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from recipes import workers

SAVE_EVERY = 100
MUON = 4  # Muon's learning rate, in AdamW's


def train(
    model: torch.nn.Module,
    loss_at: Callable[[int], torch.Tensor],
    folder: Path,
    steps: int,
    learning_rate: float,
    validate: Callable[[], dict[str, float]] | None = None,
    validate_every: int = 500,  # a multiple of SAVE_EVERY
) -> list[dict]:
    """Minimise `loss_at(step)` over `steps` steps and return the log.

    The loss draws its data from the step's number alone, so a run killed anywhere and started again ends with the
    same weights. State lies in `folder/state.pt`, the log in `folder/log.jsonl`. With several workers the first one
    validates and saves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizers = _optimizers(model, learning_rate)
    peaks = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    start, log = _resume(folder, model, optimizers)
    silent = workers.rank() > 0
    began = time.monotonic() - (log[-1]["seconds"] if log else 0)
    bar = tqdm(range(start, steps), folder.name, steps, initial=start, disable=silent)
    for step in bar:
        rates = [peak * _schedule(step, steps) for peak in peaks]
        loss = _update(model, optimizers, rates, partial(loss_at, step))
        if not math.isfinite(loss):
            raise RuntimeError(f"{folder.name}: the loss is {loss} at step {step}; the last good state is saved")
        bar.set_postfix(loss=f"{loss:.3f}")
        done = step + 1
        if silent or (done % SAVE_EVERY and done < steps):
            continue
        line = {"step": done, "loss": round(loss, 4), "seconds": round(time.monotonic() - began, 1)}
        if validate and (done % validate_every == 0 or done == steps):
            line |= evaluate(model, validate)
            tqdm.write(json.dumps(line))
        log.append(line)
        _save(folder, model, optimizers, done, log)
    return log


def _update(
    model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], rates: list[float], loss_of: Callable
) -> float:
    """One step at these learning rates, one for each parameter group; returns the loss before it."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of()
    loss.backward()
    workers.average_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


def evaluate(model: torch.nn.Module, validate: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Run `validate` in evaluation mode, without gradients."""
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return validate()


def _schedule(step: int, steps: int, warmup: int = 100) -> float:
    progress = min(1.0, step / steps)
    return min(1.0, (step + 1) / warmup) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))


def _optimizers(model: torch.nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the weight matrices inside the model, AdamW for embeddings, norms and biases.

    Muon makes every direction of a matrix learn at one rate. With AdamW alone the projector of the multimodal model
    shrank to four directions, which drowned the shapes, and a hundred steps here took AdamW about three hundred.
    """
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    inner = [p for name, p in named if p.dim() == 2 and not any(word in name for word in ("embed", "head", "output"))]
    rest = [p for _, p in named if not any(p is other for other in inner)]
    muon = torch.optim.Muon(inner, MUON * learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.98), weight_decay=0.01)]


def _resume(folder: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer]) -> tuple[int, list[dict]]:
    if not (folder / "state.pt").exists():
        return 0, []
    state = torch.load(folder / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    log = (folder / "log.jsonl").read_text().splitlines()
    return state["step"], [json.loads(line) for line in log if json.loads(line)["step"] <= state["step"]]


def _save(folder: Path, model: torch.nn.Module, optimizers: list, step: int, log: list[dict]) -> None:
    state = {"model": model.state_dict(), "step": step}
    state["optimizers"] = [optimizer.state_dict() for optimizer in optimizers]
    torch.save(state, folder / "state.tmp")
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    (folder / "state.tmp").replace(folder / "state.pt")
