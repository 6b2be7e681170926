"""What denoisers are asked that are led by more than words: held-out pairs, and what a picture shows of them.

A score is 1 for each shape and each colour, upper and lower, that the judge reads as it should be. Controls are led by
what belongs to another scene and are held to the scene's own truth.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import aligned_painting, canvases, exchanged, picture_prompts, regressed, shown_examples
from labs.systems.parts.painted_pairs import bright, judge, pairs
from labs.systems.parts.picture_prompts import composed, denoiser, prompt_of
from labs.systems.parts.prompted_denoiser import Prompt, crop_tokens, paint

EXAM = "exam"
MARK = 2  # of shape, upper colour and lower colour the one that no word tells


def right(pictures: Float[Tensor, "n 3 12 24"], names: Int[Tensor, "n 2 3"], part: int | None = None) -> Scores:
    """1 for each shape and colour of each thing that a picture shows as it should, or of one `part` of `names`."""
    found = (judge(pictures) == names).float()
    found = found.flatten(1) if part is None else found[..., part]
    return Scores(found.flatten().tolist(), [scene for scene in range(len(found)) for _ in range(found.shape[1])])


# ---------------------------------------------------------------------------------------------------------------
# Crops in the place of words, and rows that are read as a whole


def led(seed: int, by: str, part: int | None = None) -> Scores:
    """Pictures led by crops of "one" picture, of "two", of "another's", or by "words" to who has learned from words."""
    given = pairs(EXAM)
    names, crops = composed(given) if by == "two" else (given.names, given.crops)
    crops = crops.roll(1, 0) if by == "another's" else crops
    shown = torch.full(names.shape[:2], by != "words")
    model = denoiser(seed, crops=by != "words")
    return right(paint(model, prompt_of(names, crops, shown), seed), names, part)


def exchanges(seed: int, way: str, another: bool = False) -> Scores:
    """Crops and an instruction, read "together" or "apart"; `another` pair's crops instead."""
    row, names, _ = _asked(another)
    return right(paint(exchanged.reader(seed, way), row, seed), names)


def written(seed: int, way: str, another: str = "") -> Scores:
    """The same by what a writer goes on with, which a finished denoiser reads; `another` "crops" or "instruction"."""
    row, names, _ = _asked(another == "crops", another == "instruction")
    crops, _ = regressed.write(regressed.writer(seed, way), row, way)
    return right(paint(denoiser(seed), _shown(crops), seed), names)


def as_features(seed: int, way: str) -> Scores:
    """The same by crops of the true picture as they are, or as the book of codes tells them."""
    _, names, crops = _asked()
    crops = crops if way == "regressed" else regressed.decoded(regressed.coded(crops))
    return right(paint(denoiser(seed), _shown(crops), seed), names)


def _asked(
    another: bool = False, otherwise: bool = False
) -> tuple[Prompt, Int[Tensor, "n 2 3"], Float[Tensor, "n 2 512"]]:
    """Rows with every instruction in turn, and names and crops of what they ask for."""
    given = exchanged.exchanges(EXAM)
    scenes = torch.arange(len(given.shown))
    asked = scenes % len(exchanged.INSTRUCTIONS)
    told = (asked + 1) % len(exchanged.INSTRUCTIONS) if otherwise else asked
    row = exchanged.row_of(given.shown.roll(1, 0) if another else given.shown, told)
    return row, given.names[asked, scenes], given.crops[asked, scenes]


def _shown(crops: Float[Tensor, "n 2 512"]) -> Prompt:
    return Prompt(crop_tokens(crops), torch.ones(crops.shape[:2], dtype=torch.bool))


# ---------------------------------------------------------------------------------------------------------------
# Sounds, examples, canvases


@cache
def pulled(seed: int, pull: float) -> Float[Tensor, "n 3 12 24"]:
    """Pictures of nobody's prompt, each half pulled at by the sound of a thing."""
    heard = aligned_painting.hear(pairs(EXAM).things, seed)
    return aligned_painting.paint_alike(denoiser(seed), heard, seed, pull)


def sounded(seed: int, pull: float = aligned_painting.PULL, another: bool = False) -> Scores:
    """Whether shape and colour that were heard are seen, the colour in both halves; or those of `another` sound."""
    names = pairs(EXAM).names[..., [0, 1, 1]]
    return right(pulled(seed, pull), names.roll(1, 0) if another else names)


def grounded(seed: int, examples: str) -> Scores:
    """Lower colours of rare kinds, told by words and by "retrieved" examples, "true" crops, "another's", or "none"."""
    given = shown_examples.usual_pairs(EXAM)
    crops = {
        "retrieved": lambda: shown_examples.examples_for(given.names),
        "another's": lambda: shown_examples.examples_for(given.names.roll(1, 0)),
        "true": lambda: picture_prompts.standard(given.crops),
        "none": lambda: None,
    }[examples]()
    model = shown_examples.grounded(seed, examples != "none")
    return right(paint(model, shown_examples.prompt_with(given.names, crops), seed), given.names, MARK)


def joined(seed: int, tasks: str, another: bool = False) -> Scores:
    """A subject put into a picture: 1 for shape, upper and lower colour if right both of it and of what was to stay."""
    given = canvases.canvases(EXAM)
    left = torch.arange(len(given.names)) % 2 == 0
    names = torch.where(left[:, None, None], torch.tensor([[1], [0]]), torch.tensor([[0], [1]]))
    names = torch.where(names > 0, given.guests[:, None], given.names)
    prompt = canvases.asked(crop_tokens(given.crops.roll(1, 0) if another else given.crops), left)
    made = judge(paint(canvases.maker(seed, tasks), prompt, seed, bright(given.pictures)))
    both = (made == names).all(1).float()
    return Scores(both.flatten().tolist(), [scene for scene in range(len(both)) for _ in range(both.shape[1])])


def better_alone(seed: int) -> Scores:
    """The same by the better of the two models that learned one task."""
    return max((joined(seed, tasks) for tasks in ("editing", "subjects")), key=lambda one: sum(one.values))
