"""Diffusion in small modules: identities of the schedule, what guidance and gates do, and parity with diffusers.

Diffusers is an optional extra. Where it is not here, what needs it is tested by running this file once more with
.cache/torchvision on the path, as test_catalogue.py does.
"""

import pytest
import torch
from standins_editing import BESIDE, diffusers_fits, instruct_pix2pix
from test_catalogue import ITS_OWN, run_beside

from labs.models.diffusion import gated
from labs.models.diffusion.autoencoder import Autoencoder
from labs.models.diffusion.denoiser import Attention, Denoiser, Text, grid
from labs.models.diffusion.guidance import guide, guide_two
from labs.models.diffusion.schedule import Schedule

needs_diffusers = pytest.mark.skipif(not diffusers_fits(), reason="diffusers is not here: this is tested below")


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def awake(denoiser: Denoiser) -> Denoiser:
    """A denoiser that says something: the last layers of a new one are zero."""
    for number, layer in enumerate((denoiser.leave, denoiser.step[-1])):
        layer.weight.data = 0.1 * randn(*layer.weight.shape, seed=number)
    return denoiser.eval()


@pytest.fixture
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return awake(Denoiser(read=16, width=32, layers=2, heads=2))


@pytest.fixture
def text() -> Text:
    words = torch.ones(2, 5, dtype=torch.bool)
    words[1, 3:] = False
    return Text(randn(2, 5, 16), words)


STEPS = torch.tensor([3.0, 700.0])


# ---------------------------------------------------------------------------------------------------------------
# Schedule


def test_the_noise_grows_from_nearly_none_to_nearly_all():
    for schedule in (Schedule(), Schedule(shift=1.0)):
        assert (schedule.kept.diff() < 0).all() and schedule.kept[0] > 0.999 and schedule.kept[-1] < 1e-5
        assert (schedule.betas > 0).all() and (schedule.betas < 1).all()


def test_a_shift_below_one_hides_more_at_the_same_step():
    assert (Schedule(shift=0.25).kept[1:-1] < Schedule(shift=1.0).kept[1:-1]).all()


def test_without_shift_it_is_the_cosine():
    angles = torch.arange(1, 990) / 1000 * torch.pi / 2
    torch.testing.assert_close(Schedule(shift=1.0).kept[:989], angles.cos() ** 2, rtol=1e-3, atol=1e-5)


def test_who_knows_the_picture_is_led_there_however_many_steps():
    picture, noise = randn(1, 3, 36, 36).clamp(-1, 1), randn(1, 3, 36, 36, seed=1)
    start = Schedule().add(picture, noise, torch.tensor([999]))
    for count in (1, 4, 20):
        torch.testing.assert_close(Schedule().draw(lambda noisy, steps: picture, start, count), picture)


def test_on_the_way_there_is_as_much_noise_as_the_schedule_says():
    schedule, picture, noise = Schedule(), randn(1, 3, 36, 36), randn(1, 3, 36, 36, seed=1)
    start = schedule.add(picture, noise, torch.tensor([999]))
    between = schedule.step_down(start, picture, 999, 500)
    torch.testing.assert_close(between, schedule.add(picture, noise, torch.tensor([500])), rtol=1e-3, atol=1e-3)


def test_a_wrong_picture_counts_as_a_wrong_velocity_would():
    schedule, steps = Schedule(), torch.tensor([200, 600, 999])
    kept = schedule.kept[steps]
    by_hand = (1 / (1 - kept).sqrt()) ** 2  # v = sqrt(kept) noise - sqrt(1 - kept) picture, both of one mixture
    torch.testing.assert_close(schedule.weight(steps).flatten(), by_hand)
    assert schedule.weight(torch.tensor([0])).item() == pytest.approx(5)


def test_ddim_looks_first_at_the_noisiest_step():
    assert Schedule().visited(20)[0] == 999 and Schedule().visited(20)[-1] == 49
    assert (Schedule().visited(7).diff() < 0).all()


# ---------------------------------------------------------------------------------------------------------------
# Autoencoder


