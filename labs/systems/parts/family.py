"""What the four families of vision-language models have in common: sizes, and three calls.

| family          | picture and words meet                       | stock class                            |
|-----------------|----------------------------------------------|----------------------------------------|
| dual encoder    | in a dot product, one vector from each       | CLIPTextModel, VisualBertModel to see  |
| single stream   | in every layer, regions being further words  | VisualBertForPreTraining               |
| dual stream     | in the last layer, where each asks the other | LxmertForPreTraining                   |
| encoder-decoder | in every layer; another stack of them writes | BartForConditionalGeneration           |
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import VisualBertConfig

from labs.systems.parts.lexicon import PAD, Lexicon
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.world.vocabulary import COLOURS, SHAPES

ANSWERS = ("yes", "no", *COLOURS, *SHAPES)
WIDTH, HEADS, LAYERS, LONGEST = 96, 3, 2, 48  # layers of each tower or stream; words
SIZES = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_attention_heads": HEADS, "hidden_act": "relu"}
QUIET = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


class Family(torch.nn.Module):
    """Three calls, the same for all: a loss on captions, answers to questions, and whether a pair belongs together."""

    def pair_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """The family's own pre-training objectives."""
        raise NotImplementedError

    def answer(
        self, regions: Float[Tensor, "n 9 132"], questions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n answers"]:
        """Logits of `ANSWERS`; a question ends with <mask> <end>."""
        raise NotImplementedError

    def match(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, " n"]:
        """How well each picture fits its caption, on any scale."""
        raise NotImplementedError

    def compare(
        self, regions: Float[Tensor, "pictures 9 132"], captions: Int[Tensor, "captions words"]
    ) -> Float[Tensor, "pictures captions"]:
        """The same for all pairs, each of them looked at by itself."""
        return torch.stack([self.match(one.expand(len(captions), -1, -1), captions) for one in regions])

    def encoders(self) -> list[torch.nn.Module]:
        """What a picture, a caption or a pair passes through."""
        raise NotImplementedError


def visual_bert(lexicon: Lexicon) -> VisualBertConfig:
    """VisualBERT in these sizes."""
    return VisualBertConfig(
        vocab_size=len(lexicon), num_hidden_layers=LAYERS, visual_embedding_dim=REGION_WIDTH, pad_token_id=PAD,
        max_position_embeddings=LONGEST, **SIZES, **QUIET,
    )  # fmt: skip


def answer_words(lexicon: Lexicon) -> list[int]:
    """Where `ANSWERS` stand among the words."""
    return [lexicon.number[answer] for answer in ANSWERS]


def there(words: Int[Tensor, "n words"]) -> Int[Tensor, "n words"]:
    """The attention mask: 1 for words, 0 for what fills up."""
    return (words != PAD).long()
