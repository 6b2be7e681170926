"""InstructPix2Pix (Brooks et al., 2022, https://arxiv.org/abs/2211.09800): a text-to-picture model learns to edit a
picture as an instruction asks, from triplets of picture, instruction and picture.

Kept: it starts from a finished denoiser of latents (labs.systems.parts.text_to_picture) with a frozen text tower and a
frozen autoencoder; the picture's latents lie beside the noise, and the new weights that read them are zero at first;
instruction, picture or both are left out for a twentieth of the examples each; guidance with two scales, equation 3,
held to the library's pipeline.
Left out: the language model and the picture model that made the paper's triplets (here they follow from the world, and
are always true), and real pictures: these have 36 x 36 pixels.
Editing is learned slowly, so that one editor that learned for long ships (labs.systems.parts.taught_edits) and most
claims are about it: their seeds are seeds of the noise. Where two are compared they learn anew with each seed.

A judge that knows true pictures alone says what a picture shows; `done` is whether the cells that an edit is about show
what was asked for, `kept` how much of the other cells looks as it did. "Keeps what no words tell" was written after the
figures of "keeps the rest" were known.
"""

from collections.abc import Callable
from functools import cache, partial

from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from labs.models.diffusion.denoiser import Denoiser
from labs.systems.claim import Claim, Scores
from labs.systems.parts import taught_edits, text_to_picture
from labs.systems.parts.edits_made import Scales, as_asked, carry_out, done, edits, kept, others_kept
from labs.systems.parts.small_pictures import draw_small, image
from labs.systems.parts.text_to_picture import noise, paint
from labs.world.captions import caption
from labs.world.edits import KINDS, Edit

EXAM, HELDOUT = 2, 120  # data seed (settings were chosen on edits of 0 and 1), and edits: twenty of each kind
LOOKS = 15  # steps of DDIM
USUAL = Scales(1.5, 2.0)  # if nothing else is said
LITTLE, MUCH = (
    {"picture": Scales(1.0, 2.0), "text": Scales(1.5, 0.5)},
    {"picture": Scales(2.5, 2.0), "text": Scales(1.5, 4.0)},
)
GRID = tuple(Scales(picture, text) for picture in (1.0, 1.5, 2.5) for text in (0.5, 2.0, 4.0))


# ---------------------------------------------------------------------------------------------------------------
# What is made of the held-out edits


@cache
def exam() -> tuple[Edit, ...]:
    """The held-out edits."""
    return edits("heldout", HELDOUT, EXAM)


@cache
def before() -> Float[Tensor, "edits 3 36 36"]:
    """Their pictures as they are before."""
    return draw_small([edit.before for edit in exam()])


@cache
def made(start: str, seed: int, scales: Scales, instructions: str) -> Float[Tensor, "edits 3 36 36"]:
    """What an editor makes of every picture: the "shipped" one, or one that learned from `start` with this seed.

    "another" gives it the instruction of the next edit of the same kind.
    """
    shift = {"own": 0, "another": len(KINDS)}[instructions]
    texts = [edit.instruction for edit in (*exam()[shift:], *exam()[:shift])]
    model = taught_edits.shipped() if start == "shipped" else taught_edits.editor(start, seed)
    return carry_out(model, before(), texts, scales, noise(len(before()), seed), LOOKS)


@cache
def redrawn(seed: int) -> Float[Tensor, "edits 3 36 36"]:
    """What the text-to-picture model draws of the picture after, told every thing with its place and size."""
    texts = [caption(edit.after) for edit in exam()]
    return paint(text_to_picture.shipped(), texts, noise(len(texts), seed), looks=LOOKS)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def carried_out(seed: int, scales: Scales = USUAL, instructions: str = "own") -> Scores:
    """1 where an edit was done."""
    return _scores(done(made("shipped", seed, scales, instructions), exam()))


def nears(seed: int, start: str) -> Scores:
    """How much of the cells that an edit is about looks as in the true picture after."""
    pictures, after = made(start, seed, USUAL, "own") if start else before(), [edit.after for edit in exam()]
    return _scores(as_asked(pictures, draw_small(after), exam()))


def unharmed(seed: int, scales: Scales = USUAL, how: str = "edited") -> Scores:
    """How much of the rest was kept, pixel by pixel."""
    pictures = redrawn(seed) if how == "redrawn" else made("shipped", seed, scales, "own")
    return _scores(kept(pictures, before(), exam()))


