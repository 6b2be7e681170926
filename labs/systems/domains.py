"""Six domains, one base, six adapters (section 4.2 of the tutorial: medical, writing, code, sentiment, arithmetic,
information retrieval). LLaVA-Med (Li et al., 2023, https://arxiv.org/abs/2306.00890) shows for one of them that a
general model becomes a specialist by tuning on instructions of the domain; the others are named in labs.world.domains.

Kept: one general model that has seen none of the domains; for each a LoRA of its own, tuned on drawn cases and judged
on combinations that it was never shown, in the domain's own way: facts told and invented, what the written code draws,
the card found, otherwise exact answers. HTML that a model writes is read by our own reader, never run.
Left out: real radiographs, posts and screens; concept alignment before tuning; long conversations.

The base never learned most tokens that the domains need (no digit above 5, no "<"): rows of the embedding belong to
each adapter. Sums and sentiments are answered with the steps that lead to them (Wei et al., 2022, chain of thought,
https://arxiv.org/abs/2201.11903). That sentiments alone stay at chance, and sums nearly, was seen in first trials on
other cases before the claims about steps were written.
"""

from collections.abc import Callable, Sequence
from functools import partial

from labs.models.catalog import Loaded
from labs.systems.claim import Claim, Scores
from labs.systems.parts.domain_adapters import BASE, OFF, exam, guesses, remembered, scored, taught
from labs.world.domains import NAMES

CASES, FEW = 100, 40  # held-out cases of a domain, and of each in the matrix
TWO_SIDED = ("sentiment", "irony")  # questions that neither the face nor the words can answer


def build(domain: str, seed: int = 0) -> Loaded:
    """The base with the domain's adapter."""
    return taught(domain, seed, "usual")


def arm(domain: str, way: str = "usual", others: bool = False, kinds: Sequence[str] = ()) -> Callable[[int], Scores]:
    """The domain's own adapter on held-out cases; `kinds` are the questions that count, all where none are named."""

    def score(seed: int) -> Scores:
        return only(kinds, domain, seed, scored(domain, way, domain, CASES, seed, others))

    return score


def only(kinds: Sequence[str], domain: str, seed: int, scores: Scores) -> Scores:
    """The scores of questions of some kinds."""
    kept = [n for n, item in enumerate(exam(domain, CASES, seed).items) if not kinds or item.kind in kinds]
    return Scores([scores.values[n] for n in kept], [scores.scenes[n] for n in kept])


def by_kind(domain: str, seed: int, reader: str, way: str = "usual") -> dict[str, float]:
    """The mean scores of an adapter, or the base, on each kind of question of a domain."""
    values: dict[str, list[float]] = {}
    scores = scored(reader, way, domain, CASES, seed).values
    for item, score in zip(exam(domain, CASES, seed).items, scores, strict=True):
        values.setdefault(item.kind, []).append(score)
    return {kind: sum(found) / len(found) for kind, found in values.items()}


# ---------------------------------------------------------------------------------------------------------------
# Every adapter on every domain


def matrix(seed: int, cases: int = FEW) -> dict[str, dict[str, float]]:
    """Mean scores: adapter (or the base) -> domain -> from 0 to 1."""
    found = {reader: {name: scored(reader, "usual", name, cases, seed).values for name in NAMES}
             for reader in (BASE, *NAMES)}  # fmt: skip
    return {reader: {name: sum(v) / len(v) for name, v in row.items()} for reader, row in found.items()}


def pooled(reader_of: Callable[[str, int], str], seed: int) -> Scores:
    """A score for each case of every domain, so that all weigh the same, by the adapter that `reader_of` names."""
    values, scenes = [], []
    for number, name in enumerate(NAMES):
        found = scored(reader_of(name, seed), "usual", name, FEW, seed)
        for case in range(FEW):
            own_values = [value for value, scene in zip(*found, strict=True) if scene == case]
            values.append(sum(own_values) / len(own_values))
            scenes.append(number * FEW + case)
    return Scores(values, scenes)


