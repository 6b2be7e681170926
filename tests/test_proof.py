"""Proof of a gain: metrics worked by hand, intervals and p that are what they claim, controls, forgetting, verdicts."""

import io
import json
from itertools import product

import numpy as np
import pytest
import sacrebleu
import standins
import torch
from PIL import Image
from rich.console import Console
from transformers.utils import is_torchvision_available

from labs.data.records import read
from labs.evaluation import heldout, interval, proof, reading_once
from labs.evaluation.answering import answers
from labs.evaluation.exam import Exam, Item, clusters, looks_of
from labs.evaluation.metrics import BLEU, EXACT_MATCH, STORY_EVENTS, VQA_ACCURACY, fitting
from labs.evaluation.proof import evaluate, judge
from labs.evaluation.questions import exam_of
from labs.evaluation.reading_once import can_read_once
from labs.evaluation.vqa import vqa_accuracy, written_alike
from labs.models import catalog
from labs.models.catalog import Entry, Loaded
from labs.models.conversation import write
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.random_adapter import norm_of_product, random_adapter
from labs.tuning.score import score
from labs.world.records import write_llava

# ---------------------------------------------------------------------------------------------------------------
# Metrics


@pytest.mark.parametrize("agree, accuracy", [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)])
def test_vqa_accuracy_is_the_mean_over_ten_people_each_left_out_once(agree, accuracy):
    people = ["red"] * agree + ["blue"] * (10 - agree)
    assert vqa_accuracy("Red.", people) == pytest.approx(accuracy)


def test_with_fewer_than_four_people_vqa_accuracy_is_exact_match_with_any_of_them():
    assert vqa_accuracy("two", ["2"]) == vqa_accuracy("two", ["many", "2", "some"]) == 1
    assert vqa_accuracy("two", ["many", "some", "3"]) == 0
    assert vqa_accuracy("two", ["2"] * 4) == 1


@pytest.mark.parametrize("answer, alike", [
    ("The Red Star.", "red star"), ("100,978", "100978"), ("2:50 pm!", "2:50 pm"), ("dont", "don't"),
    ("None", "0"), ("an eleven, or ten", "eleven or 10"), ("1.5 m.", "1.5 m"), ("the girl's hat", "girl's hat"),
    ("black/white (mostly)", "black white mostly"), ("wont", "won't"), ("its", "its"), ("Theyre well", "they're well"),
    ("a", ""), ("top-left", "top left"), ("whats", "what's"), ("grassland", "grassland"),
])  # fmt: skip
def test_answers_are_written_alike_as_the_challenge_describes(answer, alike):
    assert written_alike(answer) == alike == written_alike(alike)


TOLD = ["the red star is at the top", "a blue disc", "", "there are two stars and a red ring below"]
TRUTH = [("the red star is at the top left",), ("a blue disc is there", "a disc"), ("nothing at all",),
         ("there are two stars and a ring below",)]  # fmt: skip


def test_bleu_of_the_corpus_is_that_of_sacrebleu():
    counts = [BLEU.score(told, accepted) for told, accepted in zip(TOLD, TRUTH, strict=True)]
    found = interval.contrast([(1, counts)], list(range(4)), value=BLEU.value).mean
    padded = [[accepted[0] for accepted in TRUTH], [(*accepted, None)[1] for accepted in TRUTH]]
    assert found == pytest.approx(sacrebleu.corpus_bleu(TOLD, padded).score / 100, abs=1e-12)
    alone = [sacrebleu.sentence_bleu(told, list(accepted)).score for told, accepted in zip(TOLD, TRUTH, strict=True)]
    assert abs(found - np.mean(alone) / 100) > 0.01


def test_story_events_and_exact_match_take_the_best_accepted_answer():
    assert EXACT_MATCH.score("Top left.", ("bottom", "top left")) == 1
    assert STORY_EVENTS.score("A moon. It sank.", ("A moon. It rose. It fell.", "A moon. It sank.")) == 1
    assert STORY_EVENTS.score("A moon. It sank.", ("A moon. It rose.",)) == 0.5


def test_the_fitting_metric_follows_from_the_answers():
    ten = Item(0, "", "?", "red", ("red",) * 9)
    long = Item(0, "", "?", "it is a long sentence of more than eight words")
    assert fitting([ten, ten]) is VQA_ACCURACY
    assert fitting([ten, long, long]) is BLEU
    assert fitting([ten, long]) is EXACT_MATCH


