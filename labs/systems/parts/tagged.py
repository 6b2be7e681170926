"""One vocabulary for words, picture codes and sound codes, in which every token belongs to one modality.

    words        codes of pictures    codes of sounds    tags
    0 ... 23     24 ... 183           184 ... 343        <text> </text> <picture> </picture> <sound> </sound>

    <picture> 31 170 ... 87 </picture> <text> a big red star </text>

A row is what is given and what is to be written, each between its tags. Whoever writes a modality is allowed nothing
but its own tokens and the tag that ends it.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Int
from torch import Tensor

MODALITIES = ("text", "picture", "sound")
DIRECTIONS = tuple((given, asked) for given in MODALITIES for asked in MODALITIES if given != asked)


class Tagged:
    """`sizes` says how many words and codes there are, `lengths` how many of them make one text, picture or sound."""

    def __init__(self, sizes: Mapping[str, int], lengths: Mapping[str, int]):
        if (*sizes,) != MODALITIES or (*lengths,) != MODALITIES:
            raise ValueError(f"sizes and lengths must be of {', '.join(MODALITIES)}, in this order")
        self.sizes, self.lengths, self.start, at = dict(sizes), dict(lengths), {}, 0
        for modality, size in sizes.items():
            self.start[modality], at = at, at + size
        self.begin = {modality: at + 2 * i for i, modality in enumerate(MODALITIES)}
        self.end = {modality: tag + 1 for modality, tag in self.begin.items()}
        self.size = at + 2 * len(MODALITIES)

    def owns(self, modality: str) -> Bool[Tensor, " vocabulary"]:
        """The modality's own range, and its end: all that may be written after its beginning."""
        number = torch.arange(self.size)
        start = self.start[modality]
        return ((number >= start) & (number < start + self.sizes[modality])) | (number == self.end[modality])

    def tag(self, modality: str, codes: Int[Tensor, "n length"]) -> Int[Tensor, "n longer"]:
        """Codes as tokens, between their tags."""
        begin, end = (torch.full((len(codes), 1), tags[modality]) for tags in (self.begin, self.end))
        return torch.cat([begin, codes + self.start[modality], end], dim=1)

    def untag(self, modality: str, told: Int[Tensor, "n longer"]) -> Int[Tensor, "n length"]:
        """Codes of what was written after a beginning; a token that is none of the modality's counts as its first."""
        codes = told[:, : self.lengths[modality]] - self.start[modality]
        return codes.masked_fill((codes < 0) | (codes >= self.sizes[modality]), 0)

    def well_formed(self, modality: str, told: Int[Tensor, "n longer"]) -> Bool[Tensor, " n"]:
        """Whether what was written after a beginning is right in number, all of the modality, and then ends."""
        length, owns = self.lengths[modality], self.owns(modality)
        inside, ended = told[:, :length], told[:, length] == self.end[modality]
        return ended & (owns[inside] & (inside != self.end[modality])).all(1)
