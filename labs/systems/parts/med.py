"""BLIP's text transformer (Li et al., 2022, https://arxiv.org/abs/2201.12086), which reads a caption or writes one.

    reads:   <cls> a red circle <end>  -> does it belong to the picture?   each word sees all the words
    writes:  <decode> a red circle     -> a red circle <end>               each word sees those before it

Both attend to the picture's regions and share all weights; BLIP shares all but the words' attention to each other.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import BlipTextConfig
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

from labs.systems.parts import objectives
from labs.systems.parts.lexicon import CLS, DECODE, END, PAD, Lexicon
from labs.systems.parts.objectives import IGNORE
from labs.systems.parts.regions import WIDTH as REGION_WIDTH

WIDTH, HEADS, LAYERS, LONGEST = 96, 3, 2, 16  # words
NUCLEUS = 0.9  # the share of probability from which BLIP draws its words


class Med(torch.nn.Module):
    """A "multimodal mixture of encoder and decoder", for captions numbered by a lexicon."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        self.text = BlipTextLMHeadModel(BlipTextConfig(
            vocab_size=len(lexicon), hidden_size=WIDTH, encoder_hidden_size=REGION_WIDTH, intermediate_size=4 * WIDTH,
            num_hidden_layers=LAYERS, num_attention_heads=HEADS, max_position_embeddings=LONGEST, is_decoder=True,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, hidden_act="relu", pad_token_id=PAD,
            bos_token_id=DECODE, eos_token_id=END, sep_token_id=END,
        ))  # fmt: skip
        self.head = torch.nn.Linear(WIDTH, 2)

    def read(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, "n 2"]:
        """Logits that they do not belong together, and that they do."""
        hidden = self.text.bert(
            input_ids=captions, attention_mask=(captions != PAD).long(), encoder_hidden_states=regions, is_decoder=False
        ).last_hidden_state
        return self.head(hidden[:, 0])

    def follow(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n words vocabulary"]:
        """Which word follows each."""
        told = captions.masked_fill(captions == CLS, DECODE)
        there = (told != PAD).long()
        return self.text(input_ids=told, attention_mask=there, encoder_hidden_states=regions, use_cache=False).logits

    def writing_loss(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, ""]:
        """LM."""
        labels = captions.masked_fill(captions == PAD, IGNORE)
        return objectives.next_word(self.follow(regions, captions), labels)

    def reading_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """ITM, with another caption of the batch for half the pictures."""
        captions, matched = objectives.mismatch(captions, generator)
        return objectives.matching(self.read(regions, captions), matched)

    @torch.no_grad()
    def write(
        self, regions: Float[Tensor, "n 9 132"], words: int, generator: torch.Generator | None = None
    ) -> Int[Tensor, "n {words}"]:
        """Captions of so many words at most, <cls> and <end> included: the likeliest words, or drawn."""
        told = torch.full((len(regions), 1), CLS)
        while told.shape[1] < words:
            logits = self.follow(regions, told)[:, -1]
            new = logits.argmax(-1) if generator is None else draw(logits, generator)
            ended = ((told == END) | (told == PAD)).any(1)
            told = torch.cat([told, new.masked_fill(ended, PAD)[:, None]], dim=1)
        return told


def draw(logits: Float[Tensor, "n words"], generator: torch.Generator) -> Int[Tensor, " n"]:
    """One word each, from the fewest words that have `NUCLEUS` of the probability together."""
    chances, order = logits.softmax(-1).sort(dim=-1, descending=True)
    before = chances.cumsum(-1) - chances  # of the likelier words
    drawn = torch.multinomial(chances.masked_fill(before >= NUCLEUS, 0.0), 1, generator=generator)
    return order.gather(-1, drawn)[:, 0]
