"""What two guidance scales trade: edits done against what is kept of the rest, a line for each scale of the picture."""

from collections.abc import Mapping

from matplotlib.figure import Figure


def trade(found: Mapping[tuple[float, float], tuple[float, float]]) -> Figure:
    """`found[scale of the picture, scale of the instruction]` is (share of edits done, share of the rest kept)."""
    figure = Figure((6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for picture in sorted({one for one, _ in found}):
        points = sorted((text, *found[picture, text]) for one, text in found if one == picture)
        texts, done, kept = zip(*points, strict=True)
        shares = [100 * share for share in kept], [100 * share for share in done]
        axes.plot(*shares, "o-", label=f"$s_I$ {picture:g}")
        for text, x, y in zip(texts, *shares, strict=True):
            axes.annotate(f"$s_T$ {text:g}", (x, y), (4, 4), textcoords="offset points", fontsize=7)
    axes.set(xlabel="pixels of the rest that look as they did, %", ylabel="edits done, %")
    axes.legend(title="scale of the picture", fontsize=8, title_fontsize=8)
    return figure
