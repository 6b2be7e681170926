"""How much memory a piece of PyTorch code really holds at its peak, measured on any device, the CPU too.

    with LiveBytes(model.parameters()) as live:
        step()
    live.peak

Every operation passes here; memory counts from the first operation that returns it until nobody holds it any more.
Not seen: what an operation allocates inside itself and frees before it returns.
After the tracker in PyTorch's own torch.distributed._tools.mem_tracker.
"""

import weakref
from collections.abc import Iterable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Bytes of the storages that are alive now (`live`), and the most there have been at once (`peak`)."""

    def __init__(self, held: Iterable[torch.Tensor] = ()) -> None:
        """`held` are tensors from before that shall count from the beginning."""
        super().__init__()
        self.live = self.peak = 0
        self._known: set[int] = set()
        self._see(held)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Do the operation, and look at what it returns."""
        out = func(*args, **(kwargs or {}))
        self._see(leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor))
        return out

    def _see(self, tensors: Iterable[torch.Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()  # views share it, so it counts once
            address, size = storage._cdata, storage.nbytes()
            if address not in self._known:
                self._known.add(address)
                self.live += size
                weakref.finalize(storage, self._free, address, size)
        self.peak = max(self.peak, self.live)

    def _free(self, address: int, size: int) -> None:
        self._known.discard(address)
        self.live -= size
