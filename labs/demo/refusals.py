"""An expected failure becomes a sentence on the page, not a traceback in the terminal."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from labs.errors import LabsError


def in_a_sentence(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose LabsError is shown to whoever caused it, and to nobody else."""

    @functools.wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except LabsError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return guarded
