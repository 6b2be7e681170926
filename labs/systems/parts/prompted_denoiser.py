"""A denoiser of small pictures, led by a row in which words and pictures may take turns; it learns in seconds.

    prompt: words, crops --> numbers of frozen towers --> two layers that read the whole row --v
    noisy pixels, patch by patch --> [ self-attention -> cross-attention -> feed-forward ] x 3 --> the picture

The blocks are those of labs.models.diffusion.denoiser. Pixels, not latents: a picture has eight patches of 6 x 6.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.diffusion.denoiser import SHIFTS, Block, Text, waves
from labs.models.diffusion.guidance import guide
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.painted_pairs import CELL, CROP
from labs.systems.parts.small_pictures import READ, read_texts
from labs.systems.parts.text_to_picture import SCHEDULE, noisy_steps

SPOT, WIDTH, LAYERS, HEADS = 6, 96, 3, 4  # pixels a side of a patch; sizes
ROW = 6  # the longest prompt
BATCH, RATE = 64, 3e-3
UNTOLD, OFTEN = 0.1, 0.8  # shares: of prompts left out, for guidance; of steps at which noise hides what is there
SCALE, LOOKS = 2.0, 12  # guidance and steps of DDIM, the same for all
NUMBERS = 3 * SPOT**2
GRID = (CELL // SPOT, 2 * CELL // SPOT)

Pictures = Float[Tensor, "n channels 12 24"]


class Prompt(NamedTuple):
    """A row of words and crops, as a frozen text tower or frozen eyes tell them; zeros stand for the other one."""

    tokens: Float[Tensor, "n row 768"]
    there: Bool[Tensor, "n row"]

    def __getitem__(self, rows: Tensor | slice) -> "Prompt":
        """Some of the prompts."""
        return Prompt(self.tokens[rows], self.there[rows])


def crop_tokens(crops: Float[Tensor, "*n 512"]) -> Float[Tensor, "*n 768"]:
    """Standardised crops as tokens of a prompt."""
    return nn.functional.pad(crops, (0, READ))


def word_tokens(phrases: Sequence[str]) -> Float[Tensor, "phrases 768"]:
    """Each phrase as one token, as the frozen text tower reads it."""
    known = {phrase: at for at, phrase in enumerate(dict.fromkeys(phrases))}
    states = read_texts(list(known)).states[:, 0]
    states = nn.functional.layer_norm(states, states.shape[1:])
    return nn.functional.pad(states[[known[phrase] for phrase in phrases]], (CROP, 0))


class PromptReader(nn.Module):
    """What stands in the place of a text encoder: it reads words and pictures of a row `together`, or each apart."""

    def __init__(self, together: bool = True):
        super().__init__()
        self.together = together
        self.enter, self.order = nn.Linear(CROP + READ, WIDTH), nn.Parameter(torch.randn(1 + ROW, WIDTH))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, prompt: Prompt) -> Text:
        """One token more stands before the row, for who finds nothing in it."""
        row = nn.functional.pad(self.enter(prompt.tokens), (0, 0, 1, 0))
        there = nn.functional.pad(prompt.there, (1, 0), value=True)
        row = row + self.order[: row.shape[1]]
        apart = None if self.together else ~torch.eye(row.shape[1], dtype=torch.bool)
        hidden = ~there if self.together else None
        for layer in self.layers:
            row = layer(row, src_mask=apart, src_key_padding_mask=hidden)
        return Text(self.norm(row), there)


class PromptedDenoiser(nn.Module):
    """Noisy pictures, the steps they are at and prompts -> what the pictures are.

    `shown` pictures may lie beside the noisy one, as channels.
    """

    def __init__(self, shown: int = 0, together: bool = True):
        super().__init__()
        self.shown, self.reader = shown, PromptReader(together)
        self.enter, self.places = nn.Linear((1 + shown) * NUMBERS, WIDTH), nn.Parameter(torch.randn(8, WIDTH))
        self.step = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, SHIFTS * WIDTH))
        self.blocks = nn.ModuleList(Block(WIDTH, HEADS) for _ in range(LAYERS))
        self.norm, self.leave = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, NUMBERS)
        for layer in (self.step[-1], self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Pictures, steps: Float[Tensor, " n"], prompt: Prompt) -> Float[Tensor, "n 3 12 24"]:
        """`noisy` has the shown pictures as further channels."""
        return self.denoise(noisy, steps, self.reader(prompt))

    def denoise(self, noisy: Pictures, steps: Float[Tensor, " n"], text: Text) -> Float[Tensor, "n 3 12 24"]:
        """The same of prompts that have been read."""
        patches = nn.functional.unfold(noisy, SPOT, stride=SPOT).transpose(1, 2)
        x = self.enter(patches) + self.places
        shifts = self.step(waves(steps, WIDTH)).unflatten(1, (SHIFTS, WIDTH))
        for block in self.blocks:
            x = block(x, text, shifts)
        told = self.leave(self.norm(x)).transpose(1, 2)
        return nn.functional.fold(told, noisy.shape[2:], SPOT, stride=SPOT)


def squares(pictures: Float[Tensor, "n 3 12 24"]) -> Float[Tensor, "n 6 12 12"]:
    """Both halves one behind the other, as the schedule takes square pictures alone."""
    return pictures.unflatten(3, (2, CELL)).permute(0, 3, 1, 2, 4).flatten(1, 2)


def beside_each_other(halves: Float[Tensor, "n 6 12 12"]) -> Float[Tensor, "n 3 12 24"]:
    """Pictures again."""
    return halves.unflatten(1, (2, 3)).permute(0, 2, 3, 1, 4).flatten(3)


def build(seed: int, shown: int = 0, together: bool = True) -> PromptedDenoiser:
    """An untrained one."""
    torch.manual_seed(seed)
    return PromptedDenoiser(shown, together)


def teach(
    model: PromptedDenoiser, material_at: Callable[[Tensor, torch.Generator], tuple[Tensor, Prompt, Tensor | None]],
    size: int, steps: int, seed: int,
) -> PromptedDenoiser:  # fmt: skip
    """`steps` of denoising; `material_at` gives pictures, prompts and what is shown beside, of some of `size` rows."""
    draw, at = torch.Generator().manual_seed(seed), batches(size, BATCH, seed)

    def loss_at(step: int) -> Tensor:
        pictures, prompt, beside = material_at(at(step), draw)
        told = torch.rand(len(pictures), generator=draw) >= UNTOLD
        prompt = prompt._replace(there=prompt.there & told[:, None])
        levels, noise = noisy_steps(len(pictures), draw, OFTEN), torch.randn(pictures.shape, generator=draw)
        noisy = beside_each_other(SCHEDULE.add(squares(pictures), squares(noise), levels))
        seen = noisy if beside is None else torch.cat([noisy, beside], 1)
        with torch.autocast(seen.device.type, torch.bfloat16):
            wrong = model(seen, levels.float(), prompt).float() - pictures
        return (SCHEDULE.weight(levels) * wrong.square()).mean()

    learn(model.parameters(), loss_at, steps, RATE)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def paint(
    model: PromptedDenoiser, prompt: Prompt, seed: int, beside: Float[Tensor, "n 3 12 24"] | None = None
) -> Float[Tensor, "n 3 12 24"]:
    """A picture for each prompt, with guidance, from noise that is the same for the same seed."""
    start = torch.randn((len(prompt.there), 3, CELL, 2 * CELL), generator=torch.Generator().manual_seed(seed))
    given, without = model.reader(prompt), model.reader(prompt._replace(there=torch.zeros_like(prompt.there)))
    both = Text(*(torch.cat(parts) for parts in zip(given, without, strict=True)))
    shown = start[:, :0] if beside is None else beside

    def guess(noisy: Tensor, steps: Tensor) -> Tensor:
        seen = torch.cat([beside_each_other(noisy), shown], 1).repeat(2, 1, 1, 1)
        told, untold = model.denoise(seen, steps.repeat(2).float(), both).chunk(2)
        return squares(guide(untold, told, SCALE).clamp(-1, 1))

    return beside_each_other(SCHEDULE.draw(guess, squares(start), LOOKS))
