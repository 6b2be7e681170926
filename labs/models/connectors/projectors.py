"""The shortest connectors: every visual token becomes one token of the language model."""

from torch import nn


def linear(seen: int, width: int) -> nn.Linear:
    """One matrix: LLaVA (Liu et al., 2023, https://arxiv.org/abs/2304.08485), MiniGPT-4."""
    return nn.Linear(seen, width)


def mlp(seen: int, width: int) -> nn.Sequential:
    """Two matrices: LLaVA-1.5 (Liu et al., 2023, https://arxiv.org/abs/2310.03744)."""
    return nn.Sequential(nn.Linear(seen, width), nn.GELU(), nn.Linear(width, width))
