"""Linked knowledge: cut-outs, levels, prompts, partial convolution, positions, triples, masks, screens; every arm."""

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import conv2d

from labs.systems import linked_knowledge
from labs.systems.parts import (
    asked_of_one,
    captioned_views,
    collages,
    graph_neighbours,
    graph_questions,
    interface_tasks,
    linked,
    masked_interface,
    notes_related,
    probe,
    scene_graph,
    screen_lessons,
    screen_tasks,
    text_retriever,
    triple_reader,
)  # fmt: skip
from labs.systems.parts.collages import KNOWN, NOTHING, PAIRS
from labs.world.domains import code
from labs.world.domains.screens import Block, Screen
from labs.world.splits import has_held_out_pair

TRAINED = (linked, notes_related, asked_of_one, graph_neighbours, triple_reader, interface_tasks, screen_tasks)
CACHED = (
    collages.looked, collages._look, collages._rows, scene_graph.detected, graph_questions.questions,
    captioned_views.views, screen_lessons.lessons, text_retriever.retriever, *(module.taught for module in TRAINED),
)  # fmt: skip
FEW = {"train": 200, "choice": 120, "exam": 120}


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """A few steps on fewer scenes and screens."""
    short: dict = {module: {"STEPS": 2, "BATCH": 8} for module in TRAINED}
    for module in (linked, notes_related, asked_of_one, graph_neighbours):
        short[module]["EXAM"] = 24
    short[screen_tasks]["STEPS"] = 8
    short |= {
        text_retriever: {"STEPS": 2}, probe: {"STEPS": 100}, scene_graph: {"LABELLED": 40},
        graph_questions: {"EACH": 18}, collages: {"COUNTS": FEW},
        screen_lessons: {"COUNTS": {"train": 40, "choice": 24, "exam": 24}},
    }  # fmt: skip
    with small(CACHED, short):
        yield


@pytest.fixture
def draw():
    """A generator of its own for each test."""
    return torch.Generator().manual_seed(0)


# ---------------------------------------------------------------------------------------------------------------
# Pictures


def test_what_is_asked_was_kept_back_and_never_chose_a_setting():
    train, choice, exam = (collages.looked(split) for split in ("train", "choice", "exam"))
    assert not any(map(has_held_out_pair, train.scenes)) and not set(choice.scenes) & set(exam.scenes)
    assert KNOWN[train.kinds[train.kinds != NOTHING]].all() and KNOWN.sum() == 56
    with pytest.raises(KeyError):
        collages.looked("test")


def test_a_collage_shows_each_of_its_things_once_cut_out_of_a_scene_that_has_it(draw):
    kinds = collages.different("exam", 20, 3, draw)
    picture, laid = collages.collage("exam", kinds, draw)
    found = collages.looked("exam")
    cells = zip(found.cells[..., :4].flatten(0, 1), found.kinds.flatten(), strict=True)
    known = {tuple(row.tolist()): kind for row, kind in cells}
    for one, row, wanted in zip(picture, laid, kinds, strict=True):
        assert sorted(row[row != NOTHING].tolist()) == sorted(wanted.tolist())
        assert [known[tuple(cell.tolist())].item() for cell in one[:, :4]] == row.tolist()
    torch.testing.assert_close(picture[0, :, -4:], found.cells[0, :, -4:])


