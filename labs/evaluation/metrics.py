"""Scores of answers and stories, all from 0 to 1: one number an item; BLEU counts n-grams, which are added up first."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sacrebleu

from labs.evaluation.exam import Item
from labs.evaluation.interval import mean
from labs.evaluation.vqa import vqa_accuracy

LONG = 8  # words; of longer answers hardly any is exactly as somebody else would write it


def normal(text: str) -> str:
    """Lower case, single spaces, no closing full stop: what two equal answers share."""
    return " ".join(text.lower().split()).rstrip(".")


def exact_match(answer: str, truth: str) -> float:
    """1 if the answer is the true one."""
    return float(normal(answer) == normal(truth))


def told_events(story: str, truth: Sequence[str]) -> float:
    """The share of events told rightly and in order: sentence i of the story must be the true sentence i."""
    return sum(a == normal(b) for a, b in zip(_sentences(story), truth, strict=False)) / len(truth)


def bleu_counts(answer: str, accepted: Sequence[str]) -> list[int]:
    """Lengths of the answer and of the truth nearest to it, n-grams that agree (4), n-grams in all (4)."""
    score = sacrebleu.BLEU(effective_order=True).sentence_score(answer, list(accepted))
    return [score.sys_len, score.ref_len, *score.counts, *score.totals]


def bleu(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU from counts added up (..., 11), as `sacrebleu.corpus_bleu` has it, but from 0 to 1."""
    return np.apply_along_axis(_bleu, -1, sums)


@dataclass(frozen=True)
class Metric:
    """`score` judges one answer by the accepted ones; `value` makes the result of their sums and their number."""

    name: str
    score: Callable[[str, Sequence[str]], float | list[int]]
    value: Callable[[np.ndarray], np.ndarray] = mean


EXACT_MATCH = Metric("exact match", lambda told, accepted: max(exact_match(told, truth) for truth in accepted))
VQA_ACCURACY = Metric("VQA accuracy", vqa_accuracy)
STORY_EVENTS = Metric("story events", lambda told, accepted: max(told_events(told, _sentences(t)) for t in accepted))
BLEU = Metric("BLEU", bleu_counts, bleu)


def fitting(items: Sequence[Item]) -> Metric:
    """VQA accuracy where ten people answered, BLEU where most answers are long, otherwise exact match."""
    if all(len(item.accepted) >= 10 for item in items):
        return VQA_ACCURACY
    long = sum(len(item.answer.split()) > LONG for item in items)
    return BLEU if 2 * long > len(items) else EXACT_MATCH


def _sentences(text: str) -> list[str]:
    return [sentence for part in re.findall(r"[^.]+", text) if (sentence := normal(part))]


def _bleu(sums: np.ndarray) -> float:
    length, true_length, *grams = sums.astype(int).tolist()[:10]
    return sacrebleu.BLEU.compute_bleu(grams[:4], grams[4:], length, true_length, "exp").score / 100
