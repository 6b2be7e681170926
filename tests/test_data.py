"""Data: every format gives the same, every fault is found before training and counted, and it all streams."""

import io
import json
import random
import re
import subprocess
import sys

import datasets
import numpy as np
import pytest
import typer
from PIL import Image
from pyarrow import parquet
from rich.console import Console
from typer.testing import CliRunner

from labs.cli.tune import tune
from labs.cli.tune_inputs import read_exam
from labs.data import json_entries
from labs.data.heldout import leakage, split
from labs.data.keys import key_of
from labs.data.record import DataError, Record
from labs.data.records import Records, as_records, read
from labs.models import catalog
from labs.models.pictures import PictureError, open_picture
from labs.tuning import examples as remembering
from labs.tuning.examples import Examples
from labs.tuning.mask import encode
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS

TALKS = [("What colour is the star?", "red"), ("¿Dónde está? 🌟", "top left"), ("Is there a moon?", "no")]
FEATURES = datasets.Features({
    "id": datasets.Value("string"),
    "images": datasets.List(datasets.Image()),
    "messages": [{"role": datasets.Value("string"), "content": datasets.Value("string")}],
})  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        draw(splits.sample(random.Random(number))).save(path / f"{number}.png")
    return path


def llava(number, *talk, shown=1, **changes) -> dict:
    said = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(sum(talk, ()))]
    said[0]["value"] = "<image>\n" * shown + said[0]["value"]
    return {"id": str(number), "image": f"{number}.png", "conversations": said} | changes


def chat(number, *talk, **changes) -> dict:
    """The same as a row of `messages`, in which nothing says where the picture stands."""
    said = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(sum(talk, ()))]
    return {"id": str(number), "images": [f"{number}.png"], "messages": said} | changes


@pytest.fixture
def write(tmp_path, pictures):
    """Write entries (or a text) as a data file and read it."""

    def write_and_read(content, name="data.json", images=pictures) -> Records:
        if name.endswith("l") and not isinstance(content, str):
            content = "\n".join(map(json.dumps, content)) + "\n"
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        return read(tmp_path / name, images)

    return write_and_read


@pytest.fixture
def dataset(pictures):
    """A Hugging Face dataset of rows, the pictures inside."""

    def build(rows) -> datasets.Dataset:
        inside = [[{"bytes": (pictures / name).read_bytes()} for name in row["images"]] for row in rows]
        rows = [row | {"images": images} for row, images in zip(rows, inside, strict=True)]
        return datasets.Dataset.from_list(rows, features=FEATURES)

    return build


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


# ---------------------------------------------------------------------------------------------------------------
# Formats


def test_all_formats_give_the_same_tokens_masks_and_pixels(folder, write, dataset, tmp_path):
    processor = catalog.load_from(str(folder), catalog.MINI["multimodal"]).processor
    talks = [[TALKS[number % 3], TALKS[(number + 1) % 3]] for number in range(12)]
    rows = [chat(number, *talk) for number, talk in enumerate(talks)]
    saved = dataset(rows)
    saved.save_to_disk(tmp_path / "saved", num_shards=3)
    (tmp_path / "parquet").mkdir()
    for number in range(2):
        saved.shard(2, number).to_parquet(tmp_path / "parquet" / f"train-0000{number}-of-00002.parquet")
    turns = [llava(number, *talk) for number, talk in enumerate(talks)]
    as_llava = saved.remove_columns("messages").add_column("conversations", [turn["conversations"] for turn in turns])
    read_ = {
        "LLaVA's JSON": write(turns),
        "JSON lines": write(rows, "data.jsonl"),
        "parquet": read(tmp_path / "parquet"),
        "pattern": read(tmp_path / "parquet" / "train-*.parquet"),
        "save_to_disk": read(tmp_path / "saved"),
        "dataset": read(saved.select(range(12))),
        "LLaVA's turns in a dataset": read(as_llava),
    }
    assert all(len(records) == 12 and isinstance(records[3], Record) for records in read_.values())
    for number in range(12):
        first, *others = (encode(processor, records[number]) for records in read_.values())
        assert any(first.supervised)
        for other in others:
            assert other.input_ids == first.input_ids and other.supervised == first.supervised
            assert (other.inputs["pixel_values"] == first.inputs["pixel_values"]).all()
    first, *others = (records.keys for records in read_.values())
    for other in others:  # pictures are known by their content, wherever they are
        assert all((mine == theirs).all() for mine, theirs in zip(first, other, strict=True))


