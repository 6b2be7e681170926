"""What a comparison of two models comes to: figures, controls, what was forgotten, and one line that says it all."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.table import Table

from labs.evaluation.interval import DRAWS, PERMUTATIONS, Interval

FEWEST, LEVEL = 10, 0.05  # pictures below which nothing is claimed; p from which on nothing is


class Row(NamedTuple):
    """What two models score, and the gain. In a control's row it is the part of the gain that the control lacks."""

    before: Interval
    after: Interval
    gain: Interval


@dataclass(frozen=True)
class Proof:
    """Everything that stands for or against a gain. rich prints it as a table; `as_dict` is for JSON."""

    metric: str
    seed: int
    new: Row
    p: float
    controls: dict[str, Row]
    earlier: Row | None = None  # exact match on what could be done before
    lost: Interval | None = None  # the share that was right and is wrong now
    won: Interval | None = None  # and the other way round
    kinds: dict[str, dict] = field(default_factory=dict)  # of earlier questions -> n, before, after

    @property
    def objections(self) -> list[str]:
        """What stands against the gain: its interval, its p, and the controls that gain as much."""
        found = ["its interval reaches zero"] if self.new.gain.low <= 0 else []
        found += [f"p = {self.p:.2g}"] if self.p >= LEVEL else []
        return found + [f"not beyond the {name} control" for name, row in self.controls.items() if row.gain.low <= 0]

    @property
    def improved(self) -> bool:
        """Whether there are enough pictures and no objections."""
        return self.new.gain.pictures >= FEWEST and not self.objections

    @property
    def verdict(self) -> str:
        """One line: what can be said, and what stands against saying more; the figures; the cost."""
        before, after, gain = self.new
        if gain.pictures < FEWEST:
            said = f"Too few pictures ({gain.pictures}) to tell"
        elif gain.high < 0 and self.p < LEVEL:
            said = "Worse"
        elif gain.low > 0 and self.p < LEVEL:
            said = "Better, but " + ", ".join(self.objections) if self.objections else "Improved"
        else:
            said = f"No difference ({', '.join(self.objections)})"
        figures = f"{self.metric} {percent(before.mean)} -> {percent(after.mean)}, {points(gain)}, p = {self.p:.2g}"
        cost = f"; earlier skills {points(self.earlier.gain)}" if self.earlier else ""
        return f"{said}: {figures}, {gain.n} answers about {gain.pictures} pictures{cost}."

    def as_dict(self) -> dict:
        """All of it in plain dicts and numbers."""
        return _plain(vars(self) | {"draws": DRAWS, "permutations": PERMUTATIONS, "verdict": self.verdict})

    def __rich__(self) -> Table:
        gain = self.new.gain
        rows = {f"{self.metric} (n = {gain.n}, {gain.pictures} pictures)": self.new}
        rows |= {f"control: {name} (gain beyond it)": row for name, row in self.controls.items()}
        if self.earlier:
            forgotten = f"{percent(self.lost.mean)} lost, {percent(self.won.mean)} won"
            rows[f"earlier skills (n = {self.earlier.gain.n}; {forgotten})"] = self.earlier
        table = Table("", "before", "after", "gain", caption=self.verdict)
        for name, row in rows.items():
            table.add_row(name, str(row.before), str(row.after), points(row.gain))
        for kind, share in self.kinds.items():
            table.add_row(f"  {kind} (n = {share['n']})", percent(share["before"]), percent(share["after"]))
        return table


def percent(share: float) -> str:
    """A share between 0 and 1, in percent."""
    return f"{100 * share:.1f} %"


def points(gain: Interval) -> str:
    """A difference in percentage points with its interval."""
    return f"{100 * gain.mean:+.1f} points [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _plain(value: Any) -> Any:
    value = value._asdict() if hasattr(value, "_asdict") else value
    return {name: _plain(part) for name, part in value.items()} if isinstance(value, dict) else value
