"""SEEM: one decoder that segments whatever a point, a box, a scribble, a text, a sound or several of them mean.

"Segment Everything Everywhere All at Once" (2023, https://arxiv.org/abs/2304.06718): prompts of all kinds become tokens
of one space, and one decoder answers them, or without a prompt gives the semantic, instance and panoptic map.
Kept: the visual sampler for marks of all kinds, text and names of masks in the space of one frozen text tower, set
prediction with the best assignment, prompts put together that training gives one at a time. The paper's demonstration
turns sound into text; here an audio spectrogram transformer puts the sound of a thing where the text for it lies.
Left out: memory of earlier rounds, masked attention, marks in another picture, and more or fewer things than three.
"""

from functools import cache, partial

import torch
from torch import Tensor

from labs.systems.claim import Claim, Scores
from labs.systems.parts import segmentation_exam as exam
from labs.systems.parts.asking import WEAK, ask, choose, meant, view
from labs.systems.parts.bound_sound import hear
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.panoptic import finding_loss
from labs.systems.parts.segmenter import Segmenter, mask_loss

TRAIN, STEPS, BATCH = 2048, 600, 8  # scenes; steps; scenes a step
LONGER = 4  # times as many steps, for the model that ships
MARKED = ("point", "box", "scribble")
# What is asked four times about each scene of a step, one of several kinds each time.
TAUGHT = {
    "everything": (MARKED, ("text",), ("sound",), ("word", "loose box", "word and loose box", "word and loose box")),
    "one at a time": (MARKED, ("text",), (*MARKED, "text"), ("word", "loose box")),  # and never a sound
    "only points": (("point",),) * 4,
    "only texts": (("text",),) * 4,
    "no prompts": (),
}


def build(seed: int) -> Segmenter:
    """A fresh segmenter of a quarter of a million parameters."""
    torch.manual_seed(seed)
    return Segmenter()


@cache
def train(seed: int, taught: str = "everything", times: float = 1) -> Segmenter:
    """`STEPS` or a part of them on what `TAUGHT` says. Specialists for one prompt never learn to find things alone."""
    model, seen, menu = build(seed), view("train", TRAIN), TAUGHT[taught]
    heard, draw = hear("train", TRAIN, seed), torch.Generator().manual_seed(seed)
    at = batches(TRAIN, BATCH, seed)

    def loss_at(step: int) -> Tensor:
        batch = seen.of(at(step))
        looked, loss = model.look(batch.pictures, batch.patches), torch.zeros(())
        if menu:
            things, kinds = choose(menu, batch, draw)
            answers = model.answer(looked, ask(batch, things, kinds, heard[at(step)]))
            loss = loss + mask_loss(answers, meant(batch, things)).mean()
        return loss if taught.startswith("only") else loss + finding_loss(model.things(looked), batch)

    learn(model.parameters(), loss_at, int(times * STEPS))
    return model.eval()


def answered(seed: int, kind: str, taught: str = "everything", **how: str | bool) -> Scores:
    """IoU of the answers to held-out prompts of a kind; `how` goes to `exam.answered`."""
    return exam.answered(train(seed, taught), exam.heard_things(seed), kind, **how)


def better_alone(seed: int, taught: str) -> Scores:
    """The better of two weak prompts without the other."""
    return max((answered(seed, kind, taught) for kind in WEAK[:2]), key=lambda scores: sum(scores.values))


def both_kinds(seed: int, point: str, text: str) -> Scores:
    """Points answered by the decoder taught one thing, texts by the decoder taught another."""
    one, other = answered(seed, "point", point), answered(seed, "text", text)
    return Scores([*one.values, *other.values], [*one.scenes, *other.scenes])


def panoptic_quality(seed: int, taught: str = "everything", of_another: bool = False) -> Scores:
    """Of the maps of each held-out scene."""
    return exam.panoptic_quality(train(seed, taught), of_another)


