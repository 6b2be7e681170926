"""Video-LLaMA (Zhang et al., 2023, https://arxiv.org/abs/2306.02858): a language model that sees films and hears; its
audio branch has learned from what is seen alone, because ImageBind's ears share the space of pictures.

Kept: the frozen picture encoder frame by frame, learned positions of frames, a Q-Former over all frames and a linear
layer; the audio branch with ImageBind's frozen ears, a Q-Former and a linear layer; a frozen language model; the two
branches trained each by itself; films' and sounds' words side by side before the question.
Left out: the paper's pre-training on web films and its tuning on instructions; several stretches of a sound and their
positions; BLIP-2's picture Q-Former between the eyes and the video Q-Former; the scale.

Films are made for what is asked: a thing that moves by its radius, or a parade of three things, of which only the order
of frames tells which came first. Besides, what a frame rate is good for, and what can be done while frames still come.
Order is learned soon, motion late: hence most films to learn from are of motion (seen with one seed, on other scenes).
"""

from functools import partial

import torch
from jaxtyping import Bool
from torch import Tensor

from labs.systems.claim import Claim, Scores
from labs.systems.parts import bound, films, listened
from labs.systems.parts.arriving import passes_left
from labs.systems.parts.branches import choose, language
from labs.systems.parts.films import watch
from labs.systems.parts.interleaved import pages, row
from labs.systems.parts.shown import right
from labs.systems.parts.talk import lay_out, told_rightly
from labs.systems.parts.taught_branches import FRAMES, listener, watcher
from labs.world import clip

RATES = (1, 2, 4, 8)  # frames of a film


# ---------------------------------------------------------------------------------------------------------------
# Measuring; `shift` shows, or lets sound, what belongs to another question, so many places on


def moves(seed: int, frames: int = FRAMES, positions: bool = True, shift: int = 0) -> Scores:
    """1 where it is told rightly which way a thing moves."""
    shown = films.moving()
    words = watcher(seed, frames, positions)(watch(shown, "heldout", frames).roll(shift, 0))
    return _of_each(right(language(), words, [film.pairs for film in shown]), 1)


def orders(seed: int, positions: bool = True, shuffled: bool = False) -> Scores:
    """1 where of a parade's three shapes the first, and the last, is found; `shuffled` puts frames in any order."""
    shown = films.parades()
    seen, shapes = watch(shown, "heldout", FRAMES), [films.shapes(film, "heldout") for film in shown]
    if shuffled:
        generator = torch.Generator().manual_seed(seed)
        seen = torch.stack([one[torch.randperm(FRAMES, generator=generator)] for one in seen])
    found = choose(watcher(seed, FRAMES, positions)(seen), [film.pairs for film in shown], shapes)
    return _of_each(found == torch.tensor([0, 2]).repeat(len(shown)), 2)


def hears(seed: int, taught: str = "pictures", shift: int = 0, dark: bool = False, sound: bool = True) -> Scores:
    """1 where a thing's shape, and its colour, is told rightly: from its sound, or from a `dark` film, or from both."""
    words, pairs = [], listened.questions()
    if dark:
        words.append(watcher(seed, FRAMES, True)(listened.darkness(FRAMES)).expand(len(pairs), -1, -1))
    if sound:
        vectors = bound.bind("sound", seed).embed(listened.exam()).roll(shift, 0)
        words.append(listener(seed, taught)(vectors))
    return _of_each(right(language(), torch.cat(words, dim=1), pairs), len(listened.KINDS))


def interleaved(seed: int, shift: int = 0, in_words: bool = False) -> Scores:
    """1 where a colour or a shape is told rightly of film, text or sound of a page, or of all three told in words."""
    given, shown = pages(), pages()[shift:] + pages()[:shift]
    watched = watch([films.moving()[page.filmed] for page in shown], "heldout", FRAMES)
    vectors = bound.bind("sound", seed).embed([listened.exam()[page.heard] for page in shown])
    words = torch.cat([watcher(seed, FRAMES, True)(watched), listener(seed, "pictures")(vectors)], dim=1)
    batch = lay_out([row(page, other, in_words) for page, other in zip(given, shown, strict=True)])
    return _of_each(told_rightly(language(), batch, None if in_words else words), len(given[0].pairs))


