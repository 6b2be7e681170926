"""Sentences as rendered text, cut into patches, and as words: what one decoder learns to go on with, and to tell from.

    the small red star is above the blue ring      a strip of pixels, in patches of 12 x 11; 31 a sentence
    <text> the small red star is above the ...     10 words between a beginning and an end

Patches know nothing of words: letters are seldom two times at the same place of a patch. DualGPT (Chai et al., 2024,
https://arxiv.org/abs/2404.10710) learns to regress the next patch and to classify the next token, from pages of
pixels, from texts, and from pairs of both, and is then tuned on few labels to tell something of rendered text.
Kept: both heads on one decoder; what the mix is. Left out: colour and size of its pages, 400 million documents, GLUE.
"""

import random
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.mixed_writer import MixedWriter
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS

COUNTS = {"train": 3000, "lessons": 3000, "choice": 300, "exam": 300}  # scenes, two things each
SEEDS = {"train": 4, "lessons": 5, "choice": 4, "exam": 5}  # of the data; settings were chosen on "choice"
EXAM = "exam"  # the split that is asked
HEIGHT, LETTER, PATCH, PATCHES = 11, 6, 12, 31  # pixels; of the font of one size that Pillow has; patches a sentence
STEPS, BATCH, RATE = 400, 32, 2e-3  # whatever the mix
TUNING, LABELS = 120, 128
SHIFTS = (1, 2, 3, 4)  # of the control: sentences so many places on
MIXES = {  # which parts a step in turn learns from, of four each
    "pixels": (("pixels",),) * 4,
    "pixels and texts": (("pixels",), ("text",), ("pixels",), ("text",)),
    "pixels, texts and pairs": (("pixels",), ("text",), ("pixels", "text"), ("text",)),
    "nothing": (),
}


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Raises ValueError for a split that is none of `COUNTS`."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split in ("train", "lessons") else "heldout", COUNTS[split], (2,), SEEDS[split])


@cache
def sentences(split: str) -> tuple[str, ...]:
    """Where one thing is from the other, of all scenes of a split; either may come first."""
    rng = random.Random(f"rendered {split}")
    return tuple(_sentence(scene, rng) for scene in scenes(split))


def _sentence(scene: Scene, rng: random.Random) -> str:
    one, other = rng.sample(scene.things, 2)
    where = ("above" if one.row < other.row else "below") if one.row != other.row else "beside"
    return f"the {one.size} {one.colour} {one.shape} is {where} the {other.colour} {other.shape}"


def render(text: str) -> Float[Tensor, "31 132"]:
    """A sentence as patches of pixels, 1 for ink and 0 for paper. Raises ValueError for one that is too long."""
    wide = PATCH * PATCHES
    if LETTER * len(text) > wide:
        raise ValueError(f"a sentence must have at most {wide // LETTER} letters, not {len(text)}")
    page = Image.new("L", (wide, HEIGHT))
    ImageDraw.Draw(page).text((0, 0), text, fill=255, font=ImageFont.load_default_imagefont())
    ink = torch.from_numpy(np.asarray(page).copy()).float() / 255
    return ink.unflatten(1, (PATCHES, PATCH)).transpose(0, 1).flatten(1)


@cache
def pixels(split: str) -> Float[Tensor, "sentences 31 132"]:
    """All sentences of a split, rendered; pixels about 0 with deviation 1."""
    ink = torch.stack([render(text) for text in sentences(split)])
    return (ink - 0.15) / 0.36


@cache
def lexicon() -> Lexicon:
    """All words of these sentences."""
    return Lexicon(sentences("train"))


@cache
def words(split: str) -> Int[Tensor, "sentences words"]:
    """All sentences of a split as tokens, from their beginning to their end."""
    return lexicon().write(sentences(split))


def parts_of(kinds: Sequence[str], split: str, chosen: Int[Tensor, " n"]) -> list[Tensor]:
    """A row of pixels, of text, or of pixels and then the same as text."""
    return [(pixels if kind == "pixels" else words)(split)[chosen] for kind in kinds]


def continued(model: MixedWriter, parts: Sequence[Tensor]) -> Float[Tensor, ""]:
    """The loss of every part but the very first place of the row."""
    first = parts[0]
    return model.loss([first[:, :1], first[:, 1:], *parts[1:]], given=1)


@cache
def pretrain(seed: int, mix: str) -> MixedWriter:
    """A decoder that has gone on with rows of a mix, one of `MIXES`."""
    torch.manual_seed(seed)
    model, kinds = MixedWriter(len(lexicon()), HEIGHT * PATCH), MIXES[mix]
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        return continued(model, parts_of(kinds[step % len(kinds)], "train", at(step)))

    if kinds:
        learn(model.parameters(), loss, STEPS, RATE)
    return model


@cache
def colours(split: str) -> Int[Tensor, "sentences 2"]:
    """What colour the thing named first is, and the other."""
    told = [[word for word in text.split() if word in COLOURS] for text in sentences(split)]
    return torch.tensor([[list(COLOURS).index(word) for word in pair] for pair in told])


@cache
def tuned(seed: int, mix: str) -> nn.ModuleList:
    """That decoder and a head after both have learned from `LABELS` rendered sentences what colours they name."""
    model = MixedWriter(len(lexicon()), HEIGHT * PATCH)
    model.load_state_dict(pretrain(seed, mix).state_dict())
    torch.manual_seed(seed)
    both, at = (
        nn.ModuleList([model, nn.Linear(model.words.embedding_dim, 2 * len(COLOURS))]),
        batches(LABELS, BATCH, seed),
    )

    def loss(step: int) -> Tensor:
        logits = told(both, pixels("lessons")[at(step)])
        return cross_entropy(logits.flatten(0, 1), colours("lessons")[at(step)].flatten())

    learn(both.parameters(), loss, TUNING, RATE)
    return both.eval().requires_grad_(False)


def told(both: nn.ModuleList, shown: Float[Tensor, "n 31 132"]) -> Float[Tensor, "n 2 8"]:
    """How likely each colour is, of the thing named first and of the other, from the last place of the pixels."""
    return both[1](both[0].hidden([shown])[:, -1]).unflatten(1, (2, -1))


def reads(seed: int, mix: str, another: bool = False) -> Scores:
    """1 for each colour told rightly from rendered sentences; as a control of `another` sentence each, four of them."""
    said = told(tuned(seed, mix), pixels(EXAM)).argmax(-1)
    good = torch.stack([said.roll(by, 0) == colours(EXAM) for by in (SHIFTS if another else (0,))]).float().mean(0)
    return Scores(good.flatten().tolist(), torch.arange(len(good)).repeat_interleave(2).tolist())
