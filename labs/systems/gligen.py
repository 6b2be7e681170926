"""GLIGEN (Li et al., 2023, https://arxiv.org/abs/2301.07093): gated self-attention lets boxes into a model that makes
pictures from texts and stays frozen, and so keeps what it can do.

Kept: tokens made of what a thing is called and of its box's Fourier features; gates tanh(0) = 0 at first, between the
self-attention and the cross-attention of every block; boxes for the first share tau of the steps alone; names that
never came with a box. Layer, tokens and features are held to the library's by tests.
Left out: keypoints, reference pictures and masks in the place of boxes; the base is labs.systems.parts.text_to_picture.

Following boxes is learned slowly, so that one set of gated layers that learned for long ships
(labs.systems.parts.grounded) and most claims are about it: their seeds are seeds of the noise. Where two ways of
learning are compared both learn anew with each seed, for a shorter time.
Captions with boxes name colours and shapes, so that place and size are left to the boxes; words can tell them, too, if
only by cell. A judge that knows true pictures alone says what a picture shows, and pixels where in its cell a thing
lies. Whether it has the right colour counts for a box, not its shape, which the base misses in every third.
"""

from collections.abc import Callable
from functools import cache, partial

from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from labs.models.diffusion.denoiser import Denoiser
from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes, grounded, text_to_picture
from labs.systems.parts.boxes_filled import as_told, elsewhere, filled, overlaps, same_words
from labs.systems.parts.grounded import asked, build, layouts, place
from labs.systems.parts.picture_judge import truth
from labs.systems.parts.small_pictures import THINGS, draw_small, image
from labs.systems.parts.text_to_picture import noise
from labs.world.captions import caption
from labs.world.scene import Scene

HELDOUT = 150  # scenes
LOOKS, EARLY = 15, 0.4  # steps of DDIM; the share of them in which boxes count, where not in all
MODELS = ("base", "shipped", "gated", "everything", "closed")  # who makes the picture
GIVEN = ("boxes", "none", "words", "another's", "early boxes")  # what it is given beside names
FIT = "overlap of box and thing"


# ---------------------------------------------------------------------------------------------------------------
# Pictures of held-out scenes


@cache
def exam() -> tuple[Scene, ...]:
    """The held-out scenes."""
    return eyes.fresh("heldout", HELDOUT, THINGS)


def model_of(name: str, seed: int) -> Denoiser:
    """One of `MODELS`."""
    if name not in MODELS:
        raise ValueError(f"name must be one of {', '.join(MODELS)}, not {name!r}")
    fixed = {"base": text_to_picture.shipped, "shipped": grounded.shipped, "closed": lambda: build(seed).eval()}
    return fixed[name]() if name in fixed else grounded.grounded(name, seed)


@cache
def made(name: str, given: str, seed: int) -> Float[Tensor, "scenes 3 36 36"]:
    """A picture of each scene, by one of `MODELS` that gets one of `GIVEN`."""
    if given not in GIVEN:
        raise ValueError(f"given must be one of {', '.join(GIVEN)}, not {given!r}")
    texts = [caption(scene, "places" if given == "words" else "tags") for scene in exam()]
    where = None if given in ("none", "words") else asked(layouts(exam()))
    if given == "another's":
        where = where._replace(at=elsewhere(where.at, exam()))
    tau = EARLY if given == "early boxes" else 1.0
    return place(model_of(name, seed), texts, where, noise(len(texts), seed), tau, looks=LOOKS)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def fits(seed: int, name: str, given: str, never: bool = False) -> Scores:
    """How well each thing's box is filled: its overlap with the nearest thing of its colour, 0 if there is none.

    Of things of the shapes that came with boxes in training, or `never` did.
    """
    return Scores(*filled(made(name, given, seed), exam(), never))


def fits_true(seed: int, never: bool = False) -> Scores:
    """The same of true pictures: how far the judge can be trusted."""
    return Scores(*filled(draw_small(exam()), exam(), never))


def fits_in_words(seed: int) -> Scores:
    """The same of other scenes with the same captions, read without fault: how much words can say of a box."""
    return Scores(*overlaps(truth(same_words(exam(), seed)), exam()))


