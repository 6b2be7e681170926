"""Connectors beside the library's on copied weights, and what each of them promises."""

import pytest
import torch
from transformers import Blip2QFormerConfig, Blip2QFormerModel, IdeficsConfig
from transformers.models.idefics.modeling_idefics import IdeficsGatedCrossAttentionLayer
from transformers.models.idefics.perceiver import IdeficsPerceiverResampler

from labs.models.connectors import projectors
from labs.models.connectors.attention import Attention
from labs.models.connectors.gated import GatedCrossAttention
from labs.models.connectors.qformer import QFormer
from labs.models.connectors.resampler import Resampler

WIDTH, SEEN, HEADS = 32, 24, 4


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def renamed(state: dict[str, torch.Tensor], names: dict[str, str]) -> dict[str, torch.Tensor]:
    """The library's weights under our names."""
    found = {}
    for key, value in state.items():
        for theirs, ours in names.items():
            key = key.replace(theirs, ours)
        found[key] = value
    return found


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """Weights that no initialisation has left at 0 or 1."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return module.eval()


def idefics(**changed: int | str) -> IdeficsConfig:
    return IdeficsConfig(
        vocab_size=50, hidden_size=WIDTH, num_attention_heads=HEADS, intermediate_size=48, num_hidden_layers=1,
        alpha_initializer="zeros", alpha_type="float", attn_implementation="eager",
        vision_config={"embed_dim": changed.pop("embed_dim", SEEN)},
        perceiver_config={"qk_layer_norms_perceiver": False}, **changed,
    )  # fmt: skip


def test_attention_is_torchs():
    library = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, kdim=SEEN, vdim=SEEN)
    ours, asking, seen = Attention(WIDTH, HEADS, SEEN, bias=True), noise(2, 5, WIDTH), noise(2, 7, SEEN)
    state = {"query.weight": library.q_proj_weight, "key.weight": library.k_proj_weight,
             "value.weight": library.v_proj_weight, "out.weight": library.out_proj.weight,
             "out.bias": library.out_proj.bias}  # fmt: skip
    parts = library.in_proj_bias.chunk(3)
    state |= {f"{name}.bias": part for name, part in zip(("query", "key", "value"), parts, strict=True)}
    ours.load_state_dict(state)
    visible = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(2)) < 0.6
    visible[..., 0] = True
    expected, _ = library(asking, seen, seen, attn_mask=~visible.repeat_interleave(HEADS, 0))
    torch.testing.assert_close(ours(asking, seen, visible), expected)


def test_the_resampler_is_that_of_idefics():
    config = idefics(embed_dim=WIDTH)
    library = shaken(IdeficsPerceiverResampler(config, WIDTH, 2, HEADS, WIDTH // HEADS, 6))
    ours = Resampler(WIDTH, 6, HEADS, layers=2)
    ours.load_state_dict(renamed(library.state_dict(), {
        "blocks.": "layers.", ".0.context_layer_norm": ".norm_seen", ".0.latents_layer_norm": ".norm_latents",
        ".0.q_proj": ".attention.query", ".0.k_proj": ".attention.key", ".0.v_proj": ".attention.value",
        ".0.output_proj": ".attention.out", ".1.ln": ".feed_forward.0", ".1.fc": ".feed_forward.1",
        ".1.c_proj": ".feed_forward.3", "layer_norm": "norm",
    }))  # fmt: skip
    for many in (3, 40):
        seen = noise(2, many, WIDTH)
        torch.testing.assert_close(ours(seen), library(seen), rtol=1e-4, atol=1e-5)
        assert ours(seen).shape == (2, 6, WIDTH)  # however much is seen


def test_gated_cross_attention_is_that_of_idefics():
    library = shaken(IdeficsGatedCrossAttentionLayer(idefics(), layer_idx=0))
    ours = GatedCrossAttention(WIDTH, SEEN, HEADS, 48)
    state = {key: value for key, value in library.state_dict().items() if "rotary" not in key}
    ours.load_state_dict(renamed(state, {
        "cross_attn.q_proj": "attention.query", "cross_attn.k_proj": "attention.key",
        "cross_attn.v_proj": "attention.value", "cross_attn.o_proj": "attention.out", "mlp.gate_proj":
        "feed_forward.open", "mlp.up_proj": "feed_forward.up", "mlp.down_proj": "feed_forward.down",
        "input_layernorm": "norm", "post_attention_layernorm": "norm_inner", "alpha_cross_attn": "gate",
        "alpha_dense": "gate_inner",
    }))  # fmt: skip
    words, seen = noise(2, 5, WIDTH), noise(2, 8, SEEN)
    visible = torch.zeros(2, 5, 8, dtype=torch.bool)
    visible[:, 1:3, :4] = visible[:, 3:, 4:] = True  # the first word comes before any picture
    mask = torch.zeros(2, 1, 5, 8).masked_fill(~visible[:, None], torch.finfo(torch.float32).min)
    expected = library(words, None, seen, mask, visible.any(-1).float())
    torch.testing.assert_close(ours(words, seen, visible), expected, rtol=1e-4, atol=1e-5)


def test_gates_at_zero_leave_words_exactly_as_they_are():
    gated, words = GatedCrossAttention(WIDTH, SEEN, HEADS), noise(2, 5, WIDTH)
    assert torch.equal(gated(words, noise(2, 8, SEEN)), words)
    gated.gate.data.fill_(0.1)
    assert not torch.equal(gated(words, noise(2, 8, SEEN)), words)


def test_a_word_before_the_first_picture_sees_none():
    gated, words = shaken(GatedCrossAttention(WIDTH, SEEN, HEADS)), noise(1, 3, WIDTH)
    visible = torch.tensor([[[False, False], [True, False], [True, True]]])
    one, other = noise(1, 2, SEEN), noise(1, 2, SEEN, seed=1)
    assert torch.equal(gated(words, one, visible)[:, 0], gated(words, other, visible)[:, 0])
    second = torch.cat([one[:, :1], other[:, 1:]], dim=1)
    assert torch.equal(gated(words, one, visible)[:, :2], gated(words, second, visible)[:, :2])
    assert not torch.equal(gated(words, one, visible)[:, 2], gated(words, second, visible)[:, 2])


def test_the_qformer_is_that_of_blip2():
    config = Blip2QFormerConfig(
        vocab_size=50, hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=HEADS, intermediate_size=4 * WIDTH,
        encoder_hidden_size=SEEN, cross_attention_frequency=2, use_qformer_text_input=True,
    )  # fmt: skip
    library, ours = shaken(Blip2QFormerModel(config)), shaken(QFormer(WIDTH, SEEN, 6, HEADS, layers=3))
    state = renamed(library.state_dict(), {
        "encoder.layer.": "layers.", "crossattention.attention": "look.inner", "crossattention.output.dense":
        "look.inner.out", "crossattention.output.LayerNorm": "look.norm", "attention.attention": "talk.inner",
        "attention.output.dense": "talk.inner.out", "attention.output.LayerNorm": "talk.norm",
        "intermediate_query.dense": "think.inner.0", "output_query.dense": "think.inner.2", "output_query.LayerNorm":
        "think.norm", "intermediate.dense": "think_in_words.inner.0", "output.dense": "think_in_words.inner.2",
        "output.LayerNorm": "think_in_words.norm", "layernorm": "norm",
    })  # fmt: skip
    ours.load_state_dict(state | {"queries": ours.queries})
    seen, words, queries = noise(2, 9, SEEN), noise(2, 4, WIDTH, seed=3), ours.queries.expand(2, -1, -1)
    expected = library(queries, encoder_hidden_states=seen).last_hidden_state
    torch.testing.assert_close(ours(seen), expected, rtol=1e-4, atol=1e-5)
    both = library(torch.cat([queries, words], 1), query_length=6, encoder_hidden_states=seen).last_hidden_state
    torch.testing.assert_close(ours(seen, words), both[:, :6], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ours(seen, words), ours(seen))


def test_a_projection_keeps_every_token():
    for build in (projectors.linear, projectors.mlp):
        assert build(SEEN, WIDTH)(noise(2, 9, SEEN)).shape == (2, 9, WIDTH)


def test_wrong_shapes_and_widths_are_refused():
    with pytest.raises(ValueError, match="width must be a multiple of heads, not 32 of 5"):
        Attention(WIDTH, 5)
    with pytest.raises(Exception, match="forward"):
        Resampler(WIDTH, 4)(noise(3, WIDTH))
