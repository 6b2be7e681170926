"""Captions, answers and stories as one task, and captions of the web made fit to learn from.

GIT (Wang et al., 2022, https://arxiv.org/abs/2205.14100): a picture encoder and a text decoder do every task by telling
the text that follows the pictures, and what was pre-trained is fine-tuned. BLIP (Li et al., 2022,
https://arxiv.org/abs/2201.12086): captions of the web are noisy; a captioner writes new ones and a filter throws out
those that do not fit, both pre-trained on the noise itself and fine-tuned on a few pairs that people wrote (CapFilt).

Kept: GitForCausalLM as bundled (mini-git), and the same from scratch; BLIP's own text transformer; nucleus sampling;
the filter judges both the web's captions and the new ones; a model that is trained anew on what is left.
Left out: BLIP's contrastive loss and momentum; its eyes, for which frozen ones stand in; 129 million pairs.

In the claims about mini-git as it is, seeds draw held-out scenes, for there is one mini-git; in all others they draw
weights, batches and the web's mistakes. "More than by another scene's pictures" read "never" before a first look at
other scenes, where a quarter of the short answers could be guessed.
"""

import random
from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import GitForCausalLM

from labs.evaluation import heldout
from labs.models import mini
from labs.models.pixels import to_pixels
from labs.systems.claim import Claim, Scores
from labs.systems.parts.capfilt import bootstrapped, describe
from labs.systems.parts.git_text import Text, mini_git, text_logits, told_exactly, write
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.objectives import next_word
from labs.systems.parts.web import Pairs, true_pairs, web
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.thermal_camera import Reading, sample_reading
from labs.world.wordings import INSTRUCTIONS

TASKS = {"captions": 400, "questions": 100, "stories": 150}  # pictures of each, or stories of five
DRAW = 200  # of held-out scenes; the first ones were looked at while this was written
STARTS = ("mini-git", "mini-git's eyes", "nothing")
TUNED_FOR = ("hottest", "coldest")  # questions about a thermal picture, whose answers are places
READINGS, TESTED = 1024, 300  # thermal pictures
# Enough for mini-git. Behind its eyes alone a new decoder learns which words are places; it still guesses which of them
# after 600 steps at twice the rate.
TUNING, READ_AT_ONCE, TUNING_RATE = 120, 16, 1e-3


def build(start: str, seed: int) -> GitForCausalLM:
    """GIT before it is tuned: pre-trained, with pre-trained eyes alone, or as drawn."""
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, not {start!r}")
    trained = mini_git().model
    if start == "mini-git":
        return deepcopy(trained)
    model = mini.generative(mini_git().processor.tokenizer, seed)
    if start == "mini-git's eyes":
        model.git.image_encoder.load_state_dict(trained.git.image_encoder.state_dict())
    return model


# ---------------------------------------------------------------------------------------------------------------
# One task: text after pictures


@cache
def exam(task: str, seed: int) -> tuple[Float[Tensor, "shown *pictures 3 72 72"], list[int], Text]:
    """Held-out pictures, which of them each text is about, and the texts, the true answers in them."""
    count, seed = TASKS[task], DRAW + seed
    if task == "stories":
        stories = heldout.stories(count, seed)
        pixels = torch.stack([to_pixels([draw(scene) for scene in story.scenes]) for story in stories])
        turns = [(INSTRUCTIONS["en"]["story"][0], story.text()) for story in stories]
        return pixels, list(range(count)), write([[turn] for turn in turns])
    if task == "questions":
        scenes, items = heldout.questions(count, seed)
        turns, about = [(item.question, item.answer) for item in items], [item.picture for item in items]
    else:
        rng, about = random.Random(f"{task} {seed}"), list(range(count))
        scenes = [splits.sample(rng, "heldout") for _ in about]
        turns = [(INSTRUCTIONS["en"]["places"][0], caption(scene)) for scene in scenes]
    return to_pixels([draw(scene) for scene in scenes]), about, write([[turn] for turn in turns])


def tell(task: str, seed: int, others: bool = False) -> Scores:
    """1 where mini-git tells the whole text, word for word; `others` shows it the next entry's pictures."""
    pixels, about, text = exam(task, seed)
    shown = (pixels.roll(-1, 0) if others else pixels)[about]
    return Scores(told_exactly(mini_git().model, shown, text).float().tolist(), about)


# ---------------------------------------------------------------------------------------------------------------
# Pre-training, then fine-tuning