def drawn(seed: int, name: str) -> Scores:
    """1 for each thing that a picture shows as the caption tells it, with place and size; no boxes are given."""
    return Scores(*as_told(made(name, "words", seed), exam()))


def changed(seed: int) -> Scores:
    """How far new gates take a picture from the base's, with the same noise: the farthest pixel."""
    apart = (made("closed", "boxes", seed) - made("base", "none", seed)).abs().amax((1, 2, 3))
    return Scores(apart.tolist(), range(len(apart)))


def follow(model: Denoiser, scene: Scene, given: str = "boxes", seed: int = 0) -> Image.Image:
    """For a notebook: a picture of a scene, with the boxes drawn that were asked for."""
    where = asked(layouts([scene])) if given == "boxes" else None
    (picture,) = place(model, [caption(scene, "tags")], where, noise(1, seed))
    page = image(picture, times=4)
    for box in truth([scene]).boxes[0] * page.width:
        if box.any():
            ImageDraw.Draw(page).rectangle([*box.round().tolist()], outline=(255, 255, 255))
    return page


def claims() -> list[Claim]:
    """Boxes are followed, what was there stays, and names need not have come with boxes."""
    return [*_following(), *_staying()]


def _following() -> list[Claim]:
    true = "true pictures"
    gated, other = "gated, boxes", "gated, another's boxes"
    nowhere, words = "base, names alone", "base, told in words"
    early, faultless = "gated, boxes early", "in words, without fault"
    arms = {
        gated: partial(fits, name="shipped", given="boxes"),
        other: partial(fits, name="shipped", given="another's"),
        nowhere: partial(fits, name="base", given="none"),
        words: partial(fits, name="base", given="words"),
        early: partial(fits, name="shipped", given="early boxes"),
        faultless: fits_in_words,
        true: fits_true,
    }  # fmt: skip

    def some(*names: str) -> dict[str, Callable[[int], Scores]]:
        return {name: arms[name] for name in (*names, true)}

    unseen = {name: partial(arm, never=True) for name, arm in some(gated, other, words).items()}
    return [
        Claim(
            "boxes are followed",
            "With gated layers in a frozen model, things fill the boxes that are asked for better than where it is "
            "told the same names alone.",
            FIT, some(gated, nowhere, other), gated, nowhere, ceiling=true,
        ),
        Claim(
            "boxes say more than words",
            "Things fill their boxes better than where the frozen model is told in words where each is and how big.",
            FIT, some(gated, words, faultless), gated, words, ceiling=true,
        ),
        Claim(
            "names that never came with boxes",
            "Things whose shape never came with a box in training fill their boxes better than if another "
            "scene's boxes are asked for.",
            FIT, unseen, gated, other, ceiling=true,
        ),
        Claim(
            "boxes matter early",
            f"Boxes that count in the first {EARLY:.0%} of the steps alone are followed as well, within 5 points, as "
            "boxes that count in all.",
            FIT, some(early, gated), early, gated, within=0.05, ceiling=true,
        ),
    ]  # fmt: skip


def _staying() -> list[Claim]:
    """Both learn anew with each seed."""
    right = "things as the caption tells them, with place and size"
    return [
        Claim(
            "as good as tuning everything",
            "At equal steps, gated layers alone follow boxes as well, within 5 points, as a model all of whose weights "
            "learn.",
            FIT,
            {
                "gated": partial(fits, name="gated", given="boxes"),
                "everything tuned": partial(fits, name="everything", given="boxes"),
            },
            "gated", "everything tuned", within=0.05,
        ),
        Claim(
            "what it could stays",
            "Without boxes, the frozen model with gated layers draws what is told in words better than a model all of "
            "whose weights learned to follow boxes.",
            right,
            {
                "gated": partial(drawn, name="gated"), "base": partial(drawn, name="base"),
                "everything tuned": partial(drawn, name="everything"),
            },
            "gated", "everything tuned",
        ),
        Claim(
            "closed gates", "New gates are closed: the first pictures are the base's, whatever boxes are asked for.",
            "farthest pixel", {"new gates": changed}, "new gates", 0.0, within=0.0, unit="of 2", given=True,
        ),
    ]  # fmt: skip
