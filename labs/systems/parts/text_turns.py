"""Talks of several turns, in which "it" is what was spoken of last, or the same turns cut apart.

    <user> what colour is the star ? <assistant> red </s> <user> where is it ? <assistant> top </s> ...

Vicuna (Chiang et al., 2023) learns from whole talks that people shared, Alpaca from single turns. The exam asks about
"it" after one turn about either of two things; whose answer is the likelier one, is what counts.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts.base_words import PAD
from labs.systems.parts.documents import begun
from labs.systems.parts.talk import answer_logits
from labs.systems.parts.text_talks import EXAM, TOGETHER, about, base, talk, tune, turn, unlike
from labs.tuning.packing import IGNORE, Branch, Row, pack
from labs.world.scene import Scene, Thing
from labs.world.wordings import WORDINGS

KINDS = ("colour", "size", "place")
TEXTS = 1024


def ask(thing: Thing, kind: str, called: str) -> Branch:
    """A question about a thing, by its shape or as "it"."""
    return turn(WORDINGS["en"][kind][0].format(the=called), getattr(thing, kind))


def turns(scene: Scene, rng: random.Random) -> list[Branch]:
    """Two turns about each thing, in either order: about its shape by name, then about "it"."""
    found = []
    for thing in rng.sample(scene.things, len(scene.things)):
        named, more = rng.sample(KINDS, 2)
        found += [ask(thing, named, f"the {thing.shape}"), ask(thing, more, "it")]
    return found


@cache
def tuned(seed: int, whole: bool) -> LlamaForCausalLM:
    """The base after `whole` talks, or after their turns one by one."""
    told, rng = unlike("train", TEXTS, seed), random.Random(f"turns {seed}")
    said = [turns(scene, rng) for scene in told]
    return tune(base(), about(told, [[talk(some)] for some in said] if whole else said), seed)


def items(seed: int) -> list[tuple[Scene, Branch | None, Branch, Branch]]:
    """Held-out texts: a first turn, "it" with the answer that then is right, and with the other thing's."""
    rng, found = random.Random(f"it {seed}"), []
    for scene in unlike("heldout", 2 * EXAM, seed):
        kinds = [kind for kind in KINDS if len({getattr(thing, kind) for thing in scene.things}) > 1]
        if not kinds:
            continue
        kind = rng.choice(kinds)
        for own, other in (scene.things, scene.things[::-1]):
            first = ask(own, rng.choice([one for one in KINDS if one != kind]), f"the {own.shape}")
            found.append((scene, first, ask(own, kind, "it"), ask(other, kind, "it")))
    return found


def resolves(seed: int, whole: bool, hidden: bool = False) -> Scores:
    """1 where the right thing's answer is likelier than the other's; with `hidden` there is no first turn."""
    values, scene_of = [], {}
    asked = items(seed)
    rows = [Row(begun(scene), [one if hidden else talk([first, one]) for one in both]) for scene, first, *both in asked]
    for start in range(0, len(rows), TOGETHER):
        own, other = likelihoods(tuned(seed, whole), rows[start : start + TOGETHER]).view(-1, 2).T
        values += [float(a > b) + 0.5 * float(a == b) for a, b in zip(own.tolist(), other.tolist(), strict=True)]
    return Scores(values, [scene_of.setdefault(id(scene), len(scene_of)) for scene, *_ in asked])


@torch.no_grad()
def likelihoods(model: LlamaForCausalLM, rows: Sequence[Row]) -> torch.Tensor:
    """The log-probability of all that is to be told in each branch, row by row."""
    batch = pack(list(rows), PAD)
    told = batch.labels != IGNORE
    each = answer_logits(model, batch).log_softmax(-1).gather(1, batch.labels[told][:, None])[:, 0]
    where, places = told.nonzero(as_tuple=True)
    _, branch = (where * (batch.branch.max() + 1) + batch.branch[where, places]).unique(return_inverse=True)
    return torch.zeros(int(branch.max()) + 1).index_add(0, branch, each)
