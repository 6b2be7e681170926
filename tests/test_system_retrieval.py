"""Retrieval: vectors read off the stock model, late interaction, what is right for a query, searches, every arm"""

import random

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import cross_entropy, normalize

from labs.models.chat import message
from labs.models.conversation import write
from labs.systems import retrieval
from labs.systems.parts import embed_exam, embed_pairs, embed_rerank, embed_tuning
from labs.systems.parts.embed_exam import embedded, recall, searches
from labs.systems.parts.embed_pairs import KINDS, REQUEST, pairs, right, shown, told
from labs.systems.parts.embed_scenes import RESPECTS, cube, edit, like, scene_with_twin
from labs.systems.parts.embedder import Embedder, Tokens, contrast, late, likeness, rows
from labs.systems.parts.limit_tuning import load
from labs.tuning.parts import part_of
from labs.world import splits
from labs.world.picture import draw
from labs.world.splits import is_held_out

CACHED = [
    embed_pairs.pairs, embed_tuning.seen, embed_tuning.tuned, embed_exam.searches, embed_exam.seen,
    embed_exam.unrelated, embed_rerank.reranker, retrieval.build, retrieval.documents, retrieval.queries,
]  # fmt: skip
SIZES = {
    embed_pairs: {"COUNT": 12}, embed_tuning: {"STEPS": 4, "BATCH": 3},
    embed_exam: {"SEARCHES": {"captions": 8, "edited": 8, "alike": 8}, "BLOCK": 4}, embed_rerank: {"BATCH": 2},
}  # fmt: skip


@pytest.fixture
def cheap():
    """A few steps on a few pairs; what was trained so is forgotten afterwards."""
    with small(CACHED, SIZES):
        yield


@pytest.fixture(scope="module")
def plain() -> Embedder:
    """The model as it comes."""
    return Embedder(None).eval().requires_grad_(False)


@pytest.fixture
def scenes() -> list:
    """Held-out scenes with pictures."""
    rng = random.Random(0)
    return [splits.sample(rng, "heldout", count=1 + i % 3) for i in range(4)]


# ---------------------------------------------------------------------------------------------------------------
# Vectors


def test_the_vector_is_the_last_hidden_state_of_the_stock_model(plain, scenes):
    loaded, pictures = load(), [draw(scene) for scene in scenes]
    ours = plain(["Say what is where."] * 4, plain.look(pictures))
    for vector, picture in zip(ours, pictures, strict=True):
        inputs = write(loaded.processor, [message("Say what is where.")], [picture])
        with torch.no_grad():
            stock = loaded.model.model(**inputs).last_hidden_state[0, -1]
        torch.testing.assert_close(vector, normalize(stock, dim=-1), atol=1e-4, rtol=0)


def test_a_row_is_the_same_by_itself_and_beside_a_longer_one(plain, scenes):
    words = ["a red star.", "a big red star at the top left, a small blue moon at the right."]
    visual = plain.look([draw(scene) for scene in scenes[:2]])
    for seen in (None, visual):
        together, alone = plain(words, seen), plain(words[:1], None if seen is None else seen[:1])
        torch.testing.assert_close(together[:1], alone, atol=1e-4, rtol=0)


def test_a_picture_and_words_change_the_vector_both(plain, scenes):
    visual = plain.look([draw(scene) for scene in scenes[:2]])
    one, other = plain(["Make it blue."] * 2, visual)
    assert one @ other < 0.999 and one @ plain(["Make it red."], visual[:1])[0] < 0.9999


def test_adapters_of_the_language_model_alone_learn_and_fresh_ones_change_nothing(plain):
    fresh = Embedder(3)
    learns = [name for name, parameter in fresh.llava.named_parameters() if parameter.requires_grad]
    assert learns and {part_of(name) for name in learns} == {"language"} and all("lora_" in name for name in learns)
    with torch.no_grad():
        torch.testing.assert_close(fresh(["a red star."]), plain(["a red star."]))


# ---------------------------------------------------------------------------------------------------------------
# Likeness


