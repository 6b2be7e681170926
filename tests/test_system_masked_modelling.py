"""Masked modelling: who sees and tells what, the shares of senses, the loss against the library's, and every claim."""

import pytest
import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from labs.systems import masked_modelling
from labs.systems.parts import masked_model, sense_tokens, senses
from labs.systems.parts.masked_model import share_out
from labs.systems.parts.sense_tokens import SENSES, SIZES, TOKENS, of, tokens
from labs.world.splits import has_held_out_pair

FEW = 24


@pytest.fixture(scope="module", autouse=True)
def small():
    """Few scenes and few steps; what was cached at this size is forgotten at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TRAIN", 96), ("HELDOUT", FEW), ("LABELS", 32), ("STEPS", 3), ("ORDERS", 2)):
            patch.setattr(masked_modelling, name, value)
        yield
    for cached in (masked_modelling.train, masked_modelling.features, masked_modelling.shapes):
        cached.cache_clear()


@pytest.fixture(scope="module")
def seen():
    return tokens("heldout", FEW)


@pytest.fixture(scope="module")
def model():
    return masked_modelling.build(0).eval()


def some(seed: int = 0, taught=SENSES, count: int = 21) -> torch.Tensor:
    return share_out(of(taught), count, FEW, torch.Generator().manual_seed(seed))


def test_arms_of_every_claim_measure_the_same_items():
    for claim in masked_modelling.claims():
        found = {name: arm(0) for name, arm in claim.arms.items()}
        assert {tuple(one.scenes) for one in found.values()} == {tuple(range(FEW))}, claim.name
        assert all(len(one.values) == FEW and 0 <= min(one.values) <= max(one.values) <= 1 for one in found.values())


def test_an_untrained_model_tells_no_sense_from_another(model, monkeypatch):
    monkeypatch.setattr(masked_modelling, "HELDOUT", 400)
    monkeypatch.setattr(masked_modelling, "train", lambda seed: model)
    with torch.no_grad():
        right = masked_modelling.told_apart(0, "depth", ("picture",)).values
    assert sum(right) / len(right) == pytest.approx(1 / masked_modelling.OFFERED, abs=0.06)


def test_tokens_are_what_the_table_says_and_about_0_with_variance_1(seen):
    assert sum(of(SENSES)) == TOKENS == len(sense_tokens.owners())
    for sense, part in tokens("train", 500).items():
        assert part.shape[1:] == SIZES[sense] == seen[sense].shape[1:]
        assert abs(part.mean()) < 0.01 and part.std() == pytest.approx(1, abs=0.01), sense


def test_patches_of_maps_lie_where_they_lay():
    scenes = sense_tokens.scenes("heldout", FEW)
    heat = sense_tokens.perceive("heat", scenes)
    hot = (heat - heat.median()).abs().mean(-1).argmax(1)  # the patch in which the thing fills most
    for scene, patch in zip(scenes, hot.tolist(), strict=True):
        thing = scene.things[0]
        assert abs((patch % 6 + 0.5) / 6 - thing.x) < 0.25 and abs((patch // 6 + 0.5) / 6 - thing.y) < 0.25


def test_maps_are_whole_again(seen):
    for sense, name in (("depth", "depth"), ("heat", "thermal")):
        maps = senses.perceive(name, sense_tokens.scenes("heldout", FEW))
        again = sense_tokens.as_maps(sense, seen[sense])
        torch.testing.assert_close(again, torch.nn.functional.avg_pool2d(maps, 2)[:, 0], atol=1e-4, rtol=1e-4)


def test_held_out_pairs_are_not_in_training_and_no_wall_is_told():
    assert not any(map(has_held_out_pair, sense_tokens.scenes("train", 96)))
    assert all(map(has_held_out_pair, sense_tokens.scenes("heldout", FEW)))
    assert {scene.background for scene in sense_tokens.scenes("train", 96)} == {"plain"}


def test_what_is_not_given_is_never_seen(model, seen):
    given = some()
    other = {sense: part.clone() for sense, part in seen.items()}
    for sense, hidden in zip(SENSES, (~given).split([count for count, _ in SIZES.values()], 1), strict=True):
        other[sense][hidden] += 5
    with torch.no_grad():
        torch.testing.assert_close(model.see(seen, given), model.see(other, given))
        assert not torch.allclose(model.see(seen, given), model.see(other, some(1)))


def test_only_what_is_taught_but_not_given_is_learned(seen):
    model, given = masked_modelling.build(0, ("picture", "depth")), some(taught=("picture", "depth"), count=12)
    loss = model.loss(seen, given)
    loss.backward()
    assert all(model.write[sense].weight.grad.abs().sum() > 0 for sense in ("picture", "depth"))
    for sense in ("heat", "sound"):
        assert model.write[sense].weight.grad.abs().sum() == 0 and model.read[sense].weight.grad.abs().sum() == 0
    with torch.no_grad():
        hidden = {sense: part + 9 * (sense == "sound") for sense, part in seen.items()}
        assert model.loss(hidden, given) == loss


def test_the_loss_is_the_librarys():
    """Of one sense of 36 tokens with 108 numbers each: a picture of 36 x 36 in the library's masked autoencoder."""
    library = ViTMAEForPreTraining(ViTMAEConfig(
        image_size=36, patch_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    ))  # fmt: skip
    pixels = torch.randn(4, 3, 36, 36, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = library(pixels, noise=torch.rand(4, 36, generator=torch.Generator().manual_seed(1)))
    wrong, hidden = ((out.logits - library.patchify(pixels)) ** 2).mean(-1), out.mask.bool()
    assert hidden.sum() == 4 * 27 and out.loss.item() == pytest.approx(wrong[hidden].mean().item(), rel=1e-5)

    class Told(masked_model.MaskedModel):
        def see(self, tokens, given):
            return torch.zeros(4, 1, masked_model.WIDTH)

        def tell(self, understood):
            return {"depth": out.logits[..., :36]} | {s: torch.zeros(4, *SIZES[s]) for s in SENSES if s != "depth"}

    true = {sense: torch.zeros(4, *size) for sense, size in SIZES.items()}
    true["depth"] = library.patchify(pixels)[..., :36]
    given = torch.ones(4, TOKENS, dtype=torch.bool)
    given[:, of(("depth",))] = ~hidden
    expected = ((out.logits - library.patchify(pixels))[..., :36] ** 2).mean(-1)[hidden].mean().item()
    assert Told(("depth",)).loss(true, given).item() == pytest.approx(expected, rel=1e-5)


def test_shares_are_dirichlets():
    """Of one token dealt out, every sense gets one quarter; of many, shares differ as widely as the distribution's."""
    generator, owners = torch.Generator().manual_seed(0), sense_tokens.owners()
    given = share_out(of(SENSES), 8, 4000, generator)
    assert (given.sum(1) == 8).all()
    first_three = owners < 3  # senses of equally many tokens
    counts = torch.stack([given[:, first_three & (owners == sense)].sum(1) for sense in range(3)], 1).float()
    assert counts.mean(0).max() / counts.mean(0).min() == pytest.approx(1, abs=0.1)
    drawn = torch.distributions.Dirichlet(torch.ones(4)).sample((4000,))[:, 0]
    assert (counts[:, 0] / 8).std() > 0.9 * drawn.std()  # at random from all tokens it would be half of that
    assert not share_out(of(("heat",)), 8, 5, generator)[:, ~of(("heat",))].any()


def test_shuffling_puts_different_scenes_together_and_a_specialist_sees_its_sense_whole(monkeypatch):
    met = []

    def loss(self, seen, given):
        met.append((seen, given))
        return self.place.sum()

    monkeypatch.setattr(masked_model.MaskedModel, "loss", loss)
    masked_modelling.train.cache_clear()
    masked_modelling.train(5, shuffled=True)
    seen, given = met[0]
    true = tokens("train", 96)
    where = [
        [int((true[sense] == row).flatten(1).all(1).nonzero()[0]) for row in seen[sense][:8]]
        for sense in ("picture", "sound")
    ]
    assert all(one != other for one, other in zip(*where, strict=True))
    met.clear()
    masked_modelling.train(5, taught=("picture", "depth"), always=("picture",))
    assert (met[0][1] == of(("picture",))).all()


def test_the_model_that_ships_tells_depth_from_pictures(seen):
    told = masked_modelling.tell(masked_modelling.shipped(), "depth", ("picture",))
    wrong, usual = ((told - seen["depth"]) ** 2).mean(), tokens("train", 500)["depth"].mean(0)
    assert wrong < 0.7 * ((seen["depth"] - usual) ** 2).mean()


def test_wrong_requests_are_refused(model, seen):
    with pytest.raises(ValueError, match="senses must be among picture, depth, heat, sound, not smell"):
        of(("smell",))
    uneven = some()
    uneven[0] = True
    with pytest.raises(ValueError, match="as many tokens of each scene must be given, not from 21 to 128"):
        model.see(seen, uneven)
    with pytest.raises(Exception, match="see"):
        model.see(seen, torch.ones(FEW, 7, dtype=torch.bool))
