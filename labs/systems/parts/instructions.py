"""What an aligned captioner is tuned on and asked in section 4: talk about pictures or texts, as records of the engine.

    <user> <image> x 36 which colour does the star have ? <assistant> red </s>                  about a picture
    <user> una estrella roja arriba . ¿ dónde está la estrella ? <assistant> arriba </s> ...    about a text

Exams ask in wordings that nothing is trained on: the last of each list in labs.world.wordings, or what people type.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from labs.data.record import Record
from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.exam import Exam, Item
from labs.evaluation.metrics import exact_match
from labs.models.entry import Loaded
from labs.models.pictures import as_png
from labs.systems.claim import Scores
from labs.systems.parts import captioner, eyes
from labs.systems.parts.base_words import END
from labs.systems.parts.statements import KINDS, STATEMENTS
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.world import everyday
from labs.world.questions import Question, ask
from labs.world.scene import Scene
from labs.world.wordings import WORDINGS

THINGS = (1, 2, 2, 3)
ASKED = KINDS[:6]  # existence, colour, shape, size, place, count
BATCH, RATE, LORA_RATE = 64, 4e-3, 1e-2
WAYS = ("template", "trained", "unseen", "typed", "stated")

Turns = Sequence[tuple[str, str]]  # what a user says, and what the assistant is to answer


class Talk(NamedTuple):
    """A conversation, and the scene whose picture stands before it, if it is about one."""

    turns: Turns
    scene: Scene | None = None


# ---------------------------------------------------------------------------------------------------------------
# Questions and conversations


def question(
    scene: Scene, rng: random.Random, kind: str, language: str = "en", way: str = "trained"
) -> Question | None:  # fmt: skip
    """A question of that kind, or None where the scene offers none. From the same `rng` all ways ask the same:

    template    in the first wording of labs.world.wordings, always
    trained     in any of its wordings but the last, and in English those that people type, eight to fourteen in all
    unseen      in the last, on which nothing is trained
    typed       in English, as people type: in wordings on which nothing is trained, at times in a roundabout way
    stated      not at all: the beginning of a statement, as the base language model has read them
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    about = random.Random(rng.random())
    asked = ask(scene, about, kind, language, rng.choice(wordings(kind, language, way)))
    return asked._replace(text=everyday.typed(asked.text, rng)) if asked and way == "typed" else asked


@cache
def wordings(kind: str, language: str, way: str) -> tuple[str, ...]:
    """The templates among which a way of asking draws."""
    (*known, last), people = WORDINGS[language][kind], everyday.WORDINGS[kind]
    if way == "typed":
        clauses = [aside.format(clause=one) for aside in everyday.ASIDES for one in everyday.CLAUSES[kind]]
        return (*people[-everyday.KEPT :], *(one for one in clauses if one != last))
    trained = (*known, *(people[: -everyday.KEPT] if language == "en" else ()))
    fixed = {"template": known[:1], "unseen": [last], "stated": [STATEMENTS[language][kind]]}
    return tuple(fixed.get(way, trained))


def drawn(scene: Scene, rng: random.Random, count: int) -> list[tuple[str, float]]:
    """So many questions that the scene offers: kinds, and the seeds of what is asked. One may come twice."""
    found: list[tuple[str, float]] = []
    while len(found) < count:
        kind, key = rng.choice(ASKED), rng.random()
        if question(scene, random.Random(key), kind, way="template"):
            found.append((kind, key))
    return found


@cache
def png(scene: Scene) -> bytes:
    """The picture of a scene, as a file."""
    return as_png(eyes.picture_of(scene))


def records(talks: Sequence[Talk]) -> list[Record]:
    """The same for the engine."""
    return [Record(f"talk {number}", _messages(talk)) for number, talk in enumerate(talks)]


def _messages(talk: Talk) -> list[dict]:
    said = [{"role": role, "content": [{"type": "text", "text": text}]}
            for turn in talk.turns for role, text in zip(("user", "assistant"), turn, strict=True)]  # fmt: skip
    if talk.scene:
        said[0]["content"].insert(0, {"type": "image", "bytes": png(talk.scene)})
    return said


# ---------------------------------------------------------------------------------------------------------------
# Tuning


def ready(rank: int = 0, seed: int = 0, load: Callable[[], Loaded] | None = None) -> Loaded:
    """The captioner, of which projector and language model may learn: whole, or through adapters of a rank."""
    loaded = (load or captioner.load)()
    model = loaded.model.requires_grad_(False)
    if rank:
        return Loaded(loaded.entry, add_lora(model, LoraSpec(rank, 2 * rank), seed), loaded.processor)
    for part in (model.model.language_model, model.model.multi_modal_projector):
        part.requires_grad_(True)
    return loaded


def tune(talks: Sequence[Talk], seed: int, steps: int, rank: int = 0, batch: int | None = None) -> Loaded:
    """The captioner after so many steps of `batch` talks, BATCH if none is named; frozen."""
    learner = ready(rank, seed)
    with TemporaryDirectory() as folder:
        fit(
            learner.model, learner.processor, records(talks), [], Path(folder) / "run", steps=steps,
            batch=batch or BATCH, learning_rate=LORA_RATE if rank else RATE, seed=seed, save_every=10**6,
            progress=False,
        )  # fmt: skip
    learner.model.requires_grad_(False)
    return learner


# ---------------------------------------------------------------------------------------------------------------
# Exams


@cache
def exam(
    pictures: int, seed: int, language: str = "en", way: str = "unseen", kinds: tuple[str, ...] = KINDS
) -> Exam:  # fmt: skip
    """Held-out pictures and a question of each kind that they offer, the same in every way and language."""
    scenes, items = eyes.scenes("heldout", pictures, THINGS, seed), []
    for number, scene in enumerate(scenes):
        asked = [question(scene, random.Random(f"exam {seed} {number} {kind}"), kind, language, way) for kind in kinds]
        items += [Item(number, one.kind, one.text, one.answer) for one in asked if one]
    return Exam([eyes.picture_of(scene) for scene in scenes], items)


def replies(loaded: Loaded, asked: Exam, others: bool = False, longest: int = 12, after: str = "") -> list[str]:
    """What a model says to each question with `after` behind it; `others` shows it other scenes' pictures."""
    pictures = heldout.shuffled(asked.pictures) if others else asked.pictures
    texts = [f"{item.question}{after}" for item in asked.new]
    return answers(loaded, [pictures[item.picture] for item in asked.new], texts, max_new_tokens=longest)


@torch.no_grad()
def goes_on(loaded: Loaded, starts: Sequence[str], pictures: Sequence = (), longest: int = 12) -> list[str]:
    """How a model goes on with each text, behind its picture if there are any, without the form of a talk."""
    model, processor, texts = loaded.model, loaded.processor, []
    for at in range(0, len(starts), BATCH):
        text = [f"</s>{'<image>' * bool(pictures)}. {start}" for start in starts[at : at + BATCH]]
        inputs = processor(
            images=list(pictures[at : at + BATCH]) or None, text=text, padding=True, padding_side="left",
            return_tensors="pt",
        )  # fmt: skip
        written = model.generate(**inputs, max_new_tokens=longest, do_sample=False, eos_token_id=END)
        texts += processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]


def right(texts: Sequence[str], asked: Exam) -> Scores:
    """1 where the text is the true answer and nothing else."""
    values = [exact_match(text, item.answer) for text, item in zip(texts, asked.new, strict=True)]
    return Scores(values, [item.picture for item in asked.new])