def test_what_is_easily_taken_for_another_shares_colour_or_shape_and_training_never_meets_the_rest(draw):
    kinds = collages.different("train", 300, 1, draw)[:, 0]
    near = collages.altered("train", kinds, draw)
    assert ((kinds // 8 == near // 8) ^ (kinds % 8 == near % 8)).all() and KNOWN[kinds].all() and KNOWN[near].all()
    assert not KNOWN[collages.different("exam", 300, 1, draw)].all()
    assert [word.tolist() for word in collages.words(torch.tensor([PAIRS.index(("orange", "heart"))]))] == [[1, 13]]


# ---------------------------------------------------------------------------------------------------------------
# Mentions and entities


def test_the_first_entity_shares_all_facts_with_the_mention_and_the_others_lack_one_or_more(draw):
    one = linked.facts("exam", 40, draw)
    mention = linked.mentions("exam", one, draw)
    right, wrong = (
        linked.entities("exam", one, linked.ENTITIES[torch.full((40,), at)], draw)
        for at in (0, len(linked.ENTITIES) - 1)
    )
    assert torch.equal(mention.words[:, 0], right.words[:, 0]) and (mention.words[:, 0] != wrong.words[:, 0]).all()
    assert (right.words[:, 1:] == wrong.words[:, 1:]).sum(1).eq(1).all()  # the decoy's colour or shape is the same
    assert len({tuple(row.tolist()) for row in linked.ENTITIES}) == 16 and linked.ENTITIES[0].sum() == 0


def test_a_linker_adds_up_its_matches_and_reads_no_more_than_they_need(draw):
    one = linked.facts("exam", 6, draw)
    mention = linked.mentions("exam", one, draw)
    entity = linked.entities("exam", one, torch.zeros(6, 4, dtype=torch.long), draw)
    torch.manual_seed(0)
    network = linked.Linker()
    sides = network.encode(mention), network.encode(entity)
    torch.testing.assert_close(
        network(mention, entity), torch.stack([network.match(match, *sides) for match in network.matches]).mean(0)
    )
    assert len(network.matches) == 8
    words = linked.Linker(pairs=(("words", "words"),))
    torch.testing.assert_close(words(mention, entity), words(mention._replace(picture=mention.picture * 0), entity))


# ---------------------------------------------------------------------------------------------------------------
# Notes


def test_the_prompt_for_the_picture_meets_no_words_and_that_of_the_note_meets_both(draw):
    note = notes_related.notes("exam", torch.arange(6), notes_related.topics(6, draw), draw)
    other = note._replace(words=(note.words + 1) % notes_related.VOCABULARY)
    for way in notes_related.WAYS:
        torch.manual_seed(0)
        network = notes_related.NoteEmbedder(way)
        before, after = network(note), network(other)
        assert len(before) == 1 + ("two" in way)
        if "two" in way:
            torch.testing.assert_close(before[0], after[0])
        assert torch.allclose(before[-1], after[-1]) == (way == "picture alone")
        assert not torch.allclose(before[-1], network(note._replace(picture=note.picture.roll(1, 0)))[-1])


def test_the_state_itself_is_left_where_nothing_is_fused():
    state, picture = torch.randn(3, 64), torch.randn(3, 9, 132)
    assert notes_related.NoteEmbedder("two prompts").fuse(state, picture) is state
    fused = notes_related.NoteEmbedder("late fusion").fuse(state, picture)
    assert not torch.allclose(fused, notes_related.NoteEmbedder("late fusion").fuse(state, picture + 1))
    with pytest.raises(ValueError, match="way must be one of"):
        notes_related.NoteEmbedder("three prompts")


# ---------------------------------------------------------------------------------------------------------------
# Partial convolution


def test_partial_convolution_is_torchs_where_nothing_is_masked_and_reads_nothing_of_what_is():
    torch.manual_seed(0)
    layer, rows = asked_of_one.PartialConvolution(5, 4), torch.randn(3, 9, 5)
    kernel = layer.weight.weight.unflatten(1, (3, 3, 5)).permute(0, 3, 1, 2)
    whole = conv2d(rows.transpose(1, 2).unflatten(2, (3, 3)), kernel, layer.bias)[..., 0, 0]
    torch.testing.assert_close(layer(rows, torch.ones(3, 9)), whole)
    mask = (torch.arange(9) == 4).float().expand(3, -1)
    other = torch.where(mask[..., None] > 0, rows, 9.0)
    torch.testing.assert_close(layer(rows, mask), layer(other, mask))
    torch.testing.assert_close(layer(rows, mask), layer(rows, 0.5 * mask))  # half hidden alike is not hidden
    torch.testing.assert_close(layer(rows, torch.zeros(3, 9)), layer.bias.expand(3, -1))


def test_the_retriever_stays_frozen_and_the_picture_adds_one_token():
    frozen = text_retriever.retriever(0)
    before = {name: weight.clone() for name, weight in frozen.state_dict().items()}
    texts, picture, kinds = asked_of_one.asked_pictures("exam", 10, torch.Generator().manual_seed(0))
    network = asked_of_one.taught(0, "partial convolution")
    assert all(torch.equal(weight, before[name]) for name, weight in network.frozen.state_dict().items())
    torch.testing.assert_close(network(texts, picture)[:, :-1], frozen(texts))
    assert texts.shape == (10, 2) and torch.equal(texts[:, 1], 8 + kinds % 8)


def test_each_kind_is_asked_about_equally_often_beside_two_of_other_shapes():
    draw = torch.Generator().manual_seed(0)
    _, _, kinds = asked_of_one.asked_pictures("exam", 128, draw)
    assert torch.equal(torch.bincount(kinds, minlength=64), torch.full((64,), 2))
    assert KNOWN[asked_of_one.asked_pictures("train", 64, draw)[2]].all()


def test_what_is_relevant_depends_on_the_question_for_partial_convolution_alone():
    texts, picture, _ = asked_of_one.asked_pictures("exam", 6, torch.Generator().manual_seed(0))
    other = texts.roll(1, 0)
    for way in asked_of_one.WAYS:
        torch.manual_seed(0)
        network = asked_of_one.Asker(way, text_retriever.retriever(0))
        same = torch.allclose(network(texts, picture)[:, -1], network(other, picture)[:, -1], atol=1e-6)
        assert same == (way != "partial convolution"), way


# ---------------------------------------------------------------------------------------------------------------
# Graphs


def test_answers_stand_as_many_links_away_as_was_asked(draw):
    given = graph_neighbours.graphs("exam", 50, draw)
    for at, (away, about) in enumerate(given.asked.tolist()):
        reach, steps = torch.eye(graph_neighbours.NODES)[0], 0
        pages = (given.kinds[at] == 0).float()
        seen = reach > 0
        while steps < away:
            reach = ((given.edges[at] @ reach) > 0) & (pages > 0) & ~seen
            seen, reach, steps = seen | reach, reach.float(), steps + 1
        leaves = (given.edges[at] @ reach > 0) & (given.kinds[at] == 2)
        if about == 1:
            assert given.answers[at] == 8 + given.words[at, leaves].item()


def test_positions_are_eigenvectors_and_stay_the_same_however_nodes_are_numbered(draw):
    edges = graph_neighbours.graphs("exam", 4, draw).edges
    places = graph_neighbours.laplacian_positions(edges, 2)
    root = edges.sum(2) ** -0.5
    laplacian = torch.eye(12) - root[:, :, None] * edges * root[:, None]
    values = torch.linalg.eigvalsh(laplacian)[:, 1:3]
    torch.testing.assert_close(laplacian @ places, places * values[:, None], atol=1e-5, rtol=1e-4)
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(11, generator=draw)])
    torch.manual_seed(0)
    network, moved = graph_neighbours.GraphNetwork(), edges[:, order][:, :, order]
    torch.testing.assert_close(network(edges)[:, order], network(moved))
    torch.testing.assert_close(places[:, order], graph_neighbours.laplacian_positions(moved, 2), atol=1e-4, rtol=1e-4)


