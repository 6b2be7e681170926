"""Films as tokens in two ways: every frame by itself, or a key frame and how what it shows moves.

| way        | tokens                                                                     | in all |
|------------|----------------------------------------------------------------------------|--------|
| frames     | each of 8 frames: 4 patches of 12 x 12 pixels                              | 32     |
| key frame  | the first frame: 16 patches of 6 x 6; of each other frame 2, its motion    | 30     |

Motion is what film coders know as motion vectors: for each of 16 blocks of a frame, from where in the key frame it
comes, right and down. A token stands for the vectors of all blocks in one of the two directions. A film is made again
by taking pixels of the key frame from where the vectors say.
Source: Video-LaVIT (Jin et al., 2024, https://arxiv.org/abs/2402.03161), whose tokenisers are learned.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from labs.systems.parts import small_films
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.small_films import FRAMES, SIDE

WAYS = ("key frame", "frames")
CODES, MOVES = 416, 48  # entries for patches of a key frame, and for motion in each direction
LEARNED_FROM = 500  # films
FAR, BLOCK = 6, 6  # pixels: how far motion is looked for; side of a block
NEARER = 1e-3  # what a pixel of motion costs, so that walls keep still
GRID = SIDE // BLOCK


def patches(frames: Float[Tensor, "n frames 3 24 24"], side: int) -> Float[Tensor, "n tokens numbers"]:
    """Square patches, frame by frame."""
    cut = frames.unfold(3, side, side).unfold(4, side, side)  # (n, frames, 3, row, column, y, x)
    return cut.permute(0, 1, 3, 4, 2, 5, 6).flatten(4).flatten(1, 3)


def together(rows: Float[Tensor, "n tokens numbers"], side: int) -> Float[Tensor, "n frames 3 24 24"]:
    """Frames again."""
    many = SIDE // side
    cut = rows.unflatten(2, (3, side, side)).unflatten(1, (-1, many, many))
    return cut.permute(0, 1, 4, 2, 5, 3, 6).flatten(5).flatten(3, 4)


def moves(film: Float[Tensor, "n 8 3 24 24"]) -> Int[Tensor, "n 7 16 2"]:
    """Block matching: pixels to the right and down from where each block of a frame stood in the first frame."""
    key, others = pad(film[:, 0], (FAR,) * 4, mode="replicate"), film[:, 1:]
    best = torch.full((len(film), FRAMES - 1, GRID * GRID), torch.inf)
    found = torch.zeros(*best.shape, 2, dtype=torch.long)
    for down in range(-FAR, FAR + 1):
        for over in range(-FAR, FAR + 1):
            from_key = key[:, None, :, FAR - down : FAR - down + SIDE, FAR - over : FAR - over + SIDE]
            wrong = (others - from_key).abs().mean(2).unflatten(3, (GRID, BLOCK)).unflatten(2, (GRID, BLOCK))
            cost = wrong.mean((3, 5)).flatten(2) + NEARER * (abs(down) + abs(over))
            found[cost < best] = torch.tensor([over, down])
            best = torch.minimum(best, cost)
    return found


def moved(key: Float[Tensor, "n 3 24 24"], motion: Float[Tensor, "n 7 16 2"]) -> Float[Tensor, "n 8 3 24 24"]:
    """A film from its first frame and the motion of blocks, to whole pixels."""
    each = motion.round().long().unflatten(2, (GRID, GRID))
    each = each.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3)  # (n, 7, y, x, 2)
    line = torch.arange(SIDE)
    column = (line - each[..., 0]).clamp(0, SIDE - 1)
    row = (line[:, None] - each[..., 1]).clamp(0, SIDE - 1)
    where = (row * SIDE + column).flatten(2)[:, :, None].expand(-1, -1, 3, -1)
    later = key.flatten(2)[:, None].expand(-1, FRAMES - 1, -1, -1).gather(3, where).unflatten(3, (SIDE, SIDE))
    return torch.cat([key[:, None], later], 1)


@cache
def motion_of(split: str) -> Float[Tensor, "scenes 7 16 2"]:
    """Motion vectors of all films of a split."""
    return moves(small_films.films(split)).float()


@cache
def books(way: str) -> tuple[CodeBook, ...]:
    """Of patches; and of motion to the right and down. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    film = small_films.films("train")
    if way == "frames":
        return (learn_codes(patches(film[:LEARNED_FROM], 2 * BLOCK).flatten(0, 1), CODES + 2 * MOVES),)
    motion = motion_of("train")[:LEARNED_FROM].flatten(0, 1).unbind(-1)
    return (learn_codes(patches(film[:, :1], BLOCK).flatten(0, 1), CODES), *(learn_codes(one, MOVES) for one in motion))


def size(way: str) -> int:
    """How many tokens there are."""
    return sum(map(len, books(way)))


@cache
def encode(way: str, split: str) -> Int[Tensor, "scenes tokens"]:
    """All films of a split; numbers of each book come behind those of the book before."""
    film, (book, *motion) = small_films.films(split), books(way)
    if way == "frames":
        return book.encode(patches(film, 2 * BLOCK))
    parts = zip(motion, motion_of(split).unbind(-1), strict=True)
    told = [one.encode(part) + CODES + i * MOVES for i, (one, part) in enumerate(parts)]
    return torch.cat([book.encode(patches(film[:, :1], BLOCK)), torch.stack(told, 2).flatten(1)], 1)


def decode(way: str, codes: Int[Tensor, "n tokens"]) -> Float[Tensor, "n 8 3 24 24"]:
    """Films again. Where a token of another book stands, the nearest number that may stand there is read."""
    book, *motion = books(way)
    if way == "frames":
        return together(book.decode(codes), 2 * BLOCK)
    key = together(book.decode(codes[:, : GRID * GRID].clamp(max=CODES - 1)), BLOCK)[:, 0]
    told = codes[:, GRID * GRID :].unflatten(1, (-1, 2)) - CODES - MOVES * torch.arange(2)
    each = [one.decode(part) for one, part in zip(motion, told.clamp(0, MOVES - 1).unbind(2), strict=True)]
    return moved(key, torch.stack(each, -1))
