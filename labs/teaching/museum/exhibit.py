"""What a visitor finds in a room: a run of the script with everything that went in and came out, to poke at."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from labs.data import records
from labs.data.records import Records
from labs.evaluation.answering import answers
from labs.evaluation.metrics import exact_match
from labs.models import catalog
from labs.models.entry import Loaded
from labs.systems.parts.camera import entry
from labs.teaching import lab2_skill
from labs.teaching.lab2_beside import Update
from labs.teaching.museum.script import SOUND, Row, Script
from labs.tuning.lora import add_lora
from labs.tuning.packing import IGNORE
from labs.tuning.speed import Speed, faster
from labs.world.picture import draw

USERS, SEED = 60, 3  # held-out pictures that users bring, none of which any script has
TOGETHER, LONGEST = 20, 24  # rows of an exam at once, and tokens of an answer
GOES_IN = ("processor", "train", "heldout", "rows", "batch")
COMES_OUT = ("model", "losses", "own", "used", "told", "by_row")


@dataclass
class Exhibit:
    """`GOES_IN` is what the script made of its records, `COMES_OUT` the model and what became of it.

    `own` are the scores (records,) of the script's own exam, read in its own way; `used` those (pictures,) of users,
    who ask the tuned model in the model's own way, and `told` what it answers them; `by_row` says of the things in each
    row of users' pictures, read in the script's way, each after the true ones before it: (picture, named rightly).
    """

    room: str
    _script: Script
    processor: Any  # as the script has it
    train: Records
    heldout: Records
    rows: list[Row]  # of the training records
    batch: dict[str, torch.Tensor]  # the first that the model is given
    model: Any = None
    losses: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    by_row: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    served: Loaded | None = None  # as users have it: the model's own processor, and the adapter in it

    def __repr__(self) -> str:
        return f"{self.room}. What goes in: {', '.join(GOES_IN)}. What comes out: {', '.join(COMES_OUT)}."


def prepare(script: Script, room: str) -> Exhibit:
    """Everything up to the first step; nothing is trained yet."""
    loaded = catalog.load("multimodal", "mini")
    processor = copy.deepcopy(loaded.processor)
    script.template(processor)
    train, heldout = script.split(script.lessons())
    rows = [script.row(processor, record) for record in train]
    first = script.batch(processor, rows[: script.records])
    return Exhibit(room, script, processor, train, heldout, rows, first, served=loaded)


def run(script: Script, room: str) -> Exhibit:
    """Tune and ask, as the script does it."""
    shown = prepare(script, room)
    shown.model = add_lora(shown.served.model)
    shown.served = Loaded(shown.served.entry, shown.model, shown.served.processor)
    with faster(shown.model, Speed()):
        shown.losses = _learn(shown)
    shown.model.eval()
    own = [script.row(shown.processor, record) for record in shown.heldout]
    shown.own = [float(said == true) for said, true in _read(shown, own)]
    exam = lab2_skill.exam(USERS, SEED)
    asked = [item.question for item in exam.new]
    shown.told = answers(shown.served, exam.pictures, asked, max_new_tokens=LONGEST)
    shown.used = [exact_match(text, item.answer) for text, item in zip(shown.told, exam.new, strict=True)]
    shown.by_row = _by_row(shown)
    return shown


@cache
def sound() -> Exhibit:
    """The script without a bug; run once, and shown beside every room."""
    return run(SOUND, "the sound script")


def _learn(shown: Exhibit) -> list[float]:
    script, rng, order, losses = shown._script, random.Random(0), [], []
    update = Update(shown.model, script.steps, script.rate)
    shown.model.train()
    for _ in range(script.steps):
        if len(order) < script.records:
            order = rng.sample(shown.rows, len(shown.rows))
        given = script.batch(shown.processor, [order.pop() for _ in range(script.records)])
        told = script.logits(shown.model, given)[:, :-1].flatten(0, 1)
        loss = cross_entropy(told, given["labels"][:, 1:].flatten(), ignore_index=IGNORE)
        update.backward(loss)
        update.step()
        losses.append(loss.item())
    return losses


def scores(shown: Exhibit, pictures: Sequence, items: Sequence) -> list[float]:
    """Exam items in the script's own way: 1 where greedy decoding writes the true answer."""
    asked = records.of([entry(pictures[one.picture], [(one.question, one.answer)]) for one in items], "an exam")
    read = _read(shown, [shown._script.row(shown.processor, record) for record in asked])
    return [float(said == true) for said, true in read]


@torch.no_grad()
def _read(shown: Exhibit, rows: Sequence[Row]) -> list[tuple[list[int], list[int]]]:
    """The best token at every place of an answer, and the true one: alike if greedy decoding writes the answer."""
    found = []
    for start in range(0, len(rows), TOGETHER):
        part = rows[start : start + TOGETHER]
        best = shown._script.logits(shown.model, shown._script.batch(shown.processor, part)).argmax(-1)
        for line, one in zip(best.tolist(), part, strict=True):
            places = [place for place, answer in enumerate(one.answers) if answer and place]
            found.append(([line[place - 1] for place in places], [one.ids[place] for place in places]))
    return found


def _by_row(shown: Exhibit) -> dict[str, list[tuple[int, bool]]]:
    scenes = lab2_skill.scenes("heldout", USERS, SEED)
    asked = records.of([entry(draw(scene), [lab2_skill.talk(scene)[0]]) for scene in scenes], "users' pictures")
    found: dict[str, list[tuple[int, bool]]] = {"top": [], "middle": [], "bottom": []}
    read = _read(shown, [shown._script.row(shown.processor, record) for record in asked])
    for number, (scene, (said, _)) in enumerate(zip(scenes, read, strict=True)):
        names = shown.processor.tokenizer.decode(said, skip_special_tokens=True).split(", ")
        for place, thing in enumerate(lab2_skill.in_order(scene)):
            right = place < len(names) and names[place].strip() == f"{thing.colour} {thing.shape}"
            found[("top", "middle", "bottom")[thing.row]].append((number, right))
    return found
