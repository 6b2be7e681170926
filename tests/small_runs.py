"""What the tests of systems share: runs made small and forgotten afterwards, every arm of a claim, rows remembered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

import pytest
import torch

from labs.systems.claim import Claim, Scores


@contextmanager
def small(cached: Sequence[Callable], values: Mapping[ModuleType, Mapping[str, object]]) -> Iterator[None]:
    """Within it modules have other values; what functions remember of before or of within is not mixed up."""
    for function in cached:
        function.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for module, named in values.items():
            for name, value in named.items():
                patch.setattr(module, name, value)
        yield
    for function in cached:
        function.cache_clear()


def every_arm(claim: Claim, least: int = 4) -> dict[str, Scores]:
    """All arms of a claim with seed 0: each has to measure the same items, at least so many."""
    found = {name: arm(0) for name, arm in claim.arms.items()}
    assert len({tuple(one.scenes) for one in found.values()}) == 1, claim.name
    for name, one in found.items():
        assert len(one.values) == len(one.scenes) >= least, f"{claim.name}, {name}"
    return found


class Shown:
    """A tensor that remembers which rows were taken from it."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor, self.rows = tensor, []

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        self.rows.append(rows)
        return self.tensor[rows]
