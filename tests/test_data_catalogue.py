"""The data sets of the catalogue: opened from a Hub cache with the network closed, on stand-ins of the same schema."""

import dataclasses
import re
from pathlib import Path

import hub
import pytest
from huggingface_hub import constants

from labs.data import catalog
from labs.data.catalog import REAL, open_set, to_entry
from labs.data.real import COLAB, FULL, UNSTATED
from labs.data.record import DataError
from labs.evaluation.metrics import fitting
from labs.evaluation.questions import exam_of
from labs.models.catalog import CatalogError
from labs.models.downloads import pinned
from labs.models.pictures import open_picture

ENTRIES = list(dict.fromkeys([*COLAB.values(), *FULL.values()]))
DOMAINS = {"medical", "writing", "code", "sentiment", "arithmetic", "retrieval"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A Hub cache with a stand-in for every data set."""
    home = tmp_path_factory.mktemp("hub")
    for entry in ENTRIES:
        hub.put_data(home, entry)
    return home / "hub"


@pytest.fixture(autouse=True)
def hub_cache(cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))


@pytest.mark.parametrize("profile", REAL)
def test_every_profile_has_data_for_the_demos_and_the_six_domains(profile):
    assert set(REAL[profile]) == DOMAINS | {"vqa", "story", "instructions"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.name} {entry.files}")
def test_an_entry_is_complete(entry):
    assert entry.why and entry.megabytes and entry.licence and entry.checked and entry.files.endswith(".parquet")
    assert entry.talk or (entry.answer and bool(entry.question) != bool(entry.asks))
    assert entry.caution or entry.licence != UNSTATED  # what has no licence says whose pictures it shows


def test_colab_downloads_little():
    assert max(entry.megabytes for entry in COLAB.values()) <= 200


@pytest.mark.parametrize("profile", REAL)
@pytest.mark.parametrize("role", COLAB)
def test_a_set_opens_as_records(role, profile, tmp_path):
    records = open_set(role, tmp_path, profile, count=5)
    assert len(records) == 5
    for record in records:
        assert record.pictures and all(min(open_picture(picture).size) > 32 for picture in record.pictures)
        assert [message["role"] for message in record.messages][-2:] == ["user", "assistant"]
    entry = REAL[profile][role]
    assert pinned(tmp_path, entry.name, "datasets") == hub.COMMIT
    assert len(exam_of(records).new) >= 5


def test_what_ten_people_answered_is_scored_as_such(tmp_path):
    items = exam_of(open_set("vqa", tmp_path, "colab", count=3)).new
    assert fitting(items).name == "VQA accuracy" and all(len(item.accepted) == 10 for item in items)
    assert fitting(exam_of(open_set("vqa", tmp_path, "full", count=3)).new).name == "exact match"


def test_a_question_is_worded_as_the_model_wants_it(tmp_path):
    (record,) = open_set("medical", tmp_path, "colab", count=1, ask=lambda text: f"{text} Be brief.")
    assert record.messages[0]["content"][-1]["text"].endswith(" Be brief.")


def test_the_mini_profile_draws_its_own(tmp_path):
    for role in catalog.MINI:
        first = open_set(role, tmp_path, "mini", count=3)
        again = open_set(role, tmp_path, "mini", count=3)
        assert len(first) == 3 and first == again
    assert pinned(tmp_path, "vqa", "datasets") is None


def test_data_begun_and_not_ended_are_drawn_again(tmp_path):
    (tmp_path / "data" / "vqa-3" / "images").mkdir(parents=True)
    assert len(open_set("vqa", tmp_path, "mini", count=3)) == 3


@pytest.mark.parametrize(
    ("role", "profile", "says"),
    [
        ("vqa", "large", "profile 'large' has no data for 'vqa': choose one of mini, colab, full."),
        ("news", "colab", "profile 'colab' has no data for 'news': it has vqa, story, instructions, medical"),
        ("medical", "mini", "profile 'mini' has no data for 'medical': it has vqa, story, instructions."),
    ],
)
def test_what_does_not_exist_is_refused(role, profile, says, tmp_path):
    with pytest.raises(CatalogError, match=re.escape(says)):
        open_set(role, tmp_path, profile)


def test_columns_that_have_moved_are_named(tmp_path):
    entry = dataclasses.replace(COLAB["medical"], question=("query", "ask"))
    with pytest.raises(DataError, match="flaviagiammarino/vqa-rad has no column query or ask, but image, number"):
        to_entry({"image": {"bytes": b"1"}, "number": 1, "question": "Where?", "answer": "here"}, entry)


def test_files_that_have_moved_are_named(tmp_path):
    entry = dataclasses.replace(COLAB["medical"], files="data/new-*.parquet")
    with pytest.raises(DataError, match=r"has no files data/new-\*.parquet: its entry in labs/data/real.py is out of"):
        catalog.download(entry, tmp_path)


def test_what_is_not_in_the_cache_needs_the_network(tmp_path):
    entry = dataclasses.replace(COLAB["medical"], name="nobody/nothing")
    with pytest.raises(DataError, match="nobody/nothing cannot be opened: check the name and the network"):
        catalog.download(entry, tmp_path)


def test_the_parts_of_messages_lose_what_arrow_filled_up(tmp_path):
    for record in open_set("instructions", tmp_path, "colab", count=2):
        assert all(None not in part.values() for message in record.messages for part in message["content"])


def test_nothing_of_a_set_is_code(cache):
    assert not list(Path(cache).rglob("*.py"))