def test_where_pictures_stand_in_messages(write, pictures):
    compare, and_ = ({"type": "text", "text": text} for text in ("Compare ", " and "))
    parts, same = [compare, {"type": "image"}, and_, {"type": "image"}], [{"type": "text", "text": "same"}]
    said = [{"role": "user", "content": parts}, {"role": "assistant", "content": same}]
    marked = [{"role": "user", "content": "Compare <image> and <image>"}, {"role": "assistant", "content": "same"}]
    nowhere = [{"role": "user", "content": "Compare"}, {"role": "assistant", "content": "same"}]
    two = ["1.png", "2.png"]
    one, other, before = write([{"messages": messages, "images": two} for messages in (said, marked, nowhere)])
    shown = [{"type": "image", "path": str(pictures / name)} for name in two]
    assert one.messages == other.messages and one.messages[0]["content"] == [compare, shown[0], and_, shown[1]]
    assert before.messages[0]["content"] == [*shown, {"type": "text", "text": "Compare"}]


def test_a_system_message_may_come_first(folder, write):
    system = {"role": "system", "content": "Be brief."}
    entry = chat(0, TALKS[0])
    (record,) = write([entry | {"messages": [system, *entry["messages"]]}])
    assert [message["role"] for message in record.messages] == ["system", "user", "assistant"]
    assert record.messages[0]["content"] == [{"type": "text", "text": "Be brief."}]
    processor = catalog.load_from(str(folder), catalog.MINI["multimodal"]).processor
    encoded = encode(processor, record)
    assert processor.decode(encoded.input_ids).startswith("<system>Be brief.<user>")
    learned = [token for token, learned in zip(encoded.input_ids, encoded.supervised, strict=True) if learned]
    assert processor.decode(learned) == "red</s>"


@pytest.mark.parametrize("family", ["mini", "paligemma", "instructblip"])
def test_a_system_message_that_the_model_cannot_read_is_refused(folder, standin, write, family):
    entry = chat(0, TALKS[0])
    (record,) = write([entry | {"messages": [{"role": "system", "content": "Be brief."}, *entry["messages"]]}])
    if family == "mini":
        processor = catalog.load_from(str(folder), catalog.MINI["multimodal"]).processor
        users = "for message in messages if message['role'] != 'system' -%}\n{{- '<'"
        processor.chat_template = processor.chat_template.replace("for message in messages -%}\n{{- '<'", users)
    else:
        processor = standin(family).processor
    with pytest.raises(DataError, match=r"record 0 \(id '0'\): the .* system message: put it into the question"):
        encode(processor, record)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"messages": None}, "has no `messages`: give it a list of turns of user and assistant"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "turn 0 has no text: write it as `role`"),
        ({"messages": [{"role": "assistant", "content": "red"}]}, "turn 0 is from 'assistant', not 'user'"),
        ({"messages": [{"role": "system", "content": "Hi"}]}, "no answer to its last question: add a turn from assis"),
        ({"messages": [{"role": "system", "content": ""}]}, "turn 0 is an empty system message"),
        ({"messages": [{"role": "system", "content": "<image>"}]}, "turn 0 has <image> in a system message"),
        ({"messages": [*chat(0, TALKS[0])["messages"], {"role": "system", "content": "Hi"}]}, "turn 2 is from 'sys"),
        ({"messages": chat(0, ("<image><image>?", "no"))["messages"]}, "has 2 <image> in its questions and 1 pictures"),
        ({"images": [{"bytes": None, "path": None}]}, "neither a file name nor a list"),
    ],
)
def test_bad_messages_are_refused(write, changes, sentence):
    with pytest.raises(DataError) as caught:
        write([chat(0, TALKS[0]) | changes])
    assert sentence in str(caught.value) and "data.json, record 0 (id '0')" in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------
# Files