def recognised(seed: int, how: str) -> Scores:
    """1 where all else is read as it was: things that an edit is not about, with place, size and colour."""
    pictures = redrawn(seed) if how == "redrawn" else made("shipped", seed, USUAL, "own")
    return _scores(others_kept(pictures, exam()))


def untouched(seed: int) -> Scores:
    """Edits done by who does nothing."""
    return _scores(done(before(), exam()))


def _scores(values: Float[Tensor, " edits"] | Bool[Tensor, " edits"]) -> Scores:
    return Scores(values.float().tolist(), range(len(values)))


def curve(model: Denoiser, count: int = 60, looks: int = LOOKS, grid: tuple[Scales, ...] = GRID) -> dict[Scales, tuple]:
    """For a notebook: for each pair of scales the share of edits done, and how much of the rest was kept."""
    some, shown, found = exam()[:count], before()[:count], {}
    for scales in grid:
        pictures = carry_out(model, shown, [edit.instruction for edit in some], scales, noise(len(some), 0), looks)
        found[scales] = (done(pictures, some).float().mean().item(), kept(pictures, shown, some).mean().item())
    return found


def strip(model: Denoiser, edit: Edit, grid: tuple[Scales, ...], seed: int = 0) -> list[Image.Image]:
    """For a notebook: the picture before, and what becomes of it at each pair of scales, from the same noise."""
    shown = draw_small([edit.before])
    pictures = [carry_out(model, shown, [edit.instruction], scales, noise(1, seed)) for scales in grid]
    return [image(one[0], times=4) for one in (shown, *pictures)]


def claims() -> list[Claim]:
    """Edits are done, the rest is kept, and two scales trade the one for the other."""
    return [*_editing(), *_two_scales()]


def _editing() -> list[Claim]:
    own, other, copied = "own instruction", "another edit's instruction", "the picture as it was"
    return [
        Claim(
            "follows the instruction",
            "A text-to-picture model that learned from triplets does what an instruction asks more often than when it "
            "gets the instruction of another edit of the same kind.",
            "edits done",
            {own: carried_out, other: partial(carried_out, instructions="another"), copied: untouched},
            own, other, controls={copied: 0.0},
        ),
        Claim(
            "starts from pictures with captions",
            "At equal steps on triplets, a model that had learned to draw captions comes nearer to the true picture "
            "after, in the cells that the edit is about, than a new one.",
            "pixels of these cells that look as they should",
            {
                "pretrained": partial(nears, start="pretrained"), "from scratch": partial(nears, start="scratch"),
                copied: partial(nears, start=""),
            },
            "pretrained", "from scratch",
        ),
        Claim(
            "keeps the rest",
            "Who sees the picture before leaves all other things as they were more often than who draws the picture "
            "after anew from a complete description.",
            "pictures in which all else is read as it was",
            {"edited": partial(recognised, how="edited"), "redrawn": partial(recognised, how="redrawn")},
            "edited", "redrawn",
        ),
        Claim(
            "keeps what no words tell", "Pixel by pixel, more of the rest is left as it was: the wall, the places.",
            "pixels of the rest that look as they did",
            {"edited": unharmed, "redrawn": partial(unharmed, how="redrawn")}, "edited", "redrawn",
        ),
    ]  # fmt: skip


def _two_scales() -> list[Claim]:
    """Each scale, little and much, with the other one as usual."""

    def arms(measure: Callable[..., Scores], which: str) -> dict[str, Callable[[int], Scores]]:
        three = {"little": LITTLE[which], "usual": USUAL, "much": MUCH[which]}
        return {
            f"s_I {one.picture}, s_T {one.text}, {name}": partial(measure, scales=one) for name, one in three.items()
        }

    def claim(name: str, hypothesis: str, measure: Callable[..., Scores], which: str, more: str) -> Claim:
        metric = "edits done" if measure is carried_out else "pixels of the rest that look as they did"
        found = arms(measure, which)
        little, _, much = found
        return Claim(name, hypothesis, metric, found, *((much, little) if more == "much" else (little, much)))

    return [
        claim("s_T does more", "The farther guidance goes for the instruction, the more edits are done.",
              carried_out, "text", "much"),
        claim("s_T keeps less", "The farther guidance goes for the instruction, the less of the rest is kept.",
              unharmed, "text", "little"),
        claim("s_I keeps more", "The farther guidance goes for the picture, the more of the rest is kept.",
              unharmed, "picture", "much"),
        claim("s_I does less", "The farther guidance goes for the picture, the fewer edits are done.",
              carried_out, "picture", "little"),
    ]  # fmt: skip
