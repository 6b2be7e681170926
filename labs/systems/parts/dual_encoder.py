"""The dual encoder: CLIP behind frozen regions (Radford et al., 2021, https://arxiv.org/abs/2103.00020)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, VisualBertModel

from labs.systems.parts.family import ANSWERS, LAYERS, LONGEST, SIZES, WIDTH, Family, there, visual_bert
from labs.systems.parts.lexicon import CLS, END, PAD, Lexicon
from labs.systems.parts.objectives import contrast


class DualEncoder(Family):
    """CLIP: a vector for the picture and one for the words, which meet in a dot product."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        self.see = VisualBertModel(visual_bert(lexicon), add_pooling_layer=False)  # its words are one <cls>
        self.read = CLIPTextModel(CLIPTextConfig(
            vocab_size=len(lexicon), num_hidden_layers=LAYERS, max_position_embeddings=LONGEST,
            pad_token_id=PAD, bos_token_id=CLS, eos_token_id=END, **SIZES,
        ))  # fmt: skip
        self.project = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scale = torch.nn.Parameter(torch.tensor(2.6592))  # CLIP's: a temperature of 0.07
        self.head = torch.nn.Sequential(
            torch.nn.Linear(3 * WIDTH, 2 * WIDTH), torch.nn.GELU(), torch.nn.Linear(2 * WIDTH, len(ANSWERS))
        )

    def picture(self, regions: Float[Tensor, "n 9 132"]) -> Float[Tensor, "n width"]:
        """All that words will ever meet of the picture."""
        words = torch.full((len(regions), 1), CLS)
        seen = self.see(input_ids=words, attention_mask=torch.ones_like(words), visual_embeds=regions)
        return self.project[0](seen.last_hidden_state[:, 0])

    def words(self, texts: Int[Tensor, "n words"]) -> Float[Tensor, "n width"]:
        """A text's vector, read off at <end>."""
        return self.project[1](self.read(input_ids=texts, attention_mask=there(texts)).pooler_output)

    def pair_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """ITC."""
        scale = self.log_scale.exp().clamp(max=100)
        return contrast(self.picture(regions), self.words(captions), scale)

    def answer(
        self, regions: Float[Tensor, "n 9 132"], questions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n answers"]:
        picture, words = self.picture(regions), self.words(questions)
        return self.head(torch.cat([picture, words, picture * words], dim=-1))

    def match(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, " n"]:
        return torch.cosine_similarity(self.picture(regions), self.words(captions))

    def compare(
        self, regions: Float[Tensor, "pictures 9 132"], captions: Int[Tensor, "captions words"]
    ) -> Float[Tensor, "pictures captions"]:
        """Every picture and every caption is encoded once."""
        pictures, words = self.picture(regions), self.words(captions)
        return torch.cosine_similarity(pictures[:, None], words[None], dim=-1)

    def encoders(self) -> list[torch.nn.Module]:
        return [self.see, self.read]
