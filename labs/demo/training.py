"""A tuning that an audience watches: it runs beside the page, tells every step, stops when it is asked to and goes on.

The engine is `labs.tuning.fit`, with its checkpoints: what was stopped, or lost with the machine, goes on from there.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL.Image import Image

from labs.demo import lessons
from labs.errors import LabsError
from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.interval import Interval, interval
from labs.models.entry import Loaded
from labs.tuning.adapters import using
from labs.tuning.fit import fit_or_open
from labs.tuning.lora import add_lora
from labs.tuning.rows import draw_anew
from labs.tuning.run_folder import finished

LIVE, LAST, SHOWN = 12, 40, 4  # held-out cases asked while it learns, afterwards, and shown side by side
EVERY, SAVED = 25, 25  # steps between two looks at them, and between two checkpoints


@dataclass
class Training:
    """One tuning. `told` and `right` grow while it runs: (step, loss) and (step, share of held-out answers right)."""

    name: str
    folder: Path  # the skill's; lessons and runs lie in it
    number: int  # of the run: its folder, and its seed
    side: int  # pixels of a picture
    settings: dict[str, Any] = field(default_factory=dict)  # in place of the course's own
    told: list[tuple[int, float]] = field(default_factory=list)
    right: list[tuple[int, float]] = field(default_factory=list)
    result: "Result | None" = None
    stopped: threading.Event = field(default_factory=threading.Event)
    failed: Exception | None = None
    thread: threading.Thread | None = None

    @property
    def steps(self) -> int:
        return self.settings.get("steps", lessons.course(self.name).steps)

    @property
    def out(self) -> Path:
        return self.folder / f"run-{self.number}"

    def begin(self, base: Callable[[], Loaded]) -> None:
        """Run in a thread of its own; `base` opens the model, which is changed."""
        self.thread = threading.Thread(target=self.run, args=[base], name=f"tuning {self.name}", daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Ask it to end after its step, and wait until it has."""
        self.stopped.set()
        if self.thread:
            self.thread.join()

    def run(self, base: Callable[[], Loaded]) -> None:
        """Teach a fresh base; then ask base and tuned. What goes wrong is kept in `failed`."""
        try:
            loaded = base()
            model = self._learn(loaded)
            self.result = _judge(self.name, Loaded(loaded.entry, model, loaded.processor), self.side)
        except LabsError as error:
            self.failed = None if self.stopped.is_set() else error
        except Exception as error:  # shown to whoever waits for this run; the server goes on
            self.failed = error

    def _learn(self, loaded: Loaded) -> Any:
        course, name = lessons.course(self.name), self.name
        records = lessons.lessons(name, loaded, self.folder / "lessons", self.side)
        model = add_lora(loaded.model, lessons.adapter(name, loaded, records), self.number)
        if name != lessons.THERMAL:
            draw_anew(model, self.number)
        small = lessons.held(name, loaded, LIVE, 1, self.side)
        pupil = Loaded(loaded.entry, model, loaded.processor)

        def watch(step: int, loss: float) -> None:
            self.told.append((step, loss))
            if step % EVERY == 0 or step == self.steps:
                self.right.append((step, _share(pupil, small, course.longest)))
                model.train()
            if self.stopped.is_set():
                raise KeyboardInterrupt

        fitted = fit_or_open(
            model, loaded.processor, records, [], self.out, progress=False, watch=watch,
            **({"steps": course.steps, "batch": course.batch, "learning_rate": course.rate, "seed": self.number,
                "save_every": SAVED} | self.settings),
        )  # fmt: skip
        self.told = list(enumerate(fitted.losses, start=1))
        return model


@dataclass(frozen=True)
class Result:
    """The proof, and cases to look at: (picture, question, base's answer, tuned model's, true answer)."""

    base: Interval
    tuned: Interval
    other: Interval  # the tuned model beside another case's picture
    cases: list[tuple[Image, str, str, str, str]]


def unfinished(folder: Path) -> int | None:
    """The newest run of a skill that was begun and not finished; None where there is none."""
    begun = [number for number in numbers(folder) if not finished(folder / f"run-{number}")]
    return max(begun, default=None)


def numbers(folder: Path) -> list[int]:
    """Of all runs of a skill."""
    return sorted(int(run.name.removeprefix("run-")) for run in folder.glob("run-*"))


def _judge(name: str, tuned: Loaded, side: int) -> Result:
    """Base and tuned on held-out cases that nobody looked at before, and the control."""
    held, longest = lessons.held(name, tuned, LAST, 2, side), lessons.course(name).longest
    where = [item.picture for item in held.exam.new]
    told = {"tuned": _answers(tuned, held, longest), "other": _answers(tuned, held, longest, shuffled=True)}
    with using(tuned.model, None):
        told["base"] = _answers(tuned, held, longest)
    found = {arm: interval(held.scores(texts), where) for arm, texts in told.items()}
    first = {item.picture: number for number, item in reversed(list(enumerate(held.exam.new)))}
    cases = [
        (held.exam.pictures[at], held.exam.new[n].question, told["base"][n], told["tuned"][n], held.exam.new[n].answer)
        for at, n in sorted(first.items())[:SHOWN]
    ]
    return Result(found["base"], found["tuned"], found["other"], cases)


def _share(loaded: Loaded, held: lessons.Held, longest: int) -> float:
    loaded.model.eval()
    scores = held.scores(_answers(loaded, held, longest))
    return sum(scores) / len(scores)


def _answers(loaded: Loaded, held: lessons.Held, longest: int, shuffled: bool = False) -> Sequence[str]:
    pictures = heldout.shuffled(held.exam.pictures) if shuffled else held.exam.pictures
    shown = [pictures[item.picture] for item in held.exam.new]
    return answers(loaded, shown, [item.question for item in held.exam.new], max_new_tokens=longest)
