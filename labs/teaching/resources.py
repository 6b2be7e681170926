"""What training took, model by model, as a table for the room: read figures, and what the talk has where it differs."""

from collections.abc import Mapping, Sequence

from rich.table import Column, Table
from rich.text import Text

from labs.systems.parts.resources import WHOLE, Resource
from labs.teaching.datasets import size_in_words

QUANTITIES = {  # heading -> what stands beneath it
    "learned from": ("training data",),
    "what learned": ("learnable parameters", "learnable parts"),
    "on": ("accelerators", "hardware"),
    "for": ("training time",),
}


def resources(rows: Sequence[Resource], models: Sequence[str], ours: Mapping[str, Mapping[str, str]]) -> Table:
    """A line a model, then `ours`: name -> heading -> what was measured. Raises KeyError for a model without rows.

    What nobody has found at its source stands in brackets, as the talk has it.
    """
    table = Table(Column("model", overflow="fold", min_width=20), *QUANTITIES, show_lines=True)
    for model in models:
        if not (own := sorted((row for row in rows if row.model == model), key=lambda row: row.said)):
            raise KeyError(f"no row of {model!r}: there are {', '.join(sorted({row.model for row in rows}))}")
        cells = ([figure(row) for row in own if row.quantity in names] for names in QUANTITIES.values())
        table.add_row(model, *(Text("\n".join(cell)) for cell in cells))
    for name, measured in ours.items():
        table.add_row(name, *(measured[heading] for heading in QUANTITIES))
    return table


def figure(row: Resource) -> str:
    """188000000.0, "parameters", "pre-training" -> 188 million (pre-training)."""
    whole = isinstance(row.value, float) and row.value.is_integer()
    value = size_in_words(int(row.value)) if whole else str(row.value)
    unit = f" {row.unit}" if row.unit and row.unit != "parameters" else ""
    text = f"{value}{unit}" + (f" ({row.stage})" if row.stage != WHOLE else "")
    return f"[talk: {text}]" if row.said else text
