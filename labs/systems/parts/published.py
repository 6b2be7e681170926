"""Figures as others have published them, read from data/published.csv: nothing in that table was measured here.

Each names the page where it stands. "checked" was read on a page of those who made the model or the benchmark;
"checked, where others quote it" on somebody else's. The makers' own pages do not always agree: LLaVA-1.5-13B has 67.8,
63.3 and 36.3 on MMBench-EN, MMBench-CN and MM-Vet in the post on LLaVA-1.6, from which they are taken here, but 67.7,
63.6 and 36.1 in LLaVA's repository. A difference of less than a point says nothing.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import labs

KINDS = ("closed", "open")  # who may have the weights
STATES = ("checked", "checked, where others quote it", "as in the talk, unchecked")
COLUMNS = ["model", "kind", "benchmark", "value", "source", "status"]


@dataclass(frozen=True)
class Published:
    """One row. `value` is the benchmark's own score, from 0 to 100: mostly a share of right answers in %."""

    model: str
    kind: str
    benchmark: str
    value: float
    source: str
    status: str

    def __post_init__(self) -> None:
        where = f"{self.model} on {self.benchmark}"
        for column, allowed in {"kind": KINDS, "status": STATES}.items():
            if (found := getattr(self, column)) not in allowed:
                raise ValueError(f"{column} of {where} must be one of {'; '.join(allowed)}, not {found!r}")
        if not self.model or not self.benchmark or not self.source.startswith("https://"):
            raise ValueError(f"{where} needs a model, a benchmark and an https source, not {self.source!r}")
        if not 0 <= self.value <= 100:
            raise ValueError(f"value of {where} must lie between 0 and 100, not {self.value}")


def read(path: Path | None = None) -> list[Published]:
    """All rows in their order. Raises ValueError for one that breaks a rule, and where two contradict each other."""
    with (path or labs.home() / "data" / "published.csv").open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != COLUMNS:
            raise ValueError(f"published figures need the columns {', '.join(COLUMNS)}, not {table.fieldnames}")
        rows = [Published(**row | {"value": _number(row)}) for row in table]
    _check_together(rows)
    return rows


def _number(row: dict[str, str]) -> float:
    try:
        return float(row["value"])
    except (TypeError, ValueError):
        where = f"{row['model']} on {row['benchmark']}"
        raise ValueError(f"value of {where} must be a number, not {row['value']!r}") from None


def _check_together(rows: Sequence[Published]) -> None:
    kinds: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if kinds.setdefault(row.model, row.kind) != row.kind:
            raise ValueError(f"{row.model} cannot be both {kinds[row.model]} and {row.kind}")
        if (row.model, row.benchmark) in seen:
            raise ValueError(f"{row.model} stands twice on {row.benchmark}")
        seen.add((row.model, row.benchmark))
