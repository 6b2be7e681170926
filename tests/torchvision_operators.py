"""torchvision beside a torch that it was not built for: the two operators without which it does not load.

A pytest plugin for the second run of tests/test_mask_families.py, whose processors want torchvision for their videos.
"""

import importlib.util
from pathlib import Path

import torch

folder = Path(importlib.util.find_spec("torchvision").origin).parent
try:  # where the builds fit each other, the real operators
    for compiled in folder.glob("_C.*"):
        torch.ops.load_library(compiled)
except OSError:
    library = torch.library.Library("torchvision", "DEF")  # kept: with it the operators would go
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
