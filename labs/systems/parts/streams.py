"""The fusion encoders: words and regions in one stream, or in two that attend to each other.

VisualBERT (Li et al., 2019, https://arxiv.org/abs/1908.03557), LXMERT (Tan and Bansal, 2019,
https://arxiv.org/abs/1908.07490).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import LxmertConfig, LxmertForPreTraining, VisualBertForPreTraining

from labs.systems.parts import objectives
from labs.systems.parts.family import LAYERS, LONGEST, QUIET, SIZES, Family, answer_words, there, visual_bert
from labs.systems.parts.lexicon import MASK, PAD, SPECIAL, Lexicon
from labs.systems.parts.regions import WIDTH as REGION_WIDTH

HIDDEN = 0.3  # of the words in MLM; BERT's 0.15 is one word of so short a caption


class Fusion(Family):
    """Words and regions attend to each other; `model` has the heads of MLM and ITM."""

    model: torch.nn.Module

    def read(
        self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n 2"]]:
        """Which word stands in each place, and whether picture and text belong together."""
        raise NotImplementedError

    def pair_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """MLM and ITM, each in a pass of its own, so that matching sees whole captions (as in ALBEF)."""
        hidden, labels = objectives.hide(captions, captions >= len(SPECIAL), HIDDEN, MASK, generator)
        others, matched = objectives.mismatch(captions, generator)
        words, (_, pairs) = self.read(regions, hidden)[0], self.read(regions, others)
        return objectives.masked(words, labels) + objectives.matching(pairs, matched)

    def answer(
        self, regions: Float[Tensor, "n 9 132"], questions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n answers"]:
        """The word at <mask>, by the very head of MLM."""
        words, _ = self.read(regions, questions)
        return words[questions == MASK][:, self.answers]

    def match(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, " n"]:
        _, pairs = self.read(regions, captions)
        return pairs[:, 1] - pairs[:, 0]

    def encoders(self) -> list[torch.nn.Module]:
        return [self.model]


class SingleStream(Fusion):
    """VisualBERT: regions are more words."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        self.model, self.answers = VisualBertForPreTraining(visual_bert(lexicon)), answer_words(lexicon)

    def read(
        self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n 2"]]:
        out = self.model(input_ids=words, attention_mask=there(words), visual_embeds=regions)
        return out.prediction_logits[:, : words.shape[1]], out.seq_relationship_logits


class DualStream(Fusion):
    """LXMERT: a stream of words and a stream of regions, which attend to each other in the last layer."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        config = LxmertConfig(
            vocab_size=len(lexicon), l_layers=LAYERS - 1, r_layers=LAYERS - 1, x_layers=1, pad_token_id=PAD,
            visual_feat_dim=REGION_WIDTH, visual_pos_dim=4, max_position_embeddings=LONGEST, task_obj_predict=False,
            task_qa=False, **SIZES, **QUIET,
        )  # fmt: skip
        self.model, self.answers = LxmertForPreTraining(config), answer_words(lexicon)

    def read(
        self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n 2"]]:
        boxes = regions[..., -4:]
        out = self.model(input_ids=words, attention_mask=there(words), visual_feats=regions, visual_pos=boxes)
        return out.prediction_logits, out.cross_relationship_score
