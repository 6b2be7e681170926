"""The encoder-decoder: VL-BART, in which all is text to be written (Cho et al., 2021, https://arxiv.org/abs/2102.02779)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration

from labs.systems.parts.family import HEADS, LAYERS, LONGEST, WIDTH, Family, answer_words, there
from labs.systems.parts.lexicon import CLS, DECODE, END, PAD, Lexicon
from labs.systems.parts.objectives import IGNORE, next_word, surprise
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.regions import WIDTH as REGION_WIDTH


class EncoderDecoder(Family):
    """VL-BART: regions and words go into an encoder, a decoder writes; captions answer an empty question."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        config = BartConfig(
            vocab_size=len(lexicon), d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS, dropout=0.0,
            encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=2 * WIDTH,
            decoder_ffn_dim=2 * WIDTH, activation_function="relu", max_position_embeddings=LONGEST, pad_token_id=PAD,
            bos_token_id=CLS, eos_token_id=END, decoder_start_token_id=DECODE, forced_eos_token_id=END,
        )  # fmt: skip
        self.model, self.answers = BartForConditionalGeneration(config), answer_words(lexicon)
        self.see = torch.nn.Linear(REGION_WIDTH, WIDTH)

    def write(
        self, regions: Float[Tensor, "n 9 132"], asked: Int[Tensor, "n asked"], told: Int[Tensor, "n told"]
    ) -> Float[Tensor, "n told vocabulary"]:
        """Logits of the word that follows each of `told`, the regions and what is `asked` being read."""
        embedded = torch.cat([self.see(regions), self.model.get_input_embeddings()(asked)], dim=1)
        read = torch.cat([torch.ones(len(regions), REGIONS, dtype=torch.long), there(asked)], dim=1)
        return self.model(inputs_embeds=embedded, attention_mask=read, decoder_input_ids=told).logits

    def caption_words(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Int[Tensor, "n words"]]:
        """Logits along a caption, and its words as labels."""
        nothing = torch.full((len(regions), 1), CLS)
        told = captions.masked_fill(captions == CLS, DECODE)
        return self.write(regions, nothing, told), captions.masked_fill(captions == PAD, IGNORE)

    def pair_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """LM: to write the caption."""
        return next_word(*self.caption_words(regions, captions))

    def answer(
        self, regions: Float[Tensor, "n 9 132"], questions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n answers"]:
        """The first word that it writes."""
        start = torch.full((len(regions), 1), DECODE)
        return self.write(regions, questions, start)[:, 0, self.answers]

    def match(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, " n"]:
        """The log-probability of writing the caption."""
        logits, labels = self.caption_words(regions, captions)
        return -surprise(logits[:, :-1], labels[:, 1:]).sum(1)

    def encoders(self) -> list[torch.nn.Module]:
        return [self.model]
