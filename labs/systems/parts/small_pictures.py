"""Pictures of 36 x 36 pixels, small enough to be made by a diffusion model on one core, and texts as it reads them.

A picture is drawn at 72 pixels and averaged down; cells of the grid are 12 pixels wide. The text tower is that of the
bundled mini-clip, frozen, as Stable Diffusion's is CLIP's; but it reads phrase by phrase, and gives a vector for each:
so a small denoiser has not to find out first which words belong together (a remedy for large ones, too: Feng et al.,
2022, https://arxiv.org/abs/2212.05032).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from torch import Tensor

from labs.models.diffusion.autoencoder import LATENT_SIDE, SIDE
from labs.models.diffusion.denoiser import Text
from labs.systems.parts import eyes
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene

CELL = SIDE // 3
THINGS = (1, 2, 2, 3)  # in a scene
PHRASES, READ = max(THINGS), 256  # phrases of a text at most; numbers of a phrase as it is read


def draw_bytes(scenes: Sequence[Scene]) -> UInt8[Tensor, "scenes 3 36 36"]:
    """Scenes as small pictures; a byte a number, as thousands are kept."""
    array = np.stack([np.asarray(draw(scene).reduce(SIZE // SIDE)) for scene in scenes])
    return torch.from_numpy(array).permute(0, 3, 1, 2).contiguous()


def bright(pixels: UInt8[Tensor, "n 3 36 36"]) -> Float[Tensor, "n 3 36 36"]:
    """From 0..255 to -1..1."""
    return pixels.float() / 127.5 - 1


def draw_small(scenes: Sequence[Scene]) -> Float[Tensor, "scenes 3 36 36"]:
    """Scenes as small pictures in -1..1."""
    return bright(draw_bytes(scenes))


def cells_of(scenes: Sequence[Scene]) -> Bool[Tensor, "scenes 9"]:
    """The cells in which things are."""
    return torch.tensor([[cell in {thing.cell for thing in scene.things} for cell in range(9)] for scene in scenes])


def pixels_of(cells: Bool[Tensor, "n 9"]) -> Float[Tensor, "n 1 36 36"]:
    """1 where a pixel lies in one of these cells."""
    square = cells.float().unflatten(1, (1, 3, 3))
    return square.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)


def latents_of(cells: Bool[Tensor, "n 9"]) -> Float[Tensor, "n 1 6 6"]:
    """1 where a latent lies in one of these cells."""
    square, many = cells.float().unflatten(1, (1, 3, 3)), LATENT_SIDE // 3
    return square.repeat_interleave(many, 2).repeat_interleave(many, 3)


def image(picture: Float[Tensor, "3 36 36"], times: int = 1) -> Image.Image:
    """A picture to look at, each pixel drawn as `times` x `times`."""
    array = ((picture.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(array).resize((SIDE * times,) * 2, Image.Resampling.NEAREST)


def tokens(texts: Sequence[str]) -> Int[Tensor, "texts phrases tokens"]:
    """Numbers of the tower's tokens, phrase by phrase, which commas part; 0 behind a phrase's end."""
    phrases = [text.split(", ") for text in texts]
    if max(map(len, phrases)) > PHRASES:
        raise ValueError(f"a text may have {PHRASES} phrases at most, not {max(map(len, phrases))}")
    tokenizer = eyes.dual_encoder().processor.tokenizer
    numbers = tokenizer([one for some in phrases for one in some], return_tensors="pt", padding=True)["input_ids"]
    table = numbers.new_zeros(len(texts), PHRASES, numbers.shape[1])
    for row, some in zip(table, numbers.split([len(some) for some in phrases]), strict=True):
        row[: len(some)] = some
    return table


def read(numbers: Int[Tensor, "texts phrases tokens"]) -> Text:
    """A vector for each phrase: the tower's state at its end, and the mean of its states."""
    told = numbers[..., 0] > 0
    vectors = torch.zeros(*told.shape, READ)
    vectors[told] = torch.stack([_vector(tuple(one[one > 0].tolist())) for one in numbers[told]])
    return Text(vectors, told)


@cache
@torch.no_grad()
def _vector(phrase: tuple[int, ...]) -> Float[Tensor, " read"]:
    """There are about a thousand phrases that say where something is, and they come again and again."""
    states = eyes.dual_encoder().model.text_model(input_ids=torch.tensor([phrase])).last_hidden_state[0]
    return torch.cat([states[-1], states.mean(0)]).float()


def read_texts(texts: Sequence[str]) -> Text:
    """The same of texts as they are written."""
    return read(tokens(texts))
