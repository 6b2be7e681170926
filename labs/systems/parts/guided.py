"""A network of pictures that learns with a guide: what a network of all senses understands of the same scenes.

After the Multimodal Guidance Network (https://arxiv.org/abs/2309.03452), where attention carries the guidance. Here it
is carried as in FitNets (https://arxiv.org/abs/1412.6550): a linear layer, thrown away afterwards, is to tell the
guide's features from the student's own. The student has the labels, too; in use it costs what any student costs.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from labs.systems.parts import sensed_alone
from labs.systems.parts.fused import WIDTHS, Fusion
from labs.systems.parts.learn import batches, learn

WEIGHT = 10.0  # of the guide's loss


def teach(seed: int, guide: Float[Tensor, "scenes width"] | None, kinds: Int[Tensor, " scenes"]) -> Fusion:
    """A student after the steps, scenes and start of `sensed_alone.encoder`, with a guide's features or without."""
    student, inputs = sensed_alone.build("picture", seed), sensed_alone.record("train").inputs["picture"]
    follow = nn.Linear(WIDTHS[-1], guide.shape[1]) if guide is not None else nn.Identity()
    at = batches(len(inputs), sensed_alone.BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        features = student.features({"picture": inputs[now]})[0]
        found = cross_entropy(student.fused(features), kinds[now])
        return found if guide is None else found + WEIGHT * mse_loss(follow(features), guide[now])

    learn([*student.parameters(), *follow.parameters()], loss, sensed_alone.STEPS, sensed_alone.RATE)
    return student.eval().requires_grad_(False)


@torch.no_grad()
def tell(student: Fusion, inputs: Float[Tensor, "scenes 3 36 36"]) -> Int[Tensor, " scenes"]:
    """The kinds that a student sees."""
    return student.fused(sensed_alone.look(student, inputs)).argmax(1)