def test_latents_are_standard_and_pictures_come_back_the_same_way():
    torch.manual_seed(0)
    model, pictures = Autoencoder(), randn(64, 3, 36, 36)
    raw = model.decode(model.encode(pictures))
    model.standardise(pictures)
    latents = model.encode(pictures)
    assert latents.shape == (64, 24, 6, 6)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(24), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(24), atol=1e-4, rtol=0)
    torch.testing.assert_close(model.decode(latents), raw, atol=1e-4, rtol=1e-3)


def test_a_latent_tells_of_its_own_place_in_the_picture():
    torch.manual_seed(0)
    model, pictures = Autoencoder(), randn(1, 3, 36, 36)
    changed = pictures.clone()
    changed[:, :, :6, 30:] = 0
    apart = (model.encode(changed) - model.encode(pictures)).abs().amax((0, 1))
    assert apart[0, 5] > 1e-3 and apart[2:].max() == 0 and apart[:, :4].max() == 0


# ---------------------------------------------------------------------------------------------------------------
# Denoiser


def test_each_latent_is_told_where_it_lies():
    places = grid(32)
    assert places.shape == (36, 32) and len(places.unique(dim=0)) == 36
    near, far = (places[0] - places[1]).norm(), (places[0] - places[35]).norm()
    assert near < far


def test_a_latent_is_read_where_it_is_written(denoiser, text):
    """With attention out of the way, a change of one latent changes the same one and no other."""
    for block in denoiser.blocks:
        block.attention.out.weight.data.zero_()
    noisy = randn(2, 24, 6, 6)
    changed = noisy.clone()
    changed[:, :, 1, 4] += 1
    apart = (denoiser(changed, STEPS, text) - denoiser(noisy, STEPS, text)).abs().amax((0, 1))
    assert apart[1, 4] > 1e-3 and apart.flatten().topk(2).values[1] < 1e-5


def test_pictures_lie_beside_as_channels(text):
    torch.manual_seed(0)
    beside = awake(Denoiser(read=16, width=32, layers=2, heads=2, shown=1))
    noisy, shown = randn(2, 24, 6, 6), randn(2, 24, 6, 6, seed=1)
    said = beside(torch.cat([noisy, shown], 1), STEPS, text)
    assert said.shape == noisy.shape
    assert not torch.allclose(beside(torch.cat([noisy, shown.roll(1, 0)], 1), STEPS, text), said)


def test_padding_says_nothing_and_words_do(denoiser, text):
    noisy = randn(2, 24, 6, 6)
    said = denoiser(noisy, STEPS, text)
    other = Text(torch.where(text.words[..., None], text.states, text.states + 1), text.words)
    torch.testing.assert_close(denoiser(noisy, STEPS, other), said)
    for changed in (
        denoiser(noisy, STEPS, Text(text.states.roll(1, 0), text.words)),
        denoiser(noisy, STEPS + 50, text),
    ):
        assert (changed - said).abs().amax((1, 2, 3)).min() > 1e-3


def test_attention_is_torchs_own():
    mine, seen, there = Attention(16, 4), randn(3, 7, 16), torch.rand(3, 7) > 0.3
    there[:, 0] = True
    theirs = torch.nn.MultiheadAttention(16, 4, bias=True, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in (mine.query, mine.key, mine.value)])
    theirs.in_proj_bias.data.zero_()
    theirs.out_proj.load_state_dict(mine.out.state_dict())
    asking = randn(3, 4, 16, seed=1)
    expected = theirs(asking, seen, seen, key_padding_mask=~there)[0]
    torch.testing.assert_close(mine(asking, seen, there), expected)


# ---------------------------------------------------------------------------------------------------------------
# Guidance


def test_a_scale_of_one_is_the_denoiser_as_it_is_and_nought_is_without():
    neither, shown, both = (randn(2, 3, seed=i) for i in range(3))
    torch.testing.assert_close(guide(neither, both, 1.0), both)
    assert torch.equal(guide(neither, both, 0.0), neither)
    torch.testing.assert_close(guide_two(neither, shown, both, 1.0, 1.0), both)
    torch.testing.assert_close(guide_two(neither, shown, both, 1.0, 0.0), shown)
    assert torch.equal(guide_two(neither, shown, both, 0.0, 0.0), neither)


