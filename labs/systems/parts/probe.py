"""What can be read off frozen features by one linear layer."""

from collections.abc import Callable

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


def standard_probe(
    inputs: Float[Tensor, "n width"], classes: Int[Tensor, " n"], tested: Float[Tensor, "m width"], size: int, seed: int
) -> Int[Tensor, " m"]:
    """The same on features standardised as `inputs` are: mean 0 and deviation 1, one by one."""
    mean, spread = inputs.mean(0), inputs.std(0) + 1e-4
    return linear_probe((inputs - mean) / spread, classes, (tested - mean) / spread, size, seed)


def right_when_shuffled(
    probe: Callable[[Tensor], Tensor], classes: Int[Tensor, " n"], truth: Int[Tensor, " m"], orders: int, seed: int
) -> Float[Tensor, " m"]:
    """A control: how often each of `truth` is told by a probe of classes in another order, the mean over many orders.

    Features that tell classes apart may so swap whole classes, and one order is right by luck.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = [classes[torch.randperm(len(classes), generator=generator)] for _ in range(orders)]
    return torch.stack([probe(order) == truth for order in shuffled]).float().mean(0)


def evenly(classes: Int[Tensor, " n"]) -> Int[Tensor, " some"]:
    """The first items of each class, so many as the rarest has: who always says the same is then right by chance."""
    least = int(classes.unique(return_counts=True)[1].min())
    return torch.cat([torch.nonzero(classes == one)[:least, 0] for one in classes.unique()]).sort().values
