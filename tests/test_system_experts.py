"""Experts for visual tokens, scales, LoRA, full tuning: what each changes at first, what learns, what text meets."""

import pytest
import torch
from small_runs import Shown, every_arm, small

from labs.models.connectors.experts import MODALITY_ADAPTIVE, VISUAL_EXPERT, Route, Routed, add_experts
from labs.models.connectors.scaled import Scaled, add_scales
from labs.systems import experts
from labs.systems.parts import connected, reading, school, talk, told
from labs.systems.parts.connected import Connected, Connector
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.lookout import Material, material
from labs.systems.parts.talker import SIZES
from labs.systems.parts.talker import build as build_talker
from labs.tuning.packing import Row
from labs.world.scene import Scene, Thing

STAR = Scene((Thing("star", "red", "big", 0.1, 0.1), Thing("moon", "blue", "small", 0.5, 0.5)))
PAIRS = [talk.pair("What colour is the star?", "red"), talk.pair("Where is the moon?", "centre")]
PARTS = pytest.mark.parametrize("parts", [VISUAL_EXPERT, MODALITY_ADAPTIVE])


@pytest.fixture(autouse=True)
def few():
    """Two steps, on a few scenes."""
    some = Material(*(part[:24] for part in material("heldout")))
    values = {"material": lambda split: some, "STEPS": 2}
    with small((experts.taught,), {experts: values, connected: {"material": lambda split: some}}):
        yield some


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def language(seed: int = 0):
    """An untrained language model whose norms are not all alike, frozen."""
    model = build_talker("weak", seed).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.data += 0.1 * noise(*parameter.shape, seed=seed)
    return model.requires_grad_(False)


def reads() -> talk.Batch:
    return talk.lay_out([Row(talk.read(told.tell(STAR)), PAIRS)])


def sees(tokens: int = 5) -> talk.Batch:
    """A row with a picture, and one of text alone."""
    return talk.lay_out([Row(talk.see(tokens), PAIRS), Row(talk.read(told.tell(STAR)), PAIRS)])


def shaken(weights: list[torch.nn.Parameter]) -> None:
    for number, parameter in enumerate(weights):
        parameter.data += 0.3 * noise(*parameter.shape, seed=number)


# ---------------------------------------------------------------------------------------------------------------
# Experts


@PARTS
def test_experts_that_are_copies_change_nothing(parts):
    plain, routed, seen = language(), language(), noise(1, 5, SIZES["weak"][0])
    add_experts(routed, MASK, parts)
    with torch.no_grad():
        for batch, shown in ((reads(), None), (sees(), seen)):
            expected = talk.answer_logits(plain, batch, shown)
            torch.testing.assert_close(talk.answer_logits(routed, batch, shown), expected, rtol=1e-5, atol=1e-5)


@PARTS
def test_text_is_to_the_bit_what_it_was_whatever_experts_learn(parts):
    plain, routed, seen = language(), language(), noise(1, 5, SIZES["weak"][0])
    shaken(add_experts(routed, MASK, parts))
    with torch.no_grad():
        before, after = (talk.answer_logits(model, sees(), seen) for model in (plain, routed))
        assert torch.equal(talk.answer_logits(routed, reads(), None), talk.answer_logits(plain, reads(), None))
    words = len(after) // 2
    assert not torch.allclose(after[:words], before[:words], atol=1e-3)
    torch.testing.assert_close(after[words:], before[words:], rtol=1e-5, atol=1e-5)  # the row of text, beside a picture


def test_rows_of_visual_tokens_alone_are_read_by_the_experts_alone():
    """Every matrix has a second one: together they are a language model."""
    routed, other = language(0), language(1)
    add_experts(routed, MASK, (*VISUAL_EXPERT, "input_layernorm", "post_attention_layernorm"))
    for layer, source in zip(routed.model.layers, other.model.layers, strict=True):
        for name, part in layer.named_modules():
            if isinstance(part, Routed):
                part.expert.load_state_dict(source.get_submodule(name).state_dict())
    routed.model.norm.load_state_dict(other.model.norm.state_dict())
    ids, seen = torch.full((2, 6), MASK), noise(2, 6, SIZES["weak"][0])
    with torch.no_grad():
        routed.get_input_embeddings()(ids)
        found = routed.model(inputs_embeds=seen).last_hidden_state
        torch.testing.assert_close(found, other.model(inputs_embeds=seen).last_hidden_state, rtol=1e-5, atol=1e-5)


