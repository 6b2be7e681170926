"""DPO by hand: its formula and identities, log-probabilities of replies that share a picture, its reference, TRL."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from labs.models.entry import Loaded
from labs.systems.parts import base_model, captioner, companions
from labs.systems.parts.base_words import PICTURE, tokenizer
from labs.systems.parts.instructions import Talk, records
from labs.systems.parts.preferred import REQUEST
from labs.tuning.by_hand.dpo import before, dpo_loss, log_probabilities
from labs.tuning.examples import Examples
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.sharing import SharedCollator

REPLIES = ("a big red star at the top", "a small blue ring at the left, a big red star at the top")


def moved(model, seed: int = 1):
    """Adapters that change what the model says."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B.default" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    base = captioner.build(base_model.build())
    model = moved(add_lora(base, LoraSpec(4, 8)))
    return Loaded(captioner.ENTRY, model.eval(), captioner.processor())


@pytest.fixture(scope="module")
def collate() -> SharedCollator:
    return SharedCollator(tokenizer().pad_token_id, PICTURE)


@pytest.fixture(scope="module")
def pairs(loaded) -> list:
    """The same two replies to two pictures, in both orders."""
    scenes = companions.scenes(2, 0)
    talks = [Talk([(REQUEST, reply)], scene) for scene, order in zip(scenes, (1, -1), strict=True)
             for reply in REPLIES[::order]]  # fmt: skip
    read = list(Examples(loaded.processor, records(talks)))
    return [read[:2], read[2:]]


def numbers(count: int, seed: int = 0) -> torch.Tensor:
    return -10 * torch.rand(count, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_the_papers_formula():
    won, lost, won_before, lost_before = (numbers(5, seed) for seed in range(4))
    margin = 0.1 * (torch.log(won.exp() / won_before.exp()) - torch.log(lost.exp() / lost_before.exp()))
    expected = binary_cross_entropy_with_logits(margin, torch.ones(5), reduction="none")  # "won" is the true class
    torch.testing.assert_close(dpo_loss(won, lost, won_before, lost_before), expected)


def test_before_anything_is_learned_the_loss_is_log_2_whatever_beta():
    won, lost = numbers(4), numbers(4, 1)
    for beta in (0.01, 0.1, 1.0):
        torch.testing.assert_close(dpo_loss(won, lost, won, lost, beta), torch.full((4,), math.log(2)))


def test_what_won_is_pushed_up_and_what_lost_down_as_hard_and_harder_where_the_model_is_wrong():
    given = [numbers(3, seed).requires_grad_() for seed in range(2)]
    right_by = torch.tensor([-20.0, 0.0, 20.0])  # the change so far in favour of what won
    dpo_loss(*given, given[0].detach() - right_by, given[1].detach()).sum().backward()
    up, down = (one.grad for one in given)
    torch.testing.assert_close(up, -down)
    assert (up < 0).all() and up[0] < up[1] < up[2]
    torch.testing.assert_close(up[1], torch.tensor(-0.1 / 2))  # beta times one half, at the start


def test_beta_says_how_soon_a_margin_is_enough():
    one = torch.ones(1)
    losses = [dpo_loss(2 * one, -2 * one, 0 * one, 0 * one, beta).item() for beta in (0.05, 0.5, 5.0)]
    assert losses == sorted(losses, reverse=True)
    for beta in (0.0, -0.1):
        with pytest.raises(ValueError, match="beta must be positive"):
            dpo_loss(one, one, one, one, beta)


def test_a_reply_beside_another_is_as_likely_as_alone(loaded, pairs, collate):
    with torch.no_grad():
        together = log_probabilities(loaded.model, pairs, collate)
        for pair, found in zip(pairs, together, strict=True):
            for reply, value in zip(pair, found, strict=True):
                logits = loaded.model(**reply.inputs).logits[0, :-1]
                ids, learned = torch.tensor(reply.input_ids[1:]), torch.tensor(reply.supervised[1:])
                alone = log_softmax(logits, -1)[learned].gather(1, ids[learned][:, None]).sum()
                torch.testing.assert_close(value, alone, rtol=1e-4, atol=1e-3)
    assert together[0, 0] != together[0, 1]
    torch.testing.assert_close(log_probabilities(loaded.model, [pairs[0][::-1]], collate)[0], together[0].flip(0))


def test_two_replies_of_a_pair_are_about_the_same_pictures(loaded, pairs, collate):
    mixed = [[pairs[0][0], records_without_picture(loaded)]]
    with pytest.raises(ValueError, match="same request about the same pictures"):
        log_probabilities(loaded.model, mixed, collate)


def records_without_picture(loaded):
    return Examples(loaded.processor, records([Talk([(REQUEST, REPLIES[0])])]))[0]


def test_the_reference_is_the_model_without_its_adapters_and_stays_so(loaded, pairs, collate):
    plain = captioner.build(base_model.build())
    with torch.no_grad():
        expected = log_probabilities(plain, pairs, collate)
    found = before(loaded.model, pairs, collate)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)
    assert not found.requires_grad
    now = log_probabilities(loaded.model, pairs, collate)
    assert (now - found).abs().min() > 1e-3
    optimizer = torch.optim.SGD([p for p in loaded.model.parameters() if p.requires_grad], 1e-3)
    loss = dpo_loss(*now.T, *found.T).mean()
    loss.backward()
    optimizer.step()
    torch.testing.assert_close(before(loaded.model, pairs, collate), found, rtol=0, atol=0)
    with torch.no_grad():
        assert dpo_loss(*log_probabilities(loaded.model, pairs, collate).T, *found.T).mean() < loss


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_loss_and_gradients_are_those_of_trl(tmp_path, collate):
    trl = pytest.importorskip("trl", reason="TRL is no dependency of the labs")
    from datasets import Dataset

    asked = [
        ("What is there?", *REPLIES),
        ("Where is the star?", "top left", "left"),
        ("Is there a ring?", "yes", "no"),
    ]
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    table = [{name: [{"role": role, "content": text}] for (name, role), text in zip(roles.items(), one, strict=True)}
             for one in asked]  # fmt: skip
    options = trl.DPOConfig(
        str(tmp_path), beta=0.3, report_to="none", use_cpu=True, per_device_train_batch_size=len(asked),
        max_length=None, bf16=False, gradient_checkpointing=False,
    )  # fmt: skip
    ours, theirs = (add_lora(base_model.build(), LoraSpec(4, 8, projector=False)) for _ in range(2))
    trainer = trl.DPOTrainer(
        theirs, args=options, train_dataset=Dataset.from_list(table), processing_class=tokenizer()
    )  # fmt: skip
    for model in (ours, trainer.model):
        moved(model)
    expected = trainer.compute_loss(trainer.model, next(iter(trainer.get_train_dataloader())))
    expected.backward()

    read = list(Examples(captioner.processor(), records([Talk([(ask, r)]) for ask, *two in asked for r in two])))
    given = [read[at : at + 2] for at in range(0, len(read), 2)]
    won, lost = log_probabilities(ours, given, collate).T
    loss = dpo_loss(won, lost, *before(ours, given, collate).T, beta=0.3).mean()
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert abs(loss - math.log(2)) > 0.01
    found = dict(trainer.model.named_parameters())
    for name, parameter in ours.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, found[name].grad, rtol=1e-3, atol=1e-5)