@pytest.mark.parametrize("characters", [1, 7, 1 << 20])
@pytest.mark.parametrize("start", ["", "\ufeff", "\r\n \t"])
def test_records_are_found_wherever_they_stand(write, monkeypatch, characters, start):
    monkeypatch.setattr(json_entries, "CHARACTERS", characters)
    odd = llava(1, ('[{"a": "},{"}] \\ ñ\u2028 🌟\n', 'é "]" \x7f'), nested=[[{}], [], {"x": [1.5e3, None]}])
    entries = [llava(0, TALKS[1]), odd, llava(2, TALKS[2])]
    texts = [json.dumps(entry, ensure_ascii=number == 1, indent=number) for number, entry in enumerate(entries)]
    listed = write(start + "[" + " ,\r\n".join(texts) + "\n]\n ")
    assert [record.messages[0]["content"][1]["text"] for record in listed] == [
        entry["conversations"][0]["value"].removeprefix("<image>").strip("\n") for entry in entries
    ]
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    in_lines = write(start + "\r\n\r\n".join(lines), "data.jsonl")
    assert [record.messages for record in in_lines] == [record.messages for record in listed]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("data.json", '[{"a": 1}\n\n {"b": 2}]', "is not JSON (line 3: Expecting ',' delimiter)"),
        ("data.json", '[{"a": 1},\n{"b": 2}', "is not JSON (line 2: Expecting ',' delimiter)"),
        ("data.json", '[{"a": 1}]\n]', "is not JSON (line 2: Extra data)"),
        ("data.json", '{"a": 1}\n{"a": 2}', "one record a line and be named .jsonl"),
        ("data.json", "[" * 100_000, "nested too deeply"),
        ("data.jsonl", '{"a": 1}\n\n{"b": \n', "is not JSON (line 3: Expecting value)"),
        ("data.jsonl", "\n \n", "is empty"),
        ("data.jsonl", "7\n", "record 0 is a int"),
    ],
)
def test_faults_of_a_file_are_named_with_their_line(write, name, content, sentence):
    with pytest.raises(DataError) as caught:
        write(content, name)
    assert sentence in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_changes_after_the_check_is_refused(write, tmp_path):
    records = write([llava(number, TALKS[0]) for number in range(3)])
    (tmp_path / "data.json").write_text(json.dumps([llava(number, TALKS[2]) for number in range(3)]))
    with pytest.raises(DataError, match=r"data.json has changed since it was checked"):
        records[1]


