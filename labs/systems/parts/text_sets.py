"""Open sets of instructions, each made for something else, compared and mixed: as many talks and steps of each.

    looks     what colour, how big          checks    is there a red star
    places    where                         Spanish   colours and places, asked and answered in Spanish

Tülu (Wang et al., 2023, https://arxiv.org/abs/2306.04751) tunes LLaMA on twelve open sets, and on a mix of them. Here
no set asks in the words of another, so that a single one is of little use elsewhere.
"""

import random
from functools import cache

from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts.instructions import question
from labs.systems.parts.text_talks import CHANCES, EXAM, about, base, right, tune, turn, unlike
from labs.tuning.packing import Branch
from labs.world.scene import Scene

SETS: dict[str, tuple[tuple[str, str], ...]] = {  # kinds of questions, and their languages
    "looks": (("colour", "en"), ("size", "en")),
    "places": (("place", "en"),),
    "checks": (("existence", "en"),),
    "Spanish": (("colour", "es"), ("place", "es")),
}
TEXTS, TURNS = 1024, 4
OWN, MIX, BEST = "own set", "mix", "looks"  # the best single set with seed 7


def asked(scene: Scene, name: str, rng: random.Random) -> Branch:
    """A question of a set about a text in English. Raises ValueError for a scene that does not offer it."""
    kind, language = rng.choice(SETS[name])
    one = question(scene, rng, kind, language, "template")
    if one is None:
        raise ValueError(f"no question of {kind} fits this scene: its things need shapes of their own")
    return turn(one.text, one.answer)


@cache
def tuned(seed: int, name: str) -> LlamaForCausalLM:
    """The base after a set, or after the "mix", in which every text has one question of each."""
    told, rng = unlike("train", TEXTS, 3000 + seed), random.Random(f"sets {seed}")
    names = list(SETS) if name == MIX else [name] * TURNS
    return tune(base(), about(told, [[asked(scene, one, rng) for one in names] for scene in told]), seed)


def answers(seed: int, name: str, another: bool = False) -> Scores:
    """Right answers to a question of each set about every held-out text; the "own set" of each question, or one."""
    told, found = unlike("heldout", EXAM, 3000 + seed), []
    for exam in SETS:
        rng = random.Random(f"exam {exam} {seed}")
        rows = about(told, [[asked(scene, exam, rng)] for scene in told], another)
        found.append(right(tuned(seed, exam if name == OWN else name), rows))
    return Scores([value for one in found for value in one.values], [scene for one in found for scene in one.scenes])


def chance() -> float:
    """Of an answer about another text, in the form that was asked for."""
    each = {"existence": 1 / 2, **CHANCES}
    return sum(sum(each[kind] for kind, _ in kinds) / len(kinds) for kinds in SETS.values()) / len(SETS)
