"""The accuracy of the VQA challenge: an answer is right as far as several people gave it.

https://visualqa.org/evaluation describes it: ten people answer; each in turn is left out, and of the other nine three
who agree are enough. Before, both sides are written alike, in the steps of that page.
"""

import re
from collections.abc import Sequence

NUMBERS = dict(zip("none zero one two three four five six seven eight nine ten".split(), (0, *range(11)), strict=True))
PUNCTUATION = re.compile(r"""[;/\[\]"{}()=+\\_<>@`,?!-]""")  # not the apostrophe, and not the colon of 2:50
# The page's example is dont, which becomes don't. Words that are English without it stay: its, were, well, shed.
CONTRACTIONS = [
    (r"(ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|sha|should|was|were|wo|would)nt", "n't"),
    (r"(could|i|might|must|should|they|we|what|who|would|you)ve", "'ve"),
    (r"(it|somebody|someone|something|they|what|who|you)ll", "'ll"),
    (r"(there|they|what|why|you)re", "'re"),
    (r"(he|how|she|somebody|someone|that|there|what|when|where|who|why)s", "'s"),
    (r"(he|how|it|somebody|someone|something|there|they|where|who|you)d", "'d"),
    (r"(i)m", "'m"),
]


def written_alike(answer: str) -> str:
    """Lower case, digits for number words, no articles, contractions with their apostrophe, no punctuation."""
    text = re.sub(r"(?<=\d),(?=\d)", "", answer.lower())
    text = re.sub(r"\.(?!\d)", "", PUNCTUATION.sub(" ", text))
    words = [str(NUMBERS.get(word, word)) for word in text.split() if word not in ("a", "an", "the")]
    return " ".join(_with_apostrophe(word) for word in words)


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """The mean of min(agreeing / 3, 1) with each of the people left out once: 1 of 10 is 0.3, 2 are 0.6, 3 are 0.9.

    Of fewer than four people no three are left that could agree; then it is 1 if any of them gave the answer.
    """
    agree = [written_alike(answer) == written_alike(other) for other in people]
    if len(agree) < 4:
        return float(any(agree))
    return sum(min((sum(agree) - own) / 3, 1) for own in agree) / len(agree)


def _with_apostrophe(word: str) -> str:
    for pattern, end in CONTRACTIONS:
        word = re.sub(f"^{pattern}$", rf"\1{end}", word)
    return word
