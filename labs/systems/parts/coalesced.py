"""A network that is made smaller, learns, and is made larger again: the V-cycle of the multi-level framework (Zou et
al., 2024, https://arxiv.org/abs/2404.07999).

    large, 4 layers, 64 wide --a few steps--> [coalesce] -----------------------------> [interpolate] --> the rest
                                                  |                                          ^
                                                  +-> small, 2 layers, 32 wide --steps--> [de-coalesce]

coalesce       two neurons become one, two layers one: weights that lead to them are averaged, those away summed
de-coalesce    each neuron becomes two alike that share what leads away, each layer two alike
interpolate    (1 - alpha) large + alpha de-coalesced: what is alike becomes different again

Work is counted in multiplications a token, those of the weight matrices. What learns is a language model that reads an
English text and then writes the Spanish one; it is put together of parts.assembled.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import translated
from labs.systems.parts.assembled import Embedding, Encoder, Model, Words
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.translated import lexicon, right, together, trimmed

WIDTH, LAYERS, HEADS = 64, 4, 4
STEPS, BATCH, RATE = 150, 32, 2e-3  # of the large network, had it all the work for itself
FIRST, SMALL, ALPHA = 20, 200, 0.75  # steps before it is made smaller, and of the small one; share that comes from it
WAYS = ("V-cycle", "no interpolation", "large", "large, twice the work")
State = dict[str, Tensor]


def network(scale: int = 1) -> Model:
    """The language model, in width and in depth divided by `scale`."""
    width, words = WIDTH // scale, len(lexicon())
    encoder = Encoder(width, LAYERS // scale, HEADS // scale, causal=True)
    return Model(Embedding(width, words=words), encoder, Words(width, words))


def work(model: Model) -> int:
    """Multiplications a token."""
    parts = [*model.encoder.parameters(), *model.target.parameters()]
    return sum(weight.numel() for weight in parts if weight.ndim == 2)


def rest(small: int = SMALL) -> int:
    """Steps of the large network that are left once the small one has had its own, for the work of `STEPS`."""
    return STEPS - FIRST - round(small * work(network(2)) / work(network()))


def coalesce(state: State) -> State:
    """Weights of a network half as wide and half as deep."""
    depth = 1 + max(_layer(name) for name in state)
    narrow = {name: _resized(name, weight, _halved) for name, weight in state.items()}
    merged = {name: weight for name, weight in narrow.items() if _layer(name) < 0}
    for at in range(0, depth, 2):
        for name in (name for name in narrow if _layer(name) == at):
            merged[_moved(name, at // 2)] = (narrow[name] + narrow[_moved(name, at + 1)]) / 2
    return merged


def decoalesce(state: State) -> State:
    """Weights of a network twice as wide, which computes the same, and of twice as many layers."""
    wide = {name: _resized(name, weight, _doubled) for name, weight in state.items()}
    deep = {name: weight for name, weight in wide.items() if _layer(name) < 0}
    for name in (name for name in wide if _layer(name) >= 0):
        for copy in (0, 1):
            deep[_moved(name, 2 * _layer(name) + copy)] = wide[name].clone()
    return deep


def interpolate(large: State, grown: State, alpha: float) -> State:
    """Some of both."""
    return {name: (1 - alpha) * weight + alpha * grown[name] for name, weight in large.items()}


@cache
def trained(seed: int, way: str) -> Model:
    """The large network after lessons in one of `WAYS`, all but the last of equal work."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    large = network()
    if way.startswith("large"):
        return _taught(large, STEPS * (1 + (way != "large")), seed).eval().requires_grad_(False)
    _taught(large, FIRST, seed)
    small = network(2)
    small.load_state_dict(coalesce(large.state_dict()))
    _taught(small, SMALL, seed + 1000)
    alpha = ALPHA if way == "V-cycle" else 1.0
    large.load_state_dict(interpolate(large.state_dict(), decoalesce(small.state_dict()), alpha))
    return _taught(large, rest(SMALL), seed + 2000).eval().requires_grad_(False)


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """Spanish colours told, each after the words before it; or, as a control, behind `another` English text."""
    model, rows = trained(seed, way), together(translated.EXAM, another)
    with torch.no_grad():
        return right(model(rows[:, :-1]).argmax(-1), rows[:, 1:])


def _taught(model: Model, steps: int, seed: int) -> Model:
    rows = together("train")
    at = batches(len(rows), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = trimmed(rows[at(step)])
        return cross_entropy(model(now[:, :-1]).flatten(0, 1), now[:, 1:].flatten(), ignore_index=PAD)

    learn(model.parameters(), loss, steps, RATE)
    return model


def _resized(name: str, weight: Tensor, resize) -> Tensor:
    """Along every axis that is as wide as the network; those of inputs share what leads away."""
    if weight.ndim == 1:
        blocks = 3 if "in_proj" in name else 1
        return weight if name.startswith("target") else resize(weight, 0, blocks, False)
    if name.startswith("embedding"):
        return resize(weight, 1, 1, False)
    weight = resize(weight, 1, 1, True)
    return weight if name.startswith("target") else resize(weight, 0, 3 if "in_proj" in name else 1, False)


def _halved(weight: Tensor, axis: int, blocks: int, shared: bool) -> Tensor:
    """Each neuron and the one half a block farther become one."""
    pairs = weight.unflatten(axis, (blocks, 2, -1))
    merged = pairs.sum(axis + 1) if shared else pairs.mean(axis + 1)
    return merged.flatten(axis, axis + 1)


def _doubled(weight: Tensor, axis: int, blocks: int, shared: bool) -> Tensor:
    """The way back."""
    each = weight.unflatten(axis, (blocks, 1, -1)) / (2 if shared else 1)
    return torch.cat([each, each], axis + 1).flatten(axis, axis + 2)


def _layer(name: str) -> int:
    """The number of the layer that a weight is of, or -1."""
    parts = name.split(".")
    return int(parts[2]) if parts[:2] == ["encoder", "layers"] else -1


def _moved(name: str, layer: int) -> str:
    parts = name.split(".")
    return ".".join([*parts[:2], str(layer), *parts[3:]])
