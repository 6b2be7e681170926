"""python -m labs tune: your own pictures and conversations, LoRA, QLoRA or the whole model, and whether it helped."""

import os

from rich.console import Console

import labs
from labs.cli import tune_options as option
from labs.cli.ask import check_writable
from labs.errors import LabsError
from labs.files import write_json


def tune(
    data: option.Data,
    out: option.Out,
    images: option.Images = None,
    heldout: option.Heldout = None,
    earlier: option.Earlier = None,
    qlora: option.QLora = False,
    full: option.Full = False,
    model: option.Model = None,
    steps: option.Count = 200,
    batch: option.Batch = 8,
    rank: option.Rank = 8,
    learning_rate: option.LearningRate = 1e-3,
    max_length: option.MaxLength = None,
    best: option.Best = None,
    checkpointing: option.Checkpointing = False,
    asked: option.Asked = 100,
    seed: option.Seed = 0,
    json_file: option.JsonFile = None,
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
    from labs.cli import tune_run  # torch is imported only after a good command line
    from labs.cli.tune_inputs import open_model, read_data, read_exam
    from labs.tuning.speed import Speed

    console = Console(quiet=os.environ.get("RANK", "0") != "0")  # of several processes one speaks
    train, kept = read_data(data, heldout, images, seed, console)
    exam = read_exam(kept, asked, earlier, images, model is None, seed)
    loaded = open_model(model, out, qlora, full)
    settings = {"steps": steps, "batch": batch, "learning_rate": learning_rate, "max_length": max_length,
                "best": best, "seed": seed, "speed": Speed(checkpointing=checkpointing)}  # fmt: skip
    tune_run.show_mask(loaded, train, max_length, console)
    result = tune_run.run(loaded, train, kept, exam, out, None if full else rank, settings)
    result["method"] = "QLoRA" if qlora else "full tuning" if full else "LoRA"
    tune_run.show(result, console)
    if json_file:
        write_json(json_file, result | {"proof": result["proof"] and result["proof"].as_dict()})
