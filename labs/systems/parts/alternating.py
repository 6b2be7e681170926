"""One encoder for several senses and questions, which learns one of them a step, or all of them in every step.

    alternating    step 1 picture, shape | step 2 picture, colour | step 3 depth, shape | ...       `BATCH` scenes each
    mixed          step 1 all four senses, a quarter of `BATCH` each | step 2 all four, their other questions | ...

IMP (Akbari et al., 2023, https://arxiv.org/abs/2305.06324): alternating gradient descent needs no rows of equal
length, and sparse experts give each sense room without more operations.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.joined_senses import ASKED, SHELVED, TELLS, record, right, truth
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sparse_experts import Encoder

COUNT, ACTIVE = 4, 1
STEPS, BATCH, RATE = 1200, 32, 2e-3
BALANCE = 0.01  # weight of the loss that keeps experts equally busy, where tokens choose


def build(router: str, seed: int) -> Encoder:
    """Untrained: dense layers are as large as the experts that a token meets."""
    torch.manual_seed(seed)
    return Encoder(ACTIVE if router == "dense" else COUNT, ACTIVE, router)


def train(
    model: Encoder, seed: int, steps: int, rounds: tuple[tuple[str, str], ...] = ASKED, mixed: bool = False,
    balance: float = BALANCE,
) -> Encoder:  # fmt: skip
    """Changed in place: all of it that may learn. Both ways meet as many scenes with each question of the rounds."""
    (tokens, answers), size = record("train"), BATCH // len(TELLS) if mixed else BATCH
    at = [batches(joined_senses.COUNTS["train"], size, 100 * seed + number) for number in range(len(rounds))]

    def loss_of(number: int, step: int) -> Tensor:
        (sense, kind), now = rounds[number], at[number](step)
        found = cross_entropy(model(sense, kind, tokens[sense][now]), truth(answers, sense, kind)[now])
        return found + balance * model.balance()

    def loss(step: int) -> Tensor:
        if mixed:  # of two questions about each sense one now, the other at the next step
            return torch.stack([loss_of(number, step // 2) for number in range(step % 2, len(rounds), 2)]).mean()
        return loss_of(step % len(rounds), step // len(rounds))

    learn(model.parameters(), loss, steps, RATE)
    return model.eval()


@cache
def trained(seed: int, router: str, mixed: bool = False) -> Encoder:
    """From scratch, with one of `sparse_experts.ROUTERS`."""
    return train(build(router, seed), seed, STEPS, mixed=mixed).requires_grad_(False)


def answers(seed: int, router: str, mixed: bool = False, another: bool = False) -> Scores:
    """Right shelves of held-out scenes, sense by sense."""
    model, tokens = trained(seed, router, mixed), record(joined_senses.EXAM).tokens
    return right(lambda sense, kind: model.tell(sense, kind, tokens[sense]), SHELVED, another)
