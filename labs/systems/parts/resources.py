"""What it took to train large multimodal models, read from data/resources.csv: nothing in that table was measured here.

A row is one figure of one model: so much data, so many parameters, chips, hours. The states are those of published.py.
"checked" was read at the makers': their repository, their blog, the paper where it lies there. "checked, where others
quote it" mostly names a paper and was read in a copy of its text that somebody else keeps. What a summary of the field
says stands beside it, as it was said, only where no such page bears it out; the note of that row says what the sources
have instead. Where both agree there is one row, and its note says so.

Not all figures of a model belong to the same stage, nor to the same size: BLIP-2 learns 188 million parameters in
pre-training but 1.2 billion when it is fine-tuned, since its vision encoder learns then too. Hence the column `stage`.
"""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import labs
from labs.systems.parts.published import STATES

COLUMNS = ["model", "year", "quantity", "value", "unit", "stage", "source", "state", "note"]
COUNTED = ("training data", "learnable parameters", "total parameters", "accelerators", "training time",
           "training steps", "epochs")  # fmt: skip
NAMED = ("learnable parts", "language model", "vision encoder", "hardware")
WHOLE = "whole training"
STAGES = (WHOLE, "vision encoder", "pre-training", "pre-training 1", "pre-training 2", "pre-training 3",
          "instruction tuning", "fine-tuning")  # fmt: skip
HOURS = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}
AGREES = "as in the talk"  # how the note of a checked row begins to say that the summary has the same


class Resource(NamedTuple):
    """One row. `value` is a number in `unit` for what is COUNTED and a short text for what is NAMED."""

    model: str
    year: int
    quantity: str
    value: float | str
    unit: str
    stage: str
    source: str
    state: str
    note: str

    @property
    def said(self) -> bool:
        """Whether this is what a summary says and no page that was read bears out."""
        return self.state == STATES[-1]

    @property
    def where(self) -> str:
        return f"{self.quantity} of {self.model}, {self.stage}"


def check(row: Resource) -> Resource:
    """The row itself. Raises ValueError with the rule that it breaks."""
    for column, allowed in {"quantity": COUNTED + NAMED, "stage": STAGES, "state": STATES}.items():
        if (found := getattr(row, column)) not in allowed:
            raise ValueError(f"{column} of {row.where} must be one of {'; '.join(allowed)}, not {found!r}")
    if not row.model or not row.source.startswith("https://"):
        raise ValueError(f"{row.where} needs a model and an https source, not {row.source!r}")
    if row.said and not row.note:
        raise ValueError(f"{row.where} was only said: its note must say what the sources have")
    if isinstance(row.value, str):
        if not row.value or (row.quantity in COUNTED and not row.said):
            raise ValueError(f"value of {row.where} must be a number, not {row.value!r}")
    elif row.quantity in NAMED:
        raise ValueError(f"value of {row.where} must be a text, not {row.value}")
    elif not (math.isfinite(row.value) and row.value > 0) or not row.unit:
        raise ValueError(f"value of {row.where} must be above 0 and have a unit, not {row.value} {row.unit!r}")
    elif row.quantity == "training time" and row.unit not in HOURS:
        raise ValueError(f"unit of {row.where} must be one of {'; '.join(HOURS)}, not {row.unit!r}")
    return row


def read(path: Path | None = None) -> list[Resource]:
    """All rows in their order. Raises ValueError for one that breaks a rule, and where one cell stands twice."""
    with (path or labs.home() / "data" / "resources.csv").open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != COLUMNS:
            raise ValueError(f"resources need the columns {', '.join(COLUMNS)}, not {table.fieldnames}")
        lines = list(table)
    if short := [line for line in lines if None in line or None in line.values()]:
        raise ValueError(f"each row needs {len(COLUMNS)} fields, not as here: {short[0]}")
    rows = [_row(line) for line in lines]
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        cell = (row.model, row.quantity, row.unit, row.stage, STATES[-1] if row.said else "read")
        if cell in seen:
            raise ValueError(f"{row.where} stands twice, in {row.unit or 'words'}")
        seen.add(cell)
    return rows


def _row(row: dict[str, str]) -> Resource:
    if not row["year"].isdecimal():
        raise ValueError(f"year of {row['model']} must be a whole number, not {row['year']!r}")
    return check(Resource(**row | {"year": int(row["year"]), "value": _value(row["value"])}))


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def beside(rows: Sequence[Resource], said: Resource) -> list[Resource]:
    """What was read of the same quantity of the same model, its sizes (`MODEL-13B`) included: all stages of it."""
    family = re.compile(re.escape(said.model) + r"(-\d+B)?")
    alike = [row for row in rows if not row.said and row.quantity == said.quantity]
    return [row for row in alike if family.fullmatch(row.model)]


def chip_hours(rows: Sequence[Resource], model: str) -> dict[str, float]:
    """Accelerators times hours of each stage whose time was read; {} where either is missing.

    Hours of different chips do not compare, and what was read are bounds ("less than 6 days") or rounded: the notes
    say which. Chips of the whole training count for each of its stages. A figure for the whole training is not the
    sum of the stages: the one is left out where the others are there.
    """
    read_ones = [row for row in rows if row.model == model and not row.said]
    chips = {row.stage: float(row.value) for row in read_ones if row.quantity == "accelerators"}
    times = {row.stage: float(row.value) * HOURS[row.unit] for row in read_ones if row.quantity == "training time"}
    if set(times) - {WHOLE}:
        times.pop(WHOLE, None)
    return {stage: hours * found for stage, hours in times.items() if (found := _chips_for(stage, chips))}


def _chips_for(stage: str, chips: dict[str, float]) -> float | None:
    """Those of the stage, else of the stage that it is a part of ("pre-training 1"), else of the whole training."""
    return chips.get(stage) or chips.get(stage.rstrip(" 123")) or chips.get(WHOLE)