def test_each_token_is_read_by_weights_of_its_kind():
    route, text = Route(), torch.nn.Linear(4, 3)
    routed, x = Routed(text, route), noise(2, 5, 4)
    shaken(list(routed.expert.parameters()))
    route.visual = torch.rand(2, 5, generator=torch.Generator().manual_seed(1)) < 0.5
    out = routed(x)
    for where in torch.cartesian_prod(torch.arange(2), torch.arange(5)).tolist():
        own = routed.expert if route.visual[tuple(where)] else text
        torch.testing.assert_close(out[tuple(where)], own(x[tuple(where)]))


@PARTS
def test_experts_learn_from_visual_tokens_and_nothing_else_learns(parts):
    model = language()
    learning = add_experts(model, MASK, parts)
    talk.answer_loss(model, sees(), noise(1, 5, SIZES["weak"][0])).backward()
    first = model.model.layers[0]
    for part in set(parts) - {"self_attn.q_proj"}:
        weights = dict(first.get_submodule(part).expert.named_parameters())
        assert all(weight.grad.any() for name, weight in weights.items() if "weight" in name), part
    assert {id(one) for one in model.parameters() if one.requires_grad} == {id(one) for one in learning}
    model.zero_grad()
    with torch.no_grad():
        model.get_input_embeddings()(reads().input_ids)
    assert not talk.answer_loss(model, reads()).requires_grad  # no expert is met in text


@PARTS
def test_the_answer_reaches_experts_only_by_way_of_visual_tokens(parts):
    """A visual token that no question may look at teaches nothing."""
    model, batch = language(), sees()
    learning = add_experts(model, MASK, parts)
    hidden = batch._replace(attention_mask=batch.attention_mask & (batch.input_ids != MASK)[:, None, None])
    hidden.attention_mask.diagonal(dim1=2, dim2=3).fill_(True)
    talk.answer_loss(model, hidden, noise(1, 5, SIZES["weak"][0])).backward()
    assert not any(parameter.grad is not None and parameter.grad.any() for parameter in learning)


def test_a_part_that_layers_lack_is_refused():
    with pytest.raises(AttributeError):
        add_experts(language(), MASK, ("self_attn.crystal_ball",))


# ---------------------------------------------------------------------------------------------------------------
# Scales


def test_scales_begin_as_nothing_and_all_of_them_learn():
    plain, scaled = language(), language()
    learning, batch = add_scales(scaled), reads()
    torch.testing.assert_close(talk.answer_logits(scaled, batch), talk.answer_logits(plain, batch))
    assert {id(one) for one in scaled.parameters() if one.requires_grad} == {id(one) for one in learning}
    talk.answer_loss(scaled, batch).backward()
    assert all(parameter.grad.any() for parameter in learning if parameter.grad is not None)
    matrices = {id(part.inner.weight) for part in scaled.modules() if isinstance(part, Scaled)}
    assert len(matrices) == 7 * SIZES["weak"][1] and not matrices & {id(one) for one in learning}
    assert not any(one.requires_grad for one in scaled.get_output_embeddings().parameters())


def test_scales_and_biases_are_what_their_formula_says():
    inner = torch.nn.Linear(4, 3)
    scaled, x = Scaled(inner), noise(5, 4)
    shaken([scaled.scale, scaled.bias])
    merged = torch.nn.functional.linear(
        x, scaled.scale[:, None] * inner.weight, scaled.scale * (inner.bias + scaled.bias)
    )
    torch.testing.assert_close(scaled(x), merged)


# ---------------------------------------------------------------------------------------------------------------
# Ways


@pytest.mark.parametrize("way", experts.WAYS)
def test_every_way_begins_where_the_connector_alone_begins(way, few):
    alone, other = (experts.build(name, 0) for name in ("connector alone", way))
    with torch.no_grad():
        losses = [model.loss(few.seen[:8], few.pairs[:8]) for model in (alone, other)]
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)


LEARNS = {
    "connector alone": "connector.", "visual experts": ".expert.", "norms, keys, values": ".expert.",
    "scales and biases": (".scale", ".bias", "norm.weight"), "LoRA": ".lora_", "full tuning": "language.",
}  # fmt: skip


