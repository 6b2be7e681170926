"""The objectives of pre-training: the library's losses on the same logits, identities, and what is asked of whom."""

import math

import pytest
import torch
from jaxtyping import TypeCheckError
from torch.testing import assert_close
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    CLIPModel,
    GPT2Config,
    GPT2LMHeadModel,
)
from transformers.models.clip import CLIPConfig

from labs.systems.parts import objectives
from labs.systems.parts.objectives import IGNORE

WORDS = 40  # in the vocabulary
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def draw():
    torch.manual_seed(0)
    return torch.Generator().manual_seed(0)


def texts(draw: torch.Generator, count: int = 6, length: int = 9) -> torch.Tensor:
    return torch.randint(5, WORDS, (count, length), generator=draw)


def with_gaps(labels: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    return labels.masked_fill(torch.rand(labels.shape, generator=draw) < 0.5, IGNORE)


def bert(kind: type) -> torch.nn.Module:
    return kind(BertConfig(vocab_size=WORDS, **SIZES)).eval()


# ---------------------------------------------------------------------------------------------------------------
# Beside the library


def test_contrast_is_the_loss_of_clip(draw):
    text = {"vocab_size": WORDS, "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 0, **SIZES}
    vision = {"image_size": 16, "patch_size": 8, **SIZES}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()
    seen = torch.randn(6, 3, 16, 16)
    theirs = model(input_ids=texts(draw), pixel_values=seen, return_loss=True)
    pictures, captions = (  # of any length: it is the objective that makes them units
        vectors * (0.1 + 5 * torch.rand(6, 1)) for vectors in (theirs.image_embeds, theirs.text_embeds)
    )
    assert_close(objectives.contrast(pictures, captions, model.logit_scale.exp()), theirs.loss)


def test_masked_words_and_matching_are_the_losses_of_bert(draw):
    words, labels = texts(draw), with_gaps(texts(draw), draw)
    matched = torch.tensor([True, False, True, True, False, False])
    theirs = bert(BertForMaskedLM)(input_ids=words, labels=labels)
    assert_close(objectives.masked(theirs.logits, labels), theirs.loss)
    theirs = bert(BertForNextSentencePrediction)(input_ids=words, labels=matched.long())
    assert_close(objectives.matching(theirs.logits, matched), theirs.loss)
    theirs = bert(BertForPreTraining)(input_ids=words, labels=labels, next_sentence_label=matched.long())
    both = objectives.masked(theirs.prediction_logits, labels)
    assert_close(both + objectives.matching(theirs.seq_relationship_logits, matched), theirs.loss)


def test_the_next_word_is_the_loss_of_gpt2(draw):
    model = GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_positions=16, n_embd=16, n_layer=1, n_head=2)).eval()
    words = texts(draw)
    labels = with_gaps(words, draw)
    theirs = model(input_ids=words, labels=labels)
    assert_close(objectives.next_word(theirs.logits, labels), theirs.loss)


def test_gradients_are_those_of_cross_entropy(draw):
    logits, labels = torch.randn(6, 9, WORDS, generator=draw), with_gaps(texts(draw), draw)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    objectives.masked(ours, labels).backward()
    torch.nn.functional.cross_entropy(theirs.flatten(0, 1), labels.flatten()).backward()
    assert_close(ours.grad, theirs.grad)


# ---------------------------------------------------------------------------------------------------------------
# Identities


def sure_of(labels: torch.Tensor, classes: int) -> torch.Tensor:
    return 50 * torch.nn.functional.one_hot(labels.clamp(min=0), classes).float()


def test_who_is_sure_and_right_loses_nothing(draw):
    words, matched = texts(draw), torch.tensor([True, False, True])
    assert objectives.masked(sure_of(words, WORDS), words) < 1e-6
    assert objectives.next_word(sure_of(words, WORDS).roll(-1, 1), words) < 1e-6
    assert objectives.matching(sure_of(matched.long(), 2), matched) < 1e-6
    assert objectives.contrast(torch.eye(4), torch.eye(4), torch.tensor(50.0)) < 1e-6


