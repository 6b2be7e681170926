"""Task vectors: what attention heads add where an answer begins, averaged over many examples, replayed without them.

    example, example, ... <picture> <decode>     what each head brings here, the mean over many pages: one for each task
                          <picture> <decode>     some heads bring that mean instead of their own

Multimodal task vectors (https://arxiv.org/abs/2406.15334): which heads is learned by REINFORCE from training pictures
with true answers, 1,440 for a task; no weight of the model changes.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts.lexicon import DECODE
from labs.systems.parts.shown_tasks import ASKED, CARELESS, SHOTS, TASKS, Page, follower, of_all, page, pool, seen
from labs.systems.parts.talk import answer_loss, lay_out, told_rightly
from labs.tuning.packing import Batch

TESTED, EXAM = 50, 2  # pages of each task, and the data seed of their scenes
KEPT = 100  # pages of `SHOTS` examples that a mean is taken over
TRIES, DRAWN, ROWS, RATE = 60, 6, 6, 0.3  # REINFORCE: updates, choices of heads at each, pages for each, learning rate


class TaskVector(NamedTuple):
    """For each layer and head its mean activation, and whether that is replayed."""

    means: Float[Tensor, "layers heads size"]
    chosen: Bool[Tensor, "layers heads"]


def begins(batch: Batch) -> Bool[Tensor, "rows words"]:
    """Where an answer begins that is wanted: not in examples."""
    return (batch.input_ids == DECODE) & (batch.branch > 0)


@contextmanager
def replaying(model: LlamaForCausalLM, batch: Batch, vector: TaskVector) -> Iterator[None]:
    """Within it the chosen heads bring their means where an answer begins, and nothing else changes."""
    where, handles = begins(batch), []

    def replace(module: torch.nn.Module, inputs: tuple[Tensor], layer: int) -> tuple[Tensor]:
        heads = inputs[0].unflatten(-1, vector.means.shape[1:])  # (rows, words, heads, size)
        put = where[:, :, None, None] & vector.chosen[layer][:, None]
        return (torch.where(put, vector.means[layer], heads).flatten(-2),)

    for number, block in enumerate(model.model.layers):
        handles.append(block.self_attn.o_proj.register_forward_pre_hook(partial(replace, layer=number)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def means(model: LlamaForCausalLM, pages: list[Page], words: Tensor) -> Float[Tensor, "layers heads size"]:
    """What each head brings where an answer begins, the mean over pages of examples."""
    batch, sums = lay_out([one.row for one in pages]), {}
    heads, where = model.config.num_attention_heads, begins(batch)

    def note(module: torch.nn.Module, inputs: tuple[Tensor], layer: int) -> None:
        sums[layer] = inputs[0][where].unflatten(-1, (heads, -1)).mean(0)

    handles = [block.self_attn.o_proj.register_forward_pre_hook(partial(note, layer=number))
               for number, block in enumerate(model.model.layers)]  # fmt: skip
    answer_loss(model, batch, words[of_all(pages)])
    for handle in handles:
        handle.remove()
    return torch.stack([sums[layer] for layer in sorted(sums)])


@cache
def vector(seed: int, task: str) -> TaskVector:
    """The vector of a task: means over `KEPT` pages about training pictures, and the heads that serve it."""
    model, scenes, words = follower(seed), pool("train", 0), seen("train", 0)
    rng = random.Random(f"vector {seed} {task}")
    pages = [page(rng, scenes, task, SHOTS, ASKED) for _ in range(KEPT)]
    found = means(model, pages, words)
    return TaskVector(found, choose(model, found, task, seed))


def choose(model: LlamaForCausalLM, found: Tensor, task: str, seed: int) -> Bool[Tensor, "layers heads"]:
    """The heads that REINFORCE finds worth replaying: a choice is worth what answers are worth without examples."""
    scenes, words, generator = pool("train", 0), seen("train", 0), torch.Generator().manual_seed(seed)
    wish = torch.zeros(found.shape[:2], requires_grad=True)
    optimizer = torch.optim.Adam([wish], RATE)
    for step in range(TRIES):
        rng = random.Random(f"heads {seed} {task} {step}")
        pages = [page(rng, scenes, task, 0, ASKED) for _ in range(ROWS)]
        batch, shown = lay_out([one.row for one in pages]), words[of_all(pages)]
        drawn = torch.rand(DRAWN, *wish.shape, generator=generator) < wish.detach().sigmoid()
        worth = torch.stack([-_loss(model, batch, shown, TaskVector(found, one)) for one in drawn])
        chance = torch.where(drawn, wish.sigmoid(), 1 - wish.sigmoid()).log().sum((1, 2))
        optimizer.zero_grad()
        (-(worth - worth.mean()) * chance).mean().backward()
        optimizer.step()
    return wish.detach() > 0


@torch.no_grad()
def _loss(model: LlamaForCausalLM, batch: Batch, shown: Tensor, vector: TaskVector) -> Tensor:
    with replaying(model, batch, vector):
        return answer_loss(model, batch, shown)


# ---------------------------------------------------------------------------------------------------------------
# The exam


def followed(seed: int, shots: int = 0, heads: str | None = None, careless: float = CARELESS) -> Scores:
    """1 where a new picture is answered for, after so many examples, or with the vector of a task and none.

    `heads` are those that REINFORCE chose, as many drawn by "lot", "all" of them, or those "of another task".
    """
    model, words, values, about = follower(seed), seen("exam", EXAM), [], []
    for place, task in enumerate(TASKS):
        draws = [random.Random(f"followed {seed} {task} {number}") for number in range(TESTED)]
        pages = [page(rng, pool("exam", EXAM), task, shots, ASKED, careless) for rng in draws]
        batch = lay_out([one.row for one in pages])
        with replaying(model, batch, with_heads(seed, task, heads)) if heads else nullcontext():
            values += told_rightly(model, batch, words[of_all(pages)]).float().tolist()
        about += [place * TESTED + number for number in range(TESTED) for _ in range(ASKED)]
    return Scores(values, about)


def with_heads(seed: int, task: str, heads: str) -> TaskVector:
    """The vector of a task, or of the next task, for the heads that are chosen in one way or another."""
    if heads == "of another task":
        return vector(seed, TASKS[(TASKS.index(task) + 1) % len(TASKS)])
    found = vector(seed, task)
    if heads == "lot":
        drawn = torch.rand(found.chosen.numel(), generator=torch.Generator().manual_seed(seed)).argsort()
        return found._replace(chosen=(drawn < found.chosen.sum()).view_as(found.chosen))
    return found._replace(chosen=found.chosen | (heads == "all"))
