"""*Tune*: choose a skill, press start, watch; then base and tuned model side by side, with the proof."""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from labs.demo import training
from labs.demo.cards import image
from labs.demo.chart import curve
from labs.demo.lessons import LESSONS, offered
from labs.demo.markup import drawn
from labs.demo.training import Result, Training
from labs.models.entry import Loaded

SIDE = 120  # pixels
PAUSE = 0.7  # seconds between two looks at a run
TRAINING = "training"  # one at a time: whoever comes later sees a place in the queue


class Stage:
    """Runs by visitor. `base` opens a fresh base, `folder` holds the runs, `settings` replace those of the courses."""

    def __init__(self, base: Callable[[], Loaded], folder: Path, side: int, settings: dict[str, Any]):
        self.base, self.folder, self.side, self.settings = base, folder, side, settings
        self.runs: dict[str, Training] = {}

    def start(self, name: str, visitor: str) -> Training:
        """A new run."""
        folder = self.folder / name.replace(" ", "-")
        return self._begin(name, visitor, max(training.numbers(folder), default=0) + 1)

    def go_on(self, name: str, visitor: str) -> Training:
        """The visitor's own run of the skill; else the newest that was left unfinished, perhaps by another evening."""
        mine, folder = self.runs.get(visitor), self.folder / name.replace(" ", "-")
        number = mine.number if mine and mine.name == name else training.unfinished(folder)
        return self._begin(name, visitor, number or 1)

    def stop(self, visitor: str) -> None:
        """Ask the visitor's run to end after its step; of others nothing is known."""
        if visitor in self.runs:
            self.runs[visitor].stopped.set()

    def close(self) -> None:
        """End all that runs."""
        for run in self.runs.values():
            run.end()

    def _begin(self, name: str, visitor: str, number: int) -> Training:
        folder = self.folder / name.replace(" ", "-")
        before = self.runs.get(visitor)
        again = before is not None and (before.folder, before.number) == (folder, number)
        right = [*before.right] if again else []
        self.runs[visitor] = Training(name, folder, number, self.side, self.settings, right=right)
        return self.runs[visitor]


def tune_tab(stage: Stage, mini: bool) -> None:
    """Lay out the page and say what its buttons do."""
    names = offered(mini)
    gr.Markdown(
        "Teach the model something that it cannot do. Watch the *held-out* accuracy: a falling loss proves nothing."
    )
    chosen = gr.Radio([(f"{name}: {LESSONS[name]}", name) for name in names], value=names[0], label="What to teach")
    with gr.Row():
        start = gr.Button("Start", variant="primary")
        stop, more = gr.Button("Stop"), gr.Button("Go on")
    seen = gr.HTML(elem_id="training")
    told = gr.HTML(elem_id="proof")

    def begin(name: str, request: gr.Request):
        yield from watched(stage.start(name, request.session_hash), stage.base)

    def resume(name: str, request: gr.Request):
        yield from watched(stage.go_on(name, request.session_hash), stage.base)

    def halt(request: gr.Request):
        stage.stop(request.session_hash)

    one = {"concurrency_id": TRAINING, "concurrency_limit": 1}
    start.click(begin, chosen, [seen, told], api_name="tune", **one)
    more.click(resume, chosen, [seen, told], api_name="go_on", **one)
    stop.click(halt, None, None, api_name="stop", queue=False)


def watched(run: Training, base: Callable[[], Loaded]) -> Iterator[tuple[str, str]]:
    """Let it run and tell how it goes; if whoever watches leaves, it stops."""
    run.begin(base)
    try:
        while run.thread.is_alive():
            yield progress(run), ""
            run.thread.join(PAUSE)
    finally:
        run.end()
    if run.failed:
        raise gr.Error(f"The training stopped: {run.failed}", print_exception=False)
    yield progress(run), proof(run.name, run.result) if run.result else _halted(run)


def progress(run: Training) -> str:
    """The two curves."""
    top = max([loss for _, loss in run.told], default=5.0)
    right = [(step, 100 * share) for step, share in run.right]
    return (
        f"<p>{escape(run.name)}, run {run.number}: {_stands(run)}</p>"
        + curve(run.told, run.steps, max(0.1, top), "training loss, nats a token")
        + curve(right, run.steps, 100.0, f"held-out answers right, {training.LIVE} pictures", " %")
    )


def proof(name: str, result: Result) -> str:
    """Base, tuned and control on held-out cases, and some of them to look at."""
    gained = result.tuned.low > max(result.base.high, result.other.high)
    verdict = (
        "It learned: beyond the base and beyond another picture." if gained else "Nothing is proven by these cases."
    )
    rows = "".join(
        f"<tr><th scope='row'>{arm}</th><td>{found}</td></tr>"
        for arm, found in (("base", result.base), ("tuned", result.tuned), ("tuned, another picture", result.other))
    )
    return (
        f"<p><strong>{verdict}</strong> {result.base.n} questions about {result.base.pictures} held-out pictures, with "
        f"95 % intervals.</p><table>{rows}</table><table><thead><tr>"
        + "".join(f"<th scope='col'>{head}</th>" for head in ("picture", "asked", "base", "tuned", "true"))
        + "</tr></thead><tbody>"
        + "".join(_case(name, *case) for case in result.cases) + "</tbody></table>"
    )  # fmt: skip


def _case(name: str, picture, question: str, *texts: str) -> str:
    cells = "".join(f"<td>{drawn(text, SIDE) if name == 'code' else ''}{escape(text)}</td>" for text in texts)
    return f"<tr><td>{image(picture, 'the case', SIDE)}</td><td>{escape(question)}</td>{cells}</tr>"


def _stands(run: Training) -> str:
    done = run.told[-1][0] if run.told else 0
    if run.result:
        return "finished"
    return f"step {done} of {run.steps}" if done else "drawing pictures to learn from ..."


def _halted(run: Training) -> str:
    return "<p>Stopped. <em>Go on</em> takes it up at its last checkpoint; <em>Start</em> begins another run.</p>"
