"""python -m labs tune: your own pictures and conversations, LoRA, QLoRA or the whole model, and whether it helped."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import labs
from labs.cli.ask import check_writable, write_json
from labs.errors import LabsError


def tune(
    data: Annotated[
        Path, typer.Option(help="LLaVA's JSON or JSON lines, parquet, or a folder of `save_to_disk` with `messages`.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the run: config, metrics, checkpoints, adapter.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures; by default the folder of the data file.")
    ] = None,
    heldout: Annotated[
        Path | None, typer.Option(help="Data to hold out, with other pictures; by default a tenth of --data.")
    ] = None,
    qlora: Annotated[bool, typer.Option("--qlora", help="Keep the frozen language model in 4 bits (NF4).")] = False,
    full: Annotated[bool, typer.Option("--full", help="Tune every weight, without adapters.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="PATH_OR_HUB_ID", help="Another model than the bundled mini one.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates, of --batch records each.")] = 200,
    batch: Annotated[int, typer.Option(min=1, help="Records that a step learns from, on all devices together.")] = 8,
    rank: Annotated[int, typer.Option(min=1, help="Rank r of the adapters; lora_alpha is twice as much.")] = 8,
    learning_rate: Annotated[float, typer.Option(min=0, help="With --full a tenth of it suits better.")] = 1e-3,
    max_length: Annotated[int | None, typer.Option(min=1, help="Cut what is longer, in tokens.")] = None,
    best: Annotated[
        str | None, typer.Option(help="Keep the checkpoint with the best held-out `loss`, `exact`.")
    ] = None,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="Less memory, a third more time: compute activations twice.")
    ] = False,
    asked: Annotated[
        int, typer.Option(min=0, help="Held-out records that are asked about before and after, with controls.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Same seed, same records held out, same adapter.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results for a machine.")
    ] = None,
) -> None:
    """Tune the multimodal model on your own pictures and conversations.

    All records and pictures are checked first, and a table says what was found. A tenth of the records is kept back,
    no picture on both sides, and tells whether tuning helped: loss and exact match before and after, and the answers
    with pictures taken away, exchanged, or an adapter of chance. After an interruption the same command goes on.

    Examples:

    `python -m labs tune --data my.json --images my_pictures --out runs/mine`

    `python -m labs tune --data my.json --images my_pictures --out runs/mine4 --qlora --steps 500 --rank 16`
    """
    check_writable(json_file)
    if qlora and full:
        raise LabsError("--qlora and --full exclude each other: weights in 4 bits cannot learn.")
    if model is None:
        labs.offline()  # before transformers is imported
    from labs.cli.tune_inputs import open_model, read_data  # torch is imported only after a good command line

    console = Console(quiet=os.environ.get("RANK", "0") != "0")  # of several processes one speaks
    train, kept = read_data(data, heldout, images, seed, console)
    loaded = open_model(model, qlora, full)
    settings = {"steps": steps, "batch": batch, "learning_rate": learning_rate, "max_length": max_length,
                "best": best, "seed": seed}  # fmt: skip
    result = {"method": "QLoRA" if qlora else "full tuning" if full else "LoRA", "model": model or loaded.entry.name}
    result |= run(loaded, train, kept, out, None if full else rank, asked, checkpointing, console, settings)
    show(result, console)
    if json_file:
        write_json(json_file, result | {"proof": result["proof"] and result["proof"].as_dict()})


def run(
    loaded: Any, train: Any, kept: Any, out: Path, rank: int | None, asked: int, checkpointing: bool, console: Console,
    settings: dict,
) -> dict:  # fmt: skip
    """Ask, tune, ask again. Returns what `show` prints; the folder holds the rest."""
    from labs.evaluation.proof import evaluate, judge
    from labs.models.catalog import Loaded
    from labs.tuning.agreement import check_examples
    from labs.tuning.examples import Examples
    from labs.tuning.fit import Speed, fit
    from labs.tuning.footprint import bytes_of, trainable_table
    from labs.tuning.lora import LoraSpec, add_lora
    from labs.tuning.mask_view import explain
    from labs.tuning.precision import dtype_for
    from labs.tuning.questions import exam_of
    from labs.tuning.random_adapter import random_adapter
    from labs.tuning.score import score

    examples = Examples(loaded.processor, train, settings["max_length"])
    console.print("The first record, supervised tokens in bold green:")
    console.print(explain(loaded.processor, examples[0].input_ids, examples[0].labels))
    check_examples(loaded.model, examples)
    seed, megabytes = settings["seed"], bytes_of(loaded.model) / 1e6
    before = score(loaded.model, loaded.processor, kept, settings["max_length"]) if kept else None
    exam = exam_of(kept, most=asked, seed=seed) if kept and asked else None
    told = exam and judge(loaded, exam, "before")
    model = loaded.model if rank is None else add_lora(loaded.model, LoraSpec(r=rank, lora_alpha=2 * rank), seed)
    precision = "float32" if rank is None else str(dtype_for(loaded.model.device)).removeprefix("torch.")
    fitted = fit(model, loaded.processor, train, kept, out, precision=precision,
                 speed=Speed(checkpointing=checkpointing), **settings)  # fmt: skip
    control = None if rank is None else random_adapter(model, seed)
    after = Loaded(loaded.entry, model, loaded.processor)
    return {
        "records": len(train), "heldout_records": len(kept),
        "before": before and before._asdict(), "after": fitted.heldout and fitted.heldout._asdict(),
        "proof": exam and evaluate(told, after, exam, random_adapter=control, seed=seed),
        "trainable": trainable_table(model)[-1].trainable, "total": trainable_table(model)[-1].total,
        "megabytes_before": megabytes, "megabytes_after": bytes_of(model) / 1e6,
        "steps": len(fitted.losses), "seconds": round(fitted.seconds, 1), "separate": fitted.separate,
        "padding": fitted.padding,
        "saved": str(out / ("model" if rank is None else "adapter")),
    }  # fmt: skip


def show(result: dict, console: Console) -> None:
    """Print the table before and after."""
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
