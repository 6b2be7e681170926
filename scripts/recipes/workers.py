"""Two processes, one model: each learns from its own rows, and gradients are averaged after every step.

A small model keeps one core busy and gains next to nothing from a second thread; a second process doubles the rows.
"""

import os
import tempfile
from collections.abc import Callable, Iterable

import torch
import torch.distributed as dist

COUNT = 2


def rank() -> int:
    """The number of this process, from 0; 0 too where there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Give every process the mean of all processes' gradients. Does nothing where there is only one process."""
    if not dist.is_initialized():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def launch(function: Callable, *arguments: object) -> None:
    """Run `function(*arguments)` in `COUNT` processes that can average gradients, and wait for them."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they only ever talk to one another
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_start, (f"file://{folder}/meet", function, arguments), nprocs=COUNT)


def _start(number: int, meet: str, function: Callable, arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meet, rank=number, world_size=COUNT)
    try:
        function(*arguments)
    finally:
        dist.destroy_process_group()
