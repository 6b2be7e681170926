"""What `labs tune` does once everything is read: show the mask, ask, tune, ask again, and show what it comes to."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from labs.data.records import Records
from labs.evaluation.exam import Exam
from labs.evaluation.proof import evaluate, judge
from labs.models.catalog import Loaded
from labs.models.device import dtype_for
from labs.tuning.agreement import check_examples
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.footprint import bytes_of, trainable_table
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.mask_view import explain
from labs.tuning.random_adapter import random_adapter
from labs.tuning.score import score


def show_mask(loaded: Loaded, train: Records, max_length: int | None, console: Console) -> None:
    """Print what is supervised in the first record. Raises DataError if the model cannot be tuned on such records."""
    examples = Examples(loaded.processor, train, max_length)
    console.print("The first record, supervised tokens in bold green:")
    console.print(explain(loaded.processor, examples[0].input_ids, examples[0].labels))
    check_examples(loaded.model, examples)


def run(
    loaded: Loaded, train: Records, kept: Records, exam: Exam | None, out: Path, rank: int | None, settings: dict
) -> dict:
    """Ask, tune (with `rank` None every weight), ask again. Returns what `show` prints; the folder holds the rest."""
    seed, megabytes = settings["seed"], bytes_of(loaded.model) / 1e6
    before = score(loaded.model, loaded.processor, kept, settings["max_length"]) if kept else None
    told = exam and judge(loaded, exam, "before")
    model = loaded.model if rank is None else add_lora(loaded.model, LoraSpec(r=rank, lora_alpha=2 * rank), seed)
    precision = "float32" if rank is None else str(dtype_for(loaded.model.device)).removeprefix("torch.")
    fitted = fit(model, loaded.processor, train, kept, out, precision=precision, **settings)
    control = None if rank is None else random_adapter(model, seed)
    after, total = Loaded(loaded.entry, model, loaded.processor), trainable_table(model)[-1]
    return {
        "model": loaded.entry.name, "records": len(train), "heldout_records": len(kept),
        "before": before and before._asdict(), "after": fitted.heldout and fitted.heldout._asdict(),
        "proof": exam and evaluate(told, after, exam, random_adapter=control, seed=seed),
        "trainable": total.trainable, "total": total.total,
        "megabytes_before": megabytes, "megabytes_after": bytes_of(model) / 1e6,
        "steps": len(fitted.losses), "seconds": round(fitted.seconds, 1), "separate": fitted.separate,
        "padding": fitted.padding, "saved": str(out / ("model" if rank is None else "adapter")),
    }  # fmt: skip


def show(result: dict, console: Console) -> None:
    """Print the table before and after, and the proof."""
    table = Table(title=f"{result['method']} on {result['model']}: {result['records']} records, "
                  f"{result['steps']} steps, {result['seconds']} s")  # fmt: skip
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="right" if heading else "left")
    before, after = result["before"], result["after"]
    if before and after:
        losses = (f"{score['loss']:.3f}" for score in (before, after))
        table.add_row(f"held-out loss ({result['heldout_records']} records)", *losses)
        exact = (f"{100 * score['exact']:.0f} %" for score in (before, after))
        table.add_row(f"held-out exact match ({before['answers']} answers)", *exact)
    table.add_row("trainable parameters", "0", f"{result['trainable']:,} of {result['total']:,}")
    table.add_row("padding among the tokens", "", f"{100 * result['padding']:.1f} %")
    table.add_row("MB of weights", f"{result['megabytes_before']:.1f}", f"{result['megabytes_after']:.1f}")
    console.print(table)
    if result["proof"]:
        console.print(result["proof"])
    if result["separate"]:
        console.print(f"Every record had its pictures to itself: {result['separate']}.")
    if not before:
        console.print("Nothing was held out: that takes ten records or more whose pictures are not all tied together.")
    console.print(f"Saved: {result['saved']}", soft_wrap=True)
