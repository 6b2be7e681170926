"""python -m labs tune: your own pictures and conversations, LoRA or QLoRA, and whether it helped."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import labs
from labs.cli.ask import check_writable, write_json
from labs.errors import LabsError


def tune(
    data: Annotated[Path, typer.Option(help="JSON file in LLaVA's format: `id`, `image`, `conversations`.")],
    out: Annotated[Path, typer.Option(help="Folder for the run: config, metrics, checkpoints, adapter.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures; by default the folder of the data file.")
    ] = None,
    qlora: Annotated[bool, typer.Option("--qlora", help="Keep the frozen language model in 4 bits (NF4).")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="PATH_OR_HUB_ID", help="Another model than the bundled mini one.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates, of eight records each.")] = 200,
    rank: Annotated[int, typer.Option(min=1, help="Rank r of the adapters; lora_alpha is twice as much.")] = 8,
    seed: Annotated[int, typer.Option(help="Same seed, same records held out, same adapter.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results for a machine.")
    ] = None,
) -> None:
    """Tune the multimodal model on your own pictures and conversations.

    All records and pictures are checked first. A tenth of the records is kept back, no picture on both sides, and
    tells whether tuning helped: loss and exact match before and after. After an interruption the same command goes on.

    Examples:

    `python -m labs tune --data my.json --images my_pictures --out runs/mine`

    `python -m labs tune --data my.json --images my_pictures --out runs/mine4 --qlora --steps 500 --rank 16`
    """
    check_writable(json_file)
    from labs.tuning.records import read  # torch is imported only after a good command line

    records = read(data, images)
    if model is None:
        labs.offline()  # before transformers is imported
    result = run(records, out, qlora=qlora, model=model, steps=steps, rank=rank, seed=seed)
    show(result)
    if json_file:
        write_json(json_file, result)


def run(records: list, out: Path, *, qlora: bool, model: str | None, steps: int, rank: int, seed: int) -> dict:
    """Hold out, score, tune, score again. Returns what `show` prints; the folder holds the rest."""
    from rich import print as show_text

    from labs.tuning.agreement import check_examples
    from labs.tuning.examples import Examples
    from labs.tuning.fit import fit
    from labs.tuning.footprint import bytes_of, trainable_table
    from labs.tuning.heldout import score, split
    from labs.tuning.lora import LoraSpec, add_lora
    from labs.tuning.mask_view import explain

    train, heldout = split(records, seed=seed)
    loaded = open_model(model, qlora)
    examples = Examples(loaded.processor, train)
    show_text("The first record, supervised tokens in bold green:")
    show_text(explain(loaded.processor, examples[0].input_ids, examples[0].labels))
    check_examples(loaded.model, examples)
    megabytes = bytes_of(loaded.model) / 1e6
    before = score(loaded.model, loaded.processor, heldout) if heldout else None
    tuned = add_lora(loaded.model, LoraSpec(r=rank, lora_alpha=2 * rank), seed)
    fitted = fit(tuned, loaded.processor, train, heldout, out, steps=steps, seed=seed)
    return {
        "method": "QLoRA" if qlora else "LoRA", "model": model or loaded.entry.name,
        "records": len(train), "heldout_records": len(heldout),
        "before": before and before._asdict(), "after": fitted.heldout and fitted.heldout._asdict(),
        "trainable": trainable_table(tuned)[-1].trainable, "total": trainable_table(tuned)[-1].total,
        "megabytes_before": megabytes, "megabytes_after": bytes_of(tuned) / 1e6,
        "steps": len(fitted.losses), "seconds": round(fitted.seconds, 1), "separate": fitted.separate,
        "adapter": str(out / "adapter"),
    }  # fmt: skip


def open_model(name: str | None, qlora: bool):
    """The bundled mini model, or a folder or Hub id. Raises LabsError if it cannot be opened."""
    import torch
    from transformers.utils import logging

    from labs.models import catalog
    from labs.tuning.four_bit import nf4, repair_on_cpu

    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if cuda and torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    options = {"dtype": dtype} | ({"quantization_config": nf4(dtype)} if qlora else {})
    entry = catalog.find("multimodal")
    if name is None:
        name = str(labs.home() / "data" / "checkpoints" / entry.name)
        logging.disable_progress_bar()  # it would flash by
        if not Path(name).is_dir():
            raise LabsError(f"There is no model at {name}: fetch data/checkpoints again, or name one with --model.")
    else:
        entry = catalog.Entry(name, "AutoModelForImageTextToText")
    try:
        loaded = catalog.load_from(name, entry, **options)
    except (OSError, ValueError, json.JSONDecodeError) as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise LabsError(f"The model {name} cannot be opened: check the name and the network ({why}).") from None
    repair_on_cpu(loaded.model)
    if cuda and not qlora:
        loaded.model.to("cuda")
    return loaded


def show(result: dict) -> None:
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
    table.add_row("MB of weights", f"{result['megabytes_before']:.1f}", f"{result['megabytes_after']:.1f}")
    console = Console()
    console.print(table)
    if result["separate"]:
        console.print(f"Every record had its pictures to itself: {result['separate']}.")
    if not before:
        console.print("Nothing was held out: that takes ten records or more whose pictures are not all tied together.")
    console.print(f"Adapter: {result['adapter']}", soft_wrap=True)
