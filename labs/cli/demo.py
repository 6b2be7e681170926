"""python -m labs demo: the live demo in a browser."""

import os
import threading
import webbrowser
from importlib.util import find_spec
from typing import Annotated

import typer

from labs.errors import LabsError

PASSWORD = "LABS_DEMO_PASSWORD"


def demo(
    profile: Annotated[
        str, typer.Option(help="`mini` is bundled and works offline; `colab` and `full` come from the Hub.")
    ] = "mini",
    host: Annotated[
        str, typer.Option(help=f"Who can reach it: by default this machine. Others need the password of {PASSWORD}.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="By default the first free one from 7860.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page at once.")] = True,
) -> None:
    """Show it to an audience: ask, tell stories, tune and search across senses, in a browser.

    Nothing leaves the machine, and nothing that a visitor brings is kept. With `--host 0.0.0.0` a room can join in:
    set the variable LABS_DEMO_PASSWORD first; the user is `guest`. Stop it with Ctrl-C.

    Examples:

    `python -m labs demo`

    `LABS_DEMO_PASSWORD=multimodal-2024 python -m labs demo --host 0.0.0.0 --port 8080`
    """
    if find_spec("gradio") is None:
        raise LabsError("The demo needs gradio: run `pip install -c constraints.txt gradio` and start it again.")
    from labs.demo.serve import serving
    from labs.preflight.notebook import runs

    with serving(runs() / "demo" / profile, profile, host, port, os.environ.get(PASSWORD) or None) as address:
        typer.echo(f"The demo is at {address} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(address)
        threading.Event().wait()