def test_who_knows_nothing_loses_the_logarithm_of_the_choices(draw):
    words = with_gaps(texts(draw), draw)
    for objective in (objectives.masked, objectives.next_word):
        assert objective(torch.zeros(*words.shape, WORDS), words).item() == pytest.approx(math.log(WORDS), rel=1e-5)
    matched = torch.tensor([True, False, True])
    assert objectives.matching(torch.zeros(3, 2), matched).item() == pytest.approx(math.log(2))
    same = torch.ones(7, 4)
    assert objectives.contrast(same, same, torch.tensor(9.0)).item() == pytest.approx(math.log(7), rel=1e-5)


def test_what_nobody_is_asked_counts_for_nothing(draw):
    logits, labels = torch.randn(6, 9, WORDS, generator=draw), with_gaps(texts(draw), draw)
    changed = torch.where((labels == IGNORE)[..., None], 100 * torch.randn(6, 9, WORDS), logits)
    assert (objectives.surprise(logits, labels)[labels == IGNORE] == 0).all()
    assert_close(objectives.masked(changed, labels), objectives.masked(logits, labels))
    asked = labels != IGNORE
    assert_close(objectives.masked(logits, labels), objectives.surprise(logits[asked], labels[asked]).mean())


def test_the_second_logit_says_that_they_belong_together():
    told = torch.tensor([[0.0, 9.0]])
    assert objectives.matching(told, torch.tensor([True])) < 0.01 < 5 < objectives.matching(told, torch.tensor([False]))


def test_contrast_asks_both_sides_and_knows_no_order(draw):
    pictures, captions = torch.randn(2, 6, 8, generator=draw)
    scale, order = torch.tensor(3.0), torch.randperm(6, generator=draw)
    loss = objectives.contrast(pictures, captions, scale)
    assert_close(objectives.contrast(captions, pictures, scale), loss)
    assert_close(objectives.contrast(pictures[order], captions[order], scale), loss)
    assert not torch.allclose(objectives.contrast(pictures[order], captions, scale), loss, atol=1e-3)


# ---------------------------------------------------------------------------------------------------------------
# What is asked


def test_only_maskable_words_are_hidden_and_the_labels_are_what_stood_there(draw):
    words, mask = texts(draw, 200, 20), 2
    maskable = words >= 15
    hidden, labels = objectives.hide(words, maskable, 0.3, mask, draw)
    at = hidden == mask
    assert not at[~maskable].any() and 0.27 < at[maskable].float().mean() < 0.33
    assert (hidden[~at] == words[~at]).all() and (labels[at] == words[at]).all() and (labels[~at] == IGNORE).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_or_all_are_hidden(share, draw):
    words = texts(draw)
    hidden, labels = objectives.hide(words, words >= 15, share, 2, draw)
    assert ((hidden == 2) == ((words >= 15) & bool(share))).all() and ((labels != IGNORE) == (hidden == 2)).all()


def test_half_the_pairs_keep_their_caption_and_the_rest_get_the_one_before(draw):
    captions = torch.arange(1000)[:, None].expand(-1, 4)  # each of them different
    others, matched = objectives.mismatch(captions, draw)
    assert 0.45 < matched.float().mean() < 0.55
    assert ((others == captions).all(1) == matched).all()
    assert (others[~matched] == captions.roll(1, 0)[~matched]).all()


def test_the_same_generator_draws_the_same(draw):
    words = texts(draw)
    for ask in (lambda g: objectives.hide(words, words > 0, 0.5, 2, g), lambda g: objectives.mismatch(words, g)):
        one, same, other = (ask(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
        assert not torch.equal(one[1], other[1])


def test_shapes_are_enforced(draw):
    words = texts(draw)
    for call in (
        lambda: objectives.masked(torch.zeros(6, 8, WORDS), words),
        lambda: objectives.matching(torch.zeros(3, 3), torch.ones(3, dtype=torch.bool)),
        lambda: objectives.contrast(torch.ones(3, 4), torch.ones(2, 4), torch.tensor(1.0)),
        lambda: objectives.hide(words, words > 0, 1, 2, draw),  # a share is no whole number
    ):
        with pytest.raises(TypeCheckError):
            call()
