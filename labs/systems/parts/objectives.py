"""The four objectives of vision-language pre-training, written out; the tests hold them to the library's losses.

| objective                 | what is asked                                        | asked by                        |
|---------------------------|------------------------------------------------------|---------------------------------|
| ITC, image-text contrast  | which caption of the batch belongs to which picture? | CLIP, ALBEF, BLIP               |
| ITM, image-text matching  | do this picture and this caption belong together?    | ViLBERT, LXMERT, ALBEF, BLIP    |
| MLM, masked language      | which words are hidden?                              | VisualBERT, ViLBERT, LXMERT     |
| LM, language              | which word comes next?                               | VL-T5, GIT, the decoder of BLIP |
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

IGNORE = -100  # the label of what nobody is asked, as in the library


def surprise(logits: Float[Tensor, "*items classes"], labels: Int[Tensor, "*items"]) -> Float[Tensor, "*items"]:
    """-log p of each label, 0 where it is IGNORE."""
    log_probabilities = logits - logits.logsumexp(-1, keepdim=True)
    chosen = log_probabilities.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -chosen.where(labels != IGNORE, 0.0)


def mean_surprise(logits: Float[Tensor, "*items classes"], labels: Int[Tensor, "*items"]) -> Float[Tensor, ""]:
    """The mean of -log p over all labels but IGNORE: the cross-entropy."""
    return surprise(logits, labels).sum() / (labels != IGNORE).sum()


def contrast(
    pictures: Float[Tensor, "pairs width"], captions: Float[Tensor, "pairs width"], scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """ITC: every picture chooses among all captions of the batch, every caption among all pictures.

    `scale` is one over the temperature. Two pairs of the batch with the same caption count as different.
    """
    pictures, captions = (vectors / vectors.norm(dim=1, keepdim=True) for vectors in (pictures, captions))
    similar = scale * captions @ pictures.T  # (captions, pictures)
    own = torch.arange(len(similar))
    return (mean_surprise(similar, own) + mean_surprise(similar.T, own)) / 2


def mismatch(
    captions: Int[Tensor, "pairs words"], generator: torch.Generator
) -> tuple[Int[Tensor, "pairs words"], Bool[Tensor, " pairs"]]:
    """About half the pairs get the caption of the pair before; which of them still have their own."""
    matched = torch.rand(len(captions), generator=generator) < 0.5
    return captions.where(matched[:, None], captions.roll(1, 0)), matched


def matching(logits: Float[Tensor, "pairs 2"], matched: Bool[Tensor, " pairs"]) -> Float[Tensor, ""]:
    """ITM: the second logit says that picture and caption belong together."""
    return mean_surprise(logits, matched.long())


def hide(
    words: Int[Tensor, "texts words"],
    maskable: Bool[Tensor, "texts words"],
    share: float,
    mask: int,
    generator: torch.Generator,
) -> tuple[Int[Tensor, "texts words"], Int[Tensor, "texts words"]]:
    """Put `mask` in the place of a share of the maskable words; the labels are these words, elsewhere IGNORE.

    BERT leaves one chosen word in ten as it is and exchanges another for a random one; this hides them all.
    """
    chosen = maskable & (torch.rand(words.shape, generator=generator) < share)
    return words.masked_fill(chosen, mask), words.masked_fill(~chosen, IGNORE)


def masked(logits: Float[Tensor, "texts words vocabulary"], labels: Int[Tensor, "texts words"]) -> Float[Tensor, ""]:
    """MLM: each hidden word from what stands on both sides of it, and from the picture."""
    return mean_surprise(logits, labels)


def next_word(logits: Float[Tensor, "texts words vocabulary"], labels: Int[Tensor, "texts words"]) -> Float[Tensor, ""]:
    """LM: each word from those before it; the logits at word i are about word i + 1."""
    return mean_surprise(logits[:, :-1], labels[:, 1:])