@pytest.mark.parametrize("way", experts.WAYS)
def test_every_way_trains_what_it_says(way):
    model = experts.build(way, 0)
    learning = {name for name, part in model.named_parameters() if part.requires_grad}
    parts = (LEARNS[way],) if isinstance(LEARNS[way], str) else LEARNS[way]
    rest = {name for name in learning if not name.startswith("connector.")}
    assert all(any(part in name for part in parts) for name in rest) and (not rest) == (way == "connector alone")
    assert {name for name, _ in model.connector.named_parameters(prefix="connector")} <= learning
    assert (len(rest) == len(list(model.language.parameters()))) == (way == "full tuning")


def test_few_weights_are_few():
    count = {
        way: sum(part.numel() for part in experts.build(way, 0).language.parameters() if part.requires_grad)
        for way in experts.WAYS
    }
    order = ("connector alone", "scales and biases", "LoRA", "norms, keys, values", "visual experts", "full tuning")
    assert list(order) == sorted(count, key=count.get) and count["connector alone"] == 0


def test_a_way_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="way must be one of connector alone"):
        experts.build("prayer", 0)


# ---------------------------------------------------------------------------------------------------------------
# Texts


def test_texts_mixed_in_are_lessons_never_read_before(monkeypatch):
    model = language().requires_grad_(True)
    beside = reading.BesideTexts(model, Connector("MLP", SIZES["weak"][0]))
    met, lessons = [], school.lessons
    monkeypatch.setattr(school, "lessons", lambda step, steps: met.append(step) or lessons(step, steps))
    seen = noise(2, 36, 128)
    mixed = [beside.loss(seen, [PAIRS, PAIRS]) for _ in range(2)]
    assert met == [school.STEPS["strong"], school.STEPS["strong"] + 1]
    plain = Connected(model, beside.connector).loss(seen, [PAIRS, PAIRS])
    rows = [lessons(step, school.STEPS["strong"])[: reading.TEXTS] for step in met]
    for loss, some in zip(mixed, rows, strict=True):
        torch.testing.assert_close(loss - plain, talk.answer_loss(model, talk.lay_out(some)))


def test_the_exam_on_texts_asks_what_the_exam_on_pictures_asks(few):
    found = reading.read_rightly(language(), few)
    assert list(found.scenes) == [number for number, some in enumerate(few.pairs) for _ in some]


def test_the_language_model_answers_from_texts_before_it_sees():
    """The trained one that ships, which is what can be lost; another scene's text is of little use to it."""
    given = Material(*(part[:60] for part in material("heldout")))
    own = reading.read_rightly(experts.talker(), given).values
    other = reading.read_rightly(experts.talker(), given._replace(scenes=given.scenes[1:] + given.scenes[:1])).values
    assert sum(own) / len(own) > 0.9 and sum(other) / len(other) < 0.6


# ---------------------------------------------------------------------------------------------------------------
# Runs


def test_seeing_changes_no_text_where_experts_learn_and_much_where_all_does(few):
    batch = reads()
    before = talk.answer_logits(experts.talker(), batch)
    after = {way: talk.answer_logits(experts.taught(way, 0, False, False).language, batch) for way in experts.WAYS}
    same = {way for way, logits in after.items() if torch.equal(logits, before)}
    assert same == {"connector alone", "visual experts", "norms, keys, values"}


@pytest.mark.parametrize("blind", [False, True])
def test_the_blind_learn_beside_other_pictures(few, blind, monkeypatch):
    shown = Shown(few.seen)
    asked = []
    monkeypatch.setattr(experts, "material", lambda split: few._replace(seen=shown))
    real = Connected.loss
    monkeypatch.setattr(Connected, "loss", lambda self, seen, pairs: asked.append(pairs) or real(self, seen, pairs))
    experts.taught.__wrapped__("connector alone", 0, False, blind)
    lessons = few.lessons()
    own = [[lessons.index(one) for one in some] for some in asked]
    met = [rows.tolist() for rows in shown.rows[-len(own) :]]
    assert len(own) == 2 and (own == met) != blind


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = experts.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        scores = every_arm(claim, 11)
        if claim.given:
            assert list(scores[claim.better].values) == list(scores[claim.than].values)
