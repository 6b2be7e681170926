"""What a search costs, counted while it happens; the frozen regions are left out, which all families share."""

from typing import NamedTuple

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from labs.systems.parts.family import Family
from labs.systems.parts.two_things import material


class Cost(NamedTuple):
    """What a search of N pictures by M captions took: rows through encoders, and operations in matrix products."""

    passes: int
    operations: int


@torch.no_grad()
def cost(model: Family, pictures: int, captions: int) -> Cost:
    """That of the first so many held-out pictures and captions."""
    given, rows = material("heldout"), []
    hooks = [part.register_forward_hook(lambda *call: rows.append(len(call[2][0]))) for part in model.encoders()]
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # whose products are counted too
        model.compare(given.regions[:pictures], given.captions[:captions])
    for hook in hooks:
        hook.remove()
    return Cost(sum(rows), counter.get_total_flops())