def tokens(seed: int, count: int, length: int) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    there = torch.arange(length) < torch.randint(1, length + 1, (count, 1), generator=generator)
    return Tokens(normalize(torch.randn(count, length, 8, generator=generator), dim=-1), there)


def test_late_interaction_is_the_mean_over_tokens_of_the_best_match():
    asked, among = tokens(0, 3, 5), tokens(1, 4, 6)
    found = late(asked, among)
    for q in range(3):
        for d in range(4):
            best = [max(float(asked.vectors[q, i] @ among.vectors[d, j]) for j in range(6) if among.there[d, j])
                    for i in range(5) if asked.there[q, i]]  # fmt: skip
            assert found[q, d].item() == pytest.approx(sum(best) / len(best), abs=1e-5)


def test_late_interaction_of_single_tokens_is_the_cosine_and_padding_changes_nothing():
    asked, among = tokens(0, 3, 1), tokens(1, 4, 1)
    torch.testing.assert_close(likeness(asked, among), likeness(asked.vectors[:, 0], among.vectors[:, 0]))
    asked, among = tokens(2, 3, 5), tokens(3, 4, 6)
    wild = Tokens(among.vectors.where(among.there[..., None], 99.0), among.there)
    torch.testing.assert_close(late(asked, among), late(asked, wild))


def test_contrast_is_cross_entropy_and_counts_all_that_is_right():
    near = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    own = torch.eye(3, 6)
    torch.testing.assert_close(contrast(near, own), cross_entropy(20 * near, torch.arange(3)))
    both = own.clone()
    both[0, 4] = 1
    expected = -((20 * near).log_softmax(1) * both / both.sum(1, keepdim=True)).sum(1).mean()
    torch.testing.assert_close(contrast(near, both), expected)


def test_many_rows_in_parts_are_as_one_by_one(plain, monkeypatch):
    words = ["a red star.", "a big red star at the top left.", "a moon."]
    whole = embedded(plain.each, words, None)
    monkeypatch.setattr(embed_exam, "AT_ONCE", 1)
    parts = embedded(plain.each, words, None)
    assert torch.equal(whole.there, parts.there)
    torch.testing.assert_close(whole.vectors[whole.there], parts.vectors[parts.there], atol=1e-4, rtol=0)


# ---------------------------------------------------------------------------------------------------------------
# Scenes, pairs and searches


def test_twins_have_the_same_words_and_other_colours_of_shapes():
    rng = random.Random(1)
    for split in ("train", "heldout"):
        scene, twin = scene_with_twin(rng, split)
        assert is_held_out(scene) == is_held_out(twin) == (split == "heldout")
        for name in ("colour", "shape", "place"):
            assert sorted(getattr(t, name) for t in scene.things) == sorted(getattr(t, name) for t in twin.things)
        assert {(t.colour, t.shape) for t in scene.things} != {(t.colour, t.shape) for t in twin.things}


def test_an_edit_changes_what_its_words_say_and_all_else_is_wrong():
    rng = random.Random(2)
    for _ in range(50):
        one = edit(rng, "heldout")
        (before,), (after,) = one.before.things, one.after.things
        assert is_held_out(one.after) and getattr(after, one.respect) in one.words
        assert [name for name in RESPECTS if getattr(before, name) != getattr(after, name)] == [one.respect]
        scenes = cube(one, rng)
        off = [[getattr(scene.things[0], name) != getattr(after, name) for name in RESPECTS] for scene in scenes]
        assert scenes[0] == one.after and one.before in scenes
        assert len(set(map(tuple, off))) == 8 and all(map(sum, off[1:]))


def test_things_are_alike_in_one_respect_alone():
    rng = random.Random(3)
    scene = splits.sample(rng, count=1)
    for respect in RESPECTS:
        other = like(scene, respect, rng).things[0]
        assert [name for name in RESPECTS if getattr(other, name) == getattr(scene.things[0], name)] == [respect]