def test_without_neighbours_none_is_read_and_without_positions_edges_are_not(draw):
    given = graph_neighbours.graphs("exam", 5, draw)
    away = (given.edges[:, :1].transpose(1, 2) == 0) & (given.kinds == 1)[..., None]
    blind = given._replace(seen=torch.where(away, 9.0, given.seen))
    for way in graph_neighbours.WAYS:
        torch.manual_seed(0)
        reader = graph_neighbours.GraphReader(way)
        assert torch.allclose(reader(given), reader(blind), atol=1e-5) == (way == "no neighbours"), way
    cut = given._replace(edges=given.edges * 0)
    torch.manual_seed(0)
    reader = graph_neighbours.GraphReader("no positions")
    torch.testing.assert_close(reader(given), reader(cut))


# ---------------------------------------------------------------------------------------------------------------
# Triples


def test_triples_say_where_things_are_and_how_they_stand_to_each_other():
    red_star, blue_ring = PAIRS.index(("red", "star")), PAIRS.index(("blue", "ring"))
    graph = scene_graph.triples([red_star, *[NOTHING] * 4, blue_ring, *[NOTHING] * 3])
    said = {(one[:2], scene_graph.PREDICATES[one[2]]) for one in graph if one[2] > 8}
    assert said == {((0, 11), "left of"), ((5, 14), "right of"), ((0, 11), "above"), ((5, 14), "below")}
    assert [one[2] for one in graph if one[2] < 9] == [0, 5]
    assert scene_graph.retrieve(graph, (0, 11, 5, 14))[0][:2] == (0, 11)
    assert scene_graph.retrieve(graph, (16, 14, 16, 16))[0] == (5, 14, 5, 16, 16)


