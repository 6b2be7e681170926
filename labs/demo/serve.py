"""Serve the demo: to this machine alone unless told otherwise, and then to whoever knows the password."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import labs
from labs.errors import LabsError

HERE = "127.0.0.1"
USER = "guest"
SHORTEST = 8  # characters of a password


class ServeError(LabsError, ValueError):
    """The demo cannot be served so: why, and what to do."""


def check(host: str, password: str | None) -> None:
    """Raise ServeError for a door that would stand open."""
    if password is not None and len(password) < SHORTEST:
        raise ServeError(f"The password has {len(password)} characters: take {SHORTEST} at least.")
    if not is_this_machine(host) and password is None:
        raise ServeError(
            f"--host {host} lets others in: set a password of {SHORTEST} characters or more in the variable "
            "LABS_DEMO_PASSWORD first."
        )


def is_this_machine(host: str) -> bool:
    """Whether only programs of this machine can reach it there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cache_folder() -> Path | None:
    """Where uploads pass through while the demo is served."""
    return Path(os.environ["GRADIO_TEMP_DIR"]) if "GRADIO_TEMP_DIR" in os.environ else None


@contextmanager
def serving(
    folder: Path,
    profile: str = "mini",
    host: str = HERE,
    port: int | None = None,
    password: str | None = None,
    settings: dict[str, Any] | None = None,
    **how: Any,
) -> Iterator[str]:
    """The demo's address while it is served. Runs stay in `folder`; uploads and all other files are gone afterwards.

    Raises ServeError.
    """
    check(host, password)
    if profile == "mini":
        labs.offline()
    with tempfile.TemporaryDirectory(prefix="labs-demo-") as cache:
        os.environ |= {"GRADIO_TEMP_DIR": cache, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
        from starlette.middleware import Middleware  # only now, when gradio has been told all that

        from labs.demo.app import CSS, build, theme
        from labs.demo.headers import Headers
        from labs.demo.senses import Senses
        from labs.demo.uploads import MEGABYTES

        senses = Senses(folder / "senses")
        app, stage = build(folder, senses, profile, settings, **how)
        senses.begin()
        try:
            _, address, _ = app.queue(api_open=False).launch(
                server_name=host, server_port=port, auth=(USER, password) if password else None, share=False,
                inline=False, quiet=True, prevent_thread_lock=True, ssr_mode=False, pwa=False, mcp_server=False,
                footer_links=[], enable_monitoring=False, max_file_size=f"{MEGABYTES}mb", theme=theme(), css=CSS,
                app_kwargs={"middleware": [Middleware(Headers)]},
            )  # fmt: skip
            yield address
        except OSError as error:
            raise ServeError(f"The demo cannot be served at {host}:{port} ({error}): name another --port.") from None
        finally:
            app.close()
            senses.end()
            stage.close()
