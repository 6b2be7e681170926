"""What frozen eyes make of a picture, computed once; the projector behind them may still learn.

A picture is known by what enters the tower, so by its content and by everything that the processor did to it, and the
tower by the state of its weights: nothing stale is ever served.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from labs.tuning.label_logits import unwrapped

TOWERS = ("vision_tower", "vision_model")


class FeatureCache:
    """Stands in for the `forward` of a picture tower. What no longer fits into `megabytes` is computed every time."""

    depth = 0  # of hidden states that the tower gives

    def __init__(self, tower: torch.nn.Module, layers: set[int], megabytes: int):
        self.tower, self.layers, self.room = tower, layers, megabytes * 1e6
        self.compute = tower.forward
        self.known: dict[bytes, dict[str, torch.Tensor]] = {}
        self.hits = self.misses = 0

    def __call__(self, pixel_values: torch.Tensor, **options: Any) -> Any:
        rows = {name: value for name, value in options.items() if _is_rows(value, len(pixel_values))}
        keys = self._keys(pixel_values, rows, {name: v for name, v in options.items() if name not in rows})
        # the first of each picture that is new, though it may stand in the batch more than once
        new = {key: i for i, key in reversed(list(enumerate(keys))) if key not in self.known}
        self.hits, self.misses = self.hits + len(keys) - len(new), self.misses + len(new)
        fresh = {}
        if new:
            where = list(new.values())
            with torch.no_grad():
                out = self.compute(pixel_values[where], **options | {name: v[where] for name, v in rows.items()})
            fresh = dict(zip(new, self._pictures(out), strict=True))
            for key, kept in fresh.items():
                self._keep(key, kept)
        parts = [self.known.get(key) or fresh[key] for key in keys]
        return self._output({name: torch.stack([part[name] for part in parts]) for name in parts[0]})

    def _keys(self, pixel_values: torch.Tensor, rows: dict[str, torch.Tensor], options: dict) -> list[bytes]:
        # counts every change in place, but those through `.data`, which hides them
        state = [(p.data_ptr(), p._version) for p in self.tower.state_dict(keep_vars=True).values()]
        common = repr((state, sorted(options.items()), pixel_values.shape[1:], pixel_values.dtype)).encode()
        parts = [value.detach().cpu().contiguous() for value in (pixel_values, *rows.values())]
        return [
            hashlib.blake2b(
                b"".join([common, *(part[i].view(torch.uint8).numpy().tobytes() for part in parts)])
            ).digest()
            for i in range(len(pixel_values))
        ]

    def _pictures(self, out: Any) -> list[dict[str, torch.Tensor]]:
        """The output of each picture by itself; of the hidden states those of the layers that are read."""
        self.depth = len(out.hidden_states or ())
        # Idefics3's and SmolVLM's eyes pool nothing, and before transformers 5.18 do not even say so.
        named = {name: getattr(out, name, None) for name in ("last_hidden_state", "pooler_output")}
        named |= {str(layer): out.hidden_states[layer] for layer in self.layers if self.depth}
        named = {name: value for name, value in named.items() if value is not None}
        return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]

    def _output(self, named: dict[str, torch.Tensor]) -> BaseModelOutputWithPooling:
        hidden = [None] * self.depth
        for layer in self.layers if self.depth else ():
            hidden[layer] = named.pop(str(layer))
        return BaseModelOutputWithPooling(**named, hidden_states=tuple(hidden) or None)

    def _keep(self, key: bytes, kept: dict[str, torch.Tensor]) -> None:
        size = sum(tensor.nbytes for tensor in kept.values())
        if size <= self.room:
            self.room -= size
            self.known[key] = {name: tensor.clone() for name, tensor in kept.items()}


@contextmanager
def features_once(model: torch.nn.Module, megabytes: int = 1024) -> Iterator[FeatureCache | str]:
    """Within it the model's frozen eyes look at each picture once. Gives the cache, or says why there is none."""
    base = unwrapped(model).base_model
    name = next((name for name in TOWERS if hasattr(base, name)), None)
    why = "the model names no picture tower" if name is None else _why_not(getattr(base, name))
    if why:
        yield why
        return
    tower = getattr(base, name)
    layers = getattr(base.config, "vision_feature_layer", None)
    cache = FeatureCache(tower, {layers} if isinstance(layers, int) else set(layers or ()), megabytes)
    tower.forward = cache
    try:
        yield cache
    finally:
        del tower.forward  # the class's own again


def _why_not(tower: torch.nn.Module) -> str | None:
    if any(parameter.requires_grad for parameter in tower.parameters()):
        return "the eyes learn too"
    if any(isinstance(module, torch.nn.Dropout) and module.p for module in tower.modules()):
        return "the eyes have dropout, and see something else every time"
    if getattr(tower.config, "attention_dropout", 0):
        return "the eyes have dropout, and see something else every time"
    return None


def _is_rows(value: Any, count: int) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 0 and len(value) == count
