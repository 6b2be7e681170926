"""Multi-modal causal attention beside the library's and beside its definition; dialogues; what learns; the claims."""

import random

import pytest
import torch
from small_runs import every_arm, small
from torch.testing import assert_close

from labs.models.connectors.mmca import looks, multimodal_causal, multimodal_causal_attention
from labs.systems import visualchat
from labs.systems.parts import eyes, told, visual_chat
from labs.systems.parts.dialogues import TOLD, ask, dialogue
from labs.systems.parts.lexicon import CLS, MASK
from labs.systems.parts.lookout import look
from labs.systems.parts.talk import lay_out, write
from labs.systems.parts.talker import build, talker
from labs.systems.parts.visual_chat import ATTENTION, CELLS, THINGS, scenes, seen
from labs.tuning.packing import visible
from labs.world.splits import is_held_out

SEED = 7  # of scenes that no claim asks about
ROWS, TOKENS = 2, 14
PICTURES = (1, 2, 3, 8, 9)  # where visual tokens stand
CACHED = (visual_chat.seen, visualchat.trained)


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """Few pictures and few steps."""
    few = {
        visual_chat: {"SCENES": {"train": 100, "heldout": 12}},
        visualchat: {"STEPS": 2, "PICTURES": 6, "AT_ONCE": 4},
    }
    with small(CACHED, few):
        yield


@pytest.fixture(scope="module")
def language():
    return build("weak", seed=3).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def visual():
    """Which tokens of the rows are visual: in the second row, one fewer."""
    where = torch.zeros(ROWS, TOKENS, dtype=torch.bool)
    where[:, list(PICTURES)] = True
    where[1, 9] = False
    return where


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shared(groups: int = 1) -> torch.nn.Module:
    """All that attention asks of its module: how many heads of queries share one of keys."""
    module = torch.nn.Module()
    module.num_key_value_groups = groups
    return module


def causal() -> torch.Tensor:
    return torch.ones(ROWS, 1, TOKENS, TOKENS, dtype=torch.bool).tril()


def branches() -> torch.Tensor:
    """A prefix of 10 tokens, two branches of two each behind it; the second row ends with padding in their place."""
    number = torch.tensor([[0] * 10 + [1, 1, 2, 2], [0] * 10 + [1, 1, -1, -1]])
    return visible(number)


def hidden(
    model, embedded: torch.Tensor, visual: torch.Tensor, mask: torch.Tensor | None = None, back: bool = False
) -> torch.Tensor:
    with torch.no_grad(), multimodal_causal(model, visual, back):
        return model.model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).last_hidden_state


# ---------------------------------------------------------------------------------------------------------------
# Attention


@torch.no_grad()
@pytest.mark.parametrize("mask", [None, branches()], ids=["causal", "branches"])
@pytest.mark.parametrize("back", [False, True])
def test_without_visual_tokens_it_is_the_librarys(language, mask, back):
    words, nothing = noise(ROWS, TOKENS, language.config.hidden_size), torch.zeros(ROWS, TOKENS, dtype=torch.bool)
    ours = hidden(language, words, nothing, mask, back)
    theirs = language.model(inputs_embeds=words, attention_mask=mask, use_cache=False).last_hidden_state
    assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    if mask is not None:
        assert torch.equal(ours, theirs)  # the very same sums
    language.set_attn_implementation("eager")
    shut = None if mask is None else torch.where(mask, 0.0, torch.finfo(words.dtype).min)
    theirs = language.model(inputs_embeds=words, attention_mask=shut, use_cache=False).last_hidden_state
    language.set_attn_implementation("sdpa")
    assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("mask", [None, branches()], ids=["causal", "branches"])
