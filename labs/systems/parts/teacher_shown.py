"""Ready to be printed: what a teacher reads and writes, how much of each kind, and who wrote what others learned from.

Data sets stand here as published: "checked" was read on a page of those who made them; "checked, where others quote it"
on a copy of it; the rest is as the talk has it, or from memory. Of those nothing was measured.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rich.table import Table

from labs.systems.parts.teacher import KINDS, Taught, teach
from labs.systems.parts.teacher_reads import text_of
from labs.systems.parts.teacher_records import counts
from labs.systems.parts.teacher_truth import verdicts
from labs.world.scene import Scene

# LLaVA-Instruct's records, by kind: the names of its files on the page that COSTS names
LLAVA = dict(zip(KINDS, (58_000, 23_000, 77_000), strict=True))
SAYS = {True: "true", False: "FALSE", None: "cannot be judged"}


def lesson(scene: Scene, teacher: Callable[[str], list[Taught]] = teach, text: str | None = None) -> str:
    """What the teacher reads of a scene (or a `text` in its place), and all that it writes, each with its verdict."""
    text = text_of(scene) if text is None else text
    parts = ["What the teacher reads", text]
    for one in teacher(text):
        truths = verdicts(scene, one)
        said = [line for question, answer in one.turns for line in (f"Q: {question}", f"A: {answer}")]
        wrong = [SAYS[verdict] for verdict in truths if verdict is not True]
        parts += [f"{one.kind.capitalize()} ({', '.join(wrong) or 'all true'})", "\n".join(said)]
    return "\n\n".join(parts)


def amounts(some: Iterable[Taught]) -> Table:
    """How much of each kind there is, and its share of all records, beside the shares of LLaVA-Instruct."""
    counted = counts(some)
    records, whole = sum(one["records"] for one in counted.values()), sum(LLAVA.values())
    shown = Table("kind", "records", "share", "LLaVA-Instruct", "answers", "words to learn")
    for kind, one in counted.items():
        theirs = f"{LLAVA[kind] / whole:.0%}" if kind in LLAVA else ""
        shown.add_row(kind, f"{one['records']:,}", f"{one['records'] / records:.0%}", theirs, f"{one['answers']:,}",
                      f"{one['words']:,}")  # fmt: skip
    return shown


# ---------------------------------------------------------------------------------------------------------------
# As published

STATES = ("checked", "checked, where others quote it", "as in the talk, unchecked", "from memory, unchecked")


class Cost(NamedTuple):
    """One data set: by whom, what, for how much, where that stands, and whether it was read there."""

    name: str
    writers: str
    amount: str
    cost: str
    source: str
    status: str


COSTS = (
    Cost("InstructGPT", "people: about 40 hired labelers", "13,000 prompts with answers", "not published",
         "https://arxiv.org/abs/2203.02155", STATES[3]),
    Cost("Self-Instruct", "GPT-3, from 175 tasks that people wrote", "52,000 instructions", "about $600",
         "https://arxiv.org/abs/2212.10560", STATES[3]),
    Cost("Alpaca", "GPT-3.5 (text-davinci-003)", "52,000 instructions with answers", "less than $500",
         "https://github.com/tatsu-lab/stanford_alpaca", STATES[0]),
    Cost("Vicuna", "people and ChatGPT, shared by people", "70,000 conversations", "data nothing, tuning about $300",
         "https://lmsys.org/blog/2023-03-30-vicuna/", STATES[1]),
    Cost("Vicuna, in the talk", "people and GPT (ShareGPT)", "150,000 conversations, 500,000 turns", "not said",
         "https://arxiv.org/abs/2306.14895", STATES[2]),
    Cost("GPT4-Alpaca", "GPT-4, of text alone", "52,000 answers", "not said", "https://arxiv.org/abs/2304.03277",
         STATES[2]),
    Cost("LLaVA-Instruct", "GPT-4, which read captions and boxes", "58,000 conversations, 23,000 descriptions, "
         "77,000 of reasoning", "not published", "https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
         STATES[0]),
)  # fmt: skip


def costs() -> Table:
    """All rows; the name is a link to the source."""
    shown = Table("data", "written by", "how much", "cost", "status", title="Data to learn instructions from")
    for one in COSTS:
        shown.add_row(f"[link={one.source}]{one.name}[/link]", one.writers, one.amount, one.cost, one.status)
    return shown
