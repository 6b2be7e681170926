"""Closed models: GPT-4V (2023, system card: https://openai.com/index/gpt-4v-system-card/) and Gemini (2023, report:
https://arxiv.org/abs/2312.11805). Nobody can open them: there are no weights to probe, tune or build small.

How Gemini interleaves, as far as its report says (checked, sections 2 and 4): a Transformer decoder, trained on text,
pictures, sound and video together from the start, reads sequences that mix them. A video is a sequence of frames in
that context; frames and pictures stand between text or sound, at a resolution that may vary. Sound comes in as features
of the Universal Speech Model at 16 kHz, not as a transcript; pictures can also be written, as discrete tokens. What the
report does not say: how large the models are (but for the two Nanos), and how much they were trained on.

Kept: what others have published of closed beside open models (`published`), each figure with its source; and a client
that puts the questions of these labs to any model behind an interface, for whoever has a key (`build`, `measure`).
Left out: claims. What needs somebody's server, and may be another model tomorrow under the same name, cannot be
measured offline and again; so this file has no function of that name, and the tests ask a server of their own.
"""

from collections.abc import Callable
from pathlib import Path

from labs.evaluation import heldout
from labs.evaluation.exam import Exam, clusters
from labs.evaluation.interval import Interval, interval
from labs.evaluation.metrics import EXACT_MATCH
from labs.systems.parts.asked_once import answers, plan
from labs.systems.parts.closed_client import Client, from_environment
from labs.systems.parts.published import Published, read

SIZE = 448  # pixels a side: the same scenes as the mini models see at 72, drawn larger for eyes that want more


def build() -> Client:
    """The client that LABS_CLOSED_BASE, LABS_CLOSED_KEY and LABS_CLOSED_MODEL describe; ClosedError without them."""
    return from_environment()


def questions(pictures: int = 20, seed: int = 0, size: int = SIZE) -> Exam:
    """The held-out questions that the mini models are asked; about nine to a picture."""
    return heldout.exam(pictures, seed, size)


def measure(
    client: Client, exam: Exam, keep: Path, limit: int = 200, say: Callable[[str], None] | None = print
) -> Interval:
    """The share of answers that are exactly the true one, with its interval over pictures.

    What it will ask is said first; above `limit` questions ClosedError is raised and nothing is asked. Answers are
    kept in the file `keep`, so that a second call goes on. Give an exam with `heldout.shuffled` or `heldout.blank`
    pictures for a control. "center" counts as wrong where "centre" is true: read the file before you believe a figure.
    """
    if say:
        say(f"{client.model} at {client.host}: {plan(client, exam, keep)}")
    told = answers(client, exam, keep, limit)
    right = [EXACT_MATCH.score(one, item.accepted) for one, item in zip(told, exam.new, strict=True)]
    return interval(right, clusters(exam.pictures, exam.new))


def published() -> list[Published]:
    """What others have measured, closed beside open."""
    return read()