def frames_per_pass(seed: int, meanwhile: bool) -> Scores:
    """For films of so many frames: frames watched for each pass of the eyes that is left when the question comes."""
    frames = clip.as_pictures(clip.film(films.pool("heldout")[seed]))
    return Scores([count / passes_left(frames[:count], meanwhile) for count in RATES], range(len(RATES)))


def _of_each(found: Bool[Tensor, " answers"], count: int) -> Scores:
    """So many answers about each film or thing."""
    return Scores(found.float().tolist(), [number // count for number in range(len(found))])


def claims() -> list[Claim]:
    """Order and motion, frame rates, the audio branch, both branches, frames that are still to come."""
    return [*_in_time(), *_frame_rates(), *_heard()]


def _in_time() -> list[Claim]:
    ordered = {
        "positions": orders, "no positions": partial(orders, positions=False),
        "positions, frames shuffled": partial(orders, shuffled=True),
    }  # fmt: skip
    moving = {
        f"{FRAMES} frames": moves, "1 frame": partial(moves, frames=1), "no positions": partial(moves, positions=False),
        "another film": partial(moves, shift=1),
    }  # fmt: skip
    return [
        Claim(
            "order needs positions", "Of three things that come one after another, the first and the last are told "
            "from the frames with learned positions, and not from the same frames without.", "right of three shapes",
            ordered, "positions", "no positions", controls=dict.fromkeys(list(ordered)[1:], 1 / 3),
        ),
        Claim(
            "motion needs frames", f"From {FRAMES} frames it is told which way a thing moves, which one frame does not "
            "show.", "right answers of 5", moving, f"{FRAMES} frames", "1 frame",
            controls={"1 frame": 0.2, "another film": 0.2},
        ),
    ]  # fmt: skip


def _frame_rates() -> list[Claim]:
    motions = {_frames(count): partial(moves, frames=count) for count in RATES}
    at = {"as they arrive": True, "at the question": False}
    arriving = {name: partial(frames_per_pass, meanwhile=meanwhile) for name, meanwhile in at.items()}
    return [
        Claim(
            "frame rate, motion", f"Within 5 points, two frames, the begin and the end, tell a steady motion as well "
            f"as {_frames(RATES[-1])} do.", "right answers of 5", motions, _frames(2), _frames(RATES[-1]), within=0.05,
            controls={_frames(1): 0.2},
        ),
        Claim(
            "while frames arrive", "If each frame is encoded while the next one is awaited, the last one alone is left "
            "when the question comes.", "frames watched for a pass that is left", arriving, "as they arrive",
            "at the question", unit="frames", given=True,
        ),
    ]  # fmt: skip


def _heard() -> list[Claim]:
    alone = {f"taught by {taught}": partial(hears, taught=taught) for taught in listened.TAUGHT}
    alone["another sound"] = partial(hears, shift=1)
    dark = {
        "dark film and sound": partial(hears, dark=True), "dark film": partial(hears, dark=True, sound=False),
        "dark film, another sound": partial(hears, dark=True, shift=1), "sound": hears,
    }  # fmt: skip
    page = {
        "interleaved": interleaved, "another page's": partial(interleaved, shift=1),
        "all told in words": partial(interleaved, in_words=True),
    }  # fmt: skip
    metric, ceiling = "right answers about shape and colour", "taught by sounds"
    return [
        Claim(
            "sound without sounds", "An audio branch that has learned from vectors of pictures, and from no sound, "
            "answers from a thing's sound better than from another's.", metric, alone, "taught by pictures",
            "another sound", controls={"another sound": 1 / 8}, ceiling=ceiling,
        ),
        Claim(
            "pictures teach as sounds do", "From sounds it answers as well as a branch that has learned from sounds, "
            "within 5 points.", metric, alone, "taught by pictures", ceiling, within=0.05,
            controls={"another sound": 1 / 8},
        ),
        Claim(
            "film, text and sound", "Of a film, a text and a sound on one page each is told more of than of those of "
            "other pages, though the branches have never been read together.", "right answers about shape and colour",
            page, "interleaved", "another page's", ceiling="all told in words",
        ),
        Claim(
            "sound beside a dark film", "With both branches on, what a dark film does not show is told from the sound "
            "beside it better than from the film alone, though the branches have never been read together.", metric,
            dark, "dark film and sound", "dark film", controls={"dark film, another sound": 1 / 8},
        ),
    ]  # fmt: skip


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count > 1)}"