# ---------------------------------------------------------------------------------------------------------------
# Intervals and p


def clustered(rng, pictures=30, each=3):
    """Two runs without any difference between them, in which the questions about a picture go together."""
    level = rng.random((2, pictures)) < 0.5
    noise = rng.random((2, pictures, each)) < 0.1
    after, before = (level[:, :, None] ^ noise).astype(float).reshape(2, -1)
    return after.tolist(), before.tolist(), np.repeat(np.arange(pictures), each).tolist()


def test_without_a_difference_p_is_even_and_only_over_pictures():
    rng = np.random.default_rng(0)
    runs = [clustered(rng) for _ in range(300)]
    by_picture = np.array([interval.permutation(*run) for run in runs])
    by_answer = np.array([interval.permutation(*run[:2], list(range(90))) for run in runs])
    three_sigma = 3 * (0.05 * 0.95 / 300) ** 0.5
    assert abs((by_picture < 0.05).mean() - 0.05) < three_sigma
    assert abs(by_picture.mean() - 0.5) < 3 / (12 * 300) ** 0.5 + 0.02  # ties make p a little larger
    assert (by_answer < 0.05).mean() > 0.05 + 2 * three_sigma


def test_p_of_few_pictures_is_that_of_all_ways_to_swap():
    after, before, pictures = clustered(np.random.default_rng(1), pictures=8)
    gain = (np.array(after) - before).reshape(8, 3).sum(1)
    every = [abs(np.dot(signs, gain)) for signs in product((1, -1), repeat=8)]
    assert interval.permutation(after, before, pictures) == np.mean(np.array(every) >= abs(gain.sum()) - 1e-9)
    assert interval.permutation([1.0] * 6, [0.0] * 6, [0, 1, 2, 3, 4, 5]) == 2 / 2**6


def test_p_is_never_zero_and_does_not_depend_on_the_side_or_the_order():
    ones, zeros, pictures = [1.0] * 20, [0.0] * 20, list(range(20))
    assert interval.permutation(ones, zeros, pictures) == pytest.approx(1 / 10_001)
    after, before, pictures = clustered(np.random.default_rng(2))
    p, order = interval.permutation(after, before, pictures), np.random.default_rng(3).permutation(90)
    assert interval.permutation(before, after, pictures) == pytest.approx(p, abs=0.03)
    moved = [[run[i] for i in order] for run in (after, before, pictures)]
    assert interval.permutation(*moved) == p
    assert interval.difference(*moved) == interval.difference(after, before, pictures)


def test_95_of_100_intervals_hold_the_truth():
    rng, held = np.random.default_rng(4), 0
    for _ in range(200):
        after, _, pictures = clustered(rng, pictures=40)
        found = interval.interval(after, pictures)
        held += found.low <= 0.5 <= found.high
    assert abs(held / 200 - 0.95) < 3 * (0.95 * 0.05 / 200) ** 0.5


def test_a_difference_of_bleu_is_that_of_both_corpora_and_its_p_swaps_pictures():
    one = [BLEU.score(told, accepted) for told, accepted in zip(TOLD, TRUTH, strict=True)]
    other = [BLEU.score("a star is there", accepted) for accepted in TRUTH]
    of = [BLEU.value(np.array([np.sum(run, axis=0)]))[0] for run in (one, other)]
    pictures = list(range(4))
    found = interval.contrast([(1, one), (-1, other)], pictures, value=BLEU.value)
    assert found.mean == pytest.approx(of[0] - of[1]) and found.low <= found.mean <= found.high
    swapped = []
    for coins in product((0, 1), repeat=4):
        runs = [[(b, a) if coin else (a, b) for a, b, coin in zip(one, other, coins, strict=True)]]
        sums = [np.sum([pair[side] for pair in runs[0]], axis=0) for side in (0, 1)]
        swapped.append(abs(np.diff([BLEU.value(np.array([total]))[0] for total in sums])[0]))
    p = np.mean(np.array(swapped) >= abs(of[0] - of[1]) - 1e-12)
    assert interval.permutation(one, other, pictures, value=BLEU.value) == p