def own(domain: str, seed: int) -> str:
    """The domain's adapter."""
    return domain


def best_other(domain: str, seed: int) -> str:
    """Of the other domains' adapters the one that does best on this domain's items, which is known only afterwards."""
    row = {name: sum(scored(name, "usual", domain, FEW, seed).values) for name in NAMES if name != domain}
    return max(row, key=row.get)


def left_on(seed: int) -> Scores:
    """The mean of the six adapters, item by item."""
    rows = [remembered(name, seed) for name in NAMES]
    return Scores([sum(values) / len(NAMES) for values in zip(*(row.values for row in rows), strict=True)],
                  rows[0].scenes)  # fmt: skip


def claims() -> list[Claim]:
    """The seed draws the training cases, the adapters, the batches and the held-out cases; there is one base."""
    return [*map(_learned, NAMES), _matrix(), _rows(), *_steps(), *_costs()]


def _learned(domain: str) -> Claim:
    what = {"writing": "F1 of the facts, in form", "code": "drawn as it should be", "retrieval": "recall@1 of 288"}
    arms = {
        "its adapter": arm(domain),
        "base": lambda seed: scored(BASE, "usual", domain, CASES, seed),
        "its adapter, another picture": arm(domain, others=True),
        "best answer without looking": partial(guesses, domain, CASES),
    }
    return Claim(
        domain,
        "On combinations that training never shows, the domain's adapter does better than with another case's picture "
        "before it, which still gives away all that questions and habits can.",
        what.get(domain, "right answers"), arms, "its adapter", "its adapter, another picture",
    )  # fmt: skip


def _matrix() -> Claim:
    return Claim(
        "own domain",
        "Over the six domains, an adapter does better on its own than the best of the other five does there.",
        "scores of six domains, which weigh the same",
        {
            "own adapter": partial(pooled, own),
            "best other adapter": partial(pooled, best_other),
            "base": partial(pooled, lambda domain, seed: BASE),
        },
        "own adapter", "best other adapter",
    )  # fmt: skip


def _rows() -> Claim:
    return Claim(
        "rows of new words",
        "Where a domain needs tokens that the base never learned, LoRA with their rows answers more rightly than LoRA "
        "of a rank more without them, at equal data and steps.",
        "right answers about sums",
        {"with rows": arm("arithmetic"), "without rows": arm("arithmetic", way="no rows"),
         "with rows, another picture": arm("arithmetic", others=True)},
        "with rows", "without rows",
    )  # fmt: skip


def _steps() -> list[Claim]:
    chance = {"with steps, another picture": 0.5}
    common = {"better": "with steps", "than": "answers alone", "metric": "right answers"}
    return [
        Claim(
            f"steps, {name}",
            f"{said} from the steps that lead to them, an adapter generalises better than from the answers alone.",
            arms={
                "with steps": arm(domain, kinds=kinds),
                "answers alone": arm(domain, way="no steps", kinds=kinds),
                "with steps, another picture": arm(domain, others=True, kinds=kinds),
            },
            controls=controls, **common,
        )
        for name, domain, kinds, said, controls in (
            ("sentiment", "sentiment", TWO_SIDED, "Of feelings that neither face nor words tell, learned", chance),
            ("sums", "arithmetic", ("sum",), "Of sums, learned", {}),
        )
    ]  # fmt: skip


def _costs() -> list[Claim]:
    arms = {BASE: partial(remembered, BASE), "an adapter left on": left_on}
    arms |= {f"{name} left on": partial(remembered, name) for name in NAMES}
    return [
        Claim(
            "what an adapter costs",
            "Left on, an adapter for one domain costs the base some of what it could do before.",
            "right answers about the micro-world", arms, BASE, "an adapter left on",
        ),
        Claim(
            "switched off",
            "With the adapter switched off the base is what it was.",
            "right answers about the micro-world",
            {"adapter switched off": partial(remembered, OFF), BASE: partial(remembered, BASE)},
            "adapter switched off", BASE, within=0.0, given=True,
        ),
    ]  # fmt: skip
