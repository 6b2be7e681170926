"""What pipelines that make pictures are for: a few steps of diffusion each, and what must hold of the pictures."""

import torch
from use_encoders import MOVING, PICTURES

from labs.models.entry import Loaded
from labs.world.captions import describe

STEPS = 2
STAR, MOON = MOVING.things


def edit_picture(loaded: Loaded) -> torch.Tensor:
    """A picture of the same size; the instruction, the picture and the seed all count."""
    loaded.model.set_progress_bar_config(disable=True)

    def edit(instruction: str, picture=PICTURES[0], seed: int = 0) -> torch.Tensor:
        noise = torch.Generator().manual_seed(seed)
        (made,) = loaded.model(
            instruction, image=picture, num_inference_steps=STEPS, generator=noise, output_type="pt"
        ).images  # fmt: skip
        return made

    red = edit("paint the star red")
    assert red.shape == (3, PICTURES[0].height, PICTURES[0].width)
    for other in (
        edit("remove the blue moon"), edit("paint the star red", PICTURES[1]), edit("paint the star red", seed=1)
    ):  # fmt: skip
        assert not torch.equal(other, red)
    return red


def draw_into_box(loaded: Loaded) -> torch.Tensor:
    """A picture from a caption with a thing in a box; which thing counts, and where the box is."""
    loaded.model.set_progress_bar_config(disable=True)

    def generate(thing=STAR, box=STAR) -> torch.Tensor:
        r = box.radius
        (made,) = loaded.model(
            f"{describe(STAR)} and {describe(MOON)}", gligen_phrases=[describe(thing)],
            gligen_boxes=[[box.x - r, box.y - r, box.x + r, box.y + r]], gligen_scheduled_sampling_beta=1.0,
            num_inference_steps=STEPS, generator=torch.Generator().manual_seed(0), output_type="pt",
        ).images  # fmt: skip
        return made

    star = generate()
    side = loaded.model.unet.config.sample_size * loaded.model.vae_scale_factor
    assert star.shape == (3, side, side)
    assert not torch.equal(generate(box=MOON), star) and not torch.equal(generate(thing=MOON), star)
    return star
