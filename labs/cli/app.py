"""The command line, `python -m labs`: which commands there are, and how each of them fails: in one sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

import labs
from labs.cli.ask import ask
from labs.cli.claim import claim
from labs.cli.demo import demo
from labs.cli.preflight import preflight
from labs.cli.tune import tune
from labs.errors import LabsError

INTERRUPTED = 130  # what a shell reports for Ctrl-C


class Commands(TyperGroup):
    """The group of all commands: expected failures leave as a sentence and exit code 2, bugs with a traceback."""

    def invoke(self, ctx):
        with in_one_sentence():
            return super().invoke(ctx)


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turn an expected failure into a sentence on the error stream and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. What was saved before stays usable.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except LabsError as error:
        raise _refused(str(error)) from None
    except Exception as error:
        if _is_full_disk(error):
            raise _refused("The disk is full: free some space and run this again.") from None
        if isinstance(error, FileNotFoundError) and not error.filename:  # ours: `labs.home()` says what to do
            raise _refused(f"{error}.") from None
        if isinstance(error, OSError) and error.filename:
            raise _refused(f"{error.filename}: {error.strerror}. Mend this and run it again.") from None
        raise


def _refused(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(2)


def _is_full_disk(error: Exception) -> bool:
    """Also where a library written in another language has wrapped the system's error in its own."""
    return getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Multimodal language models at laptop size: see them work, ask them, tune one.

    Everything runs offline on a CPU with the bundled mini models, which know only the micro-world: coloured
    shapes on a plain ground. Each command explains itself: `python -m labs ask --help`.

    Start with `python -m labs tour` (three minutes).
    """,
)
app.command()(ask)
app.command()(tune)
app.command()(preflight)
app.command()(claim)
app.command()(demo)


@app.command()
def tour(
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.json and the picture strips.")] = Path(
        "outputs/tour"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer steps and questions: shows the way, proves nothing.")]
    = False,
) -> None:  # fmt: skip
    """See the whole tutorial once: questions, a story, two tunings, a table and a report.

    Both generations of model answer and tell a story; the multimodal one learns a new skill with LoRA and with
    4-bit QLoRA; base and tuned are compared on the same held-out items, with controls.

    Example: `python -m labs tour --out outputs/tour`
    """
    labs.offline()
    from labs.cli.tour import tour as run

    run(out, quick)