@cache
def readings(split: str, count: int) -> tuple[Float[Tensor, "readings 3 72 72"], list[Reading]]:
    """Thermal pictures, and what can be asked about them."""
    rng = random.Random(f"readings {split} {DRAW}")
    found = [sample_reading(rng, split) for _ in range(count)]
    return to_pixels([reading.picture for reading in found]), found


@cache
def tuned(start: str, seed: int, blind: bool = False) -> GitForCausalLM:
    """GIT after it has learned to read a thermal camera; `blind` shows it another scene's picture each time."""
    model, at = build(start, seed).train(), batches(READINGS, READ_AT_ONCE, seed)
    pixels, found = readings("train", READINGS)
    rng = random.Random(seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        ids, labels = write([[found[i].asked[kind] for kind in rng.sample(TUNED_FOR, 2)] for i in chosen.tolist()])
        return next_word(text_logits(model, pixels[chosen.roll(1) if blind else chosen], ids), labels)

    learn(model.parameters(), loss, TUNING, TUNING_RATE)
    return model.eval()


@cache
def read_thermal(start: str, seed: int, blind: bool = False) -> Scores:
    """1 where a held-out question is answered rightly."""
    model, (pixels, found) = tuned(start, seed, blind), readings("heldout", TESTED)
    text, about = write([[one.asked[kind]] for kind in TUNED_FOR for one in found]), list(range(TESTED))
    return Scores(told_exactly(model, torch.cat([pixels] * 2), text).float().tolist(), 2 * about)


def claims() -> list[Claim]:
    """What GIT and BLIP say of themselves."""
    return [*(_one_task(task) for task in TASKS), *_pretraining(), *_capfilt()]


def _one_task(task: str) -> Claim:
    return Claim(
        f"one task, {task}",
        f"With one set of weights and no part of its own for it, a model that tells text after pictures gets more "
        f"whole {task} right than by another scene's pictures.",
        "told word for word",
        {"mini-git": partial(tell, task), "mini-git, other pictures": partial(tell, task, others=True)},
        "mini-git", "mini-git, other pictures",
    )  # fmt: skip


def _pretraining() -> list[Claim]:
    arms = {start: partial(read_thermal, start) for start in STARTS}
    arms["mini-git, pictures shuffled"] = partial(read_thermal, "mini-git", blind=True)
    common = {"metric": "right places", "arms": arms, "controls": {"mini-git, pictures shuffled": 1 / 9}}
    return [
        Claim(
            "pre-training pays",
            "Fine-tuned for equally many steps on a camera that neither has seen before, a pre-trained model reads it "
            "better than the same model from scratch.",
            better="mini-git", than="nothing", **common,
        ),
        Claim(
            "more than eyes",
            "Of the gain by pre-training a part lies in the decoder: pre-trained eyes alone gain less.",
            better="mini-git", than="mini-git's eyes", **common,
        ),
    ]  # fmt: skip


def _capfilt() -> list[Claim]:
    found = {
        "web": web,
        "web, filtered": partial(bootstrapped, rewritten=False, filtered=True),
        "web, rewritten": partial(bootstrapped, rewritten=True, filtered=False),
        "web, rewritten and filtered": partial(bootstrapped, rewritten=True, filtered=True),
        "web, all captions true": lambda seed: true_pairs("web"),
    }
    taught_by = {
        "people's few pairs": lambda seed: true_pairs("people"),
        **{name: partial(_beside_people, pairs) for name, pairs in found.items()},
        "web, all captions wrong": partial(web, share=1.0),
    }
    captions = {name: partial(describe, pairs) for name, pairs in taught_by.items()}
    common = {"metric": "colours and shapes right", "arms": captions, "ceiling": "web, all captions true",
              "controls": {"web, all captions wrong": 1 / 8}}  # fmt: skip
    return [
        Claim(
            "CapFilt",
            "A captioner learns more from a noisy web that was rewritten and filtered than from the web as it is.",
            better="web, rewritten and filtered", than="web", **common,
        ),
        Claim(
            "rewriting adds to filtering",
            "New captions in the place of those thrown out teach more than throwing out alone.",
            better="web, rewritten and filtered", than="web, filtered", **common,
        ),
    ]  # fmt: skip


def _beside_people(found: Callable[[int], Pairs], seed: int) -> Pairs:
    return found(seed) + true_pairs("people")
