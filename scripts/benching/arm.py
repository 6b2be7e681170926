"""python -m benching.arm '{"arm": "labs", ...}' FOLDER

One arm of the benchmark, in a process of its own. Prints one line of JSON: pairs a second over the whole run, peak
memory above the idle process, and the held-out loss after tuning or a checksum of the answers.
"""

import json
import resource
import sys
import tempfile
import time
import zlib
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PrinterCallback, Trainer, TrainingArguments

from benching.bench_model import build, write_records
from benching.plans import BATCH
from labs.data.heldout import split
from labs.data.records import Record, read
from labs.evaluation.answering import answers
from labs.models.catalog import Loaded
from labs.models.chat import answer
from labs.models.pictures import open_picture
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.score import score
from labs.tuning.speed import Speed
from labs.tuning.steps import Steps

LEARNING_RATE, NEW_TOKENS = 1e-3, 8


def main() -> None:
    settings, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    loaded = build(folder / f"model-{settings['picture_tokens']}", settings["picture_tokens"])
    if settings["arm"] == "reading":
        print(json.dumps(reading(loaded, write_records(folder, 100, settings["records"] // 100))))
        return
    records = read(write_records(folder, settings["pictures"], settings["pairs"]))
    heldout = read(write_records(folder, 16, settings["pairs"], "heldout"))
    if settings["arm"] in TUNING:
        if settings.get("precision") == "bfloat16":
            loaded.model.to(torch.bfloat16)
        loaded = Loaded(loaded.entry, add_lora(loaded.model, LoraSpec(r=settings.get("rank", 8))), loaded.processor)
    print(json.dumps(measured(loaded, records, heldout, settings)))


def measured(loaded: Loaded, records: list[Record], heldout: list[Record], settings: dict) -> dict:
    """Run the arm. With `count` only its matrix products are counted, which takes longer."""
    idle = resident()
    in_place = {torch.ops.aten.addmm_: _products}  # which the counter does not know
    counter = FlopCounterMode(display=False, custom_mapping=in_place) if settings.get("count") else nullcontext()
    with tempfile.TemporaryDirectory() as out, counter:
        start = time.perf_counter()
        told = (TUNING | ANSWERING)[settings["arm"]](loaded, records, settings, Path(out) / "run")
        seconds = time.perf_counter() - start
    if settings.get("count"):
        return {"gigaflops": counter.get_total_flops() / 1e9}
    result = spent(len(records) * settings["epochs"], seconds, idle) | {"parameters": loaded.model.num_parameters()}
    if settings["arm"] in TUNING:
        result["heldout_loss"] = score(loaded.model, loaded.processor, heldout).loss
    else:  # equal answers have equal checksums
        result["checksum"] = zlib.crc32("\n".join(told).encode())
    return result


def _products(added: list[int], a: list[int], b: list[int], **named: object) -> int:
    """Multiplications and additions of (n, k) with (k, m)."""
    return 2 * a[0] * a[1] * b[1]


def reading(loaded: Loaded, file: Path) -> dict:
    """A data file checked, split, and the first step of it made: what there is to wait for before tuning begins."""
    idle, start = resident(), time.perf_counter()
    train, _ = split(read(file))
    Steps(Examples(loaded.processor, train), BATCH)[0]
    return spent(len(train), time.perf_counter() - start, idle)


def spent(done: int, seconds: float, idle: int) -> dict:
    """Pairs a second, seconds, and memory above the idle process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"pairs_per_second": done / seconds, "seconds": seconds, "peak_megabytes": (peak - idle) / 1e6,
            "idle_megabytes": idle / 1e6}  # fmt: skip


def labs_fit(loaded: Loaded, records: list[Record], settings: dict, out: Path) -> None:
    """What `python -m labs tune` does, with the switches of the settings."""
    fit(
        loaded.model, loaded.processor, records, [], out, epochs=settings["epochs"], batch=settings["batch"],
        learning_rate=LEARNING_RATE, save_every=10**6, progress=False, speed=Speed(**settings.get("switches", {})),
        precision=settings.get("precision", "float32"),
    )  # fmt: skip


def plain_trainer(loaded: Loaded, records: list[Record], settings: dict, out: Path) -> None:
    """The recipe of the library's own examples: a processor call in the collator, the model's loss, `Trainer`."""
    processor = loaded.processor
    answer, end = (processor.tokenizer.convert_tokens_to_ids(token) for token in ("<assistant>", "</s>"))

    def collate(batch: list[Record]) -> dict[str, torch.Tensor]:
        texts = processor.apply_chat_template([record.messages for record in batch])
        pictures = [open_picture(path) for record in batch for path in record.pictures]
        inputs = processor(images=pictures, text=texts, padding=True, return_tensors="pt")
        ids = inputs["input_ids"]
        answered = (ids == answer).cumsum(1) - (ids == answer).int()  # after the first <assistant>
        inputs["labels"] = ids.masked_fill((answered == 0) | (inputs["attention_mask"] == 0), -100)
        assert end in inputs["labels"]
        return inputs

    trainer = Trainer(loaded.model, TrainingArguments(**arguments(settings, out)), collate, records)
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def trl_sft(loaded: Loaded, records: list[Record], settings: dict, out: Path) -> None:
    """TRL's SFTTrainer as its guide to vision-language models has it; the loss on the answers alone."""
    from datasets import Dataset, Image, Sequence
    from trl import SFTConfig, SFTTrainer

    def plain(message: dict) -> dict:
        return {"role": message["role"], "content": [
            {"type": part["type"], "text": part.get("text")} for part in message["content"]
        ]}  # fmt: skip

    rows = [
        {"messages": [plain(message) for message in record.messages], "images": [str(path) for path in record.pictures]}
        for record in records
    ]
    data = Dataset.from_list(rows).cast_column("images", Sequence(Image()))
    config = SFTConfig(
        **arguments(settings, out), assistant_only_loss=True, max_length=None, activation_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )  # fmt: skip
    trainer = SFTTrainer(loaded.model, config, train_dataset=data, processing_class=loaded.processor)
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def arguments(settings: dict, out: Path) -> dict:
    """The same for both, and as `fit` has them."""
    return {
        "output_dir": str(out), "num_train_epochs": settings["epochs"],
        "per_device_train_batch_size": settings.get("at_once", settings["batch"]), "learning_rate": LEARNING_RATE,
        "gradient_accumulation_steps": settings["batch"] // settings.get("at_once", settings["batch"]),
        "lr_scheduler_type": "linear", "warmup_steps": 10, "seed": 0,
        "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True, "report_to": "none",
        "remove_unused_columns": False, "dataloader_pin_memory": False, "use_cpu": True, "bf16": False,
    }  # fmt: skip


def resident() -> int:
    """Bytes of memory that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def batched_answers(loaded: Loaded, records: list[Record], settings: dict, out: Path) -> list[str]:
    """What the labs' evaluation does."""
    opened = {path: open_picture(path) for record in records for path in record.pictures}
    shown = [[opened[path] for path in record.pictures] for record in records]
    return answers(loaded, shown, [question(record) for record in records], max_new_tokens=NEW_TOKENS)


def one_by_one(loaded: Loaded, records: list[Record], settings: dict, out: Path) -> list[str]:
    """One call of `generate` for each question."""
    return [
        answer(loaded, [open_picture(path) for path in record.pictures], question(record), max_new_tokens=NEW_TOKENS)
        for record in records
    ]


def question(record: Record) -> str:
    """The text of the first message."""
    return record.messages[0]["content"][-1]["text"]


TUNING = {"labs": labs_fit, "trainer": plain_trainer, "trl": trl_sft}
ANSWERING = {"answers": batched_answers, "one by one": one_by_one}

if __name__ == "__main__":
    main()
