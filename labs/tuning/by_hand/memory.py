"""What a tuning step holds in memory, predicted from the model's configuration (measured: by live_bytes beside it).

    peak = weights + adapters + optimizer + max(activations, gradients) + working

The backward pass frees activations while it makes gradients, so the larger of the two counts, not both.

Activations are counted as in https://arxiv.org/abs/2205.05198 (section 4): tensor by tensor, what the forward pass
keeps for the backward pass. There it is a GPT in 16 bits; here, what PyTorch keeps of a Llava whose attention never
writes its (tokens, tokens) weights down (https://arxiv.org/abs/2205.14135). With checkpointing, layers keep their
input alone (https://arxiv.org/abs/1604.06174). AdamW has two states a trained number (https://arxiv.org/abs/1910.02054,
section 3.1). Adapters: https://arxiv.org/abs/2106.09685. NF4: https://arxiv.org/abs/2305.14314.

Not counted: the batch and its masks, buffers, the optimizer's temporaries (up to once more what is trained), float32
temporaries of adapters in a model in 16 bits, what an operation allocates inside itself, and what CUDA and its
allocator keep. Taken for granted: no dropout, no biases in the decoder, and the library's loss with logits for every
token (labs.tuning.label_logits computes fewer).
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import torch
from transformers import LlavaConfig

from labs.tuning.by_hand.shapes import Linear, Stack, language, linears, parameters, patches, vision
from labs.tuning.lora import LoraSpec

FLOAT = 4  # bytes: norms, loss and adapters are computed in float32 even where the model is in 16 bits
Method = Literal["full", "lora", "qlora"]


@dataclass(frozen=True)
class Step:
    """One tuning step. Raises ValueError for values that cannot be."""

    batch: int  # rows, with one picture each
    tokens: int  # of a row, those of its picture among them
    method: Method = "lora"
    spec: LoraSpec = field(default_factory=LoraSpec)  # full tuning takes the parts alone from it
    dtype: torch.dtype = torch.float32  # of weights and activations; adapters are in float32, as PEFT makes them
    checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.tokens < 1:
            raise ValueError(f"batch and tokens must be at least 1, not {self.batch} and {self.tokens}")
        if self.method not in get_args(Method):
            raise ValueError(f"method must be one of {', '.join(get_args(Method))}, not {self.method!r}")
        if self.dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise ValueError(f"dtype must be float32, bfloat16 or float16, not {self.dtype}")

    def trains(self, part: str) -> bool:
        """Whether this step trains the part's own weights."""
        return self.method == "full" and part in self.spec.parts


class Memory(NamedTuple):
    """Bytes."""

    weights: int
    adapters: int
    gradients: int
    optimizer: int
    activations: int  # what the forward pass keeps for the backward pass
    working: int  # what the loss, or one layer, needs on top while the backward pass goes through it

    @property
    def total(self) -> int:
        """The peak of a step that begins without gradients."""
        return self.weights + self.adapters + self.optimizer + max(self.activations, self.gradients) + self.working

    @property
    def accumulating(self) -> int:
        """The peak of a step that adds to the gradients of the one before: they are there from the beginning."""
        return sum(self)


def predict(config: LlavaConfig, step: Step) -> Memory:
    """The bytes of a step. Raises ValueError for a model not made of CLIP's eyes, seen at one layer, and Llama."""
    kinds = (config.vision_config.model_type, config.text_config.model_type)
    if kinds != ("clip_vision_model", "llama") or not isinstance(config.vision_feature_layer, int):
        raise ValueError(
            f"the model must be a clip_vision_model, seen at one layer, with a llama, not {' with '.join(kinds)} "
            f"seen at {config.vision_feature_layer}"
        )
    if step.method == "full":
        adapters, size = 0, step.dtype.itemsize
        trained = sum(parameters(config, used=True)[part] for part in step.spec.parts)
    else:
        size = FLOAT
        adapters, trained = (  # A and B have r (in + out) numbers
            step.spec.r * sum(i + o for part in step.spec.parts for i, o in linears(config, part, used))
            for used in (False, True)
        )
    kept, working = activations(config, step)
    return Memory(weights(config, step), FLOAT * adapters, size * trained, 2 * size * trained, kept, working)


