"""How a decoder that knows nothing of modalities learns to write one after another, and writes it.

is read      <picture> 3 61 ... </picture> <text>   a   big   red   star
is learned                                  a      big  red   star  </text>
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel

from labs.systems.parts.tagged import Tagged


def written_loss(
    model: GPT2LMHeadModel, given: Int[Tensor, "n some"], asked: Int[Tensor, "n more"]
) -> Float[Tensor, ""]:
    """Cross-entropy of what is to be written, its end included; its beginning is given, for that says what is asked."""
    hidden = model.transformer(input_ids=torch.cat([given, asked], 1)).last_hidden_state
    logits = model.lm_head(hidden[:, -asked.shape[1] : -1])
    return cross_entropy(logits.flatten(0, 1), asked[:, 1:].flatten())


@torch.no_grad()
def write(
    model: GPT2LMHeadModel,
    words: Tagged,
    given: Int[Tensor, "n some"],
    asked: str,
    free: bool = False,
    draw: int | None = None,
) -> Int[Tensor, "n longer"]:
    """What follows the beginning of `asked`: as many tokens as there should be, and one more for the end.

    `free` allows the whole vocabulary. `draw`, a seed, draws tokens as likely as they are; else the likeliest is taken.
    """
    begin = torch.full((len(given), 1), words.begin[asked])
    read, past, told, generator = torch.cat([given, begin], 1), None, [], torch.Generator().manual_seed(draw or 0)
    for _ in range(words.lengths[asked] + 1):
        out = model(input_ids=read, past_key_values=past, use_cache=True)
        past, logits = out.past_key_values, out.logits[:, -1]
        if not free:
            logits = logits.masked_fill(~words.owns(asked), -torch.inf)
        if draw is None:
            read = logits.argmax(-1, keepdim=True)
        else:
            read = torch.multinomial(logits.softmax(-1), 1, generator=generator)
        told.append(read)
    return torch.cat(told, 1)
