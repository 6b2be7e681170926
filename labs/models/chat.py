"""Pictures and a question in, an answer out: the same call for both generations of model."""

from collections.abc import Sequence

import torch
from PIL import Image

from labs.models.catalog import Loaded
from labs.models.conversation import write
from labs.models.messages import demand

MAX_NEW_TOKENS = 120


def message(question: str, pictures: int = 1) -> dict:
    """A user's message in the `messages` format: the pictures, then the question."""
    return {"role": "user", "content": [{"type": "image"}] * pictures + [{"type": "text", "text": question}]}


@torch.no_grad()
def answer(
    loaded: Loaded, pictures: Sequence[Image.Image], question: str, history: Sequence[dict] = (), **generate
) -> str:
    """Answer one question about one or several pictures, greedily.

    `history` holds earlier messages of the conversation; then the pictures belong to its first message.
    """
    if loaded.entry.model_class == "GitForCausalLM":
        return _answer_git(loaded, pictures, question, **generate)
    new = {"role": "user", "content": [{"type": "text", "text": question}]}
    messages = [*history, new] if history else [message(question, len(pictures))]
    inputs = write(loaded.processor, messages, pictures)
    inputs = {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}
    generated = loaded.model.generate(**inputs, **(_greedy() | generate))
    return loaded.processor.decode(generated[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def git_inputs(loaded: Loaded, pictures: Sequence[Image.Image], question: str) -> dict[str, torch.Tensor]:
    """What GIT goes on from: the pictures, and the question as a text left open. Raises ConversationError."""
    tokenizer = loaded.processor.tokenizer
    ours = "<assistant>" in tokenizer.get_vocab()
    demand(ours or len(pictures) == 1, f"this GIT reads one picture, not {len(pictures)}: ask about each by itself")
    prompt = f"<user>{question}<assistant>" if ours else question
    inputs = loaded.processor(images=list(pictures), text=prompt, return_tensors="pt").to(loaded.model.device)
    pixels, ids = inputs["pixel_values"], inputs["input_ids"]
    if ids[0, -1] == tokenizer.sep_token_id:  # which would close the text
        ids = ids[:, :-1]
    if len(pictures) > 1:
        pixels = pixels[None]  # (1, frames, 3, height, width): GIT's own form for a sequence of pictures
    return {"pixel_values": pixels, "input_ids": ids}


def _answer_git(loaded: Loaded, pictures: Sequence[Image.Image], question: str, **generate) -> str:
    """GIT goes on with the text that it is given: the question, left open."""
    inputs = git_inputs(loaded, pictures, question)
    # The library's cache assumes the full number of frames; without it one picture is as good as five.
    options = _greedy() | {"use_cache": False} | generate
    generated = loaded.model.generate(**inputs, **options)
    return loaded.processor.decode(generated[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def _greedy() -> dict:
    return {"max_new_tokens": MAX_NEW_TOKENS, "do_sample": False}
