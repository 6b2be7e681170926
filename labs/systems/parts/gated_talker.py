"""The frozen language model with gated cross-attention between its blocks, as Flamingo has it (Alayrac et al., 2022,
https://arxiv.org/abs/2204.14198). Visual tokens stand beside the text, not in it: <cls> marks where a picture belongs.

    <cls> What colour is the star   every word looks at the tokens of the last picture before it,
      |                             through a gate that is shut at first
    picture -> eyes -> resampler
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from labs.models.connectors.gated import GatedCrossAttention
from labs.models.connectors.resampler import Resampler
from labs.systems.parts.lexicon import CLS
from labs.systems.parts.lookout import WIDTH
from labs.systems.parts.talk import answer_loss, lay_out, told_rightly
from labs.systems.parts.talker import HEADS
from labs.tuning.packing import Batch, Row

LATENTS = 9


class GatedTalker(nn.Module):
    """The language model stays as it is; a resampler and a gated layer before every `every`-th block are new."""

    def __init__(self, language: LlamaForCausalLM, latents: int = LATENTS, every: int = 1):
        super().__init__()
        self.language, self.resampler = language, Resampler(WIDTH, latents)
        width, blocks = language.config.hidden_size, language.model.layers
        where = range(0, len(blocks), every)
        self.gated = nn.ModuleList(GatedCrossAttention(width, WIDTH, HEADS) for _ in where)
        self.looking: tuple[Tensor, Tensor] | None = None  # what is seen, by which words; within `with_pictures`
        for number, layer in zip(where, self.gated, strict=True):
            blocks[number].register_forward_pre_hook(self._look_first(layer))

    def _look_first(self, layer: GatedCrossAttention):
        def before(block: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
            return None if self.looking is None else (layer(inputs[0], *self.looking), *inputs[1:])

        return before

    def parameters_to_learn(self) -> list[nn.Parameter]:
        """All but the language model's."""
        return [*self.resampler.parameters(), *self.gated.parameters()]

    def loss(self, seen: Float[Tensor, "pictures patches 128"], rows: Sequence[Row]) -> Float[Tensor, ""]:
        """Cross-entropy of the answers; the pictures in the order of their <cls>, row after row."""
        batch = lay_out(rows)
        return self.with_pictures(seen, batch, answer_loss)

    @torch.no_grad()
    def right(self, seen: Float[Tensor, "pictures patches 128"], rows: Sequence[Row]) -> Bool[Tensor, " answers"]:
        """Whether each answer is told rightly."""
        return self.with_pictures(seen, lay_out(rows), told_rightly)

    def with_pictures(
        self,
        seen: Float[Tensor, "pictures patches 128"],
        batch: Batch,
        what: Callable[[LlamaForCausalLM, Batch], Tensor],
    ) -> Tensor:
        """`what(language model, batch)` while every word looks at its picture."""
        tokens, own = self.resampler(seen), last_picture(batch)
        shown = _spread(tokens, pictures_of(batch))  # (rows, most pictures in a row * latents, 128)
        numbers = torch.arange(shown.shape[1]) // tokens.shape[1]
        self.looking = shown, own[:, :, None] == numbers
        try:
            return what(self.language, batch)
        finally:
            self.looking = None


def pictures_of(batch: Batch) -> Int[Tensor, " rows"]:
    """How many pictures each row has."""
    return (batch.input_ids == CLS).sum(1)


def last_picture(batch: Batch) -> Int[Tensor, "rows words"]:
    """Which of its row's pictures each word looks at: the last before it in its own branch or in what all branches
    share; -1 if there is none."""
    begins = batch.input_ids == CLS
    number = begins.cumsum(1) - 1  # of the last <cls> so far, whatever its branch
    shared = torch.where((batch.branch == 0) & begins, number, -1).cummax(1).values
    own = torch.full_like(number, -1)
    for branch in range(1, int(batch.branch.max()) + 1):
        here = batch.branch == branch
        own = torch.where(here, torch.where(here & begins, number, -1).cummax(1).values, own)
    return torch.where(own >= 0, own, shared)


def _spread(tokens: Float[Tensor, "pictures latents 128"], counts: Int[Tensor, " rows"]) -> Tensor:
    """Each row's tokens side by side, zeros where a row has fewer pictures than the most."""
    parts = [part.flatten(0, 1) for part in tokens.split(counts.tolist())]
    return nn.utils.rnn.pad_sequence(parts, batch_first=True)
