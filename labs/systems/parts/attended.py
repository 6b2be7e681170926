"""Where the queries of a Q-Former look, question by question."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.models.connectors.attention import Attention
from labs.models.connectors.qformer import QFormer
from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.asked_by import question
from labs.systems.parts.connected import Connected
from labs.systems.parts.instructed import InstructedQFormer, instructions
from labs.systems.parts.lookout import EXAM, PATCHES, look
from labs.systems.parts.talk import pair, write
from labs.world import regions
from labs.world.scene import Scene

SIDE = int(PATCHES**0.5)
THINGS, LOOKED = 3, 300  # in a scene, of as many shapes; scenes in which queries look


@torch.no_grad()
def looks(
    model: Connected, seen: Float[Tensor, "n patches 128"], asked: Int[Tensor, "n words"]
) -> Float[Tensor, "n patches"]:
    """How much of the attention of all queries and heads falls on each patch when this is asked; rows sum to 1.

    A connector that is not told what is asked looks where it always looks.
    """
    with _weights(former(model.connector)) as found:
        model.connector(seen, asked) if isinstance(model.connector, InstructedQFormer) else model.connector(seen)
    return torch.stack(found).mean((0, 2, 3))  # (layers, n, heads, queries, patches)


def look_at(model: Connected, scene: Scene, text: str) -> Float[Tensor, "6 6"]:
    """The same for one scene and one question, as rows of the picture; sums to 1."""
    asked = torch.tensor([write(text)])
    return looks(model, look([scene]), asked)[0].unflatten(0, (SIDE, SIDE))


def former(connector: nn.Module) -> QFormer:
    """The Q-Former in a connector. Raises ValueError where there is none."""
    for part in connector.modules():
        if isinstance(part, QFormer):
            return part
    raise ValueError(f"there is no Q-Former in {type(connector).__name__}")


@contextmanager
def _weights(inside: QFormer) -> Iterator[list[Float[Tensor, "n heads queries patches"]]]:
    """Within it every look at the picture is remembered, layer by layer."""
    found: list[Tensor] = []

    def remember(attention: Attention, given: tuple[Tensor, ...], _: Tensor) -> None:
        query, key = (
            part.unflatten(2, (attention.heads, -1)).transpose(1, 2)
            for part in (attention.query(given[0]), attention.key(given[1]))
        )
        found.append((query @ key.transpose(2, 3) / query.shape[-1] ** 0.5).softmax(-1))

    hooks = [layer.look.inner.register_forward_hook(remember) for layer in inside.layers if layer.look is not None]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def covered(scene: Scene) -> Float[Tensor, "things patches"]:
    """Which share of each patch each thing covers."""
    masks = regions.masks(scene).astype(np.float32)
    size = masks.shape[1] // SIDE
    return torch.from_numpy(masks.reshape(len(masks), SIDE, size, SIDE, size).mean((2, 4)).reshape(len(masks), -1))


def shares(maps: Float[Tensor, "n patches"], scenes: Sequence[Scene]) -> list[Float[Tensor, " things"]]:
    """Of the attention that falls on patches with things, the share on each thing's; they sum to 1 in every scene."""
    on = [(covered(scene) > 0).float() @ one for scene, one in zip(scenes, maps, strict=True)]
    return [one / one.sum() for one in on]


@cache
def triples() -> tuple[Scene, ...]:
    """Held-out scenes of three things of three shapes."""
    scenes = eyes.scenes("heldout", 3 * LOOKED, (THINGS,), EXAM)
    return tuple(scene for scene in scenes if len({thing.shape for thing in scene.things}) == THINGS)[:LOOKED]


def on_the_asked(model: Connected, task: str, shift: int = 0) -> Scores:
    """Of the attention that falls on a scene's three things, the share on the one that a task is about.

    With `shift`, the connector is told what is asked of a scene so many places on, of its things now one, now another:
    they come in reading order, so that where the first of one scene is tells where the first of another might be.
    """
    scenes, numbers = triples(), range(THINGS)
    told = [
        question(scenes[(i + shift) % len(scenes)], (number + (i if shift else 0)) % THINGS, task)
        for i in range(len(scenes)) for number in numbers
    ]  # fmt: skip
    words = instructions([pair(one.text, one.answer) for one in told])
    maps = looks(model, look(scenes).repeat_interleave(THINGS, 0), words)
    about = [number for number in range(len(scenes)) for _ in numbers]
    on = shares(maps, [scenes[number] for number in about])
    return Scores([one[i % THINGS].item() for i, one in enumerate(on)], about)
