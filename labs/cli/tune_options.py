"""The options of `labs tune`, with what its help says about them."""

from pathlib import Path
from typing import Annotated

from typer import Option

Data = Annotated[Path, Option(help="LLaVA's JSON or JSON lines, parquet, or a folder of `save_to_disk`.")]
Out = Annotated[Path, Option(help="Folder for the run: config, metrics, checkpoints, adapter.")]
Images = Annotated[Path | None, Option(help="Folder of the pictures; by default that of each data file.")]
Heldout = Annotated[Path | None, Option(help="Data to hold out, with other pictures; by default a tenth of --data.")]
Earlier = Annotated[
    Path | None, Option(help="Data about what must not be forgotten; for the mini model it is the micro-world.")
]
QLora = Annotated[bool, Option("--qlora", help="Keep the frozen language model in 4 bits (NF4).")]
Full = Annotated[bool, Option("--full", help="Tune every weight, without adapters.")]
Model = Annotated[str | None, Option(metavar="PATH_OR_HUB_ID", help="Another model than the bundled mini one.")]
Count = Annotated[int, Option(min=1, help="Updates, of --batch records each.")]
Batch = Annotated[int, Option(min=1, help="Records that a step learns from, on all devices together.")]
Rank = Annotated[int, Option(min=1, help="Rank r of the adapters; lora_alpha is twice as much.")]
LearningRate = Annotated[float, Option(min=0, help="With --full a tenth of it suits better.")]
MaxLength = Annotated[int | None, Option(min=1, help="Cut what is longer, in tokens.")]
Best = Annotated[str | None, Option(help="Keep the checkpoint with the best held-out `loss`, `exact`.")]
Checkpointing = Annotated[
    bool, Option("--checkpointing", help="Less memory, a third more time: compute activations twice.")
]
Asked = Annotated[int, Option(min=0, help="Held-out records that are asked about before and after, with controls.")]
Seed = Annotated[int, Option(help="Same seed, same records held out, same adapter.")]
JsonFile = Annotated[Path | None, Option("--json", metavar="FILE", help="Write the results for a machine.")]
