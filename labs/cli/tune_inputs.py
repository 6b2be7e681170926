"""What `labs tune` works on: data that was looked through, and a model that was opened to be tuned."""

from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from labs.data.heldout import leakage, split
from labs.data.records import DataError, Records, read
from labs.evaluation import heldout as world
from labs.evaluation.exam import Exam
from labs.evaluation.questions import exam_of
from labs.models import catalog
from labs.models.device import dtype_for
from labs.tuning.four_bit import nf4, repair_on_cpu
from labs.tuning.process import this_process

WORLD = 25  # pictures of the micro-world, each with eight to eleven questions


def read_data(
    data: Path, heldout: Path | None, images: Path | None, seed: int, console: Console
) -> tuple[Records, Records]:
    """Training and held-out records, checked; prints what was found. Raises DataError, also if they share pictures."""
    try:
        records = read(data, images)
        train, kept = (records, read(heldout, images)) if heldout else split(records, seed=seed)
    except DataError as error:
        if error.report:
            console.print(error.report)
        raise
    leak = leakage(train, kept)
    console.print(replace(records.report, findings=[*records.report.findings, leak]))
    if heldout:
        console.print(kept.report)
    if leak.found:
        raise DataError(
            f"{leak.found} of {len(kept)} records of {heldout} show what {data} trains on, {leak.note}: "
            "a model that has learned them by heart would look good; take them out of one of the two."
        )
    return train, kept


def read_exam(
    kept: Records, asked: int, earlier: Path | None, images: Path | None, mini: bool, seed: int
) -> Exam | None:
    """Questions about `asked` held-out records, and about what could be done before: `earlier`, or the mini model's.

    None where nothing was held out, or nothing is to be asked. Raises DataError for faults in `earlier`.
    """
    if not (kept and asked):
        return None
    if earlier:
        return exam_of(kept, asked, seed, exam_of(read(earlier, images), asked, seed))
    return exam_of(kept, asked, seed, world.exam(WORLD, seed) if mini else None)


def open_model(name: str | None, out: Path, qlora: bool = False, full: bool = False):
    """The bundled mini model, or a folder or Hub id, to be tuned. Raises CatalogError if it cannot be opened.

    What is downloaded is recorded in `out`, so that a run that goes on goes on with the same commit.
    """
    device = this_process().device
    dtype = torch.float32 if full else dtype_for(device)  # what learns needs all its digits
    options = {"dtype": dtype} | ({"quantization_config": nf4(dtype)} if qlora else {})
    entry = catalog.Entry(name, "AutoModelForImageTextToText") if name else catalog.find("multimodal", "mini")
    loaded = catalog.load_from(catalog.where(entry), entry, None if out.is_file() else out, **options)
    repair_on_cpu(loaded.model)
    if not qlora:  # bitsandbytes has put it there
        loaded.model.to(device)
    return loaded
