"""What makes tuning fast without changing its result: the switches, and those that change the model meanwhile."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from labs.tuning.attention_in_parts import attention_in_parts
from labs.tuning.feature_cache import FeatureCache, features_once
from labs.tuning.lora_at_once import lora_at_once

TOKENS = defaultdict(lambda: 4096, cpu=1024)  # of a batch; a CPU's caches hold no more


class Speed(NamedTuple):
    """Switches that change speed and memory and not the result: turn one off to see what it buys."""

    share: bool = True  # records about the same pictures share them, where the model can
    label_logits: bool = True  # logits only where a label is
    attention_in_parts: bool = True  # what nobody looks at in a shared row is not computed
    lora_at_once: bool = True  # a layer and its adapter in one go
    feature_megabytes: int = 1024  # frozen eyes look at a picture once, as far as this goes
    tokens: int | None = 0  # of a batch; a step with more is learned in several. 0: what suits the device
    checkpointing: bool = False  # activations computed twice instead of kept

    def tokens_on(self, device: str) -> int | None:
        """Of a batch on a device of this type; None for all of a step at once."""
        return TOKENS[device] if self.tokens == 0 else self.tokens


@contextmanager
def faster(model: Any, speed: Speed) -> Iterator[FeatureCache | str]:
    """Within it the model trains with what is switched on. Gives the cache of features, or says why there is none."""
    earlier = not hasattr(model, "activation_checkpointing_enable")  # the name in older versions of the library
    name = "gradient_checkpointing" if earlier else "activation_checkpointing"
    if speed.checkpointing:
        getattr(model, f"{name}_enable")({"use_reentrant": False})
    try:
        with (
            attention_in_parts(model) if speed.attention_in_parts else nullcontext(),
            lora_at_once(model) if speed.lora_at_once else nullcontext(),
            features_once(model, speed.feature_megabytes) as cache,
        ):
            yield cache
    finally:
        if speed.checkpointing:
            getattr(model, f"{name}_disable")()
