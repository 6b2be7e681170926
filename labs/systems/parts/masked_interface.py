"""One light transformer between frozen encoders, in which an attention mask makes each task, as in FIND.

                      regions  phrases  prompt      who may look at what; nobody else is looked at but oneself
    regions              x
    phrases                       x
    8 shape queries      x                          segmentation: where is each shape?
    ground query         x                 x        grounding: where is the thing that the prompt names?
    picture query        x                          retrieval: a vector for the picture,
    text query                    x                 and one for the caption, a phrase a thing

Masks over 36 patches are products of a query with what the frozen eyes made of each patch (Zou et al., 2023).
"""

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.captioned_views import MOST, Views
from labs.systems.parts.collages import CELLS, SEEN
from labs.systems.parts.small_pictures import READ
from labs.systems.parts.transformer_blocks import WIDTH, Block

SHAPES = 8  # queries
QUERIES = SHAPES + 3  # then the ground query, that of the picture and that of the text


def visible(told: Bool[Tensor, "n 5"], masked: bool = True) -> Bool[Tensor, "n tokens tokens"]:
    """Who may look at whom, as drawn above; without masks all at all that is there."""
    size = CELLS + MOST + 1 + QUERIES
    cells, phrases, prompt = slice(0, CELLS), slice(CELLS, CELLS + MOST), CELLS + MOST
    shapes, first = slice(prompt + 1, prompt + 1 + SHAPES), prompt + 1 + SHAPES
    allowed = torch.eye(size, dtype=torch.bool) if masked else torch.ones(size, size, dtype=torch.bool)
    for who, seen in ((cells, cells), (phrases, phrases), (shapes, cells), (first, cells), (first, prompt)):
        allowed[who, seen] = True
    allowed[first + 1, cells] = allowed[first + 2, phrases] = True
    there = torch.ones(len(told), size, dtype=torch.bool)
    there[:, phrases] = told
    return allowed & there[:, None] | torch.eye(size, dtype=torch.bool)


class Interface(nn.Module):
    """What stands between frozen eyes and a frozen text tower; all tasks with the same weights."""

    def __init__(self, masked: bool = True):
        super().__init__()
        self.masked = masked
        self.see, self.read, self.patch = nn.Linear(SEEN, WIDTH), nn.Linear(READ, WIDTH), nn.Linear(128, WIDTH)
        self.prompted = nn.Parameter(0.5 * torch.randn(WIDTH))
        self.queries, self.blocks = nn.Parameter(torch.randn(QUERIES, WIDTH)), nn.ModuleList(Block() for _ in range(2))
        self.mask, self.vector = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.bias = nn.Parameter(torch.tensor(-2.0))

    def forward(self, given: Views) -> dict[str, Tensor]:
        """Logits of masks (n, 8, 36) and (n, 1, 36), and the vectors of pictures and texts (n, 2, width)."""
        parts = [self.see(given.cells), self.read(given.phrases), self.read(given.prompt) + self.prompted]
        row = torch.cat([*parts, self.queries.expand(len(given.cells), -1, -1)], dim=1)
        allowed = visible(given.told, self.masked)
        for block in self.blocks:
            row = block(row, allowed)
        asked = row[:, -QUERIES:]
        masks = self.mask(asked[:, : SHAPES + 1]) @ self.patch(given.patches).transpose(1, 2) / WIDTH**0.5 + self.bias
        vectors = normalize(self.vector(asked[:, SHAPES + 1 :]), dim=-1)
        return {"segmentation": masks[:, :SHAPES], "grounding": masks[:, SHAPES:], "retrieval": vectors}
