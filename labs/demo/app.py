"""The four pages of the demo as one gradio app, and how it looks: the machine's own fonts, light and dark."""

from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from labs.demo.ask_tab import ask_tab
from labs.demo.senses import Senses
from labs.demo.senses_tab import senses_tab
from labs.demo.tell_tab import tell_tab
from labs.demo.tune_tab import Stage, tune_tab
from labs.models import catalog
from labs.world.picture import SIZE

TITLE = "Multimodal language models, live"
SIDE = 336  # pixels of a picture that a real model is shown, where the catalogue does not say
CSS = (Path(__file__).parent / "demo.css").read_text(encoding="utf-8")


def build(
    folder: Path, senses: Senses, profile: str = "mini", settings: dict[str, Any] | None = None, **how: Any
) -> tuple[gr.Blocks, Stage]:
    """The app, not yet served, and its trainings, whose runs lie in `folder`.

    `settings` replace those of the courses; `how` is for the model's loader.
    """
    loaded = catalog.load("multimodal", profile, **how)
    loaded.model.requires_grad_(False)  # nobody tunes this one, so its eyes may look at a picture once
    mini, numbers = profile == "mini", count(1)
    side = SIZE if mini else loaded.entry.side or SIDE
    stage = Stage(lambda: catalog.load("multimodal", profile, **how), folder, side, settings or {})
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600)) as app:
        gr.Markdown(f"# {TITLE}\n{_knows(loaded.entry.short, mini)}")
        with gr.Tab("Ask", id="ask"):
            ask_tab(loaded, mini, numbers)
        with gr.Tab("Tell", id="tell"):
            tell_tab(loaded, side, numbers)
        with gr.Tab("Tune", id="tune"):
            tune_tab(stage, mini)
        with gr.Tab("Senses", id="senses"):
            senses_tab(senses)

        def left(request: gr.Request) -> None:
            stage.stop(request.session_hash)

        app.unload(left)
    return app, stage


def theme() -> gr.themes.Base:
    """Gradio's own, in the fonts that the machine has."""
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    quiet = {"body_text_color_subdued": "*neutral_600", "body_text_color_subdued_dark": "*neutral_300"}  # legible
    return gr.themes.Default(primary_hue="blue", neutral_hue="slate", **fonts).set(**quiet)


def _knows(name: str, mini: bool) -> str:
    if mini:
        return (f"`{name}` knows the micro-world alone: coloured shapes on a plain ground. It answers whatever it is "
                "asked, and warns where it cannot know.")  # fmt: skip
    return f"`{name}` answers whatever it is asked: look at how sure it is, and at what it would say without looking."
