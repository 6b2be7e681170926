"""Pictures read once for all their questions: the answers of asking one by one, and fewer looks."""

import random

import pytest
import standins
from transformers.utils import is_torchvision_available

from labs.evaluation.answering import answers
from labs.evaluation.reading_once import can_read_once
from labs.models import chat
from labs.models.catalog import Entry, Loaded
from labs.models.remembered import remembering
from labs.world import splits
from labs.world.picture import draw

ONCE = ["llava", "llava_next", "idefics3"] + (["smolvlm"] if is_torchvision_available() else [])
ORDINARY = ["paligemma"] + (["qwen2_vl", "qwen2_5_vl"] if is_torchvision_available() else [])
QUESTIONS = ["What colour is the star?", "Where is it?", "Which two pictures differ?", "What is the star?"]
PICTURES = [draw(splits.sample(random.Random(number))).resize((40, 30)) for number in range(3)]


def opened(family: str) -> Loaded:
    model, processor = getattr(standins, family)()
    return Loaded(Entry(family, "AutoModelForImageTextToText"), model.eval(), processor)


def one_by_one(loaded, shown, questions):
    asked = zip(shown, questions, strict=True)
    return [chat.answer(loaded, pictures, question, max_new_tokens=6) for pictures, question in asked]


@pytest.mark.parametrize("family", [*ONCE, "paligemma"])
def test_answers_are_those_of_asking_one_by_one(family):
    loaded = opened(family)
    if family == "paligemma":
        shown, questions = [[PICTURES[0]]] * 2, QUESTIONS[:2]
    else:
        shown = [[PICTURES[n % 2]] for n in range(8)] + [PICTURES[1:], PICTURES[1:], [PICTURES[2]]]
        questions = [*QUESTIONS, *QUESTIONS[::-1], *QUESTIONS[:3]]
    expected = one_by_one(loaded, shown, questions)
    assert answers(loaded, shown, questions, max_new_tokens=6) == expected
    assert answers(loaded, shown, questions, batch=3, max_new_tokens=6) == expected
    assert family == "paligemma" or len(set(expected)) > 1


def test_every_picture_is_looked_at_once():
    loaded, seen = opened("llava"), []
    tower = loaded.model.model.vision_tower
    handle = tower.register_forward_pre_hook(lambda module, args, kwargs: seen.append(len(args[0])), with_kwargs=True)
    answers(loaded, [[PICTURES[n % 2]] for n in range(8)], QUESTIONS * 2, max_new_tokens=3)
    handle.remove()
    assert seen == [2]


@pytest.mark.parametrize("family", ORDINARY)
def test_where_positions_or_masks_forbid_it_all_is_as_before(family):
    assert not can_read_once(opened(family))


def test_a_processor_with_a_memory_can_be_shown_and_leaves_the_other_as_it_is():
    processor = standins.llava().processor
    before = type(processor.image_processor)
    assert "LlavaProcessor" in repr(remembering(processor)) and type(processor.image_processor) is before
