"""The tour's report: one self-contained page."""

from pathlib import Path

from PIL import Image

from labs.teaching import report as page


def write_report(report: dict, out: Path) -> Path:
    """Write report.html to `out` from the report and the strips that lie there."""
    skill, strips = report["skill"], {}
    for name in ("answers", "story", "thermal"):
        with Image.open(out / f"{name}.png") as picture:
            strips[name] = picture.copy()
    parts = [
        page.paragraph("Everything below was computed on this machine, offline, with the bundled mini models."),
        page.heading("Two generations of model answer"),
        page.picture(strips["answers"], _describe(report["pictures"])),
        page.paragraph("Five pictures are an illustration; the checkpoints' cards hold the figures.", "note"),
        page.heading("They tell a story"),
        page.picture(strips["story"], " ".join(report["pictures"]["story_truth"])),
        page.heading("A new skill: reading a thermal camera"),
        page.picture(
            strips["thermal"],
            "Thermal pictures with a question each, the true answer, and what base and tuned models say",
        ),
        page.paragraph(skill["verdict"], "verdict"),
        page.table(HEADER, [_row(name, arm) for name, arm in skill["arms"].items()]),
        page.paragraph(
            f"n = {skill['n']} questions on {skill['pictures']} held-out pictures; 95 % intervals, bootstrapped over "
            "pictures. Blind: the mean-colour picture. Shuffled: another scene's picture. Both must stay low.",
            "note",
        ),
        page.paragraph(f"{report['seconds']} seconds, {report['machine']['threads']} threads.", "note"),
    ]
    file = out / "report.html"
    file.write_text(page.page("The tour: multimodal models and their tuning", parts), encoding="utf-8")
    return file


HEADER = ("model", "exact match", "blind", "shuffled", "earlier skills", "trainable", "MB", "seconds")


def _row(name: str, arm: dict) -> list:
    scores = [_percent(arm[key]) for key in ("new", "blind", "shuffled", "earlier")]
    return [name, *scores, arm.get("trainable", 0), arm.get("megabytes", ""), arm.get("seconds", "")]


def _percent(value: dict) -> str:
    return f"{100 * value['mean']:.1f} % [{100 * value['low']:.0f}, {100 * value['high']:.0f}]"


def _describe(pictures: dict) -> str:
    pairs = zip(pictures["questions"], pictures["truth"], strict=True)
    return "; ".join(f"{question} True answer: {answer}" for question, answer in pairs)
