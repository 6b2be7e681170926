"""Scores of answers and stories. All between 0 and 1, one number an item."""

import re


def normal(text: str) -> str:
    """Lower case, single spaces, no closing full stop: what two equal answers share."""
    return " ".join(text.lower().split()).rstrip(".")


def exact_match(answer: str, truth: str) -> float:
    """1 if the answer is the true one."""
    return float(normal(answer) == normal(truth))


def told_events(story: str, truth: list[str]) -> float:
    """The share of events told rightly and in order: sentence i of the story must be the true sentence i."""
    told = re.findall(r"[^.]+\.?", story)
    told = [normal(sentence) for sentence in told if normal(sentence)]
    return sum(a == normal(b) for a, b in zip(told, truth, strict=False)) / len(truth)
