"""LoRA with the learner's own forward beside chosen layers of a model, and one update of what it trains.

labs.tuning.by_hand.lora holds the layer whole; here only the wiring is given, and `forward` is worksheet 2's exercise.
"""

from collections.abc import Callable, Sequence

import torch
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import get_linear_schedule_with_warmup

Forward = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]
LARGEST = 1.0  # norm of the gradient, beyond which it is scaled down, as the library does unless told otherwise


class Beside(nn.Module):
    """A frozen linear layer whose answer `forward(x, weight, A, B, alpha)` works out, (tokens, in) -> (tokens, out)."""

    def __init__(
        self, base: nn.Linear, forward: Forward, rank: int, alpha: float | int, generator: torch.Generator
    ) -> None:
        """A is drawn as PEFT does, from -1/sqrt(in) to 1/sqrt(in); B is zero. Both are float32, whatever the base."""
        super().__init__()
        self.base, self.by, self.alpha = base.requires_grad_(False), forward, float(alpha)
        bound, device = base.in_features**-0.5, base.weight.device
        drawn = torch.empty(rank, base.in_features).uniform_(-bound, bound, generator=generator)
        self.A = nn.Parameter(drawn.to(device))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out). A base in other numbers answers for itself, and only the update is ours."""
        weight, flat = self.base.weight, x.reshape(-1, x.shape[-1])
        if weight.dtype == torch.float32 and weight.shape == (len(self.B), flat.shape[1]):
            told = self.by(flat, weight, self.A, self.B, self.alpha).view(*x.shape[:-1], -1)
            return told if self.base.bias is None else told + self.base.bias
        update = self.by(flat.float(), x.new_zeros(len(self.B), flat.shape[1]).float(), self.A, self.B, self.alpha)
        return self.base(x) + update.view(*x.shape[:-1], -1).to(x.dtype)


def put_beside(
    model: nn.Module, targets: Sequence[str], forward: Forward, rank: int, alpha: float | int, seed: int = 0
) -> dict[str, Beside]:
    """Freeze `model` (in place) and wrap its layers of these names. Returns the adapters, by the layers' names."""
    model.requires_grad_(False)
    generator, adapters = torch.Generator().manual_seed(seed), {}
    for name in targets:
        parent, _, own = name.rpartition(".")
        adapters[name] = Beside(model.get_submodule(name), forward, rank, float(alpha), generator)
        setattr(model.get_submodule(parent), own, adapters[name])
    return adapters


@torch.no_grad()
def begin_alike(theirs: nn.Module, first: dict[str, torch.Tensor]) -> None:
    """Give PEFT's adapters these A's, by the layers' names; B is zero. Raises ValueError where they sit elsewhere."""
    layers = {name: layer for name, layer in theirs.named_modules() if isinstance(layer, LoraLayer)}
    if sorted(first) != sorted(name.removeprefix("base_model.model.") for name in layers):
        raise ValueError("PEFT's adapters sit beside other layers: give both the same target modules")
    for name, layer in layers.items():
        layer.lora_A["default"].weight.copy_(first[name.removeprefix("base_model.model.")])


class Update:
    """AdamW at a rate that rises for ten steps and then falls to zero; the same settings as the engine's."""

    def __init__(self, model: nn.Module, steps: int, rate: float, numbers: str = "float32") -> None:
        """`steps` in all. In float16 the loss is scaled, so that small gradients last."""
        self.learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learned, lr=rate, weight_decay=0.0)
        self.schedule = get_linear_schedule_with_warmup(self.optimizer, min(10, steps // 10), steps)
        self.scale = torch.amp.GradScaler(enabled=numbers == "float16")

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of a part of the step."""
        self.scale.scale(loss).backward()

    def step(self) -> None:
        """Change the weights by all that was added, and forget it."""
        self.scale.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.learned, LARGEST)
        self.scale.step(self.optimizer)
        self.scale.update()
        self.schedule.step()
        self.optimizer.zero_grad()
