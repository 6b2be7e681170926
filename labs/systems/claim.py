"""A claim of a paper as an experiment: written down before it is run, then measured on the same items in every arm.

An arm is a function of a seed; it returns one number for each held-out item. What is compared, which arms are controls
and where they must sit, and what would refute the claim, all stand in the claim itself. `run` measures, `Outcome`
judges (labs.systems.outcome).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from labs.errors import LabsError
from labs.files import write_json
from labs.systems.outcome import Outcome

SEEDS = 3


class Scores(NamedTuple):
    """One number for each held-out item, and the scene that the item is about; both the same length."""

    values: Sequence[float]
    scenes: Sequence[int]


@dataclass(frozen=True)
class Claim:
    """What is expected, and how it is measured. `better` is the arm that the claim is about.

    It is to lie above `than`, an arm or a number; or, with `within`, no farther than that from it on either side.
    """

    name: str
    hypothesis: str  # one sentence, written before the first run
    metric: str
    arms: Mapping[str, Callable[[int], Scores]] = field(repr=False)
    better: str
    than: str | float
    within: float | None = None
    controls: Mapping[str, float] = field(default_factory=dict)  # arm -> the chance at which it must sit
    ceiling: str | None = None
    unit: str = "%"  # of the scores; "%" says that they are shares between 0 and 1
    given: bool = False  # holds by construction, so that measuring it only shows it

    def __post_init__(self) -> None:
        named = [self.better, *self.controls, *([self.ceiling] if self.ceiling else [])]
        for arm in named + ([self.than] if isinstance(self.than, str) else []):
            if arm not in self.arms:
                raise ValueError(f"claim {self.name!r} has no arm {arm!r}: it has {', '.join(self.arms)}")

    def said(self) -> dict[str, Any]:
        """All that was written down before measuring, without the functions."""
        names = ("name", "hypothesis", "metric", "better", "than", "within", "ceiling", "unit", "given")
        return {name: getattr(self, name) for name in names} | {"controls": dict(self.controls)}


class ClaimError(LabsError, ValueError):
    """There is no system or no claim of that name."""


def run(claim: Claim, seeds: Sequence[int] = range(SEEDS), keep: Path | None = None, progress: bool = True) -> Outcome:
    """Measure every arm with every seed, seed after seed; three are needed for a verdict.

    What lies in the folder `keep` is not measured again, so that a run that was stopped goes on.
    """
    scores: dict[str, list[Scores]] = {name: [] for name in claim.arms}
    seconds: dict[str, list[float]] = {name: [] for name in claim.arms}
    todo = [(seed, name) for seed in seeds for name in claim.arms]
    for seed, name in (bar := tqdm(todo, claim.name, disable=not progress, leave=False)):
        bar.set_postfix_str(f"{name}, seed {seed}")
        one = _measured(claim.arms[name], seed, keep / f"{claim.name}, {name}, {seed}.json" if keep else None)
        scores[name].append(Scores(one["values"], one["scenes"]))
        seconds[name].append(one["seconds"])
    return Outcome.of(claim.said(), scores, seconds)


def systems() -> list[str]:
    """The systems that make claims: the modules of this package with a function of that name."""
    folder = Path(__file__).parent
    return [file.stem for file in sorted(folder.glob("*.py")) if "\ndef claims(" in file.read_text(encoding="utf-8")]


def find(name: str) -> dict[str, Claim]:
    """ "clip" -> all its claims by their full names; "clip/swapped captions" -> that one. Raises ClaimError."""
    system, _, wanted = name.partition("/")
    if system not in systems():
        raise ClaimError(f"there is no system {system!r}: choose one of {', '.join(systems())}.")
    found = {f"{system}/{claim.name}": claim for claim in import_module(f"labs.systems.{system}").claims()}
    if wanted and name not in found:
        raise ClaimError(f"{system} has no claim {wanted!r}: it has {', '.join(c.name for c in found.values())}.")
    return {name: found[name]} if wanted else found


def _measured(arm: Callable[[int], Scores], seed: int, file: Path | None) -> dict[str, Any]:
    if file and file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    start = time.perf_counter()
    values, scenes = arm(seed)
    one = {"values": [float(value) for value in values], "scenes": [int(scene) for scene in scenes]}
    one["seconds"] = round(time.perf_counter() - start, 1)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, one)
    return one
