"""What can be read off frozen features by one linear layer."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.parts.learn import learn

STEPS, LEARNING_RATE = 300, 2e-2  # all examples at once; converged


def linear_probe(
    inputs: Float[Tensor, "n width"], classes: Int[Tensor, " n"], tested: Float[Tensor, "m width"], size: int, seed: int
) -> Int[Tensor, " m"]:
    """The classes that logistic regression on `inputs` gives to `tested`."""
    torch.manual_seed(seed)
    head = torch.nn.Linear(inputs.shape[1], size)
    learn(head.parameters(), lambda step: cross_entropy(head(inputs), classes), STEPS, LEARNING_RATE)
    with torch.no_grad():
        return head(tested).argmax(1)


def evenly(classes: Int[Tensor, " n"]) -> Int[Tensor, " some"]:
    """The first items of each class, so many as the rarest has: who always says the same is then right by chance."""
    least = int(classes.unique(return_counts=True)[1].min())
    return torch.cat([torch.nonzero(classes == one)[:least, 0] for one in classes.unique()]).sort().values
