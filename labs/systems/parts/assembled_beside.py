"""Three families put together of the same parts, each beside the library's own class of the same sizes.

    BERT     words -> encoder -> hidden words           BertForMaskedLM
    GPT      words -> causal encoder -> next words      GPT2LMHeadModel
    BART     words -> encoder, words -> decoder         BartForConditionalGeneration

All translate: BERT tells the hidden ones of the Spanish words behind an English text, GPT and BART the next one. With
the same weights both compute the same, which the tests show; here each learns from a start of its own.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
)

from labs.systems.claim import Scores
from labs.systems.parts import translated
from labs.systems.parts.assembled import LONGEST, Decoder, Embedding, Encoder, Model, Words
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import END, MASK, PAD
from labs.systems.parts.translated import asked, lexicon, right, together, trimmed

WIDTH, LAYERS, HEADS = 64, 2, 4
STEPS, BATCH, RATE, HIDDEN = 300, 32, 2e-3, 0.5  # HIDDEN: share of Spanish words that BERT is not shown in its lessons
FAMILIES = ("BERT", "GPT", "BART")
MEASURED = FAMILIES[:2]  # BART learns all that is asked either way


def assembled(family: str, words: int) -> Model:
    """One of `FAMILIES`, of exchangeable parts. Raises ValueError for any other."""
    if family == "BERT":
        return Model(
            Embedding(WIDTH, words=words, norm=True), Encoder(WIDTH, LAYERS, HEADS, norm_first=False),
            Words(WIDTH, words, transform=True),
        )  # fmt: skip
    if family == "GPT":
        return Model(
            Embedding(WIDTH, words=words), Encoder(WIDTH, LAYERS, HEADS, causal=True), Words(WIDTH, words, bias=False)
        )
    if family == "BART":
        enter, told = (Embedding(WIDTH, words=words, norm=True) for _ in range(2))
        encoder, decoder = (part(WIDTH, LAYERS, HEADS, norm_first=False) for part in (Encoder, Decoder))
        return Model(enter, encoder, Words(WIDTH, words, bias=False), told, decoder)
    raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")


def stock(family: str, words: int) -> nn.Module:
    """The library's class in the same sizes; its words have one table where it likes to share it."""
    if family == "BERT":
        return BertForMaskedLM(BertConfig(
            vocab_size=words, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, hidden_act="gelu",
            intermediate_size=2 * WIDTH, max_position_embeddings=LONGEST, layer_norm_eps=1e-5, pad_token_id=PAD,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        ))  # fmt: skip
    if family == "GPT":
        return GPT2LMHeadModel(GPT2Config(
            vocab_size=words, n_positions=LONGEST, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=2 * WIDTH,
            activation_function="gelu", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None,
            eos_token_id=END,
        ))  # fmt: skip
    return BartForConditionalGeneration(BartConfig(
        vocab_size=words, max_position_embeddings=LONGEST, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=2 * WIDTH, dropout=0.0,
        decoder_ffn_dim=2 * WIDTH, activation_function="gelu", pad_token_id=PAD, eos_token_id=END,
        forced_eos_token_id=END,
    ))  # fmt: skip


@torch.no_grad()
def alike(model: nn.Module) -> nn.Module:
    """The model with weights drawn anew, for a class has its own way: narrow tables, matrices as Xavier has them."""
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    for weight in model.parameters():
        if id(weight) in tables:
            nn.init.normal_(weight, std=0.1)
        elif weight.ndim == 2:
            nn.init.xavier_uniform_(weight)
    return model


def logits(
    model: nn.Module, given: Int[Tensor, "n words"], told: Int[Tensor, "n told"] | None = None
) -> Float[Tensor, "n places vocabulary"]:
    """What either kind of model says of the same words."""
    if isinstance(model, Model):
        return model(given, told)
    there = {"input_ids": given, "attention_mask": (given != PAD).long()}
    if told is not None:
        there |= {"decoder_input_ids": told, "decoder_attention_mask": (told != PAD).long()}
    return model(**there).logits


def spanish(rows: Int[Tensor, "n words"]) -> Tensor:
    """True from behind the first <end>: the translation, up to its own end."""
    ends = (rows == END).cumsum(1)
    return (ends.roll(1, 1) > 0) & (ends > 0) & (rows != PAD) & (torch.arange(rows.shape[1]) > 0)


def parted(rows: Int[Tensor, "n words"]) -> tuple[Tensor, Tensor]:
    """English and Spanish of rows, apart."""
    behind = spanish(rows)
    parts = [(row[~there & (row != PAD)], row[there]) for row, there in zip(rows, behind, strict=True)]
    english, other = (nn.utils.rnn.pad_sequence(list(some), batch_first=True) for some in zip(*parts, strict=True))
    return english, other


@cache
def taught(seed: int, family: str, own: bool) -> nn.Module:
    """A family's model, put together (`own`) or the library's, after its lessons."""
    torch.manual_seed(seed if own else seed + 500)
    model, rows = alike((assembled if own else stock)(family, len(lexicon()))), together("train")
    at, generator = batches(len(rows), BATCH, seed), torch.Generator().manual_seed(seed)
    english, other = parted(rows)

    def loss(step: int) -> Tensor:
        if family == "BART":
            told = trimmed(other[at(step)])
            return _cross_entropy(logits(model, trimmed(english[at(step)]), told[:, :-1]), told[:, 1:])
        now = trimmed(rows[at(step)])
        if family == "GPT":
            return _cross_entropy(logits(model, now[:, :-1]), now[:, 1:])
        hidden = spanish(now) & (torch.rand(now.shape, generator=generator) < HIDDEN)
        return _cross_entropy(logits(model, now.masked_fill(hidden, MASK)), now.masked_fill(~hidden, PAD))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def tells(seed: int, own: bool, another: bool = False) -> Scores:
    """Spanish colours told by `MEASURED` families; or, as a control, with `another` English text."""
    rows, found, scenes = together(translated.EXAM, another), [], []
    for family in MEASURED:
        one = right(*_told(taught(seed, family, own), family, rows))
        found += one.values
        scenes += one.scenes
    return Scores(found, scenes)


@torch.no_grad()
def _told(model: nn.Module, family: str, rows: Int[Tensor, "n words"]) -> tuple[Tensor, Tensor]:
    """The words told, and the true ones."""
    if family == "BART":
        english, other = parted(rows)
        return logits(model, english, other[:, :-1]).argmax(-1), other[:, 1:]
    if family == "GPT":
        return logits(model, rows[:, :-1]).argmax(-1), rows[:, 1:]
    return logits(model, rows.masked_fill(torch.isin(rows, asked()), MASK)).argmax(-1), rows


def _cross_entropy(said: Float[Tensor, "n words all"], true: Int[Tensor, "n words"]) -> Float[Tensor, ""]:
    return cross_entropy(said.flatten(0, 1), true.flatten(), ignore_index=PAD)