def test_folders_that_are_no_dataset_are_refused(dataset, tmp_path):
    rows = dataset([chat(number, TALKS[0]) for number in range(2)])
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(tmp_path / "both")
    with pytest.raises(DataError, match="both holds several splits: name the folder of one, train or test"):
        read(tmp_path / "both")
    assert len(read(tmp_path / "both" / "test")) == 2
    for name in ("train", "test"):
        rows.to_parquet(tmp_path / f"{name}-00000-of-00001.parquet")
    with pytest.raises(DataError, match=r"several splits: name the files of one, as in .*/train-\*\.parquet"):
        read(tmp_path)
    with pytest.raises(DataError, match="there is no data file .*nothing.parquet"):
        read(tmp_path / "nothing.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="broken.parquet cannot be read as a dataset"):
        read(tmp_path / "broken.parquet")
    (tmp_path / "both" / "test" / "state.json").write_text("{}")
    with pytest.raises(DataError, match="test cannot be read as a dataset"):
        read(tmp_path / "both" / "test")
    with pytest.raises(DataError, match="the dataset holds no records"):
        read(rows.select([]))


def test_a_picture_inside_a_dataset_is_opened_like_a_file(pictures):
    content = (pictures / "0.png").read_bytes()
    assert np.array_equal(np.asarray(open_picture(content)), np.asarray(open_picture(pictures / "0.png")))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    open_picture(content).resize((20, 10)).save(turned, "JPEG", exif=exif)
    assert open_picture(turned.getvalue()).size == (10, 20)
    for broken in (b"", b"no picture", content[:200]):
        with pytest.raises(PictureError, match="^a picture of the dataset is "):
            open_picture(broken)


# ---------------------------------------------------------------------------------------------------------------
# The report


def findings(report) -> dict:
    return {finding.check: finding for finding in report.findings}


def shown(report) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(report)
    return console.export_text()


def test_the_table_counts_every_kind_of_fault(write, tmp_path):
    good = [llava(number, TALKS[0]) for number in range(4)]
    bad = [
        llava(4, TALKS[0], shown=0), llava(4, TALKS[0], shown=2),  # placeholders
        llava(5, ("", "red"), shown=0, image=None), llava(5, ("What?", " ")),  # empty
        llava(6, TALKS[0], conversations=[{"from": "gpt", "value": "red"}]),  # roles
        7, {"id": "8"}, llava(8, TALKS[0], image=8),  # schema
        llava(99, TALKS[0]),  # missing
    ]  # fmt: skip
    with pytest.raises(DataError, match="record 4 .*; and 7 more records have faults.$") as caught:
        write(good + bad)
    found = findings(caught.value.report)
    counts = {"schema": 3, "roles in order": 1, "empty answers": 2, "placeholders": 2, "missing pictures": 1,
              "unreadable pictures": 0}  # fmt: skip
    assert {name: found[name].found for name in counts} == counts
    assert "record 9 is a int" in found["schema"].note and "99.png" in found["missing pictures"].note
    lines = shown(caught.value.report).splitlines()
    assert "data.json: 13 records, 5 pictures" in lines[0]
    for name, count in counts.items():
        (line,) = [line for line in lines if name in line]
        assert re.search(rf"{name} +│ +{count} │ {'wrong' if count else 'fine'} ", line)


def test_broken_pictures_inside_a_dataset_are_named_by_their_records(dataset, pictures):
    rows = dataset([chat(number, TALKS[0]) for number in range(3)])
    rows = [dict(row) for row in rows.with_format("arrow")[:].to_pylist()]
    rows[1]["images"] = [{"bytes": (pictures / "1.png").read_bytes()[:100], "path": None}]
    with pytest.raises(DataError, match=r"1 of 3 pictures of the dataset are unreadable.*, record 1 \(id '1'\)"):
        read(datasets.Dataset.from_list(rows, features=FEATURES))


def test_duplicates_are_counted_and_named(write, pictures, tmp_path):
    (tmp_path / "copy.png").write_bytes((pictures / "0.png").read_bytes())
    again = llava(7, TALKS[0], image=str(tmp_path / "copy.png"))  # the same picture by another name
    records = write([llava(0, TALKS[0]), llava(0, TALKS[1]), again, llava(1, TALKS[0]), llava(0, TALKS[0])])
    found = findings(records.report)["duplicates"]
    assert found.found == 2 and found.state == "look"
    assert found.note == "first record 2 repeats 0, record 4 repeats 0"


def test_the_most_frequent_answer_is_a_baseline(write):
    few = [llava(number % 12, ("Is it?", "yes")) for number in range(20)]
    assert findings(write(few).report)["most frequent answer"].state == ""
    records = write([*few, llava(0, ("Is it?", "no"), ("And now?", "maybe"))])
    found = findings(records.report)["most frequent answer"]
    assert found.found == 20 and found.state == "look"
    assert found.note == "'yes': 91 % of 22 answers, 3 different ones"
    even = [llava(number % 12, ("Is it?", ("yes", "no")[number % 2])) for number in range(30)]
    assert findings(write(even).report)["most frequent answer"].state == ""


# ---------------------------------------------------------------------------------------------------------------
# Training and held-out


def test_a_picture_by_another_name_is_never_on_both_sides(write, pictures, tmp_path):
    entries = []
    for number in range(12):
        (tmp_path / f"copy{number}.png").write_bytes((pictures / f"{number}.png").read_bytes())
        entries += [llava(number, TALKS[0]), llava(number, TALKS[1], image=str(tmp_path / f"copy{number}.png"))]
    entries += [llava(0, (f"Question {n % 5}?", "yes"), shown=0, image=None) for n in range(20)]
    records = write(entries)  # those without a picture say the same four times each
    for seed in range(5):
        train, heldout = split(records, 0.3, seed)
        assert len(train) + len(heldout) == 44 and 14 <= len(heldout) <= 17
        assert not set(train.keys.pictures) & set(heldout.keys.pictures)
        assert not set(train.keys.talks) & set(heldout.keys.talks)
        assert leakage(train, heldout).found == 0
    careless = records[::2], records[1::2]
    found = leakage(*careless)
    assert found.found == 22 and found.state == "wrong" and careless[1][0].name in found.note


def test_parts_are_views_with_the_keys_of_what_they_show(write):
    records = write([llava(number, *TALKS[: 1 + number % 2]) for number in range(12)])
    part = records[::-3]
    assert isinstance(part, Records) and [record.name for record in part] == [records[n].name for n in (11, 8, 5, 2)]
    alone = as_records(list(part))
    for name in ("talks", "shown", "pictures"):
        assert sorted(getattr(part.keys, name)) == sorted(getattr(alone.keys, name))
    assert part.keys.pictures[part.keys.owners == 1] == alone.keys.pictures[alone.keys.owners == 1]
    assert part == list(part) and part != records and part[1:] == list(part)[1:]
    assert as_records(part) is part
    assert part.keys.pictures[part.keys.owners == 0] == [key_of(part[0].pictures[0].read_bytes())]


app = typer.Typer()
app.command()(tune)


@pytest.fixture
def command(folder, pictures, tmp_path):
    """Run two steps of `labs tune` on a file and a held-out file, both written from entries."""

    def run(entries, heldout, earlier=None):
        for name, content in (("data.json", entries), ("held.json", heldout), ("earlier.json", earlier)):
            (tmp_path / name).write_text(json.dumps(content))
        options = {"earlier": tmp_path / "earlier.json"} if earlier else {}
        options |= {"data": tmp_path / "data.json", "heldout": tmp_path / "held.json", "images": pictures, "rank": 2,
                   "out": tmp_path / "run", "model": folder, "steps": 2, "json": tmp_path / "result.json"}  # fmt: skip
        return CliRunner().invoke(app, [text for name, value in options.items() for text in (f"--{name}", str(value))])

    return run


def test_the_command_shows_what_it_found_and_holds_out_the_user_s_own_file(command, tmp_path):
    done = command([llava(number, TALKS[0]) for number in range(10)], [llava(11, *TALKS[:2])])
    assert done.exit_code == 0, done.output
    assert all(re.search(f"{check} +│ +0 │ fine", done.output) for check in ("duplicates", "held-out in training"))
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["records"] == 10 and result["heldout_records"] == 1 and result["after"]["answers"] == 2


def test_the_command_shows_what_was_forgotten_of_the_user_s_own_earlier_data(command, tmp_path):
    done = command([llava(n, TALKS[0]) for n in range(10)], [llava(11, TALKS[0])], [llava(n, *TALKS) for n in (1, 2)])
    assert done.exit_code == 0 and "earlier skills (n" in done.output, done.output
    assert json.loads((tmp_path / "result.json").read_text())["proof"]["earlier"]["gain"]["n"] == 2 * len(TALKS)


def test_the_mini_model_s_earlier_skills_are_the_micro_world(write):
    kept = write([llava(number, TALKS[0]) for number in range(4)])
    assert not read_exam(kept, 4, None, None, mini=False, seed=0).earlier
    assert {item.kind for item in read_exam(kept, 4, None, None, mini=True, seed=0).earlier} == set(KINDS)
    assert read_exam(kept, 0, None, None, mini=True, seed=0) is None


def test_the_command_refuses_held_out_pictures_that_it_trains_on(command, pictures, tmp_path):
    (tmp_path / "other name.png").write_bytes((pictures / "3.png").read_bytes())
    heldout = [llava(11, TALKS[0]), llava("x", TALKS[2], image=str(tmp_path / "other name.png")), llava(4, TALKS[2])]
    done = command([llava(number, TALKS[0]) for number in range(10)], heldout)
    assert isinstance(done.exception, DataError) and not (tmp_path / "run").exists()
    sentence = r"2 of 3 records of .*held.json show what .*data.json trains on, first .*held.json, record 1 \(id 'x'\)"
    assert re.match(sentence, str(done.exception))
    assert re.search(r"held-out in training +│ +2 │ wrong", done.output)


def test_the_command_shows_the_table_of_faults(command, tmp_path):
    done = command([llava(0, TALKS[0]), llava(1, ("What?", ""))], [llava(2, TALKS[0])])
    assert isinstance(done.exception, DataError) and "is an empty answer" in str(done.exception)
    assert re.search(r"empty answers +│ +1 │ wrong", done.output) and not (tmp_path / "run").exists()


def test_the_command_tunes_on_a_dataset_s_own_pictures(folder, dataset, tmp_path):
    dataset([chat(number, TALKS[0]) for number in range(12)]).to_parquet(tmp_path / "data.parquet")
    options = {"data": tmp_path / "data.parquet", "out": tmp_path / "run", "model": folder, "steps": 2, "rank": 2}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0 and "data.parquet: 12 records, 12 pictures" in done.output.replace("\n", "")
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").exists()


# ---------------------------------------------------------------------------------------------------------------
# Memory


def test_tokens_are_remembered_only_as_far_as_there_is_room(folder, write):
    processor = catalog.load_from(str(folder), catalog.MINI["multimodal"]).processor
    records = write([llava(number, TALKS[0]) for number in range(6)])
    small = Examples(processor, records, _room=700.0)
    first = [small[number] for number in range(6)]
    assert 1 <= len(small._known) <= 3
    assert [small[number].input_ids for number in range(6)] == [encoded.input_ids for encoded in first]
    assert [small.text(number).supervised for number in range(6)] == [encoded.supervised for encoded in first]
    assert Examples(processor, records)._room == remembering.MEGABYTES * 1e6 <= 16e6


STREAM = """
import json, sys
from pathlib import Path
import pyarrow as pa
from PIL import Image
from labs.data.heldout import leakage, split
from labs.data.records import read

count, kind, out, checkpoint = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
if kind == "json":  # imported first, for the most memory that importing takes must not hide that of reading
    from transformers import AutoProcessor
    from labs.tuning.examples import Examples
    from labs.tuning.steps import Steps
for number in range(10):
    Image.new("RGB", (8, 8), (number, 0, 0)).save(out / f"{number}.png")
text = "Tell me about number {} of the many things that there are to be seen in this picture."
if kind == "json":
    with (out / "data.json").open("w") as file:
        for number in range(count):
            turns = [{"from": ("human", "gpt")[turn % 2], "value": text.format(number + turn)} for turn in range(2)]
            turns[0]["value"] = "<image>" + turns[0]["value"]
            entry = {"id": str(number), "image": f"{number % 10}.png", "conversations": turns}
            file.write(("," if number else "[") + json.dumps(entry))
        file.write("]")
else:
    picture = (out / "0.png").read_bytes()
    struct, role = pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"role": pa.string(), "content": pa.string()}
    schema = pa.schema({"images": pa.list_(struct), "messages": pa.list_(pa.struct(role))})
    with pa.OSFile(str(out / "data.arrow"), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for start in range(0, count, 100):
            rows = [{"images": [{"bytes": picture + number.to_bytes(4, "big") * 1250, "path": None}],
                     "messages": [{"role": "user", "content": text.format(number)},
                                  {"role": "assistant", "content": "yes"}]} for number in range(start, start + 100)]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    (out / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))

records = read(out / "data.json" if kind == "json" else out)
assert len(records) == count and records.report.refusal is None
train, heldout = split(records)
assert leakage(train, heldout).found == 0
if kind == "json":
    steps = Steps(Examples(AutoProcessor.from_pretrained(checkpoint), train), 8)
    assert all(encoded.input_ids for number in range(3) for group in steps[number] for encoded in group)
status = Path("/proc/self/status").read_text()  # the system's count for a child begins with its parent's
print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory that a process ever had is asked of /proc")
@pytest.mark.parametrize(("kind", "few", "many"), [("json", 1000, 100_000), ("arrow", 200, 20_000)])
def test_a_hundred_times_the_records_take_50_megabytes_more_at_most(folder, tmp_path, kind, few, many):
    megabytes = []
    for count in (few, many):
        (tmp_path / str(count)).mkdir()
        command = [sys.executable, "-c", STREAM, str(count), kind, str(tmp_path / str(count)), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        megabytes.append(float(done.stdout.split()[-1]))
    assert megabytes[1] - megabytes[0] <= 50, megabytes


def test_parquet_is_read_a_few_rows_at_a_time(dataset, tmp_path):
    """In one group of rows, as some writers leave it."""
    table = dataset([chat(number % 12, TALKS[0]) for number in range(250)]).with_format("arrow")[:]
    parquet.write_table(table, tmp_path / "data.parquet", row_group_size=1000)
    records = read(tmp_path / "data.parquet")
    assert len(records) == 250 and len(records.get.args[0].batches) == 3
    assert records[249].pictures == read(dataset([chat(249 % 12, TALKS[0])]))[0].pictures
