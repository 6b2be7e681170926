"""The training loop of all mini experiments: fixed steps, AdamW, a short warm-up, then down along a cosine."""

import math
from collections.abc import Callable, Iterable

import torch
from tqdm import tqdm

WARM_UP = 30  # steps


def learn(
    parameters: Iterable[torch.nn.Parameter],
    loss_at: Callable[[int], torch.Tensor],
    steps: int,
    learning_rate: float = 2e-3,
    weight_decay: float = 0.01,
) -> list[float]:
    """Minimise `loss_at(step)` and return the losses. Raises RuntimeError if the loss is no number any more."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, learning_rate, betas=(0.9, 0.98), weight_decay=weight_decay)
    losses = []
    for step in (bar := tqdm(range(steps), "steps", leave=False, mininterval=0.5)):
        pace = min(1.0, (step + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))
        optimizer.param_groups[0]["lr"] = learning_rate * pace
        loss = loss_at(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise RuntimeError(f"the loss is {losses[-1]} at step {step}: lower the learning rate")
        if step % 20 == 0:
            bar.set_postfix(loss=f"{losses[-1]:.3f}")
    return losses


def batches(size: int, batch: int, seed: int) -> Callable[[int], torch.Tensor]:
    """step -> which `batch` of `size` items to look at, without repetition within a pass: (batch,) indices."""
    per_pass = max(1, size // batch)

    def at(step: int) -> torch.Tensor:
        order = torch.randperm(size, generator=torch.Generator().manual_seed(1_000_003 * seed + step // per_pass))
        return order[(step % per_pass) * batch :][:batch]

    return at
