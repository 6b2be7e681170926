"""Rows of different lengths -> one batch, padded on the right; what is too long is cut at its end, pictures never.

A row is (ids, labels). First cut each to `most` tokens; a row whose pictures would not stay whole is refused with a
ValueError: the picture's features would have more places than its tokens. Then pad all to the longest that is left:
ids with `pad`, labels with -100, and an attention mask of 1 for tokens and 0 for padding.
"""

import torch

from labs.teaching.examine import Case

HINTS = (
    "Cut with ids[:most]. If the token `picture` is in ids[most:], raise ValueError before anything is padded.",
    "The mask is [1] * len(ids) + [0] * gap. It cannot be read off the ids: `pad` may be a token that is really said.",
)


def collate(rows: list[tuple[list[int], list[int]]], pad: int, picture: int, most: int) -> dict[str, torch.Tensor]:
    """Returns input_ids, labels and attention_mask, each (rows, longest), of whole numbers. Raises ValueError."""
    if any(picture in ids[most:] for ids, _ in rows):
        raise ValueError(f"most={most} would cut a picture: raise it, or make the pictures smaller")
    rows = [(ids[:most], labels[:most]) for ids, labels in rows]
    longest = max(len(ids) for ids, _ in rows)
    gaps = [longest - len(ids) for ids, _ in rows]
    return {
        "input_ids": torch.tensor([ids + [pad] * gap for (ids, _), gap in zip(rows, gaps, strict=True)]),
        "labels": torch.tensor([labels + [-100] * gap for (_, labels), gap in zip(rows, gaps, strict=True)]),
        "attention_mask": torch.tensor([[1] * (longest - gap) + [0] * gap for gap in gaps]),
    }


def _left(rows, pad, picture, most):
    batch = collate(rows, pad, picture, most)
    gaps = (batch["attention_mask"] == 0).sum(1).tolist()
    return {name: torch.stack([line.roll(gap) for line, gap in zip(one, gaps, strict=True)])
            for name, one in batch.items()}  # fmt: skip


def _padding_learned(rows, pad, picture, most):
    batch = collate(rows, pad, picture, most)
    return batch | {"labels": batch["labels"].where(batch["attention_mask"] == 1, torch.tensor(pad))}


def _mask_from_ids(rows, pad, picture, most):
    batch = collate(rows, pad, picture, most)
    return batch | {"attention_mask": (batch["input_ids"] != pad).long()}


def _cuts_pictures(rows, pad, picture, most):
    return collate(rows, pad, -1, most)


def _never_cuts(rows, pad, picture, most):
    return collate(rows, pad, picture, 10**6)


def _to_the_limit(rows, pad, picture, most):
    batch, fill = collate(rows, pad, picture, most), {"input_ids": pad, "labels": -100, "attention_mask": 0}
    gap = most - batch["labels"].shape[1]
    return {name: torch.nn.functional.pad(one, (0, gap), value=fill[name]) for name, one in batch.items()}


def _any_long_row_refused(rows, pad, picture, most):
    if any(len(ids) > most for ids, _ in rows):
        raise ValueError("too long")
    return collate(rows, pad, picture, most)


MISTAKES = {
    "padding stands on the left, where batches are padded to be answered; in training put it on the right": _left,
    "padding is learned: fill labels with -100, not with `pad`": _padding_learned,
    "the mask is read off the ids, so that a token that is really said counts as padding; use lengths": _mask_from_ids,
    "a picture is cut and nothing says so: raise ValueError if `picture` is in ids[most:]": _cuts_pictures,
    "nothing is cut: keep ids[:most] and labels[:most] of each row": _never_cuts,
    "every batch is padded to `most`; pad to the longest row that is left, the rest is wasted": _to_the_limit,
    "every row that is too long is refused; cut it, unless that would cut a picture": _any_long_row_refused,
}
PAD, PICTURE = 0, 2
SHORT = ([5, 2, 2, 20, 30, 1], [-100, -100, -100, -100, 30, 1])
LONG = ([5, 2, 2, 21, 22, 31, 32, 1], [-100, -100, -100, -100, -100, 31, 32, 1])
LATE = ([5, 21, 22, 2, 2, 23, 31, 1], [-100, -100, -100, -100, -100, -100, 31, 1])


def _rows(*rows: tuple[list[int], list[int]]) -> list[tuple[list[int], list[int]]]:
    return [(list(ids), list(labels)) for ids, labels in rows]


CASES = (
    Case("two rows of different lengths", lambda f: f(_rows(SHORT, LONG), PAD, PICTURE, 20)),
    Case("a closing token that pads as well", lambda f: f(_rows(SHORT, LONG), 1, PICTURE, 20)),
    Case("a long answer is cut at its end", lambda f: f(_rows(SHORT, LONG), PAD, PICTURE, 7)),
    Case("all are cut: the longest is the limit", lambda f: f(_rows(LONG, SHORT), PAD, PICTURE, 5)),
    Case("a cut that would go through a picture is refused", lambda f: f(_rows(SHORT, LATE), PAD, PICTURE, 4)),
    Case("a cut right behind the picture is not", lambda f: f(_rows(LATE), PAD, PICTURE, 5)["input_ids"]),
)
