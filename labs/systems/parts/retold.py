"""Sight told as text: a captioner writes down what it sees, and a language model that sees nothing goes by that.

    seen    </s> <picture> . the colour of the star is | red
    told    </s> a red star at the top . the colour of the star is | red      written about the picture, then read

Language as the medium (https://arxiv.org/abs/2309.10783) classifies videos so: captioners for frames and for sounds,
an off-the-shelf language model behind them, nothing tuned. Here captioner and reader share one language model, which
has read texts about scenes; only its projector has met pictures, and only captions of them.
"""

from collections.abc import Sequence
from functools import cache

import torch
from PIL import Image

from labs.evaluation import heldout
from labs.evaluation.exam import Exam
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts import captioner, eyes, instructions
from labs.systems.parts.base_words import END
from labs.world.captions import caption

PICTURES, DATA = 100, 3000  # and the data seed that those of arms are added to
LONGEST = 64  # words of a caption
WAYS = ("seen", "told", "told of other pictures", "told the truth")


@cache
def model() -> Loaded:
    """The shipped captioner, which goes on with texts alone as well."""
    return captioner.load()


@cache
def exam(seed: int) -> Exam:
    """Held-out pictures; of each kind that one offers a statement to be completed."""
    return instructions.exam(PICTURES, DATA + seed, way="stated")


@torch.no_grad()
def go_on(starts: Sequence[str], pictures: Sequence[Image.Image] = (), longest: int = 12) -> list[str]:
    """How the model goes on with each start, behind its picture if there are any, until it ends or stops."""
    loaded, texts = model(), []
    for at in range(0, len(starts), instructions.BATCH):
        inputs = loaded.processor(
            images=list(pictures[at : at + instructions.BATCH]) or None,
            text=[f"</s>{one}" for one in starts[at : at + instructions.BATCH]], padding=True, padding_side="left",
            return_tensors="pt",
        )  # fmt: skip
        written = loaded.model.generate(**inputs, max_new_tokens=longest, do_sample=False, eos_token_id=END)
        texts += loaded.processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]


@cache
def captions(seed: int, others: bool) -> list[str]:
    """What the captioner writes about each picture of the exam, or about another one in its place."""
    pictures = heldout.shuffled(exam(seed).pictures) if others else exam(seed).pictures
    return go_on(["<image>. "] * len(pictures), pictures, LONGEST)


@cache
def completed(seed: int, way: str) -> Scores:
    """1 where a statement is completed rightly, in one of `WAYS`. Raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    asked = exam(seed)
    if way == "seen":
        pictures = [asked.pictures[item.picture] for item in asked.new]
        return instructions.right(go_on([f"<image>. {item.question}" for item in asked.new], pictures), asked)
    if way == "told the truth":
        scenes = eyes.scenes("heldout", PICTURES, instructions.THINGS, DATA + seed)
        written = [caption(scene, "places") for scene in scenes]
    else:
        written = captions(seed, way == "told of other pictures")
    texts = [written[item.picture].rstrip(" .") for item in asked.new]
    return instructions.right(go_on([f"{text}. {item.question}" for text, item in zip(texts, asked.new, strict=True)]),
                              asked)  # fmt: skip
