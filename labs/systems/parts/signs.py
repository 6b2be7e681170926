"""Small things and written signs on large pictures, and what is asked about them."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import eyes, shown, told
from labs.systems.parts.connected import STEPS, Connected, answers, build, train
from labs.systems.parts.lookout import EXAM, Material
from labs.systems.parts.talk import answer_logits, pair, write
from labs.systems.parts.tiles import look
from labs.world.scene import Scene
from labs.world.vocabulary import SIGNS

TRAIN, HELDOUT, ASKED = 3072, 300, 6
UNREAD = SIGNS[-2:]  # words that stand on no sign in training: the language model knows them from texts alone
KINDS = ("colour", "shape")


@cache
def material(split: str, tiled: bool, words: tuple[str, ...] = SIGNS) -> Material:
    """Scenes of one or two things and a sign that says one of `words`, with several questions each.

    Held-out ones have one about a colour, one about a shape and one about the sign.
    """
    scenes = scenes_with_signs(split, words)
    asked = []
    for number, scene in enumerate(scenes):
        rng = random.Random(f"signs {number}")
        if split == "train":
            asked.append(told.questions(scene, rng, ASKED, (*KINDS, "sign", "sign")))
        else:
            asked.append([one for kind in (*KINDS, "sign") if (one := told.question(scene, rng, kind))])
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    return Material(scenes, _seen(split, words, tiled), pairs, [[one.kind for one in some] for some in asked])


@cache
def scenes_with_signs(split: str, words: Sequence[str]) -> tuple[Scene, ...]:
    """The scenes; every word stands on as many signs, but for the rest of a division."""
    rng, found = random.Random(f"signs {split}"), []
    count, seed = (TRAIN, 0) if split == "train" else (HELDOUT, EXAM)
    for number, scene in enumerate(eyes.scenes(split, count, (1, 2), seed)):
        free = sorted(set(range(9)) - {thing.cell for thing in scene.things})
        found.append(replace(scene, sign=words[number % len(words)], sign_cell=rng.choice(free)))
    return tuple(found)


@cache
def _seen(split: str, words: tuple[str, ...], tiled: bool) -> Float[Tensor, "scenes regions 128"]:
    return look(scenes_with_signs(split, words), tiled)


# ---------------------------------------------------------------------------------------------------------------
# Who learns to read them, and how it is measured


@cache
def reader(seed: int, tiled: bool, words: tuple[str, ...], blind: bool) -> Connected:
    """A Q-Former that has learned from questions and descriptions of such pictures; all else is frozen.

    How loud it comes in is set on other pictures, of 36 patches that are not whitened. That does no harm: a Q-Former
    ends with a norm, so that its words are as loud, to a tenth, whatever it reads (held by a test).
    """
    model, given = build("Q-Former", seed=seed), material("train", tiled, words)
    train(model, model.connector.parameters(), given, given.lessons(), STEPS, seed, blind)
    return model.requires_grad_(False)


def read(
    seed: int, tiled: bool, kinds: Sequence[str], learned: tuple[str, ...] = SIGNS, words: tuple[str, ...] = SIGNS,
    blind: bool = False, elsewhere: bool = False,
) -> Scores:  # fmt: skip
    """1 where a question of one of `kinds` is answered rightly on held-out pictures whose signs say one of `words`.

    The reader `learned` from signs with those words, if `blind` beside other scenes' pictures; `elsewhere`, it did
    not, and every held-out scene is asked about beside another one's picture.
    """
    given = material("heldout", tiled, words)
    return answers(reader(seed, tiled, learned, blind), exchanged(given, seed) if elsewhere else given, kinds)


def choose(seed: int, learned: tuple[str, ...], words: tuple[str, ...], elsewhere: bool = False) -> Scores:
    """1 where of `words` the likeliest answer is the one on the sign, seen tile by tile; else as `read`."""
    model, given = reader(seed, True, learned, False), material("heldout", True, words)
    found = likeliest(model, exchanged(given, seed) if elsewhere else given, words)
    right = [float(word == scene.sign) for word, scene in zip(found, given.scenes, strict=True)]
    return Scores(right, range(len(right)))


@torch.no_grad()
def likeliest(model: Connected, given: Material, words: Sequence[str]) -> list[str]:
    """Which of `words`, each a single one, is the likeliest answer to what the sign on each picture says."""
    seen, question = model.connector(given.seen), [pair(told.READ, words[0])]
    batch = shown.rows(seen.shape[1], [question] * len(seen))
    logits = answer_logits(model.language, batch, seen)[::2]  # of the word; every second one is of the end behind it
    return [words[which] for which in logits[:, [write(word)[0] for word in words]].argmax(1).tolist()]


def exchanged(given: Material, seed: int) -> Material:
    """Each scene beside the picture of another one, drawn without regard to what the signs say."""
    order = torch.randperm(len(given.scenes), generator=torch.Generator().manual_seed(seed))
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # the next in a random order: never its own
    return given._replace(seen=given.seen[other])
