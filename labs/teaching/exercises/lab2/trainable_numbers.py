"""How many numbers LoRA trains: beside a layer of `inputs` and `outputs`, A has (rank, inputs) and B (outputs, rank).

A layer gets an adapter if the last part of its full name is one of `targets`: "model.layers.0.self_attn.q_proj" does
for ("q_proj",).
"""

from labs.teaching.examine import Case

HINTS = (
    "For one layer: rank * inputs numbers in A, and outputs * rank in B. The frozen layer's own numbers do not count.",
    'The last part of a name is name.split(".")[-1]; it must be equal to a target, not only end as one.',
)


def trainable_numbers(shapes: dict[str, tuple[int, int]], rank: int, targets: tuple[str, ...]) -> int:
    """`shapes`: a layer's full name -> (outputs, inputs). Returns how many numbers are trained in all."""
    chosen = [shape for name, shape in shapes.items() if name.split(".")[-1] in targets]
    return sum(rank * (outputs + inputs) for outputs, inputs in chosen)


def _every_layer(shapes, rank, targets):
    return sum(rank * (outputs + inputs) for outputs, inputs in shapes.values())


def _ends_alike(shapes, rank, targets):
    chosen = [shape for name, shape in shapes.items() if name.endswith(targets)]
    return sum(rank * (outputs + inputs) for outputs, inputs in chosen)


def _one_matrix(shapes, rank, targets):
    chosen = [shape for name, shape in shapes.items() if name.split(".")[-1] in targets]
    return sum(rank * inputs for outputs, inputs in chosen)


def _whole_layers(shapes, rank, targets):
    chosen = [shape for name, shape in shapes.items() if name.split(".")[-1] in targets]
    return sum(outputs * inputs for outputs, inputs in chosen)


MISTAKES = {
    "every layer is counted; only those whose name's last part is among `targets` get an adapter": _every_layer,
    "a name that merely ends in the same letters is counted too; compare its last part as a whole": _ends_alike,
    "only A is counted; B, of (outputs, rank), learns as well": _one_matrix,
    "the frozen layers themselves are counted; an adapter has rank * (inputs + outputs) numbers": _whole_layers,
}
SHAPES = {
    "model.layers.0.self_attn.q_proj": (16, 8), "model.layers.0.self_attn.k_proj": (4, 8),
    "model.layers.0.mlp.down_proj": (8, 24), "model.layers.0.block_proj": (5, 7), "lm_head": (100, 8),
}  # fmt: skip

CASES = (
    Case("rank 2 beside q_proj", lambda f: f(SHAPES, 2, ("q_proj",))),
    Case("rank 4 beside q_proj and down_proj", lambda f: f(SHAPES, 4, ("q_proj", "down_proj"))),
    Case("block_proj is no k_proj", lambda f: f(SHAPES, 1, ("k_proj",))),
    Case("nothing is named: nothing learns", lambda f: f(SHAPES, 8, ())),
)
