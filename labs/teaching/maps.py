"""Where in a picture does a model find a word? Maps over the patches of the bundled dual encoder, and their score."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from labs.evaluation.interval import Interval, interval
from labs.models import catalog
from labs.models.pixels import to_pixels
from labs.systems.parts import eyes
from labs.systems.parts.contrastive import embed_texts
from labs.world.picture import SIZE, draw

GRID = 6  # patches a side
TESTED = 300


@torch.no_grad()
def similarity(pictures: Sequence[Image.Image], texts: Sequence[str]) -> Float[Tensor, "pictures 6 6"]:
    """Cosine of each patch, projected like the whole picture, with the picture's text."""
    model = eyes.dual_encoder().model
    hidden = model.vision_model(pixel_values=to_pixels(list(pictures))).last_hidden_state
    patches = normalize(model.visual_projection(model.vision_model.post_layernorm(hidden[:, 1:])), dim=-1)
    return (patches @ embed_texts(model, texts)[:, :, None]).view(-1, GRID, GRID)


@torch.no_grad()
def attention(pictures: Sequence[Image.Image], layer: int = -1) -> Float[Tensor, "pictures 6 6"]:
    """What the class token attends to in a layer, all heads together: it knows no text."""
    model = catalog.load("dual_encoder", "mini", attn_implementation="eager").model
    seen = model.vision_model(pixel_values=to_pixels(list(pictures)), output_attentions=True)
    return seen.attentions[layer].mean(1)[:, 0, 1:].view(-1, GRID, GRID)


def pointing() -> dict[str, Interval]:
    """Is the warmest patch in the cell of the thing that is named? Chance is 1 in 9; the control names another."""
    scenes = eyes.scenes("heldout", TESTED, (2, 3))
    names = [f"a {scene.things[0].colour} {scene.things[0].shape}" for scene in scenes]
    pictures, found = [draw(scene) for scene in scenes], {}
    for arm, texts in {"its own name": names, "another scene's thing": names[1:] + names[:1]}.items():
        best = similarity(pictures, texts).flatten(1).argmax(1).tolist()
        cells = [(patch // GRID // 2) * 3 + patch % GRID // 2 for patch in best]
        hits = [float(cell == scene.things[0].cell) for cell, scene in zip(cells, scenes, strict=True)]
        found[arm] = interval(hits, range(TESTED))
    return found


def overlays(pictures: Sequence[Image.Image], maps: Float[Tensor, "pictures 6 6"], titles: Sequence[str]) -> Figure:
    """Each picture under its map: bright where the map is high, dark where it is low."""
    figure = Figure((2.2 * len(pictures), 2.5), layout="constrained")
    row = figure.subplots(1, len(pictures), squeeze=False)[0]
    for axes, picture, heat, title in zip(row, pictures, maps, titles, strict=True):
        low, high = heat.min(), heat.max()
        light = 0.25 + 0.75 * ((heat - low) / (high - low).clamp(min=1e-9)).numpy()
        light = np.kron(light, np.ones((SIZE // GRID, SIZE // GRID)))[..., None]
        axes.imshow((np.asarray(picture.resize((SIZE, SIZE))) * light).astype(np.uint8))
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    return figure
