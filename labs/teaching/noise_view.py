"""Similarities of true and of exchanged pairs, and the threshold that is to part them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from labs.teaching.looks import COLOURS, CONTROL


def histogram(true: Sequence[float], exchanged: Sequence[float], threshold: float) -> Figure:
    """How many pairs of each kind have which similarity."""
    figure = Figure((8, 3.2), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(min([*true, *exchanged, threshold]), 1, 41)
    axes.hist(exchanged, bins, color=CONTROL, label=f"caption of another picture ({len(exchanged)})", hatch="//")
    axes.hist(true, bins, color=COLOURS["picture"], alpha=0.8, label=f"its own caption ({len(true)})")
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.2f}")
    passed = sum(score > threshold for score in exchanged)
    axes.set(xlabel="cosine of picture and caption", ylabel="pairs")
    axes.set_title(f"{passed} of {len(exchanged)} wrong pairs pass the threshold", loc="left")
    axes.legend(fontsize=8)
    return figure
