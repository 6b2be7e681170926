"""Four ways in which picture and words can meet: stock classes behind the same regions, and three calls for all.

dual encoder        single stream         dual stream             encoder-decoder
regions   words     regions + words       regions   words         regions + words
   |        |              |                 |  \\   /  |                  |
   v        v         one encoder            v   \\ /   v               encoder
   .  dot   .              |              two encoders that             |
                        one answer         attend to each other       decoder -> words
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    CLIPTextConfig,
    CLIPTextModel,
    LxmertConfig,
    LxmertForPreTraining,
    VisualBertConfig,
    VisualBertForPreTraining,
    VisualBertModel,
)

from labs.systems.parts import objectives
from labs.systems.parts.lexicon import CLS, DECODE, END, MASK, PAD, SPECIAL, Lexicon
from labs.systems.parts.objectives import IGNORE
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.world.vocabulary import COLOURS, SHAPES

ANSWERS = ("yes", "no", *COLOURS, *SHAPES)
WIDTH, INNER, HEADS, LAYERS, LONGEST = 96, 192, 3, 2, 48  # layers of each tower or stream; words
HIDDEN = 0.3  # of the words in MLM; BERT's 0.15 is one or two words of so short a caption
QUIET = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SIZES = {"hidden_size": WIDTH, "intermediate_size": INNER, "num_attention_heads": HEADS, "hidden_act": "relu"}


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


class DualEncoder(Family):
    """CLIP: a vector for the picture and one for the words, which meet in a dot product."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        self.see = VisualBertModel(_visual_bert(lexicon), add_pooling_layer=False)  # its words are one <cls>
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
        return self.project[1](self.read(input_ids=texts, attention_mask=_there(texts)).pooler_output)

    def pair_loss(
        self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """ITC."""
        scale = self.log_scale.exp().clamp(max=100)
        return objectives.contrast(self.picture(regions), self.words(captions), scale)

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
        self.model, self.answers = VisualBertForPreTraining(_visual_bert(lexicon)), _answers(lexicon)

    def read(
        self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n 2"]]:
        out = self.model(input_ids=words, attention_mask=_there(words), visual_embeds=regions)
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
        self.model, self.answers = LxmertForPreTraining(config), _answers(lexicon)

    def read(
        self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n words vocabulary"], Float[Tensor, "n 2"]]:
        boxes = regions[..., -4:]
        out = self.model(input_ids=words, attention_mask=_there(words), visual_feats=regions, visual_pos=boxes)
        return out.prediction_logits, out.cross_relationship_score


class EncoderDecoder(Family):
    """VL-BART: regions and words go into an encoder, a decoder writes; captions answer an empty question."""

    def __init__(self, lexicon: Lexicon):
        super().__init__()
        self.model, self.answers = BartForConditionalGeneration(BartConfig(
            vocab_size=len(lexicon), d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS, dropout=0.0,
            encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER,
            decoder_ffn_dim=INNER, activation_function="relu", max_position_embeddings=LONGEST, pad_token_id=PAD,
            bos_token_id=CLS,
            eos_token_id=END, decoder_start_token_id=DECODE, forced_eos_token_id=END,
        )), _answers(lexicon)  # fmt: skip
        self.see = torch.nn.Linear(REGION_WIDTH, WIDTH)

    def write(
        self, regions: Float[Tensor, "n 9 132"], asked: Int[Tensor, "n asked"], told: Int[Tensor, "n told"]
    ) -> Float[Tensor, "n told vocabulary"]:
        """Logits of the word that follows each of `told`, the regions and what is `asked` being read."""
        embedded = torch.cat([self.see(regions), self.model.get_input_embeddings()(asked)], dim=1)
        there = torch.cat([torch.ones(len(regions), REGIONS, dtype=torch.long), _there(asked)], dim=1)
        return self.model(inputs_embeds=embedded, attention_mask=there, decoder_input_ids=told).logits

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
        return objectives.next_word(*self.caption_words(regions, captions))

    def answer(
        self, regions: Float[Tensor, "n 9 132"], questions: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n answers"]:
        """The first word that it writes."""
        start = torch.full((len(regions), 1), DECODE)
        return self.write(regions, questions, start)[:, 0, self.answers]

    def match(self, regions: Float[Tensor, "n 9 132"], captions: Int[Tensor, "n words"]) -> Float[Tensor, " n"]:
        """The log-probability of writing the caption."""
        logits, labels = self.caption_words(regions, captions)
        return -objectives.surprise(logits[:, :-1], labels[:, 1:]).sum(1)

    def encoders(self) -> list[torch.nn.Module]:
        return [self.model]


def _visual_bert(lexicon: Lexicon) -> VisualBertConfig:
    return VisualBertConfig(
        vocab_size=len(lexicon), num_hidden_layers=LAYERS, visual_embedding_dim=REGION_WIDTH, pad_token_id=PAD,
        max_position_embeddings=LONGEST, **SIZES, **QUIET,
    )  # fmt: skip


def _answers(lexicon: Lexicon) -> list[int]:
    return [lexicon.number[answer] for answer in ANSWERS]


def _there(words: Int[Tensor, "n words"]) -> Int[Tensor, "n words"]:
    """The attention mask: 1 for words, 0 for what fills up."""
    return (words != PAD).long()
