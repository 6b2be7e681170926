"""What sensors tell, put among the words: wherever `places` is true, a word's vector gives way to a sensed one.

`sensed` holds the vectors of the whole batch in reading order: all of the first row, then all of the second; rows may
have different numbers of places. If there are not as many vectors as places, ValueError with one sentence. `words` is
left as it was, for it may be the embedding table's own numbers.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from labs.teaching.examine import Case

HINTS = (
    "places.sum() must be len(sensed). masked_scatter and words[places] = ... both go row by row.",
    "words.clone(), then mixed[places] = sensed; or words.masked_scatter(places[..., None], sensed).",
)


def splice(
    words: Float[Tensor, "batch length width"], places: Bool[Tensor, "batch length"], sensed: Float[Tensor, "n width"]
) -> Float[Tensor, "batch length width"]:
    """`words` with `sensed` in its places. Raises ValueError if the numbers differ."""
    if int(places.sum()) != len(sensed):
        raise ValueError(f"{len(sensed)} sensed vectors do not fill {int(places.sum())} places: are tokens cut off?")
    return words.masked_scatter(places[..., None], sensed)


def _uncounted(words, places, sensed):
    return words.masked_scatter(places[..., None], sensed)


def _filled_up(words, places, sensed):
    count = int(places.sum())
    enough = torch.cat([sensed, sensed.new_zeros(max(0, count - len(sensed)), sensed.shape[1])])[:count]
    return words.masked_scatter(places[..., None], enough)


def _in_place(words, places, sensed):
    if int(places.sum()) != len(sensed):
        raise ValueError
    words[places] = sensed
    return words


def _added(words, places, sensed):
    return words + splice(torch.zeros_like(words), places, sensed)


def _column_by_column(words, places, sensed):
    if int(places.sum()) != len(sensed):
        raise ValueError
    turned = words.transpose(0, 1).masked_scatter(places.T[..., None], sensed)
    return turned.transpose(0, 1)


def _as_many_each(words, places, sensed):
    if int(places.sum()) != len(sensed):
        raise ValueError
    each = sensed.reshape(len(words), -1, words.shape[-1])
    mixed = words.clone()
    for row, (where, these) in enumerate(zip(places, each, strict=True)):
        mixed[row, where] = these
    return mixed


def _in_front(words, places, sensed):
    if int(places.sum()) != len(sensed):
        raise ValueError
    front = torch.arange(words.shape[1]) < places.sum(1, keepdim=True)
    return words.masked_scatter(front[..., None], sensed)


def _unlearned(words, places, sensed):
    return splice(words, places, sensed.detach())


MISTAKES = {
    "nobody counts: as many vectors as places, or raise ValueError; masked_scatter drops what is too much": _uncounted,
    "too few or too many vectors must be refused with ValueError, not filled up or cut off": _filled_up,
    "words itself is changed: work on a clone, or take masked_scatter": _in_place,
    "the sensed vectors are added: they take the place of words": _added,
    "the vectors are dealt out column by column: fill the first row, then the second": _column_by_column,
    "rows may have different numbers of places: do not reshape to as many each": _as_many_each,
    "they stand in front, wherever the places are: put each where `places` is true": _in_front,
    "no gradient comes back to what was sensed: nothing would learn; do not detach or copy it": _unlearned,
}


def _words(batch: int = 2, length: int = 5, width: int = 2) -> Tensor:
    return -1.0 - torch.arange(batch * length * width).reshape(batch, length, width).float()


def _places(*rows: str) -> Tensor:
    """ "..x" -> a place at the end."""
    return torch.tensor([[mark == "x" for mark in row] for row in rows])


def _sensed(count: int, width: int = 2) -> Tensor:
    return 1.0 + torch.arange(count * width).reshape(count, width).float()


def _slopes(function) -> list[Tensor]:
    """How the sum of squares of what is spliced changes with words and with what is sensed."""
    words, sensed = _words().requires_grad_(), _sensed(4).requires_grad_()
    function(words * 1, _places(".xx..", ".xx.."), sensed).square().sum().backward()
    return [torch.zeros_like(one) if one.grad is None else one.grad for one in (words, sensed)]


def _untouched(function) -> list[Tensor]:
    words = _words()
    return [function(words, _places("x....", "....x"), _sensed(2)), words]


CASES = (
    Case("two rows, each with two places", lambda f: f(_words(), _places(".xx..", ".xx.."), _sensed(4))),
    Case(
        "three places in the first row, one in the second", lambda f: f(_words(), _places("x.xx.", "...x."), _sensed(4))
    ),
    Case("no places, nothing sensed", lambda f: f(_words(), _places(".....", "....."), _sensed(0))),
    Case("words is left as it was", _untouched),
    Case("gradients reach what was sensed, and the other words", _slopes),
    Case("one vector too many", lambda f: f(_words(), _places(".xx..", ".xx.."), _sensed(5))),
    Case("one vector too few", lambda f: f(_words(), _places(".xx..", ".xx.."), _sensed(3))),
)
