"""What a look at the data has found, as a table."""

from dataclasses import dataclass
from typing import NamedTuple

from rich.table import Table

LOOK, WRONG = "look", "wrong"
STYLES = {LOOK: "yellow", WRONG: "bold red", "": "green"}


class Finding(NamedTuple):
    """How many records or pictures a check concerns, the first of them, and what it means if there are any."""

    check: str
    found: int
    note: str = ""
    state: str = ""


@dataclass(frozen=True)
class Report:
    """All findings about one source. `refusal` is the sentence about what keeps the data from being used."""

    title: str
    findings: list[Finding]
    refusal: str | None = None

    def __rich__(self) -> Table:
        table = Table(title=self.title, title_justify="left")
        for heading, justify in (("check", "left"), ("found", "right"), ("", "left"), ("", "left")):
            table.add_column(heading, justify=justify)
        for check, found, note, state in self.findings:
            state = state if found else ""
            table.add_row(check, f"{found:,}", state or "fine", note, style=STYLES[state])
        return table
