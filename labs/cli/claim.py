"""python -m labs claim: measure what a paper says, with controls and intervals."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import labs
from labs.cli.ask import check_writable
from labs.files import write_json


def claim(
    name: Annotated[
        str | None, typer.Argument(help="A system, `clip`, or one claim, `clip/zero-shot`; none lists them all.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="Three are needed for a verdict.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as well.")] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What lies there is not measured again; for long runs.")
    ] = None,
) -> None:
    """Measure the claims of a system: every arm and seed, the difference with its interval, and a verdict.

    Example: `python -m labs claim clip/zero-shot --seeds 1`
    """
    labs.offline()
    check_writable(json_file)
    console, results = Console(), {}
    if name is None:
        console.print(_list())
        return
    from labs.systems.claim import find, run  # torch takes a second

    for full, one in find(name).items():
        outcome = run(one, range(seeds), keep / full if keep else None)
        console.print(outcome, "")
        results[full] = outcome.as_dict()
        if json_file:
            write_json(json_file, results)


def _list() -> Table:
    from labs.systems.claim import find, systems
    from labs.systems.outcome import all_kept

    shipped = all_kept()
    table = Table("claim", "hypothesis", "result that ships in data/claims.json")
    for system in systems():
        for full, one in find(system).items():
            known = shipped.get(full)
            table.add_row(full, one.hypothesis, known.verdict if known else "")
    return table