def test_every_answer_is_equally_frequent_within_its_type_and_the_graph_holds_it():
    asked, kinds = graph_questions.questions("exam"), collages.looked("exam").kinds
    for at, many in enumerate(graph_questions.TYPES.values()):
        told = [one.answer for one in asked if one.type == at]
        assert [told.count(answer) for answer in range(many)] == [len(told) // many] * many
    for one in asked:
        found = scene_graph.retrieve(scene_graph.triples(kinds[one.scene].tolist()), one.words)
        places = [triple for triple in found if triple[2] < 9]
        if one.type == 0:
            word = next(word for word in one.words if word < 16)
            assert sum(word in triple[:2] for triple in places) == one.answer + 1
        if one.type == 1:
            assert one.answer in [triple[2] for triple in places if triple[:2] == one.words[:2]]


def test_the_detector_errs_and_is_mostly_right():
    found, truth = scene_graph.detected("exam"), collages.looked("exam").kinds
    assert 0.7 < (found == truth).float().mean() < 1


# ---------------------------------------------------------------------------------------------------------------
# One interface


def test_masks_let_each_task_look_at_what_it_may_and_nothing_else():
    given = captioned_views.views("exam").of(torch.arange(8))
    torch.manual_seed(0)
    masked, free = masked_interface.Interface(), masked_interface.Interface(masked=False)
    changed = {
        "caption": given._replace(phrases=given.phrases.roll(1, 0)), "prompt": given._replace(prompt=given.prompt + 1),
        "picture": given._replace(cells=given.cells.roll(1, 0)),
    }  # fmt: skip
    moves = {"caption": {"text"}, "prompt": {"grounding"}, "picture": {"segmentation", "grounding", "picture"}}
    for what, other in changed.items():
        assert _moved(masked(given), masked(other)) == moves[what], what
        assert _moved(free(given), free(other)) == {"segmentation", "grounding", "picture", "text"}, what


def _moved(before: dict, after: dict) -> set[str]:
    pairs = {name: (before[name], after[name]) for name in ("segmentation", "grounding")}
    for at, name in enumerate(("picture", "text")):
        pairs[name] = (before["retrieval"][:, at], after["retrieval"][:, at])
    return {name for name, (one, other) in pairs.items() if not torch.allclose(one, other, atol=1e-6)}


def test_overlap_is_one_for_the_truth_and_counts_only_what_is_there():
    true = torch.zeros(2, 8, 36, dtype=torch.bool)
    true[:, 0, :4] = true[1, 3, 5:9] = True
    torch.testing.assert_close(interface_tasks.overlap(true.float() - 0.5, true), torch.ones(2))
    half = true.clone()
    half[:, 0, :2] = False
    torch.testing.assert_close(interface_tasks.overlap(half.float() - 0.5, true), torch.tensor([0.5, 0.75]))


# ---------------------------------------------------------------------------------------------------------------
# Screens


def test_elements_stand_where_the_screen_has_them_and_texts_say_so():
    screen = Screen(
        "red", "blue", "right", ((Block("img", "pink"),), (Block("input", "red"), Block("button", "green")))
    )
    found = screen_lessons.elements(screen)
    assert found[:3] == [("header", "red"), ("right", "blue"), ("img", "pink")]
    assert found[3] == ("none", "none") and found[5] == ("button", "green")
    given = screen_lessons.lessons("exam")
    read = [screen_lessons.LEXICON.read(row).split() for row in given.pointing]
    for (_, colour, kind, order), meant, elements in zip(read, given.meant, given.elements, strict=True):
        kinds, colours = elements[2 + meant].tolist()
        assert (screen_lessons.KINDS[kinds], screen_lessons.COLOURS[colours]) == (kind, colour)
        assert screen_lessons.ORDER[meant // 2] == order


def test_no_word_sees_a_later_one_and_pointing_reads_the_whole_command():
    given = screen_lessons.lessons("exam").of(torch.arange(4))
    torch.manual_seed(0)
    network = screen_tasks.ScreenModel()
    memory, other = network.encode(given.pictures), given.pointing.clone()
    other[:, -1] = other[:, 1]
    torch.testing.assert_close(network.decode(given.pointing, memory)[:, :-1], network.decode(other, memory)[:, :-1])
    assert not torch.allclose(network.pointed(given.pointing, memory), network.pointed(other, memory))


def test_screens_of_the_exam_show_what_training_never_does():
    train, exam = (screen_lessons.lessons(split).elements for split in ("train", "exam"))
    for kind, colour in code.HELD_OUT_BLOCKS:
        pair = torch.tensor([screen_lessons.KINDS.index(kind), screen_lessons.COLOURS.index(colour)])
        assert not (train[:, 2:] == pair).all(-1).any()
    assert len(exam) == 24


def test_one_cheap_run_of_every_arm():
    for claim in linked_knowledge.claims():
        assert set(every_arm(claim, least=20)) == set(claim.arms)
