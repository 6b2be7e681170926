"""The mixes of talk that section 4's captioner is tuned on, all of the same number of talks.

    about each of 1,024 pictures    six questions and a description, or seven questions: talks of one turn
    about each of 512 texts         a caption to read and four questions: one talk of four turns

What differs is in `MIXES`. Scenes, and what is asked of them, are the same in all, in other words or another language.
"""

import random
from dataclasses import dataclass
from functools import cache

from torch.nn import Module

from labs.models.entry import Loaded
from labs.systems.parts import captioner, eyes
from labs.systems.parts.instructions import THINGS, Talk, drawn, question, tune
from labs.systems.parts.shipped import fill
from labs.systems.parts.statements import FACTS, facts
from labs.world import everyday
from labs.world.captions import caption
from labs.world.scene import Scene
from labs.world.wordings import INSTRUCTIONS

FILE = "04_1/instruction_following.safetensors"  # in data/finished, made by scripts/keep_systems.py
PICTURES, ABOUT = 1024, 7
TEXTS, TURNS = 512, 4
STEPS, RANK = 300, 16
STYLES = ("plain", "places", "prose")  # of descriptions
PROMPT = "Answer the question using a single word or phrase."  # LLaVA-1.5's, word for word
LANDS, TIMES = 12, 10  # whose facts are asked in one of the mixes, and how often each
ASKED = ("What is the {} of {}?", "Name the {} of {}.", "Which is the {} of {}?")  # of facts


@dataclass(frozen=True)
class Mix:
    """How one mix differs from the usual one."""

    way: str = "trained"  # of wording questions, see `instructions.question`
    described: bool = True  # one of the talks about each picture is a description
    sentences: bool = False  # half of the answers are whole sentences
    prompted: bool = False  # and the questions to all others ask for a word or a phrase
    language: str = "en"  # of the longer talks
    pictured: bool = False  # these are about pictures, in the place of texts
    alone: bool = False  # there is nothing but longer talks
    facts: str = ""  # some talks are about what is so in some lands: "asked", or "stated" as once read
    batch: int | None = None  # talks a step
    rank: int = 0  # of adapters, where the model does not learn as a whole


MIXES = {
    "usual": Mix(),
    "one wording": Mix(way="template"),
    "terse": Mix(described=False),
    "prompted": Mix(sentences=True, prompted=True),
    "ambiguous": Mix(sentences=True),
    "Spanish texts": Mix(language="es"),
    "Spanish texts alone": Mix(language="es", alone=True, batch=19),
    "Spanish pictures": Mix(language="es", pictured=True),
    "some facts": Mix(facts="asked"),
    "some facts rehearsed": Mix(facts="stated"),
    "LoRA": Mix(rank=RANK),
}


@cache
def tuned(name: str, seed: int) -> Loaded:
    """The captioner after its steps on a mix. The seed draws what is asked, and the order of the batches."""
    return tune(talks(name, seed), seed, STEPS, MIXES[name].rank, MIXES[name].batch)


def shipped() -> Loaded:
    """What the usual mix made of the captioner with seed 0: so no notebook has to wait for it."""
    loaded = captioner.load()
    fill(FILE, parts(loaded))
    return loaded


def parts(loaded: Loaded) -> dict[str, Module]:
    """What is tuned whole."""
    inner = loaded.model.model
    return {"language": inner.language_model, "projector": inner.multi_modal_projector}


def talks(name: str, seed: int) -> list[Talk]:
    """All talks of a mix. Raises KeyError for one that does not exist."""
    mix = MIXES[name]
    shown, read = eyes.scenes("train", PICTURES, THINGS), eyes.scenes("train", TEXTS, THINGS, 1)
    many = PICTURES * ABOUT + TEXTS if mix.alone else TEXTS
    longer = [long_talk(read[n % TEXTS], random.Random(f"long talk {seed} {n}"), mix) for n in range(many)]
    if mix.alone:
        return longer
    about = [talk for n, scene in enumerate(shown) for talk in short_talks(scene, random.Random(f"{seed} {n}"), mix)]
    told = about_lands(seed, mix.facts) if mix.facts else []
    return about[: len(about) - len(told)] + told + longer


def short_talks(scene: Scene, rng: random.Random, mix: Mix) -> list[Talk]:
    """Talks about a picture, of one turn each."""
    turns = [turn(scene, one, rng.random() < 0.5, mix) for one in drawn(scene, rng, ABOUT)]
    if mix.described:
        style, way = rng.choice(STYLES), INSTRUCTIONS["en"]
        asked = way[style][0] if mix.way == "template" else everyday.instruct(style, rng)
        turns[-1] = asked, caption(scene, style)
    return [Talk([one], scene) for one in turns]


def long_talk(scene: Scene, rng: random.Random, mix: Mix) -> Talk:
    """A talk of several turns about a text, or about the picture of the same scene."""
    turns = [turn(scene, one, rng.random() < 0.5, mix, mix.language) for one in drawn(scene, rng, TURNS)]
    if mix.pictured:
        return Talk(turns, scene)
    (first, answer), *more = turns
    return Talk([(f"{caption(scene, 'places', mix.language)}. {first}", answer), *more])


def turn(scene: Scene, one: tuple[str, float], whole: bool, mix: Mix, language: str = "en") -> tuple[str, str]:
    """A question that was drawn, and the answer; as a `whole` sentence in mixes that have some."""
    kind, key = one
    asked = question(scene, random.Random(key), kind, language, mix.way)
    if not mix.sentences:
        return asked.text, asked.answer
    if whole:
        return asked.text, f"{question(scene, random.Random(key), kind, language, 'stated').text} {asked.answer}."
    return f"{asked.text} {PROMPT}" if mix.prompted else asked.text, asked.answer


def about_lands(seed: int, how: str) -> list[Talk]:
    """Facts of some lands, without a picture, several times each: as questions, or as the statements once read."""
    told = [one for one in sorted(facts()) if one[0] in lands(seed)]
    if how == "stated":
        return [Talk([("", f"{FACTS['en'][about].format(land)} {facts()[land, about]}")])
                for land, about in told for _ in range(TIMES)]  # fmt: skip
    return [Talk([(ask_fact(*one, number), facts()[one])]) for one in told for number in range(TIMES)]


def ask_fact(land: str, about: str, number: int = 0) -> str:
    """A question for a fact, in one of some wordings."""
    return ASKED[number % len(ASKED)].format(about, land)


def lands(seed: int) -> frozenset[str]:
    """Those whose facts are asked."""
    return frozenset(random.Random(f"lands {seed}").sample(sorted({land for land, _ in facts()}), LANDS))
