"""What measuring a claim came to: every arm and seed, the difference with its interval, the controls, one verdict.

reproduced      better lies above than in all three seeds, and the interval of the difference over scenes excludes zero;
                of a claim that two things are close: the whole interval lies within the distance that was named before
reversed        below in all three seeds, and the interval excludes zero
not reproduced at this scale       anything else
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

import labs
from labs.evaluation.interval import Interval, contrast
from labs.evaluation.interval import interval as interval_of

VERDICTS = ("reproduced", "reversed", "not reproduced at this scale")
NEEDED = 3  # seeds
SLACK = 0.02  # how far from chance the nearer end of a control's interval may lie


@dataclass(frozen=True)
class Outcome:
    """`said` is the claim as it was written down; intervals are over scenes, all seeds together and each alone."""

    said: dict[str, Any]
    arms: dict[str, Interval]
    arms_by_seed: dict[str, list[Interval]]
    gap: Interval  # better minus than
    gap_by_seed: list[Interval]
    seconds: dict[str, list[float]]

    @classmethod
    def of(cls, said: dict[str, Any], scores: Mapping[str, Sequence], seconds: dict[str, list[float]]) -> "Outcome":
        """From the scores of every arm, one `Scores` a seed. Raises ValueError where arms saw different items."""
        names, first = list(scores), next(iter(scores.values()))
        for name in names:
            for one, other in zip(scores[name], first, strict=True):
                if list(one.scenes) != list(other.scenes) or len(one.values) != len(one.scenes):
                    raise ValueError(f"arm {name!r} of {said['name']!r} was not asked the same items as {names[0]!r}")
        whole = {name: _together(scores[name]) for name in names}
        scenes = [scene for part in first for scene in part.scenes]

        def gap(values: dict[str, Sequence[float]], where: Sequence[int]) -> Interval:
            than = said["than"]
            other = values[than] if isinstance(than, str) else [than] * len(where)
            return contrast([(1, values[said["better"]]), (-1, other)], where)

        return cls(
            said,
            {name: interval_of(whole[name], scenes) for name in names},
            {name: [interval_of(*part) for part in scores[name]] for name in names},
            gap(whole, scenes),
            [gap({name: scores[name][i].values for name in names}, part.scenes) for i, part in enumerate(first)],
            seconds,
        )

    @property
    def broken(self) -> list[str]:
        """The controls that have left chance: then the experiment says nothing."""
        wrong = []
        for name, chance in self.said["controls"].items():
            found = self.arms[name]
            if found.low > chance + SLACK or found.high < chance - SLACK:
                wrong.append(f"{name} sits at {self.show(found)}, not at {self.show(chance)}")
        return wrong

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, or why there is none."""
        if self.broken:
            return "broken: " + "; ".join(self.broken)
        if self.said["given"]:
            return "holds by construction"
        if len(self.gap_by_seed) < NEEDED:
            return f"no verdict from {len(self.gap_by_seed)} of {NEEDED} seeds"
        within, means = self.said["within"], [gap.mean for gap in self.gap_by_seed]
        if within is not None:
            close = all(abs(mean) <= within for mean in means) and -within <= self.gap.low and self.gap.high <= within
            return VERDICTS[0] if close else VERDICTS[2]
        if min(means) > 0 and self.gap.low > 0:
            return VERDICTS[0]
        return VERDICTS[1] if max(means) < 0 and self.gap.high < 0 else VERDICTS[2]

    def show(self, value: Interval | float, signed: bool = False) -> str:
        """A figure in the claim's unit, with its interval if it has one."""
        scale, sign = (100, "+.1f") if self.said["unit"] == "%" else (1, "+.4g")
        sign = sign if signed else sign[1:]
        numbers = value[:3] if isinstance(value, Interval) else (value,)
        mean, *ends = (format(scale * number, sign) for number in numbers)
        points = " points" if signed and scale == 100 else f" {self.said['unit']}"
        return mean + points + (f" [{', '.join(ends)}]" if ends else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        numbers = {"arms": _rounded(self.arms), "gap": _rounded(self.gap), "seconds": self.seconds}
        numbers |= {"arms_by_seed": _rounded(self.arms_by_seed), "gap_by_seed": _rounded(self.gap_by_seed)}
        return {"said": self.said, "verdict": self.verdict} | numbers

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Outcome":
        """The same again."""
        return cls(
            kept["said"],
            {name: Interval(**one) for name, one in kept["arms"].items()},
            {name: [Interval(**one) for one in many] for name, many in kept["arms_by_seed"].items()},
            Interval(**kept["gap"]), [Interval(**one) for one in kept["gap_by_seed"]], kept["seconds"],
        )  # fmt: skip

    def __rich__(self) -> Table:
        said, seeds = self.said, len(self.gap_by_seed)
        title = f"{said['name']}: {said['hypothesis']}"
        caption = f"{said['better']} - {said['than']}: {self.show(self.gap, True)}. {self.verdict.capitalize()}."
        scenes = self.gap.pictures
        heads = [f"{said['metric']} (n = {self.gap.n // seeds}, {scenes} scenes)", "mean", *map(str, range(seeds))]
        table = Table(*heads, "seconds", title=title, caption=caption, title_justify="left")
        for name, found in self.arms.items():
            chance = said["controls"].get(name)
            role = " (ceiling)" if name == said["ceiling"] else ""
            role = f" (control, chance {self.show(chance)})" if chance is not None else role
            each = [self.show(one.mean) for one in self.arms_by_seed[name]]
            table.add_row(name + role, self.show(found), *each, f"{max(self.seconds[name]):.0f}")
        return table


def kept(name: str) -> Outcome:
    """The three-seed result that ships in data/claims.json. Raises KeyError where there is none."""
    return all_kept()[name]


def all_kept() -> dict[str, Outcome]:
    """All results that ship, by their full names."""
    path = labs.home() / "data" / "claims.json"
    shipped = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.exists() else {}
    return {name: Outcome.from_dict(one) for name, one in shipped.items()}


def _together(parts: Sequence) -> list[float]:
    return [float(value) for part in parts for value in part.values]


def _rounded(value: Any) -> Any:
    if isinstance(value, Interval):
        return {key: round(number, 5) for key, number in value._asdict().items()}
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value]