def test_each_of_two_scales_goes_its_own_way():
    neither, shown, both = (randn(2, 3, seed=i) for i in range(3))
    base = guide_two(neither, shown, both, 1.5, 3.0)
    torch.testing.assert_close(guide_two(neither, shown, both, 1.5, 4.0) - base, both - shown)
    torch.testing.assert_close(guide_two(neither, shown, both, 2.5, 3.0) - base, shown - neither)


# ---------------------------------------------------------------------------------------------------------------
# Gates


@pytest.fixture
def boxes() -> gated.Boxes:
    at = torch.tensor([[[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.8, 0.9]]] * 2)
    return gated.Boxes(randn(2, 2, 16, seed=3), at, torch.tensor([[True, True], [True, False]]))


def with_gates(denoiser: Denoiser) -> Denoiser:
    denoiser.grounding = gated.Grounding(16, 32)
    for block in denoiser.blocks:
        block.gated = gated.GatedSelfAttention(32, 2)
    return denoiser


def test_closed_gates_change_nothing_and_open_ones_do(denoiser, text, boxes):
    noisy = randn(2, 24, 6, 6)
    before = denoiser(noisy, STEPS, text)
    with_gates(denoiser)
    assert torch.equal(denoiser(noisy, STEPS, text, boxes), before)
    for block in denoiser.blocks:
        block.gated.gate.data.fill_(0.5)
    after = denoiser(noisy, STEPS, text, boxes)
    assert (after - before).abs().amax((1, 2, 3)).min() > 1e-4
    assert torch.equal(denoiser(noisy, STEPS, text), before)  # who gives no boxes has the old model
    moved = denoiser(noisy, STEPS, text, boxes._replace(at=boxes.at + 0.1))
    assert (moved - after).abs().amax((1, 2, 3)).min() > 1e-5


def test_a_box_that_is_not_taken_says_nothing(boxes):
    grounding = gated.Grounding(16, 32)
    other = boxes._replace(at=boxes.at.clone(), called=boxes.called.clone())
    other.at[1, 1], other.called[1, 1] = 0.3, 9.0
    assert torch.equal(grounding(other), grounding(boxes))
    other.at[1, 0] = 0.3
    assert not torch.equal(grounding(other)[1, 0], grounding(boxes)[1, 0])


# ---------------------------------------------------------------------------------------------------------------
# Parity with diffusers


@ITS_OWN
@needs_diffusers
def test_ddim_is_that_of_diffusers():
    from diffusers import DDIMScheduler

    schedule, sample = Schedule(), randn(2, 3, 8, 8)
    theirs = DDIMScheduler(
        trained_betas=schedule.betas.tolist(), prediction_type="sample", timestep_spacing="trailing",
        clip_sample=False, set_alpha_to_one=True,
    )  # fmt: skip
    torch.testing.assert_close(theirs.alphas_cumprod, schedule.kept)
    theirs.set_timesteps(20)
    assert theirs.timesteps.tolist() == schedule.visited(20).tolist()
    steps, told = [*schedule.visited(20).tolist(), -1], randn(2, 3, 8, 8, seed=1)
    for step, to in zip(steps[:-1], steps[1:], strict=True):
        expected = theirs.step(told, step, sample).prev_sample
        torch.testing.assert_close(schedule.step_down(sample, told, step, to), expected, rtol=1e-4, atol=1e-5)
    noise, at = randn(2, 3, 8, 8, seed=2), torch.tensor([10, 800])
    torch.testing.assert_close(schedule.add(sample, noise, at), theirs.add_noise(sample, noise, at))