def named(seed: int, shuffled: bool = False) -> Scores:
    """Things of unseen pairs that were found and named."""
    return exam.named(train(seed), shuffled)


def claims() -> list[Claim]:
    """Each kind of prompt alone; two weak ones together; one decoder against specialists; and no prompt at all."""
    return [*_prompts_alone(), *_several_in_one(), *_no_prompt()]


def _prompts_alone() -> list[Claim]:
    text, other = partial(answered, kind="text"), "text for another scene"
    unheard = partial(answered, kind="sound", taught="one at a time", pairs="seen")
    return [
        *(_follows(kind) for kind in (*MARKED, "text")),
        Claim(
            "unseen pair",
            "A text that names a colour and a shape which training never showed together still finds the thing.",
            "IoU with the thing asked for",
            {"text": partial(text, pairs="unseen"), other: partial(text, pairs="unseen", of_another=True)},
            "text", other,
        ),
        Claim(
            "sound never heard",
            "A decoder that never met a sound follows one, because sounds were bound to the space of its texts.",
            "IoU with the thing asked for",
            {
                "sound never heard": unheard,
                "sound for another scene": partial(unheard, of_another=True),
                "sound taught": partial(answered, kind="sound", pairs="seen"),
            },
            "sound never heard", "sound for another scene", ceiling="sound taught",
        ),
        Claim(
            "the right thing",
            "A text singles out the thing that it names, and the text for another scene singles out none.",
            "IoU with the thing asked for, less that with the others",
            {"text": partial(text, less_others=True), other: partial(text, less_others=True, of_another=True)},
            "text", other, controls={other: 0.0},
        ),
    ]  # fmt: skip


def _follows(kind: str) -> Claim:
    other = f"{kind} for another scene"
    return Claim(
        kind, f"The decoder finds the thing that a {kind} means.", "IoU with the thing asked for",
        {kind: partial(answered, kind=kind), other: partial(answered, kind=kind, of_another=True)}, kind, other,
    )  # fmt: skip


def _several_in_one() -> list[Claim]:
    met = {"one at a time": "never met two at once", "everything": "met two at once"}
    return [
        *(_two_weak(taught, which) for taught, which in met.items()),
        Claim(
            "one for all",
            "One decoder taught five kinds of prompt and all maps is as good, within 5 points, as two that were taught "
            "points or texts alone in as many steps each.",
            "IoU with the thing asked for",
            {
                "one decoder": partial(both_kinds, point="everything", text="everything"),
                "specialists": partial(both_kinds, point="only points", text="only texts"),
            },
            "one decoder", "specialists", within=0.05,
        ),
    ]  # fmt: skip


def _two_weak(taught: str, met: str) -> Claim:
    return Claim(
        f"two weak prompts, {taught}",
        "A word and a loose box that fit two things each are followed better together than the better one alone, by a "
        f"decoder that {met}.",
        "IoU with the one thing that fits both",
        {
            "together": partial(answered, kind=WEAK[2], taught=taught),
            "better one alone": partial(better_alone, taught=taught),
        },
        "together", "better one alone",
    )  # fmt: skip


def _no_prompt() -> list[Claim]:
    return [
        Claim(
            "all maps, too",
            "The decoder that answers prompts draws panoptic maps as well, within 5 points, as one never asked.",
            "panoptic quality",
            {
                "one decoder": panoptic_quality,
                "no prompts": partial(panoptic_quality, taught="no prompts"),
                "maps of another scene": partial(panoptic_quality, of_another=True),
            },
            "one decoder", "no prompts", within=0.05, controls={"maps of another scene": 0.0},
        ),
        Claim(
            "open vocabulary",
            "Things of pairs that training never showed are found and named rightly, of all 64 names, more often than "
            "by knowing their shape or their colour alone.",
            "found and named", {"names": named, "shuffled names": partial(named, shuffled=True)}, "names", 1 / 8,
            controls={"shuffled names": 1 / 64},
        ),
    ]  # fmt: skip
