"""python -m labs preflight: what this machine can run, what would go wrong, and what mends it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from labs.cli.ask import check_writable
from labs.errors import LabsError
from labs.files import write_json
from labs.preflight import costs
from labs.preflight import machine as looking
from labs.preflight.decide import Choice, decide
from labs.preflight.machine import Machine
from labs.preflight.minutes import in_words
from labs.preflight.problems import problems


def preflight(
    profile: Annotated[
        str | None, typer.Option(help="`mini`, `colab` or `full` instead of the largest that fits.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results for a machine.")
    ] = None,
) -> None:
    """Look at this machine, choose what to run on it and say why; name what would go wrong, and what mends it.

    Ends with 2 if something would stop the labs. The Hub is not asked while HF_HUB_OFFLINE=1.

    Example: `python -m labs preflight --profile colab`
    """
    check_writable(json_file)
    machine = looking.look()
    choice = decide(machine, **({"profile": profile} if profile else {}))
    found = problems(machine, choice)
    console = Console()
    console.print(_table(machine, choice))
    for problem in found:
        console.print(f"{'STOP' if problem.stops else 'note'}: {problem.what}: {problem.mend}.", soft_wrap=True)
    if json_file:
        said = {"machine": asdict(machine) | {"cached": sorted(machine.cached)}, "choice": asdict(choice)}
        write_json(json_file, said | {"problems": [asdict(problem) for problem in found]})
    if any(problem.stops for problem in found):
        raise LabsError(f"{sum(problem.stops for problem in found)} of these would stop the labs: mend them first.")


def _table(machine: Machine, choice: Choice) -> Table:
    gpu = f"{machine.gpu.name} with {machine.gpu.gigabytes:.0f} GB" if machine.gpu else "no CUDA GPU"
    title = (f"{machine.system} ({machine.place}), {machine.cores} cores, {machine.memory:.0f} GB of memory, "
             f"{machine.disk:.0f} GB of disk free, {gpu}")  # fmt: skip
    table = Table("", "chosen", "because", title=title, title_justify="left")
    said = {"profile": choice.profile, "device": choice.device, "numbers": choice.numbers,
            "four_bit": "4 bits a weight" if choice.four_bit else "whole weights",
            "attention": choice.attention,
            "checkpointing": "activations twice" if choice.checkpointing else "activations kept",
            "tokens": f"{choice.tokens} a batch", "side": f"{choice.side} pixels"}  # fmt: skip
    for name, value in said.items():
        table.add_row(name.replace("four_bit", "weights"), value, choice.reasons.get(name, ""))
    table.add_row("memory", f"{choice.memory:.1f} GB", "predicted, while the multimodal model is tuned")
    table.add_row("download", f"{choice.download:.1f} GB", "what is not in the cache yet")
    table.add_row("time", in_words(choice.minutes), "predicted, download and tuning in the notebook 06_2")
    table.add_row("", "", costs.in_words(choice.profile, machine))
    return table
