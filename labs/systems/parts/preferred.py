"""Descriptions learned as they are found, then from pairs of the model's own, ranked by one thing or another.

    supervised   an adapter learns from written descriptions (labs.systems.parts.companions) and is melted in
    pairs        two replies of that model to each of some other pictures, drawn at temperature 1
    preferences  another adapter learns which of the two is the better one, by DPO (labs.tuning.by_hand.dpo)

All rankers are given the same pairs, those of which facts and length both have a say: they differ in what has won.
"""

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from labs.models.chat import message
from labs.models.entry import Loaded
from labs.systems.parts import captioner, companions, eyes
from labs.systems.parts.chair import agreement, words
from labs.systems.parts.instructions import Talk, question, records, tune
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.statements import KINDS
from labs.tuning.adapters import merge
from labs.tuning.by_hand.dpo import Pair, before, dpo_loss, log_probabilities
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.sharing import SharedCollator
from labs.world.scene import Scene
from labs.world.wordings import INSTRUCTIONS

REQUEST = INSTRUCTIONS["en"]["places"][0]
LESSONS, ASKED, STEPS, LORA = 2048, 4, 240, 16  # pictures, short questions about each, steps, rank
PROMPTS, PAIRS = 1900, 1024  # pictures that replies are drawn for, and pairs that are kept of them
OTHERS = 1000  # added to the data seed of lessons: that of other pictures
RANK, UPDATES, AT_ONCE = 8, 96, 16
RATES = {"DPO": 1e-3, "supervised": 4e-3}
LONGEST, TOGETHER = 64, 200  # words of a reply; pictures at a time


class Drawn(NamedTuple):
    """Two replies to the request to say what is where in a scene's picture."""

    scene: Scene
    replies: tuple[str, str]


# ---------------------------------------------------------------------------------------------------------------
# Supervised tuning, and replies


@cache
def supervised(seed: int, true: bool) -> Loaded:
    """The captioner after it has learned to describe and to answer, from descriptions as found or from `true` ones."""
    loaded = supervised_adapter(seed, true)
    return Loaded(loaded.entry, merge(copy.deepcopy(loaded.model), "default"), loaded.processor)


@cache
def supervised_adapter(seed: int, true: bool) -> Loaded:
    """The same with the adapter still beside the weights."""
    return tune(lessons(seed, true), seed, STEPS, LORA)


def lessons(seed: int, true: bool) -> list[Talk]:
    """A description of each picture, and some short questions: the same in either case, with true answers."""
    writes, asks, talks = random.Random(f"written {seed}"), random.Random(f"asked {seed}"), []
    for scene in companions.scenes(LESSONS, seed):
        talks.append(Talk([(REQUEST, companions.written(scene, writes, true))], scene))
        talks += [Talk([turn], scene) for turn in questions(scene, asks, ASKED)]
    return talks


def questions(scene: Scene, rng: random.Random, kinds: int) -> list[tuple[str, str]]:
    """Short questions of so many kinds, those that the scene does not offer left out, with their true answers."""
    asked = (question(scene, rng, kind) for kind in rng.sample(KINDS, kinds))
    return [(one.text, one.answer) for one in asked if one]


@torch.no_grad()
def describe(loaded: Loaded, scenes: Sequence[Scene], times: int = 0, seed: int = 0) -> list[list[str]]:
    """What a model replies to the request about each picture: greedily, or so many `times` drawn at temperature 1."""
    processor, found, count = loaded.processor, [], max(1, times)
    text = processor.apply_chat_template([message(REQUEST)], add_generation_prompt=True)
    how = {"do_sample": True, "temperature": 1.0, "top_k": 0} if times else {"do_sample": False}
    with torch.random.fork_rng(), features_once(loaded.model):
        torch.manual_seed(seed)
        for start in range(0, len(scenes), TOGETHER):
            pictures = [eyes.picture_of(scene) for scene in scenes[start : start + TOGETHER]]
            inputs = processor(images=pictures, text=[text] * len(pictures), return_tensors="pt")
            written = loaded.model.generate(**inputs, **how, num_return_sequences=count, max_new_tokens=LONGEST)
            texts = processor.tokenizer.batch_decode(written[:, inputs["input_ids"].shape[1] :], True)
            found += [texts[place : place + count] for place in range(0, len(texts), count)]
    return found