def test_it_is_the_sum_of_both_softmaxes_in_a_slow_loop(visual, mask, back, groups):
    heads, width = 4, 6
    query = noise(ROWS, heads, TOKENS, width)
    key, value = (noise(ROWS, heads // groups, TOKENS, width, seed=seed) for seed in (1, 2))
    module = shared(groups)
    ours, _ = multimodal_causal_attention(module, query, key, value, mask, visual=visual, scaling=0.3, back=back)
    allowed = causal() if mask is None else mask
    for row in range(ROWS):
        for head in range(heads):
            keys, values = key[row, head // groups], value[row, head // groups]
            for asking in range(TOKENS):
                before = [i for i in range(asking + 1) if allowed[row, 0, asking, i]]
                seen = [i for i in before if visual[row, i]]
                read = [i for i in before if not visual[row, i]]
                if visual[row, asking]:
                    seen, read = [asking], read if back else []
                expected = torch.zeros(width)
                for part in (seen, read):
                    odds = [torch.exp(0.3 * query[row, head, asking] @ keys[i]) for i in part]
                    for i, one in zip(part, odds, strict=True):
                        expected += one / sum(odds) * values[i]
                assert_close(ours[row, asking, head], expected, rtol=1e-4, atol=1e-5)


def test_a_word_weighs_text_as_if_there_were_no_picture(visual):
    query, key = (noise(ROWS, 2, TOKENS, TOKENS, seed=seed) for seed in range(2))
    module, unit = shared(), torch.eye(TOKENS).expand(ROWS, 2, -1, -1)
    found, _ = multimodal_causal_attention(module, query, key, unit, None, visual=visual, scaling=0.5)
    weights = found.transpose(1, 2)  # each value is a one at its own place, so what is added up are the weights
    scores = (0.5 * query @ key.transpose(2, 3)).masked_fill(~causal() | visual[:, None, None], -torch.inf)
    for row in range(ROWS):
        texts, shown = (~visual[row]).nonzero()[:, 0], visual[row].nonzero()[:, 0]
        alone = scores[row][:, texts].softmax(-1)
        assert_close(weights[row][:, texts][:, :, texts], alone[:, :, texts])
        assert_close(weights[row][:, shown], torch.eye(TOKENS)[shown].expand(2, -1, -1))
        sums = [1.0 if i < PICTURES[0] else 2.0 for i in texts.tolist()]
        assert_close(weights[row][:, texts].sum(-1), torch.tensor(sums).expand(2, -1))


def test_nobody_looks_ahead_and_each_looks_once(visual):
    text = ~visual[:, None, :, None]
    for mask in (causal(), branches()):
        for back in (False, True):
            words, pictures = looks(mask, visual, back)
            assert not (words & pictures).any() and not ((words | pictures) & ~mask).any()
            assert torch.equal((words | pictures) & text, mask & text)
            assert torch.equal(pictures & ~text, torch.eye(TOKENS, dtype=torch.bool) & ~text)
            assert torch.equal(words & ~text, mask & ~text & ~visual[:, None, None] & back)


@pytest.mark.parametrize("changed", range(TOKENS))
def test_what_depends_on_what(language, visual, changed):
    language, embedded = language.double(), noise(ROWS, TOKENS, language.config.hidden_size).double()
    other = embedded.clone()
    other[:, changed] += 1
    moved = (hidden(language, other, visual) - hidden(language, embedded, visual)).abs().amax(-1) > 1e-9
    language.float()
    expected = ~visual & (torch.arange(TOKENS) > changed)
    expected[:, changed] = True
    assert torch.equal(moved, expected)


def test_a_picture_is_the_same_in_any_dialogue(language):
    picture, words = noise(ROWS, 3, language.config.hidden_size), noise(ROWS, 9, language.config.hidden_size, seed=1)
    early = torch.cat([words[:, :1], picture, words[:, 1:]], 1)
    late = torch.cat([words[:, :7], picture, words[:, 7:]], 1)
    where = [torch.zeros(ROWS, 12, dtype=torch.bool) for _ in range(2)]
    where[0][:, 1:4], where[1][:, 7:10] = True, True
    found = hidden(language, early, where[0])[:, 1:4], hidden(language, late, where[1])[:, 7:10]
    assert_close(*found, rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was(language, visual):
    embedded = noise(ROWS, TOKENS, language.config.hidden_size)
    before = language.model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    with pytest.raises(RuntimeError, match="on the way"), multimodal_causal(language, visual):
        assert language.config._attn_implementation == "mmca"
        raise RuntimeError("on the way")
    assert language.config._attn_implementation == "sdpa" and not language.model._forward_pre_hooks
    assert torch.equal(language.model(inputs_embeds=embedded, use_cache=False).last_hidden_state, before)
    assert not torch.allclose(hidden(language, embedded, visual), before)


def test_what_was_read_before_is_refused(visual):
    query, key = noise(ROWS, 2, 1, 4), noise(ROWS, 2, TOKENS, 4)
    with pytest.raises(ValueError, match="use_cache=False"):
        multimodal_causal_attention(shared(), query, key, key, None, visual=visual, scaling=1.0)


# ---------------------------------------------------------------------------------------------------------------
# Dialogues


def held_out(count: int = 3) -> tuple:
    return eyes.scenes("heldout", count, THINGS, SEED)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pictures_come_between_turns(count):
    row, about = dialogue(random.Random(0), held_out(count), 4, asked=None)
    begins = [i for i, token in enumerate(row.prefix) if token == CLS]
    assert len(begins) == len(about) == count and row.prefix.count(MASK) == 4 * count
    assert begins[0] == 0 and all(row.prefix[i + 1 : i + 5] == [MASK] * 4 for i in begins)
    assert len(row.prefix) == begins[-1] + 5  # nothing is told before the last picture has come
    assert all(later - begin > 5 + 3 for begin, later in zip(begins, begins[1:], strict=False))
    assert sum(about) == len(row.branches) and min(about) >= 2


def test_answers_are_true_and_never_told_before():
    for number in range(20):
        scenes = eyes.scenes("heldout", 3, THINGS, SEED + number)
        row, _ = dialogue(random.Random(number), scenes, 2)
        texts = [" ".join(told.lexicon().words[i] for i in branch.ids) for branch in row.branches]
        before = " ".join(told.lexicon().words[i] for i in row.prefix)
        for text in texts:
            asked, answer = text.removesuffix(" <end>").split(" <decode> ")
            assert asked not in before
            which = ("one", "two", "three").index(asked.split()[-1])
            if asked.startswith("how many things"):
                assert answer == told.NUMBERS[len(scenes[which].things)]
            if asked.startswith("what colour"):
                assert answer in {thing.colour for thing in scenes[which].things}


def test_earlier_turns_ask_only_about_what_has_been_shown():
    two = write("two")[0]
    for number in range(20):
        row, _ = dialogue(random.Random(number), held_out(3), 1)
        begins = [i for i, token in enumerate(row.prefix) if token == CLS]
        first, second = row.prefix[: begins[1]], row.prefix[begins[1] : begins[2]]
        assert write("picture one") == [first[first.index(write("picture")[0])], write("one")[0]]
        assert write("three")[0] not in second[: second.index(write("picture")[0]) + 2]
        assert first[first.index(write("picture")[0]) + 1] != two


def test_told_in_words_the_questions_are_the_same():
    shown, read = (dialogue(random.Random(1), held_out(2), tokens) for tokens in (4, TOLD))
    assert shown.row.branches == read.row.branches and shown.about == read.about
    assert MASK not in read.row.prefix
    told_first = write(told.tell(held_out(2)[0]))
    assert read.row.prefix[: len(told_first) + 1] == [CLS, *told_first]


def test_one_picture_alone_needs_no_number():
    row, _ = dialogue(random.Random(1), held_out(1), 4)
    assert not any(write("picture")[0] in branch.ids for branch in row.branches)
    assert ask(random.Random(0), held_out(1), 0, "sign") is None


def test_the_exam_shows_every_held_out_scene_once():
    assert len(scenes("heldout")) == 12 and all(map(is_held_out, scenes("heldout")))
    assert not any(map(is_held_out, scenes("train")))
    for sizes, expected in (((1,), [1] * 12), ((2, 3), [2, 3, 2, 3, 2])):
        dialogues = visualchat.exam(sizes)
        assert [len(one.about) for one in dialogues] == expected
        assert [one.row.prefix.count(CLS) for one in dialogues] == expected


def test_a_cell_is_the_mean_of_its_four_patches():
    patches = look(scenes("train")[:2])
    for cell in range(CELLS):
        first = 12 * (cell // 3) + 2 * (cell % 3)  # its top left patch, of 6 x 6
        mean = patches[:, [first, first + 1, first + 6, first + 7]].mean(1)
        assert_close(seen("train")[:2, cell], mean, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------------------------------------------------
# The model


def test_an_unknown_attention_is_refused():
    with pytest.raises(ValueError, match="MMCA as released, causal"):
        visualchat.build("full")


@pytest.mark.parametrize("tuned", [False, True])
def test_what_learns(tuned):
    model = visualchat.build("MMCA")
    learns = {id(parameter) for parameter in model.parameters_to_learn(tuned)}
    for name, parameter in model.named_parameters():
        expected = name.startswith("connector.") or "embed_tokens" in name or (tuned and "self_attn" in name)
        assert (id(parameter) in learns) == expected == parameter.requires_grad, name


def test_training_leaves_the_rest_of_the_language_model():
    before, after = talker().state_dict(), visualchat.trained("MMCA", 0).language.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"model.embed_tokens.weight"}  # the head had the same table, and keeps it


def test_all_kinds_begin_with_the_same_connector():
    first, *others = (visualchat.build(name, seed=5).connector.state_dict() for name in ATTENTION)
    assert all(torch.equal(value, other[name]) for other in others for name, value in first.items())


def test_all_kinds_answer_from_their_own_attention():
    rows, seen = [dialogue(random.Random(0), held_out(2), CELLS).row], noise(2, CELLS, 128)
    batch = lay_out(rows)
    found = {}
    for name in ATTENTION:
        model = visualchat.build(name)
        found[name] = model.loss(seen, rows).item()
        with model.attending(batch):
            assert model.language.config._attn_implementation == ("sdpa" if name == "causal" else "mmca")
        assert model.right(seen, rows).shape == (len(rows[0].branches),)
    assert len(set(found.values())) == len(ATTENTION)


def test_all_kinds_learn_a_handful_of_dialogues():
    rows, seen = (
        [dialogue(random.Random(i), held_out(2), CELLS, 4).row for i in range(3)],
        noise(6, CELLS, 128),
    )
    for name in ATTENTION:
        model = visualchat.build(name)
        losses = visualchat.learn(model.parameters_to_learn(), lambda step: model.loss(seen, rows), 30, 3e-3)  # noqa: B023
        assert losses[-1] < 0.7 * losses[0], name


def test_pictures_matter_to_an_answer():
    model, rows = visualchat.build("MMCA"), [dialogue(random.Random(0), held_out(2), CELLS).row]
    with torch.no_grad():
        one, other = (model.loss(seen("heldout")[part], rows) for part in (slice(0, 2), slice(1, 3)))
    assert one != other


@pytest.mark.parametrize("blind", [False, True])
def test_a_dialogue_to_learn_from_gets_its_own_pictures_or_other_ones(blind, monkeypatch):
    about, shown = [], []

    def noted(rng, given, tokens, asked):
        about.extend(scenes("train").index(scene) for scene in given)
        return dialogue(rng, given, tokens, asked)

    def loss(self, pictures, rows):
        shown.append(pictures)
        assert len({row.prefix.count(CLS) for row in rows}) == 1 and sum(row.prefix.count(CLS) for row in rows) == 6
        return sum(parameter.sum() for parameter in self.connector.parameters())

    monkeypatch.setattr(visualchat, "dialogue", noted)
    monkeypatch.setattr(visual_chat.VisualChat, "loss", loss)
    monkeypatch.setattr(visualchat, "STEPS", 5)  # all sizes come
    visualchat.trained.__wrapped__("causal", 0, blind=blind)
    same = (torch.cat(shown) == seen("train")[about]).all((1, 2))
    assert len(same) == 30 and (same.float().mean() < 0.2 if blind else same.all())


@pytest.mark.parametrize("sizes", [(1,), (2, 3)])
def test_a_dialogue_of_the_exam_gets_its_own_pictures(sizes, monkeypatch):
    shown, asked = [], []

    class Looking:
        def right(self, pictures: torch.Tensor, rows: list) -> torch.Tensor:
            assert len(pictures) == sum(row.prefix.count(CLS) for row in rows)
            shown.append(pictures)
            asked.append(sum(len(row.branches) for row in rows))
            return torch.ones(asked[-1])

    monkeypatch.setattr(visualchat, "trained", lambda *which, **more: Looking())
    found = visualchat.answer(0, "MMCA", sizes)
    assert torch.equal(torch.cat(shown), seen("heldout")) and sum(found.values) == sum(asked)
    assert found.scenes == visualchat.read_instead(0, sizes).scenes


# ---------------------------------------------------------------------------------------------------------------
# The claims


@pytest.mark.parametrize("number", range(6))
def test_one_cheap_run_of_every_arm(number):
    claim = visualchat.claims()[number]
    for name, one in every_arm(claim).items():
        assert claim.unit == "tokens" or set(one.values) <= {0, 1}, name


def test_every_claim_is_run_above():
    assert len(visualchat.claims()) == 6


def test_looks_are_those_counted_by_hand(monkeypatch):
    one = dialogue(random.Random(0), held_out(1), 3)
    monkeypatch.setattr(visualchat, "exam", lambda sizes, tokens: [one])
    lengths = [len(branch.ids) for branch in one.row.branches]
    tokens, begun = 4 + sum(lengths), 4 + 3 + 2 + 1  # <cls> and three visual tokens, causally
    among = sum(sum(4 + i for i in range(1, length + 1)) for length in lengths)
    for attention, first in (("causal", begun), ("MMCA", 4)):
        assert visualchat.looks_needed(0, attention).values == [100 * tokens / (first + among)]
