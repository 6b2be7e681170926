"""A model as worksheet 1 meets it: pictures and a conversation in, logits for the next token out, again and again.

ids, read = reading(loaded, messages, pictures)
read(ids)[-1].argmax()          the likeliest next token
"""

from collections.abc import Callable, Sequence

import torch
from PIL import Image
from torch import Tensor

from labs.models.catalog import Loaded
from labs.models.chat import git_inputs
from labs.models.conversation import ALONG_TOKENS, write
from labs.models.messages import text_of


def reading(
    loaded: Loaded, messages: Sequence[dict], pictures: Sequence[Image.Image]
) -> tuple[list[int], Callable[[list[int]], Tensor]]:
    """The prompt's tokens, and a function that reads tokens with these pictures: ids -> logits (len(ids), vocabulary).

    It keeps nothing from call to call, so it looks at the pictures every time. Raises ConversationError.
    """
    inputs, model = _inputs(loaded, messages, pictures), loaded.model
    seen = {name: value for name, value in inputs.items() if name not in ALONG_TOKENS}

    @torch.no_grad()
    def read(ids: list[int]) -> Tensor:
        given = torch.tensor([ids], device=model.device)
        logits = model(**seen, input_ids=given, attention_mask=torch.ones_like(given), use_cache=False).logits
        return logits[0, -len(ids) :].float().cpu()  # GIT has rows for its pictures before

    return inputs["input_ids"][0].tolist(), read


def ends(loaded: Loaded) -> list[int]:
    """The tokens that end an answer: none, one, or several."""
    end = loaded.model.generation_config.eos_token_id
    return [] if end is None else [end] if isinstance(end, int) else list(end)


@torch.no_grad()
def generated(loaded: Loaded, messages: Sequence[dict], pictures: Sequence[Image.Image], most: int) -> list[int]:
    """What the library's `generate` writes for the same, the ending token included, without its cache too."""
    inputs = _inputs(loaded, messages, pictures)
    told = loaded.model.generate(**inputs, max_new_tokens=most, do_sample=False, use_cache=False)
    return told[0, inputs["input_ids"].shape[1] :].tolist()


def _inputs(loaded: Loaded, messages: Sequence[dict], pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
    if loaded.entry.model_class == "GitForCausalLM":  # has no chat template, and reads one question
        return git_inputs(loaded, pictures, text_of(messages[-1]))
    inputs = write(loaded.processor, messages, pictures)
    return {name: value.to(loaded.model.device) for name, value in inputs.items()}