def test_runs_on_different_items_are_refused():
    with pytest.raises(ValueError, match="a picture for each, got 3 and 2"):
        interval.permutation([1.0, 0.0], [1.0, 0.0, 1.0], [0, 1, 2])
    with pytest.raises(ValueError, match="at least one question"):
        Exam([], [])
    with pytest.raises(ValueError, match="picture number 1, but there are only 1"):
        Exam([dot(1)], [Item(1, "", "Where?", "1")])


# ---------------------------------------------------------------------------------------------------------------
# Controls


def dot(number: int) -> Image.Image:
    """A picture that tells its number by the place of a dot, and so not by its mean colour."""
    picture = Image.new("RGB", (8, 8))
    picture.putpixel((number % 8, number // 8), (255, 255, 255))
    return picture


def number_in(picture: Image.Image) -> int:
    return int(np.asarray(picture)[..., 0].argmax())


def test_no_entry_is_shown_its_own_picture_when_pictures_are_shuffled():
    entries = [dot(1), dot(1), [dot(2), dot(3)], lambda: dot(3), dot(1), [dot(4), dot(5)], []]
    looks = looks_of(entries)
    for own, other, entry, seen in zip(
        looks, looks_of(heldout.shuffled(entries)), entries, heldout.shuffled(entries), strict=True
    ):
        assert len(own) == len(other) and not set(own) & set(other)
        assert isinstance(entry, list) == isinstance(seen, tuple)
    assert heldout.shuffled([1, 2, 3][:0]) == []
    singles = [dot(number) for number in range(5)]
    assert heldout.shuffled(singles) == singles[1:] + singles[:1]


def test_pictures_that_all_look_the_same_cannot_be_shuffled():
    with pytest.raises(ValueError, match="two different pictures"):
        heldout.shuffled([dot(1), dot(1)])


def test_a_blank_picture_has_the_mean_colour_and_is_opened_late():
    now, (late, later) = heldout.blank([dot(1), [lambda: dot(1), lambda: pytest.fail("opened")]])
    assert looks_of([now]) == looks_of([late]) and callable(later)
    assert now.getcolors() == [(64, (4, 4, 4))]


def test_entries_that_share_a_picture_are_one_cluster():
    entries = [dot(4), [dot(2), dot(3)], dot(1), [dot(4), dot(2)], lambda: dot(3), dot(1), [], []]
    items = [Item(number, "", "?", "!") for number in [*range(8), 2]]
    assert clusters(entries, items) == [0, 0, 2, 0, 0, 2, 6, 7, 2]


# ---------------------------------------------------------------------------------------------------------------
# Proof


def speaker(tell) -> Loaded:
    """A stand-in for a model: `tell(number in the picture)` is its answer."""
    model = torch.nn.Module()
    model.tell = tell
    tokenizer = type("", (), {"__call__": lambda self, text: {"input_ids": text.split()}})()
    return Loaded(Entry("speaker", "none"), model, type("", (), {"tokenizer": tokenizer})())


@pytest.fixture
def spoken(monkeypatch):
    """Lets speakers answer."""

    def told(loaded, pictures, questions, **_):
        return [loaded.model.tell(number_in(picture)) for picture in pictures]

    monkeypatch.setattr(proof, "answers", told)


def exam(pictures=20, truth=str, each=2) -> Exam:
    """Pictures from 1 on, so that a blank one, whose brightest place is the first, is none of them."""
    entries = [dot(number) for number in range(1, pictures + 1)]
    asked = [Item(i, "place", "Where?", truth(i + 1)) for i in range(pictures) for _ in range(each)]
    earlier = [Item(i, kind, "What?", str(i + 1)) for i in range(pictures) for kind in ("colour", "shape")]
    return Exam(entries, asked, entries, earlier)


ORACLE, SILENT = speaker(str), speaker(lambda number: "none")


def test_a_model_against_itself_is_no_difference(spoken):
    for model in (ORACLE, SILENT):
        found = evaluate(model, model, exam())
        assert found.new.gain == (0, 0, 0, 40, 20) and found.p == 1
        assert found.verdict.startswith("No difference (its interval reaches zero, p = 1, not beyond the blind")
        assert found.lost.mean == found.won.mean == found.earlier.gain.mean == 0


def test_one_that_looks_has_improved_and_its_controls_sit_at_zero(spoken):
    found = evaluate(SILENT, ORACLE, exam())
    assert found.new.before[:3] == (0, 0, 0) and found.new.after[:3] == (1, 1, 1)
    assert found.controls["blind"].after.mean == found.controls["shuffled"].after.mean == 0
    assert [row.gain.mean for row in found.controls.values()] == [1, 1]
    assert found.p < 0.001 and found.improved
    assert found.verdict.startswith(
        "Improved: exact match 0.0 % -> 100.0 %, +100.0 points [+100.0, +100.0], p = 0.0001,"
    )
    assert "40 answers about 20 pictures; earlier skills +100.0 points" in found.verdict
    assert evaluate(ORACLE, SILENT, exam()).verdict.startswith("Worse")


def test_one_that_knows_the_answers_without_looking_is_not_beyond_its_controls(spoken):
    found = evaluate(SILENT, speaker(lambda number: "1"), exam(truth=lambda number: "1"))
    assert found.new.gain.mean == 1 and found.p < 0.001 and not found.improved
    assert found.verdict.startswith("Better, but not beyond the blind control, not beyond the shuffled control: ")


def test_a_random_adapter_that_does_as_well_is_told(spoken):
    class Control:
        def __enter__(self):
            after.model.tell = lambda number: str(number) if number % 2 else "none"

        def __exit__(self, *_):
            after.model.tell = str

    after = speaker(str)
    found = evaluate(SILENT, after, exam(), random_adapter=Control())
    assert found.controls["random adapter"].after.mean == found.controls["random adapter"].gain.mean == 0.5
    assert found.improved and after.model.tell is str
    Control.__enter__ = lambda self: None
    assert "not beyond the random adapter control" in evaluate(SILENT, after, exam(), random_adapter=Control()).verdict


def test_a_gain_that_was_there_with_blank_pictures_too_is_taken_off(spoken):
    before, after = speaker(lambda number: str(number) if number > 15 else "none"), speaker(lambda number: str(number))
    half = exam(truth=lambda number: "0" if number <= 10 else str(number))  # what a blank picture says
    blind = evaluate(before, after, half).controls["blind"]
    assert (blind.before.mean, blind.after.mean) == (0, 0.5)
    assert blind.gain.mean == pytest.approx(0.25 - 0.5)


def test_few_pictures_tell_nothing_whatever_the_gain(spoken):
    assert evaluate(SILENT, ORACLE, exam(9)).verdict.startswith("Too few pictures (9) to tell: ")
    assert not evaluate(SILENT, ORACLE, exam(9)).improved
    assert evaluate(SILENT, ORACLE, exam(10)).improved
    one = evaluate(SILENT, ORACLE, exam(1))  # nothing to shuffle it with
    assert list(one.controls) == ["blind"] and one.p == 1


def test_questions_about_one_picture_under_many_numbers_are_one_picture(spoken):
    same = Exam([dot(1)] * 12, [Item(i, "place", "Where?", "1") for i in range(12)])
    assert evaluate(SILENT, ORACLE, same).verdict.startswith("Too few pictures (1) to tell: ")


def test_what_was_forgotten_is_counted_both_ways_and_by_kind(spoken):
    asked = [Item(i, "even" if i % 2 else "odd", "Where?", str(i + 1)) for i in range(20)]
    entries = [dot(number) for number in range(1, 21)]
    before = speaker(lambda number: str(number) if number <= 10 else "none")
    after = speaker(lambda number: str(number) if number % 2 or number == 20 else "none")
    found = evaluate(before, after, Exam(entries, asked, entries, asked))
    assert (found.lost.mean, found.won.mean) == (0.25, 0.3)
    assert found.earlier.gain.mean == pytest.approx(0.05) and found.earlier.gain.low < 0 < found.earlier.gain.high
    assert found.kinds == {
        "even": {"n": 10, "before": 0.5, "after": 0.1}, "odd": {"n": 10, "before": 0.5, "after": 1.0},
    }  # fmt: skip


def test_scores_that_are_there_already_stand_for_a_model(spoken):
    assert evaluate(judge(SILENT, exam()), judge(ORACLE, exam()), exam()) == evaluate(SILENT, ORACLE, exam())


def test_long_answers_are_proven_by_bleu(spoken):
    sentence = "the dot can be seen at place number {} of this picture"
    found = evaluate(SILENT, speaker(sentence.format), exam(truth=sentence.format))
    assert found.metric == "BLEU" and found.new.after.mean == pytest.approx(1) and found.new.before.mean == 0
    blind = found.controls["blind"].after.mean
    assert 0.5 < blind < 1 and found.controls["blind"].gain.mean == pytest.approx(1 - blind)


def test_a_proof_is_a_table_and_plain_json(spoken):
    found = evaluate(SILENT, ORACLE, exam(), seed=3)
    console = Console(width=150, record=True, file=io.StringIO())
    console.print(found)
    text = console.export_text()
    rows = ["exact match (n = 40, 20 pictures)", "control: blind", "control: shuffled", "colour (n = 20)",
            "earlier skills (n = 40; 0.0 % lost, 100.0 % won)", "+100.0 points [+100.0, +100.0]"]  # fmt: skip
    for part in (*rows, "Improved: exact match"):
        assert part in text
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["seed"] == 3 and plain["p"] == found.p and plain["verdict"] == found.verdict
    assert plain["new"]["gain"] == {"mean": 1, "low": 1, "high": 1, "n": 40, "pictures": 20}
    assert plain["controls"]["blind"]["after"]["mean"] == 0 and plain["kinds"]["shape"]["n"] == 20


# ---------------------------------------------------------------------------------------------------------------
# Real models: the random adapter, and records as an exam


@pytest.fixture(scope="module")
def adapted():
    """A LLaVA with adapters that change something."""
    model, processor = standins.llava()
    model = add_lora(model, LoraSpec(r=2, lora_alpha=4)).eval()
    generator = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.copy_(torch.randn(weight.shape, generator=generator))
    return Loaded(Entry("llava", "AutoModelForImageTextToText"), model, processor)


def lora_pairs(model):
    weights = dict(model.named_parameters())
    return {name: (weights[name.replace("lora_A", "lora_B")].data, weight.data)
            for name, weight in weights.items() if "lora_A" in name}  # fmt: skip


def logits(loaded):
    inputs = write(loaded.processor, [{"role": "user", "content": [{"type": "text", "text": "Where is it?"}]}], [])
    with torch.no_grad():
        return loaded.model(**inputs).logits


def test_a_random_adapter_is_as_large_in_every_layer_and_leaves_no_trace(adapted):
    model, pairs = adapted.model, lora_pairs(adapted.model)
    before, seen = {name: (B.clone(), A.clone()) for name, (B, A) in pairs.items()}, logits(adapted)
    with pytest.raises(KeyError), random_adapter(model, seed=5):
        for name, (B, A) in pairs.items():
            own_B, own_A = before[name]
            assert (B @ A).norm().item() == pytest.approx((own_B @ own_A).norm().item(), rel=1e-5)
            assert torch.linalg.matrix_rank(B @ A) == 2
            assert torch.cosine_similarity((B @ A).flatten(), (own_B @ own_A).flatten(), dim=0).abs() < 0.2
        assert not torch.allclose(logits(adapted), seen, atol=1e-2)
        drawn = {name: A.clone() for name, (_, A) in pairs.items()}
        raise KeyError("something goes wrong")
    assert all(torch.equal(B, before[name][0]) and torch.equal(A, before[name][1]) for name, (B, A) in pairs.items())
    assert torch.equal(logits(adapted), seen)
    with random_adapter(model, seed=6):
        assert not any(torch.equal(A, drawn[name]) for name, (_, A) in pairs.items())


def test_the_norm_of_a_product_needs_no_product():
    B, A = torch.randn(30, 3), torch.randn(3, 20)
    assert norm_of_product(B, A).item() == pytest.approx((B @ A).norm().item(), rel=1e-6)


def test_without_an_adapter_there_is_nothing_to_make_random():
    with pytest.raises(ValueError, match="no LoRA layers"), random_adapter(standins.llava().model):
        pass
    fresh = add_lora(standins.llava().model)
    with random_adapter(fresh):  # B = 0 at the start, and a random update of that size is none
        assert not any(weight.any() for name, weight in fresh.named_parameters() if "lora_B" in name)


def test_an_untrained_model_against_itself_through_its_own_answers(adapted):
    pictures = [dot(number).resize((40, 30)) for number in range(1, 12)]
    asked = Exam(pictures, [Item(i, "", "What is the star?", "a red star") for i in range(11)])
    adapted.model.train()
    found = evaluate(adapted, adapted, asked, random_adapter=random_adapter(adapted.model))
    assert adapted.model.training
    adapted.model.eval()
    assert list(found.controls) == ["blind", "shuffled", "random adapter"] and found.new.gain[:3] == (0, 0, 0)


@pytest.fixture
def records(record):
    talk = record(("What colour is the star?", "red", 0), ("Where is it?", "at the top"), ("And so ?", "so", 1))
    other = record(("Which two pictures differ?", "two", 2, 0))
    first = [record((text, "a red star", 0)) for text in ("Where is the star?", "Which two pictures differ?")]
    for one in (other, *first):
        one.messages[0]["content"].reverse()  # the question before its pictures
    text = record(("You are helpful ?", "and so"))
    return [talk, other, text, *first]


def test_every_answer_of_a_record_is_asked_for_after_its_own_conversation(records):
    asked = exam_of(records)
    assert [(item.question, item.answer) for item in asked.new[:3]] == [
        ("What colour is the star?", "red"), ("Where is it?", "at the top"), ("And so ?", "so"),
    ]  # fmt: skip
    assert [item.asked for item in asked.new[:3]] == [records[0].messages[:turn] for turn in (1, 3, 5)]
    assert [len(asked.pictures[item.picture]) for item in asked.new] == [1, 1, 2, 2, 0, 1, 1]
    assert len(set(clusters(asked.pictures, asked.new))) == 2  # all with a picture, and the text
    drawn = [exam_of(records, most=2, seed=seed).new for seed in (0, 0, 1, 2, 3)]
    assert max(map(len, drawn)) < 7 and drawn[0] == drawn[1] and drawn.count(drawn[0]) < 5
    both = exam_of(records, earlier=exam(5))
    assert len(both.earlier) == 10 and len(both.earlier_pictures) == 5


FAMILIES = ["llava", "llava_next", "idefics3"] + (["qwen2_vl", "qwen2_5_vl"] if is_torchvision_available() else [])


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_within_conversations_are_those_of_asking_one_by_one(family, records):
    model, processor = getattr(standins, family)()
    loaded, asked, expected = Loaded(Entry(family, "AutoModel"), model, processor), exam_of(records), []
    for item in asked.new:
        shown = [opening() for opening in asked.pictures[item.picture]]
        inputs = write(processor, item.asked, shown)
        told = model.generate(**inputs, max_new_tokens=6, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        expected.append(processor.decode(told, skip_special_tokens=True).strip())
    shown = [asked.pictures[item.picture] for item in asked.new]
    questions = [item.asked for item in asked.new]
    for batch in (64, 2):
        assert answers(loaded, shown, questions, batch=batch, max_new_tokens=6) == expected
    assert len(set(expected)) > 1


def test_a_picture_after_other_words_is_read_again(records, monkeypatch):
    read_before, seen = reading_once._read, []
    monkeypatch.setattr(reading_once, "_read", lambda *given: seen.append(len(given[1])) or read_before(*given))
    model, processor = standins.idefics3()
    asked = exam_of(records[-2:])  # the same picture after as many, but other tokens
    shown = [asked.pictures[item.picture] for item in asked.new]
    answers(Loaded(Entry("idefics3", "none"), model, processor), shown * 2, [item.asked for item in asked.new] * 2)
    assert len(asked.pictures) == 1 and seen == [2]


def test_positions_that_count_otherwise_are_seen_beneath_an_adapter():
    model, processor = standins.llava()
    adapted = Loaded(Entry("llava", "none"), add_lora(model), processor)
    assert can_read_once(adapted)
    model.model.get_rope_index = None  # as Qwen2-VL's inner model has it
    assert not can_read_once(Loaded(Entry("llava", "none"), model, processor)) and not can_read_once(adapted)


def test_exact_match_of_written_answers_is_that_of_scoring_them(tmp_path):
    loaded = catalog.load("multimodal")
    kept = read(write_llava(tmp_path, "heldout", 8, turns=4), tmp_path / "images")
    found = judge(loaded, exam_of(kept), views=["new"])["new"]
    scored = score(loaded.model, loaded.processor, kept)
    assert (np.mean(found), len(found)) == (scored.exact, scored.answers) and 0.2 < scored.exact < 1
