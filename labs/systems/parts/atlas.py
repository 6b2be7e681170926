"""The papers and systems of the field, read from data/atlas.csv: what each does, and which file here shows it.

A paper is `shown` if a file here holds the idea that it is named for: `how` says what in that file, and what is left
out. That is no verdict: whether the idea held up here is in data/claims.json. All other rows say why not, in one
sentence that begins with one of `WHY`: none could at this scale, in this world, or without its data.
All wording is our own; `claim` is what a paper says of itself, figures with it (mostly in its abstract), and was not
measured here. Years are those of the first version, from memory; a source stands where one is known for sure. Families
are fuzzy: a paper that connects a language model, writes its own data and instructs could stand in three, and stands in
one.
"""

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import labs

FAMILIES = {
    "any-to-any-token-lm": "one autoregressive model reads and writes every modality, as tokens or embeddings",
    "base-models": "of text or of a single sense: what the others are built from or measured against",
    "binding-n-modalities": "three or more modalities in one space, through a hub, an anchor or a joint score",
    "contrastive-alignment": "towers whose matching pairs are to score higher than all others",
    "data-engines-and-datasets": "the data is the contribution: written, rewritten, filtered or collected",
    "diffusion-generation": "noise is taken away step by step, led by other modalities; editing too",
    "efficiency-and-lifelong": "training at a lower cost, and learning that goes on after it",
    "evaluation-and-interpretability": "what models know, miss or invent, and how to find that out",
    "frozen-backbone-adaptation": "what was pre-trained stays; projections, adapters or prefixes learn",
    "fusion-and-balance": "senses of unequal ease or reliability put together",
    "grounding-and-dense-tasks": "models that point: boxes, masks, and saying that something is not there",
    "in-context-and-decoding": "new tasks by examples, by words instead of senses, or by rules of decoding",
    "instruction-tuning": "tuned on requests with replies, so that an aligned model does as it is told",
    "llm-connector": "a projection, queries, gates or cross-attention between senses and a language model",
    "masked-multimodal-modelling": "parts, or whole senses, are hidden and told from what is left",
    "missing-modality": "senses that are absent, or others in use than in training",
    "mm-embedding-retrieval": "one vector, or a few, for mixed questions and what is sought",
    "mm-rag": "what was retrieved is read by the model that answers",
    "modality-experts-and-merging": "weights of its own for each modality, or models made into one",
    "multi-objective-pretraining": "contrast, matching, captions and masked words in one training",
    "preference-and-safety": "after tuning: preferences, critiques, unlearning",
    "speech-and-omni": "speech joined to language models, and assistants that hear, see and speak",
    "survey": "reviews, books and talks",
    "unified-backbone-multitask": "one network and one interface for many tasks",
    "video-language": "time: order, motion, frames, and the sound that goes with them",
}
MODALITIES = ("text", "image", "video", "audio", "speech", "3d", "depth", "thermal", "motion", "timeseries", "tabular",
              "regions", "ui", "document", "code", "graph", "brain", "action")  # fmt: skip
STAGES = ("pre-training", "instruction-tuning", "adaptation", "inference", "evaluation", "data", "survey")
PARTS = ("papers", "tutorial", "summary", "talk", "labs")  # where it is named: a list of 208, three texts, or here only
WHY = ("World", "Scale", "Collected", "Closed", "Survey")


@dataclass(frozen=True)
class Paper:
    """One row. `shown_by` is a path in this repository, with `how`; without one there is a `why_not`."""

    title: str
    system: str
    year: int
    modalities: tuple[str, ...]
    family: str
    mechanism: str
    stage: str
    domain: str
    claim: str
    source: str
    part: tuple[str, ...]
    shown_by: str
    how: str
    why_not: str

    def __post_init__(self) -> None:
        known = {"modalities": MODALITIES, "part": PARTS, "family": tuple(FAMILIES), "stage": STAGES}
        for column, allowed in known.items():
            found = getattr(self, column)
            if not found or not set((found,) if isinstance(found, str) else found) <= set(allowed):
                raise ValueError(f"{column} of {self.system} must be among {', '.join(allowed)}, not {found!r}")
        if self.source and not self.source.startswith("https://"):
            raise ValueError(f"source of {self.system} must begin with https://, not be {self.source!r}")
        if bool(self.shown_by) == bool(self.why_not) or bool(self.shown_by) != bool(self.how):
            raise ValueError(f"{self.system} needs either shown_by and how, or why_not, and not both")
        if self.why_not and self.why not in WHY:
            raise ValueError(f"why_not of {self.system} must begin with one of {', '.join(WHY)}, not {self.why!r}")

    @property
    def shown(self) -> bool:
        """Whether a file here shows it."""
        return bool(self.shown_by)

    @property
    def text(self) -> str:
        """All that is said of it, in small letters: where words are looked for."""
        return " ".join(map(str, astuple(self))).lower()

    @property
    def here(self) -> str:
        """Which file shows it and how, or why none does."""
        return f"{self.shown_by}: {self.how}" if self.shown else self.why_not

    @property
    def origin(self) -> str:
        """Whether it is of the list, or else of the texts, or was "added" because a file here is about it."""
        return "list" if "papers" in self.part else "added" if "labs" in self.part else "texts"

    @property
    def why(self) -> str:
        """Which of `WHY` its sentence begins with; "" where a file shows it."""
        return self.why_not.partition(":")[0]


def read(path: Path | None = None) -> list[Paper]:
    """All rows, family by family and year by year. Raises ValueError for one that breaks a rule."""
    with (path or labs.home() / "data" / "atlas.csv").open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, strict=True)
        if table.fieldnames != (columns := [field.name for field in fields(Paper)]):
            raise ValueError(f"the atlas needs the columns {', '.join(columns)}, not {table.fieldnames}")
        lines = list(table)
    if short := [line for line in lines if None in line or None in line.values()]:
        raise ValueError(f"each row of the atlas needs {len(columns)} fields, not as here: {short[0]}")
    return [_paper(**line) for line in lines]


def _paper(year: str, modalities: str, part: str, **others: str) -> Paper:
    if not year.isdecimal():
        raise ValueError(f"year of {others['system']} must be a whole number, not {year!r}")
    return Paper(year=int(year), modalities=tuple(modalities.split(";")), part=tuple(part.split(";")), **others)