def weights(config: LlavaConfig, step: Step) -> int:
    """Bytes of the base. QLoRA has the decoder's linear layers in NF4, the rest as it was."""
    size, text = step.dtype.itemsize, language(config)
    total = size * sum(parameters(config).values())
    if step.method == "qlora":
        total -= text.layers * sum(size * i * o - nf4_bytes(i * o) for i, o in text.linears)
    return total


def nf4_bytes(numbers: int) -> int:
    """Half a byte each, one for 64, four for 64 * 256; and for the weight as a whole two code books and a mean."""
    blocks = -(-numbers // 64)
    return -(-numbers // 2) + blocks + FLOAT * -(-blocks // 256) + FLOAT * (16 + 256 + 1)


def activations(config: LlavaConfig, step: Step) -> tuple[int, int]:
    """Bytes kept for the backward pass, and bytes that it needs on top at its most expensive moment."""
    size, words = step.dtype.itemsize, step.batch * step.tokens
    kept = _between(config, step)
    moments = [3 * FLOAT * words * config.text_config.vocab_size]  # softmax, its gradient, that of the logits
    stacks = {"language": (language(config), words)}
    if step.spec.vision:  # otherwise nothing in the eyes is trained, and they keep nothing
        stacks["vision"] = vision(config), step.batch * (patches(config) + 1)
    for part, (stack, tokens) in stacks.items():
        layer = _layer(step, part, stack)
        # layers behind the one that is seen, too: they are let go only when the forward pass is over
        kept += tokens * stack.layers * (size * stack.width if step.checkpointing else layer)
        # three gradients inside the MLP; what a trained one kept for its last linear layer is free again by then
        moment = tokens * size * stack.inner * (2 if part in step.spec.parts else 3)
        again = tokens * layer if step.checkpointing else 0
        weight = size * max(i * o for i, o in stack.linears) if step.method == "qlora" else 0  # out of its 4 bits
        moments.append(moment + again + weight)
    return kept, max(moments)


def _layer(step: Step, part: str, stack: Stack) -> int:
    """Bytes a token that one layer keeps."""
    size = step.dtype.itemsize
    if part == "language":  # RMSNorm, in float32, and its root; for its own weight its result in the model's dtype
        norm = FLOAT * (stack.width + 1) + size * stack.width * step.trains(part)
    else:  # LayerNorm, with mean and deviation
        norm = size * stack.width + 2 * FLOAT
    attention = size * stack.attention + FLOAT * stack.heads  # of each softmax the logarithm of its sum
    mlp = size * stack.gates * stack.inner
    return 2 * norm + attention + mlp + _inputs(step, part, stack.linears, alone=2 * stack.width + stack.inner)


def _inputs(step: Step, part: str, layers: list[Linear], alone: int) -> int:
    """Bytes a token kept for the gradients of linear layers: their inputs, `alone` wide where nothing else keeps them.

    An adapter keeps the r numbers between A and B as well, and in a model in 16 bits its own float32 copy of the input.
    """
    if part not in step.spec.parts:
        return 0
    size = step.dtype.itemsize
    if step.method == "full":
        return size * alone
    copies = size * alone if size == FLOAT else FLOAT * sum(i for i, _ in layers)
    return copies + FLOAT * step.spec.r * len(layers)


def _between(config: LlavaConfig, step: Step) -> int:
    """Bytes kept by the projector, and by the last norm and the head, which gets no adapter."""
    size, width = step.dtype.itemsize, config.text_config.hidden_size
    head = FLOAT * (width + 1) + 2 * size * width * step.trains("language")
    picture = 0
    if step.spec.projector or step.spec.vision:
        layers = linears(config, "projector")
        picture = size * width + _inputs(step, "projector", layers, alone=sum(i for i, _ in layers))
    return step.batch * (step.tokens * head + patches(config) * picture)