# ---------------------------------------------------------------------------------------------------------------
# Rankers


def facts_win(pair: Drawn, coin: bool) -> bool:
    """Whether the first reply is the better one by what the scene shows."""
    first, second = (agreement(reply, pair.scene) for reply in pair.replies)
    return first > second


def longer_wins(pair: Drawn, coin: bool) -> bool:
    """Whether the first is longer."""
    first, second = (words(reply, pair.scene) for reply in pair.replies)
    return first > second


def chance_wins(pair: Drawn, coin: bool) -> bool:
    """What a coin says; of many, half say one thing."""
    return coin


RANKERS: Mapping[str, Callable[[Drawn, bool], bool]] = {
    "facts": facts_win, "length": longer_wins, "chance": chance_wins,
}  # fmt: skip


@cache
def drawn(seed: int) -> tuple[Drawn, ...]:
    """Pairs of the supervised model's replies to other pictures, about which facts and length both have a say."""
    scenes = companions.scenes(PROMPTS, OTHERS + seed)
    replies = describe(supervised(seed, False), scenes, 2, seed)
    found = [Drawn(scene, (one, other)) for scene, (one, other) in zip(scenes, replies, strict=True)]
    return tuple(pair for pair in found if _told_apart(pair))[:PAIRS]


def _told_apart(pair: Drawn) -> bool:
    return all(pair.replies) and all(
        len({judge(reply, pair.scene) for reply in pair.replies}) == 2 for judge in (words, agreement)
    )


def ranked(seed: int, ranker: str) -> list[tuple[str, str]]:
    """Of each pair what won and what lost. Raises KeyError for a ranker that there is not."""
    judge, pairs = RANKERS[ranker], drawn(seed)
    coins = [number % 2 == 0 for number in range(len(pairs))]
    random.Random(f"coins {seed}").shuffle(coins)
    return [pair.replies if judge(pair, coin) else pair.replies[::-1] for pair, coin in zip(pairs, coins, strict=True)]


# ---------------------------------------------------------------------------------------------------------------
# Learning from pairs


@cache
def preferring(seed: int, ranker: str, loss: str) -> Loaded:
    """The supervised model with an adapter that has learned from ranked pairs, by "DPO", or "supervised" again, from
    what won alone.
    """
    start = supervised(seed, False)
    model = add_lora(copy.deepcopy(start.model), LoraSpec(RANK, 2 * RANK), seed)
    pairs = encoded(start, seed, ranker)
    collate = SharedCollator(start.processor.tokenizer.pad_token_id, captioner.PICTURE)
    with features_once(model):
        known = torch.cat([before(model, pairs[at : at + 64], collate) for at in range(0, len(pairs), 64)])
        at = batches(len(pairs), AT_ONCE, seed)

        def loss_at(step: int) -> Tensor:
            chosen = at(step).tolist()
            now = log_probabilities(model, [pairs[number] for number in chosen], collate)
            if loss == "supervised":
                return -now[:, 0].mean()
            return dpo_loss(*now.T, *known[chosen].T).mean()

        learn(model.parameters(), loss_at, UPDATES, RATES[loss])
    return Loaded(start.entry, model.eval().requires_grad_(False), start.processor)


def encoded(loaded: Loaded, seed: int, ranker: str) -> list[Pair]:
    """What won and what lost, as the engine reads them."""
    talks = [Talk([(REQUEST, reply)], pair.scene)
             for pair, replies in zip(drawn(seed), ranked(seed, ranker), strict=True) for reply in replies]  # fmt: skip
    read = list(Examples(loaded.processor, records(talks)))
    return [read[place : place + 2] for place in range(0, len(read), 2)]
