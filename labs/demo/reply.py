"""Answers an audience can look into: how sure, what would have been said without looking, and what it rests on.

The map is by occlusion (Zeiler and Fergus, 2013, https://arxiv.org/abs/1311.2901): a window of the picture is painted
over, and what the answer loses in log-probability is put where the window lay. It needs nothing of a model but its
logits. Windows are a third of the picture wide: a thing that is hidden in part is known by the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.evaluation.answering import answers
from labs.evaluation.heldout import blank
from labs.models.catalog import Loaded
from labs.models.chat import message
from labs.models.conversation import ALONG_TOKENS, write
from labs.tuning.feature_cache import features_once

WINDOWS = 5  # a side, overlapping by half: 25 pictures more to read for each question
WIDE = 1 / 3  # of a window, in picture widths: as wide as the cell that a thing keeps to
LONGEST = 60  # tokens of an answer
SHORT = 12  # tokens; of longer answers `sure` is that of a token on average
TOGETHER = 32  # pictures that are read at once
LITTLE = 0.05  # nats: below it an answer does not hang on any window


@dataclass(frozen=True)
class Reply:
    """One question's answer. `rests` holds, window by window, the nats lost when it is hidden, never below 0."""

    question: str
    answer: str
    sure: float  # probability that the model gives this very answer; of a long one that of a token, on average
    blind: str  # the answer to the picture's mean colour
    rests: Float[np.ndarray, "windows windows"]

    @property
    def looked(self) -> bool:
        """Whether hiding some part of the picture makes the answer less likely."""
        return bool(self.rests.max() > LITTLE)


def reply(loaded: Loaded, picture: Image.Image, questions: Sequence[str]) -> list[Reply]:
    """Answer questions about one picture, greedily, and look into each answer."""
    mean = blank([picture])[0]
    shown = [picture] * len(questions) + [mean] * len(questions)
    told = answers(loaded, shown, [*questions, *questions], max_new_tokens=LONGEST)
    said, blind = told[: len(questions)], told[len(questions) :]
    views = [_look(loaded, view) for view in [picture, *hidden(picture, mean)]]
    with features_once(loaded.model):  # of frozen eyes, for all questions
        found = [likelihoods(loaded, picture, views, *pair) for pair in zip(questions, said, strict=True)]
    return [_reply(*one) for one in zip(questions, said, blind, found, strict=True)]


@torch.no_grad()
def likelihoods(
    loaded: Loaded, picture: Image.Image, views: Sequence[dict[str, Tensor]], question: str, answer: str
) -> tuple[Float[Tensor, " views"], int]:
    """Log-probability (nats) of an answer, its end included, beside each view; and of how many tokens it is.

    `views` are `_look`s at pictures of the size of `picture`, for whose places in the text all are the same.
    """
    asked = [message(loaded.entry.briefly(question))]
    given = [*asked, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]
    begun = write(loaded.processor, asked, [picture])["input_ids"].shape[1]
    row = {name: one for name, one in write(loaded.processor, given, [picture]).items() if name in ALONG_TOKENS}
    targets, logs = row["input_ids"][:, begun:], []
    for start in range(0, len(views), TOGETHER):
        part = views[start : start + TOGETHER]
        inputs = {name: one.expand(len(part), -1) for name, one in row.items()}
        inputs |= {name: torch.cat([view[name] for view in part]) for name in part[0]}
        inputs = {name: one.to(loaded.model.device) for name, one in inputs.items()}
        logits = loaded.model(**inputs, use_cache=False).logits[:, begun - 1 : -1].float().cpu()
        logs.append(logits.log_softmax(-1).gather(-1, targets.expand(len(part), -1)[..., None])[..., 0].sum(-1))
    return torch.cat(logs), targets.shape[1]


def hidden(picture: Image.Image, mean: Image.Image) -> list[Image.Image]:
    """The picture with one window after another painted in its mean colour, row by row."""
    result = []
    for box in windows(picture.size):
        covered = picture.copy()
        covered.paste(mean.crop(box), box[:2])
        result.append(covered)
    return result


def windows(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) in pixels, row by row; together they cover the picture."""
    width, height = size
    starts = np.linspace(0, 1 - WIDE, WINDOWS)
    return [
        (round(x * width), round(y * height), round((x + WIDE) * width), round((y + WIDE) * height))
        for y in starts
        for x in starts
    ]


def _reply(question: str, answer: str, blind: str, found: tuple[Tensor, int]) -> Reply:
    logs, tokens = found
    sure = (logs[0] if tokens <= SHORT else logs[0] / tokens).exp().item()
    return Reply(question, answer, sure, blind, (logs[0] - logs[1:]).clamp(min=0).reshape(WINDOWS, WINDOWS).numpy())


def _look(loaded: Loaded, picture: Image.Image) -> dict[str, Tensor]:
    """What the processor makes of a picture, without the text around it: pictures of one size, tensors of one shape."""
    inputs = write(loaded.processor, [message("?")], [picture])
    return {name: tensor for name, tensor in inputs.items() if name not in ALONG_TOKENS}