@ITS_OWN
@needs_diffusers
def test_two_scales_guide_as_in_the_pipeline_of_diffusers():
    """The whole way from noise, with its UNet and texts, by our guidance and our steps."""
    from diffusers import DDIMScheduler

    pipeline, schedule = instruct_pix2pix().model, Schedule()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler(
        trained_betas=schedule.betas.tolist(), prediction_type="sample", timestep_spacing="trailing",
        clip_sample=False, set_alpha_to_one=True,
    )  # fmt: skip
    picture, start = randn(1, 3, 32, 32).sigmoid(), randn(1, 4, 16, 16, seed=1)
    shown = pipeline.vae.encode(2 * picture - 1).latent_dist.mode().detach()
    expected = pipeline(
        "paint the star red", image=picture, num_inference_steps=4, guidance_scale=3.0, image_guidance_scale=1.5,
        latents=start, output_type="latent",
    ).images  # fmt: skip
    asked = pipeline.tokenizer(
        ["paint the star red", "", ""], padding="max_length", truncation=True, return_tensors="pt"
    )  # fmt: skip
    with torch.no_grad():
        texts = pipeline.text_encoder(asked.input_ids)[0]
    beside = torch.cat([shown, shown, torch.zeros_like(shown)])

    def guess(noisy: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        both, only, neither = pipeline.unet(
            torch.cat([noisy.repeat(3, 1, 1, 1), beside], 1), steps[0], texts
        ).sample.chunk(3)
        return guide_two(neither, only, both, 1.5, 3.0)

    torch.testing.assert_close(schedule.draw(guess, start, 4), expected, rtol=1e-3, atol=1e-3)


@needs_diffusers
def test_gated_self_attention_is_that_of_diffusers():
    from diffusers.models.attention import GatedSelfAttentionDense

    theirs, mine = GatedSelfAttentionDense(32, 32, 4, 8), gated.GatedSelfAttention(32, 4, inner=4 * 32)
    theirs.alpha_attn.data.fill_(0.7)
    theirs.alpha_dense.data.fill_(-0.4)
    pairs = {
        "linear": "enter", "attn.to_q": "attention.query", "attn.to_k": "attention.key", "attn.to_v": "attention.value",
        "attn.to_out.0": "attention.out", "ff.net.0.proj": "feed_forward.up", "ff.net.2": "feed_forward.down",
        "norm1": "norm", "norm2": "norm_inner", "alpha_attn": "gate", "alpha_dense": "gate_inner",
    }  # fmt: skip
    named = theirs.state_dict()
    stems = {key: key.removesuffix(".weight").removesuffix(".bias") for key in named}
    mine.load_state_dict({key.replace(stems[key], pairs[stems[key]]): value for key, value in named.items()})
    for gate in (mine.gate, mine.gate_inner):
        gate.data /= gated.PACE
    x, tokens = randn(2, 9, 32), randn(2, 3, 32, seed=1)
    torch.testing.assert_close(mine(x, tokens), theirs(x, tokens))


@needs_diffusers
def test_grounding_tokens_are_those_of_diffusers():
    from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

    theirs, mine = GLIGENTextBoundingboxProjection(16, 512), gated.Grounding(16, 512, inner=512, layers=3)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    named = {key.replace("linears", "mlp"): value for key, value in theirs.state_dict().items()}
    named["no_name"], named["no_box"] = named.pop("null_positive_feature"), named.pop("null_position_feature")
    mine.load_state_dict(named)
    at, taken = torch.rand(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]])
    called = randn(2, 3, 16)
    torch.testing.assert_close(mine(gated.Boxes(called, at, taken)), theirs(at, taken.float(), called))


@pytest.mark.skipif(diffusers_fits(), reason="diffusers is here, so that these are tested above")
def test_parity_where_diffusers_lies_beside():
    if not (BESIDE / "diffusers").exists():
        pytest.skip("diffusers is not in .cache/torchvision: run scripts/test.sh with a network once")
    if not diffusers_fits(str(BESIDE)):
        pytest.skip("the diffusers in .cache/torchvision asks for a newer huggingface_hub than is tested here")
    assert run_beside(["of_diffusers"], __file__) == 4
