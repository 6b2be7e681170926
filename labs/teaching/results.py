"""Several shipped claims in one table, a line each; `labs.systems.outcome.kept` shows one with all arms and seeds."""

from rich.table import Table

from labs.systems.outcome import Outcome, kept


def results(*names: str) -> Table:
    """The three-seed results of claims by their full names. Raises KeyError where one has not been measured."""
    table = Table("claim", "arm", "against", "difference [95 %]", "verdict", "controls", title_justify="left")
    for name in names:
        one = kept(name)
        than = one.said["than"]
        against = _arm(one, than) if isinstance(than, str) else one.show(than)
        controls = "\n".join(_arm(one, control) for control in one.said["controls"])
        verdict = one.verdict.removesuffix(" at this scale")
        row = (name.partition("/")[2], _arm(one, one.said["better"]), against, one.show(one.gap, signed=True))
        table.add_row(*row, verdict, controls)
    return table


def _arm(one: Outcome, name: str) -> str:
    return f"{name}: {one.show(one.arms[name].mean)}"
