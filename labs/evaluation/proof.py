"""Did it learn from the pictures what it was tuned for, and what did it forget? Two models, the same held-out items."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.exam import Exam, clusters, looks_of
from labs.evaluation.interval import Interval, contrast, difference, interval, permutation
from labs.evaluation.metrics import EXACT_MATCH, Metric, fitting
from labs.evaluation.verdict import Proof, Row
from labs.models.catalog import Loaded

BEYOND = 8  # an answer that goes on for so many tokens after the longest true one is not going to be right
SEEN = {
    "new": lambda exam: exam.pictures,
    "blind": lambda exam: heldout.blank(exam.pictures),
    "shuffled": lambda exam: heldout.shuffled(exam.pictures),
    "earlier": lambda exam: exam.earlier_pictures,
}


def evaluate(
    before: Loaded | dict,
    after: Loaded | dict,
    exam: Exam,
    metric: Metric | None = None,
    random_adapter: AbstractContextManager | None = None,
    seed: int = 0,
) -> Proof:
    """Ask two models the same questions and compare; what `judge` has made of a model may stand for it.

    The metric is the fitting one unless it is named. While `random_adapter` is entered, the model `after` is the
    control of that name (labs.tuning.random_adapter).
    """
    metric = metric or fitting(exam.new)
    old = before if isinstance(before, dict) else judge(before, exam, "before", metric)
    new = after if isinstance(after, dict) else judge(after, exam, "after", metric)
    if random_adapter is not None:
        with random_adapter:
            new = new | {"random adapter": judge(after, exam, "random adapter", metric, ["new"])["new"]}
    return prove(old, new, exam, metric, seed)


def judge(
    loaded: Loaded, exam: Exam, label: str = "", metric: Metric | None = None, views: Sequence[str] = ()
) -> dict[str, list]:
    """Scores (items,) of the new questions, of the same ones with each control, and of the earlier ones."""
    metric, result = metric or fitting(exam.new), {}
    was_training = loaded.model.training
    loaded.model.eval()
    for view in views or views_of(exam):
        items, score = (exam.earlier, EXACT_MATCH.score) if view == "earlier" else (exam.new, metric.score)
        pictures, tokenizer = SEEN[view](exam), loaded.processor.tokenizer
        longest = max(len(tokenizer(text)["input_ids"]) for item in items for text in item.accepted)
        told = answers(
            loaded, [pictures[item.picture] for item in items], [item.asked for item in items],
            max_new_tokens=longest + BEYOND, label=f"{label} {view}",
        )  # fmt: skip
        result[view] = [score(text, item.accepted) for text, item in zip(told, items, strict=True)]
    loaded.model.train(was_training)
    return result


def views_of(exam: Exam) -> list[str]:
    """What a model is shown: of the controls only those that the pictures allow."""
    looks = looks_of(exam.pictures)
    every = {look for seen in looks for look in seen}
    possible = {"blind": every, "shuffled": every and all(every - set(seen) for seen in looks), "earlier": exam.earlier}
    return ["new", *(view for view, can_be in possible.items() if can_be)]


def prove(before: dict, after: dict, exam: Exam, metric: Metric = EXACT_MATCH, seed: int = 0) -> Proof:
    """Compare what `judge` has made of two models."""
    where = clusters(exam.pictures, exam.new)

    def of(*runs: tuple[int, list]) -> Interval:
        return contrast(runs, where, seed, metric.value)

    gain = (1, after["new"]), (-1, before["new"])
    pairs = {view: (before[view], after[view]) for view in ("blind", "shuffled") if view in after}
    pairs |= {"random adapter": (before["new"], after["random adapter"])} if "random adapter" in after else {}
    return Proof(
        metric.name, seed, Row(of((1, before["new"])), of((1, after["new"])), of(*gain)),
        permutation(after["new"], before["new"], where, seed, metric.value),
        {name: Row(of((1, old)), of((1, new)), of(*gain, (-1, new), (1, old))) for name, (old, new) in pairs.items()},
        **(_forgotten(before["earlier"], after["earlier"], exam, seed) if exam.earlier else {}),
    )  # fmt: skip


def _forgotten(before: list[float], after: list[float], exam: Exam, seed: int) -> dict:
    where = clusters(exam.earlier_pictures, exam.earlier)
    lost, won = ([max(sign * (old - new), 0.0) for old, new in zip(before, after, strict=True)] for sign in (1, -1))
    kinds: dict[str, dict] = {}
    for kind in sorted({item.kind for item in exam.earlier}):
        own = [number for number, item in enumerate(exam.earlier) if item.kind == kind]
        shares = {name: sum(run[i] for i in own) / len(own) for name, run in (("before", before), ("after", after))}
        kinds[kind] = {"n": len(own)} | shares
    levels = interval(before, where, seed), interval(after, where, seed)
    return {
        "earlier": Row(*levels, difference(after, before, where, seed)),
        "lost": interval(lost, where, seed),
        "won": interval(won, where, seed),
        "kinds": kinds,
    }