def test_nothing_that_is_learned_from_is_held_out(cheap, monkeypatch):
    met = []
    for name in ("told", "shown"):
        keep = getattr(embed_pairs, name)
        monkeypatch.setattr(embed_pairs, name, lambda scene, *rest, keep=keep: met.append(scene) or keep(scene, *rest))
    for kind in KINDS:
        assert len(pairs(kind)) == 12
    assert len(met) >= 3 * 12 * len(KINDS) and not any(map(is_held_out, met))


def test_every_document_that_says_what_is_asked_for_is_right(cheap):
    for kind in KINDS:
        chosen = pairs(kind)[:6]
        table = right(chosen)
        assert table.shape == (6, 12) and (table.diagonal() == 1).all()
        assert (table[:, 6:].diagonal() == 0).all(), kind
        for pair in chosen if kind == "edited" else ():
            assert pair.decoy in pair.near and pair.wanted not in pair.near and len(set(pair.near)) == 3
    pair, other = chosen[0], chosen[1]
    expected = float(getattr(other.things[1], pair.value[0]) == pair.value[1])
    assert table[0, 7] == expected


@pytest.mark.parametrize("kind", embed_exam.MAKERS)
def test_searches_are_held_out_and_their_candidates_differ(cheap, kind):
    one = searches(kind)
    wanted = [one.documents[numbers[0]] for numbers in one.right]
    asked = [query.scene if kind == "alike" else scene for query, scene in zip(one.queries, wanted, strict=True)]
    assert all(map(is_held_out, asked))
    for number, (among, wanted) in enumerate(zip(one.candidates, one.right, strict=True)):
        texts = [told(one.documents[i]).words for i in among]
        assert set(wanted) < set(among) and one.chance == len(wanted) / len(among)
        if kind != "alike":
            assert texts.count(told(one.documents[wanted[0]]).words) == 1
        if kind == "edited":
            assert told(one.queries[number].scene).words in texts
            assert told(one.documents[wanted[0]]).words != told(one.queries[number].scene).words


def test_recall_counts_the_first_and_shares_ties(cheap):
    one = searches("edited")._replace(candidates=((0, 1, 2), (0, 1, 2)), right=((0,), (2,)))
    among = torch.eye(3)
    assert recall(torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.0, 0.5]]), among, one) == [1.0, 0.5]
    assert recall(rows(torch.tensor([[0.0, 1.0, 0.0]]), [0, 0]), among, one) == [0.0, 0.0]


def test_a_control_s_edits_want_all_combinations_alike():
    sides, visual = embed_exam.unrelated.__wrapped__(400)
    assert len(visual) == 400 and len({side.words for side in sides}) > 15
    held = sum(is_held_out(side.scene) for side in sides) / 400
    assert 0.02 < held < 0.25


# ---------------------------------------------------------------------------------------------------------------
# Reranking


def test_a_reranker_orders_the_first_few_and_leaves_the_others_out(cheap, plain, monkeypatch):
    one = searches("edited")._replace(candidates=((0, 1, 2, 3),) * 2, right=((1,), (3,)))
    one = one._replace(queries=one.queries[:2])
    near = torch.tensor([[0.9, 0.8, 0.7, 0.1]] * 2)
    texts = [told(scene) for scene in one.documents]
    liked = [embed_rerank.both(query, texts[i]) for query, i in zip(one.queries, (1, 3), strict=True)]
    monkeypatch.setattr(embed_rerank, "yes", lambda _, words, visual: torch.tensor([float(w in liked) for w in words]))
    found = embed_rerank.reranked(plain, one, texts, torch.zeros(2, 1), near, torch.eye(4))
    assert found == [1.0, 0.0]  # the fourth is never read


def test_what_a_reranker_reads_holds_the_query_and_the_candidate_and_no_request():
    scene = splits.sample(random.Random(0))
    text = embed_rerank.both(shown(scene, "Make it red."), told(scene))
    assert text.startswith("Make it red. a") and REQUEST not in text


def test_one_cheap_run_of_every_arm(cheap):
    for claim in retrieval.claims():
        every_arm(claim)
        assert all(0 < chance < 1 for chance in claim.controls.values())
