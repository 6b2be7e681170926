"""Six adapters for six domains (labs.world.domains) on one base: how each is tuned, and what each of them answers."""

from contextlib import nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from labs.data.records import read
from labs.evaluation import domains as exams
from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.domains import DomainExam
from labs.evaluation.exam import Exam
from labs.evaluation.metrics import exact_match
from labs.models import catalog
from labs.models.catalog import Loaded
from labs.systems.claim import Scores
from labs.tuning.adapters import using
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.rows import draw_anew, spoken
from labs.world import domains
from labs.world.domains import NAMES
from labs.world.domains.records import write_llava

RANK = 12
BASE, OFF = "base", "switched off"
WAYS = ("usual", "no rows", "no steps")
DRAW = 300  # held-out cases that claims are scored on; settings were chosen on others
GUESSED = 60  # training cases that a guess is chosen by
EARLIER = 100  # held-out scenes of the micro-world


class Course(NamedTuple):
    """How long an adapter learns: from how many cases, how many updates of how many questions each, at which rate."""

    cases: int
    steps: int
    batch: int
    rate: float
    longest: int  # tokens of an answer


COURSES = {
    "medical": Course(3000, 500, 32, 5e-3, 12),
    "writing": Course(3000, 350, 16, 3e-3, 80),
    "code": Course(4000, 300, 16, 3e-3, 100),
    "sentiment": Course(2000, 350, 32, 3e-3, 24),
    "arithmetic": Course(2000, 450, 32, 5e-3, 60),
    "retrieval": Course(6000, 450, 16, 4e-3, 16),
}


def fresh_base() -> Loaded:
    """The bundled mini-llava, which has seen none of the six; it may be changed."""
    return catalog.load("multimodal", "mini")


@cache
def base() -> Loaded:
    """The same, for all to ask and none to change."""
    return fresh_base()


@cache
def taught(domain: str, seed: int, way: str) -> Loaded:
    """The base with an adapter that has learned a domain. The seed draws cases, adapter and batches.

    "no rows" leaves the rows of the embedding alone and has a rank more instead, which is as many numbers or more;
    "no steps" learns answers without the steps that lead to them.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, not {way!r}")
    course, loaded = COURSES[domain], fresh_base()
    with TemporaryDirectory() as folder:
        file = write_llava(domain, Path(folder, "data"), "train", course.cases, seed, steps=way != "no steps")
        train = read(file, file.parent / "images")
        rows = () if way == "no rows" else spoken(loaded.processor, train)
        rank = RANK + (way == "no rows")
        model = add_lora(loaded.model, LoraSpec(r=rank, lora_alpha=2 * rank, rows=rows), seed)
        draw_anew(model, seed)
        fit(model, loaded.processor, train, [], Path(folder, "run"), steps=course.steps, batch=course.batch,
            learning_rate=course.rate, seed=seed, save_every=course.steps, progress=False)  # fmt: skip
    return Loaded(loaded.entry, model, loaded.processor)


@cache
def exam(domain: str, cases: int, seed: int) -> DomainExam:
    """Held-out cases of a domain."""
    return exams.questions(domain, cases, DRAW + seed)


@cache
def told(reader: str, way: str, domain: str, cases: int, seed: int, others: bool) -> tuple[str, ...]:
    """What an adapter, or the base, answers to the held-out questions; `others` shows it another case's picture."""
    asked, loaded = exam(domain, cases, seed), base() if reader == BASE else taught(reader, seed, way)
    pictures = heldout.shuffled(asked.exam.pictures) if others else asked.exam.pictures
    shown, questions = [pictures[item.picture] for item in asked.items], [item.question for item in asked.items]
    return tuple(answers(loaded, shown, questions, max_new_tokens=COURSES[domain].longest))


def scored(reader: str, way: str, domain: str, cases: int, seed: int, others: bool = False) -> Scores:
    """How right those answers are, in the domain's own way."""
    asked = exam(domain, cases, seed)
    return Scores(asked.scores(told(reader, way, domain, cases, seed, others)), [item.picture for item in asked.items])


# ---------------------------------------------------------------------------------------------------------------
# The best answer without looking


@cache
def guess(domain: str, kind: str) -> str:
    """Of the answers to such questions in training the one that scores best over other training cases."""
    asked = [domains.asked(domain, "train", number, seed=-1) for number in range(2 * GUESSED)]
    pairs = [(one.case, q) for one in asked for q in one.questions if q.kind == kind]
    candidates, judged = pairs[::2], pairs[1::2]
    texts = sorted({question.answer for _, question in candidates})
    return max(texts, key=lambda text: sum(domains.score(domain, *about, text) for about in judged))


def guesses(domain: str, cases: int, seed: int) -> Scores:
    """The same answer to every question of a kind, whatever the picture shows."""
    asked = exam(domain, cases, seed)
    return Scores(asked.scores([guess(domain, item.kind) for item in asked.items]), [i.picture for i in asked.items])


# ---------------------------------------------------------------------------------------------------------------
# What it costs


@cache
def earlier(seed: int) -> Exam:
    """What the base could do before: held-out scenes of the micro-world and questions of every type."""
    return heldout.exam(EARLIER, DRAW + seed)


@cache
def remembered(reader: str, seed: int) -> Scores:
    """1 where an earlier question is answered rightly, with an adapter left on; `OFF` is one that is switched off."""
    asked = earlier(seed)
    shown, questions = [asked.pictures[item.picture] for item in asked.new], [item.question for item in asked.new]
    loaded = base() if reader == BASE else taught(NAMES[0] if reader == OFF else reader, seed, "usual")
    with using(loaded.model, None) if reader == OFF else nullcontext():
        texts = answers(loaded, shown, questions)
    values = [exact_match(text, item.answer) for text, item in zip(texts, asked.new, strict=True)]
    return Scores(values, [item.picture for item in asked.new])
