"""Whether two values are the same, and if not, one sentence that says how they differ."""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

SHOWN = 6  # numbers of an array, and parts of a list, that are written out


def difference(got: Any, expected: Any, tolerance: float = 1e-4) -> str | None:
    """None where both are the same within the tolerance, absolute and relative; else how `got` differs.

    Lists and tuples count as one kind, as do whole and broken numbers; a tensor is no list and a truth is no number.
    """
    if isinstance(expected, Image.Image) and isinstance(got, Image.Image):
        got, expected = np.asarray(got.convert("RGB")), np.asarray(expected.convert("RGB"))
    if got is None and expected is not None:
        return "it returns nothing: is a `return` missing?"
    if kind(got) != kind(expected):
        return f"it returns {kind(got)} where {kind(expected)} is expected"
    if isinstance(expected, torch.Tensor):
        return _arrays(got.detach().cpu().numpy(), expected.detach().cpu().numpy(), tolerance)
    if isinstance(expected, np.ndarray):
        return _arrays(got, expected, tolerance)
    if isinstance(expected, Mapping):
        return _mappings(got, expected, tolerance)
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return _sequences(got, expected, tolerance)
    if kind(expected) == "a number":
        near = np.isclose(float(got), float(expected), rtol=tolerance, atol=tolerance, equal_nan=True)
        return None if near else f"{short(got)} where {short(expected)} is expected"
    return None if got == expected else f"{short(expected)} is expected"


def kind(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, (bool, np.bool_)):
        return "a truth (True or False)"
    if isinstance(value, numbers.Real):
        return "a number"
    for types, words in (
        (str, "a text"), (torch.Tensor, "a tensor"), (np.ndarray, "an array"), (Mapping, "a dictionary"),
        ((list, tuple), "a list"), ((set, frozenset), "a set"), (type(None), "nothing"), (type(...), "an unfilled ..."),
    ):  # fmt: skip
        if isinstance(value, types):
            return words
    return f"a {type(value).__name__}"


def short(value: Any) -> str:
    """A value in one or two lines: of an array its shape and its first numbers."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        flat = value.detach().cpu().flatten().tolist() if isinstance(value, torch.Tensor) else value.ravel().tolist()
        inside = ", ".join(short(number) for number in flat[:SHOWN]) + (", ..." if len(flat) > SHOWN else "")
        return f"shape {tuple(value.shape)}: {inside}" if value.ndim else inside
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(short(part) for part in value[:SHOWN]) + (", ..." if len(value) > SHOWN else "")
        return f"[{inside}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {short(part)}" for key, part in list(value.items())[:SHOWN]) + "}"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 160 else f"{text[:157]}..."


def _arrays(got: np.ndarray, expected: np.ndarray, tolerance: float) -> str | None:
    if got.shape != expected.shape:
        turned = ": turned over?" if got.shape == expected.shape[::-1] else ""
        return f"shape {got.shape} where {expected.shape} is expected{turned}"
    if (got.dtype == bool) != (expected.dtype == bool):
        return f"it holds {got.dtype} where {expected.dtype} is expected"
    if expected.dtype == bool:
        near = got == expected
    else:
        if np.isnan(got).any() and not np.isnan(expected).any():
            return "some of it is not a number (NaN)"
        near = np.isclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    return None if near.all() else f"{(~near).sum()} of {near.size} values are other ones"


def _mappings(got: Mapping, expected: Mapping, tolerance: float) -> str | None:
    if missing := [key for key in expected if key not in got]:
        return f"{missing[0]!r} is missing"
    if extra := [key for key in got if key not in expected]:
        return f"{extra[0]!r} does not belong there"
    told = ((key, difference(got[key], expected[key], tolerance)) for key in expected)
    return next((f"at {key!r}: {words}" for key, words in told if words), None)


def _sequences(got: Sequence, expected: Sequence, tolerance: float) -> str | None:
    if len(got) != len(expected):
        return f"it has {len(got)} parts where {len(expected)} are expected"
    pairs = enumerate(zip(got, expected, strict=True))
    told = ((place, difference(one, other, tolerance)) for place, (one, other) in pairs)
    return next((f"at place {place}: {words}" for place, words in told if words), None)
