"""Pictures -> the normalised tensor that the mini models see."""

import numpy as np
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil

from labs.world.picture import SIZE

MEAN, STD = 0.5, 0.5


def to_pixels(pictures: list[Image.Image]) -> torch.Tensor:
    """(pictures, 3, SIZE, SIZE), float32 in [-1, 1]. Pictures must have the right size: a quick path for training."""
    array = np.stack([np.asarray(picture) for picture in pictures])
    if array.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(f"pictures must be {SIZE} x {SIZE} RGB, got an array of {array.shape[1:]}")
    return torch.from_numpy(array).permute(0, 3, 1, 2).float().div(255).sub(MEAN).div(STD)


def image_processor() -> CLIPImageProcessorPil:
    """The library's processor that gives the same tensor for a picture of any size."""
    return CLIPImageProcessorPil(
        size={"height": SIZE, "width": SIZE}, do_center_crop=False, image_mean=[MEAN] * 3, image_std=[STD] * 3
    )
