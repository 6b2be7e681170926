"""The live demo without a browser: what answers rest on, pictures from strangers, the door, the queue, other people."""

import io
import json
import random
import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import pairwise

import gradio as gr
import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
from PIL import Image, PngImagePlugin
from serve_demo import put_senses, server
from test_reading_once import ONCE, ORDINARY, PICTURES, opened

from labs.demo import (
    ask_tab,
    cards,
    chart,
    compose,
    lessons,
    markup,
    notebook,
    senses,
    serve,
    training,
    tune_tab,
    uploads,
)
from labs.demo.reply import WINDOWS, Reply, likelihoods, reply, windows
from labs.demo.serve import ServeError, serving
from labs.errors import LabsError
from labs.models import catalog, chat
from labs.models.pictures import PictureError
from labs.world.domains import tables
from labs.world.picture import draw
from labs.world.vocabulary import PLACES

# gradio's client leaves sockets and event loops to the collector
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]  # fmt: skip


@pytest.fixture(scope="module")
def llava():
    return catalog.load("multimodal", "mini")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A folder in which the senses lie as they were built, for nobody here looks at what they find."""
    folder = tmp_path_factory.mktemp("demo")
    put_senses(folder)
    return folder


@pytest.fixture(scope="module")
def running(taught):
    with server(taught) as (address, cache):
        yield address, cache


@pytest.fixture
def served(running):
    return running[0]


class Texts(HTMLParser):
    """The tags and the texts of a piece of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data)


# ---------------------------------------------------------------------------------------------------------------
# Answers, and what they rest on


def test_answers_are_those_of_the_model_and_sure_is_their_probability(llava):
    scene = compose.drawn(1)
    picture, questions = compose.picture(scene), [one.text for one in compose.suggest(scene, 3, 1)]
    found = reply(llava, picture, questions)
    assert [one.answer for one in found] == [chat.answer(llava, [picture], text) for text in questions]
    assert all(0 < one.sure <= 1 for one in found)
    other = likelihoods(llava, picture, [_view(llava, picture)], questions[0], "not at all likely")
    assert other[0].exp().item() < found[0].sure


def test_a_likelihood_is_the_sum_of_what_greedy_decoding_gave(llava):
    picture, question = compose.picture(compose.drawn(2)), "How many things are there?"
    inputs = chat.write(llava.processor, [chat.message(question)], [picture])
    with torch.no_grad():
        out = llava.model.generate(**inputs, max_new_tokens=8, do_sample=False, output_logits=True,
                                   return_dict_in_generate=True)  # fmt: skip
    tokens = out.sequences[0, inputs["input_ids"].shape[1] :]
    logs = [one[0].log_softmax(-1)[token] for one, token in zip(out.logits, tokens, strict=True)]
    text = llava.processor.decode(tokens, skip_special_tokens=True).strip()
    logs_here, count = likelihoods(llava, picture, [_view(llava, picture)], question, text)
    assert count == len(tokens)
    torch.testing.assert_close(logs_here[0], sum(logs), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("family", [*ONCE, *ORDINARY])
def test_any_family_is_looked_into_as_if_each_view_were_read_by_itself(family):
    loaded, picture, question, told = opened(family), PICTURES[0], "Where is it?", "at the left"
    pictures = [picture, *hidden_of(picture)[:3]]
    logs, tokens = likelihoods(loaded, picture, [_view(loaded, one) for one in pictures], question, told)
    given = [chat.message(question), {"role": "assistant", "content": [{"type": "text", "text": told}]}]
    for view, found in zip(pictures, logs, strict=True):
        inputs = chat.write(loaded.processor, given, [view])
        with torch.no_grad():
            steps = loaded.model(**inputs).logits[0, -tokens - 1 : -1].float().log_softmax(-1)
        alone = steps.gather(-1, inputs["input_ids"][0, -tokens:, None]).sum()
        torch.testing.assert_close(found, alone, atol=1e-3, rtol=1e-4)
    assert len(reply(loaded, picture, [question, "What is it?"])) == 2


def test_an_answer_about_a_place_rests_on_that_place(llava):
    """Eight scenes of one thing: hiding its place costs the answer most in nearly all of them."""
    hits, rng = 0, random.Random(0)
    for cell in range(8):
        chosen = [("big", rng.choice(("red", "blue")), rng.choice(("star", "circle")), PLACES[cell])]
        scene = compose.composed(chosen, compose.drawn(3))
        (found,) = reply(llava, compose.picture(scene), ["What is in the picture?"])
        hits += found.looked and cards.where(found).endswith(f": {PLACES[cell]}")
    assert hits >= 6


def test_windows_cover_the_picture_and_a_hidden_one_changes_nothing_outside():
    covered = np.zeros((90, 120))
    for left, top, right, bottom in windows((120, 90)):
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 1 and len(windows((120, 90))) == WINDOWS**2
    picture = compose.picture(compose.drawn(1))
    (left, top, right, bottom), (first, *_) = windows(picture.size)[0], hidden_of(picture)
    before, after = np.array(picture), np.array(first)
    before[top:bottom, left:right] = after[top:bottom, left:right]
    assert np.array_equal(before, after) and len(np.unique(after[top:bottom, left:right].reshape(-1, 3), axis=0)) == 1


def test_whatever_is_typed_or_told_stays_text():
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    one = Reply(evil, evil, 0.5, evil, np.ones((WINDOWS, WINDOWS)))
    page = Texts(cards.cards(Image.new("RGB", (90, 90)), [one], [evil], {evil: evil}))
    assert {tag for tag, _ in page.tags} <= {"p", "article", "img", "div", "h3", "meter", "dl", "dt", "dd"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "".join(page.said).count("<script>") == 5


def test_markup_that_a_model_wrote_is_shown_in_a_frame_that_may_do_nothing():
    (frame,) = [attrs for tag, attrs in Texts(markup.drawn("<b onclick='x'>\"</iframe><script>y", 120)).tags if tag]
    assert frame["sandbox"] == "" and "script>y" in frame["srcdoc"]
    assert "default-src 'none'" in frame["srcdoc"]


def test_tags_that_are_left_open_are_closed_so_that_blocks_stand_beside_each_other():
    (frame,) = [attrs for _, attrs in Texts(markup.drawn("<header red><p><button blue><img pink>", 120)).tags]
    assert frame["srcdoc"].endswith("<header red></header><p><button blue></button><img pink>")


def test_a_table_of_latex_is_drawn_and_words_alone_are_not():
    table = tables.Table((("star", "moon"), ("ring", "star")), True, False)
    ((tag, attrs),) = Texts(markup.drawn(tables.latex(table), 120)).tags
    assert tag == "img" and attrs["src"] == cards.inside(tables.draw(table, 120))
    assert markup.drawn("a blue moon", 120) == ""


def test_a_curve_says_its_newest_value_to_who_cannot_see_it():
    page = Texts(chart.curve([(1, 4.0), (10, 2.0)], 20, 4.0, "loss"))
    (drawn,) = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert drawn["aria-label"] == "loss: 2 at step 10 of 20"
    (line,) = [attrs["points"] for tag, attrs in page.tags if tag == "polyline"]
    (_, high), (_, low) = ([float(part) for part in point.split(",")] for point in line.split())
    assert low > high  # pixels run downwards
    assert "polyline" not in chart.curve([], 20, 4.0, "loss")


# ---------------------------------------------------------------------------------------------------------------
# What visitors bring


def test_what_is_composed_is_drawn_and_what_cannot_be_is_refused():
    ground = compose.drawn(4)
    scene = compose.composed([("big", "red", "star", "top"), ("small", "blue", "nothing", "top")], ground)
    assert [(one.colour, one.shape, one.place) for one in scene.things] == [("red", "star", "top")]
    assert scene.background == ground.background and draw(scene)
    for chosen, said in (
        ([("big", "red", "nothing", "top")], "nothing in the picture"),
        ([("big", "red", "star", "top"), ("big", "red", "moon", "top")], "cannot share a place"),
    ):
        with pytest.raises(LabsError, match=said):
            compose.composed(chosen, ground)


def test_suggested_questions_have_true_answers_of_this_very_scene():
    for seed in range(20):
        scene = compose.drawn(seed)
        asked = compose.suggest(scene, 3, seed)
        assert 1 <= len(asked) <= 3 and len({one.kind for one in asked}) == len(asked)
        for one in asked:
            if one.kind == "colour":
                assert one.answer == scene.things[one.about[0]].colour


@pytest.mark.parametrize(
    "text, said",
    [("\n \n", "no question"), ("a\n" * 6, "6 questions"), ("x" * 201, "201 characters"), ("<image> now?", "<image>")],
)
def test_questions_that_cannot_be_asked_are_refused(text, said):
    with pytest.raises(LabsError, match=said):
        ask_tab.split(text)


def test_an_upload_is_read_made_small_and_deleted(tmp_path):
    file = tmp_path / "mine.jpg"
    Image.new("RGB", (1500, 900), "red").save(file)
    picture = uploads.take(file)
    assert picture.size == (uploads.SIDE, round(uploads.SIDE * 0.6)) and not file.exists()


def _bomb():
    """A PNG header that promises 40,000 x 40,000 pixels."""
    file, small = io.BytesIO(), Image.new("1", (8, 8))
    small.save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    header = bytes(data[12:29])
    data[29:33] = PngImagePlugin._crc32(header).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("page.png", b"<html><script>alert(1)</script></html>", "not a picture"),
        ("tool.png", b"MZ\x90\x00" * 50, "not a picture"),
        ("empty.png", b"", "empty file"),
        ("bomb.png", _bomb(), "megapixels"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        ("large.png", b"\x89PNG" + b"0" * 8_100_000, "more than 8 MB"),
    ],
)
def test_an_upload_is_judged_by_its_content_and_its_refusal_names_no_folder(tmp_path, name, data, said):
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(PictureError, match=said) as refusal:
        uploads.take(file)
    assert str(tmp_path) not in str(refusal.value) and not file.exists()


# ---------------------------------------------------------------------------------------------------------------
# The door


@pytest.mark.parametrize(
    "host, password, said",
    [("0.0.0.0", None, "LABS_DEMO_PASSWORD"), ("::", None, "LABS_DEMO_PASSWORD"), ("lab.example", None, "lets others"),
     ("127.0.0.1", "short", "5 characters")],
)  # fmt: skip
def test_a_door_that_would_stand_open_is_refused(host, password, said):
    with pytest.raises(ServeError, match=said):
        serve.check(host, password)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_password(host):
    serve.check(host, None)


def test_with_a_password_nobody_enters_without_it(taught):
    with server(taught, "multimodal-2024") as (address, _):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            _get(f"{address}config")
        with pytest.raises(Exception, match="[Ii]ncorrect|401|[Ll]ogin"):
            Client(address, auth=("guest", "wrong"), verbose=False)
        told = Client(address, auth=("guest", "multimodal-2024"), verbose=False).predict(api_name="/suggest")
        assert told.strip()


def test_every_answer_forbids_other_hosts_and_keeps_nothing(served):
    for path in ("", "config", "theme.css", "nothing-here"):
        headers = _get(served + path)[1]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "labs/__init__.py", "requirements.txt"])
def test_no_file_outside_the_uploads_is_served(served, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(f"{served}gradio_api/file={path}", refuse=True)
    assert refused.value.code in (403, 404)


def test_a_port_that_is_taken_is_refused_in_a_sentence(served, taught):
    with pytest.raises(ServeError, match="--port"):
        with serving(taught, port=int(served.rstrip("/").rsplit(":", 1)[1])):
            pass


# ---------------------------------------------------------------------------------------------------------------
# Several visitors


def test_eight_visitors_at_once_get_their_own_answers(served, llava):
    def visit(number):
        client = Client(served, verbose=False)
        for _ in range(number % 3):
            client.predict(api_name="/draw")
        questions = client.predict(api_name="/suggest")
        return questions.splitlines(), Texts(client.predict(questions, api_name="/ask"))

    with ThreadPoolExecutor(8) as pool:
        for questions, page in pool.map(visit, range(8)):
            said = [text for text in page.said if text.strip()]
            assert [text for text in said if text in questions] == questions
            assert len([tag for tag, _ in page.tags if tag == "article"]) == len(questions)


def test_uploads_go_through_the_page_and_leave_nothing_behind(running, tmp_path):
    address, cache = running
    Image.new("RGB", (300, 200), "green").save(tmp_path / "mine.png")
    (tmp_path / "text.png").write_text("no picture")
    client = Client(address, verbose=False)
    client.predict(handle_file(str(tmp_path / "mine.png")), api_name="/bring")
    assert "unlike the micro-world" in client.predict("What do you see?", api_name="/ask")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(handle_file(str(tmp_path / "text.png")), api_name="/bring")
    assert cache.is_dir() and not [file for file in cache.rglob("*") if file.suffix == ".png"]


def test_another_order_is_told_as_another_story(served):
    client = Client(served, verbose=False)
    client.predict(api_name="/story")
    straight = client.predict(api_name="/tell")
    client.predict(api_name="/mix")
    mixed = client.predict(api_name="/tell")
    assert "<mark>" not in straight and "<mark>" in mixed


# ---------------------------------------------------------------------------------------------------------------
# Tuning before an audience


@contextmanager
def _few_cases(monkeypatch):
    course = lessons.THERMAL_COURSE._replace(cases=12, steps=6, batch=2)
    for module, values in ((lessons, {"THERMAL_COURSE": course}), (training, {"LIVE": 2, "LAST": 3, "EVERY": 2})):
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    yield


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_never_had(tmp_path, monkeypatch):
    base = lambda: catalog.load("multimodal", "mini")  # noqa: E731
    with _few_cases(monkeypatch):
        monkeypatch.setattr(training, "SAVED", 2)
        whole = training.Training(lessons.THERMAL, tmp_path / "whole", 1, 72)
        whole.run(base)
        halted = training.Training(lessons.THERMAL, tmp_path / "halted", 1, 72)
        monkeypatch.setattr(halted, "told", _Stops(halted, 3))
        halted.run(base)
        assert halted.result is None and halted.failed is None
        assert training.unfinished(tmp_path / "halted") == 1 and training.unfinished(tmp_path / "whole") is None
        again = training.Training(lessons.THERMAL, tmp_path / "halted", 1, 72)
        again.run(base)
    assert whole.failed is None and again.failed is None
    assert [loss for _, loss in again.told] == [loss for _, loss in whole.told]
    assert again.result.tuned == whole.result.tuned and len(whole.result.cases) == 3


class _Stops(list):
    """Of losses: asks the run to stop after so many."""

    def __init__(self, run, after):
        super().__init__()
        self.run, self.after = run, after

    def append(self, one):
        super().append(one)
        if len(self) == self.after:
            self.run.stopped.set()


def test_one_trains_at_a_time_and_the_next_waits_in_its_place(served, taught):
    first, second = Client(served, verbose=False), Client(served, verbose=False)
    one = first.submit(lessons.THERMAL, api_name="/tune")
    while not one.outputs():
        time.sleep(0.05)
    two = second.submit(lessons.THERMAL, api_name="/tune")
    places = set()
    while not two.outputs():
        places.add((two.status().code, two.status().rank))
    assert (Status.IN_QUEUE, 0) in places
    proofs = [job.result() for job in (one, two)]
    assert all("held-out pictures" in proof for _, proof in proofs)
    times = [[float(one) for one in line.split()] for line in (taught / "times").read_text().splitlines()]
    assert all(end <= start for (_, end), (start, _) in pairwise(sorted(times)))  # no two at once
    assert len({told.split("run ")[1].split(":")[0] for told, _ in proofs}) == 2


def test_a_visitor_stops_a_run_and_takes_it_up_again(served):
    client, other = Client(served, verbose=False), Client(served, verbose=False)
    first = _stopped_after(client, other, "/tune", 5)  # a checkpoint is written every five steps
    again = _stopped_after(client, other, "/go_on", first)
    assert again > first


def _stopped_after(client, other, api_name, step):
    """Let a run of 100,000 steps go on beyond a step, and stop it: the step at which it ended."""
    job = client.submit("arithmetic", api_name=api_name)
    while not (job.outputs() and _step(job.outputs()[-1][0]) > step):
        time.sleep(0.05)
    other.predict(api_name="/stop")  # is about nobody's run but their own
    assert not job.done()
    client.predict(api_name="/stop")
    told, said = job.result()
    assert "Stopped." in said and "arithmetic, run 1:" in told
    return _step(told)


def _step(told):
    found = re.search(r"step (\d+) of", told)
    return int(found[1]) if found else 0


def test_lessons_whose_drawing_was_interrupted_are_drawn_anew(llava, tmp_path, monkeypatch):
    with _few_cases(monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr(lessons.thermal_camera, "sample_reading", _broken)
            with pytest.raises(RuntimeError):
                lessons.lessons(lessons.THERMAL, llava, tmp_path / "lessons", 72)
        assert len(lessons.lessons(lessons.THERMAL, llava, tmp_path / "lessons", 72)) == 12
        assert [file.name for file in tmp_path.iterdir()] == ["lessons"]


def test_what_goes_wrong_in_a_run_is_said_and_the_next_one_works(tmp_path, monkeypatch):
    base = lambda: catalog.load("multimodal", "mini")  # noqa: E731
    with _few_cases(monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr(training, "add_lora", _broken)
            with pytest.raises(gr.Error, match="no memory left"):
                list(tune_tab.watched(training.Training(lessons.THERMAL, tmp_path, 1, 72), base))
        *_, (told, proof) = tune_tab.watched(training.Training(lessons.THERMAL, tmp_path, 1, 72), base)
    assert "finished" in told and proof


def test_who_leaves_ends_their_run(tmp_path, monkeypatch):
    run = training.Training(lessons.THERMAL, tmp_path, 1, 72)
    with _few_cases(monkeypatch):
        watching = tune_tab.watched(run, lambda: catalog.load("multimodal", "mini"))
        next(watching)
        watching.close()
    assert run.stopped.is_set() and not run.thread.is_alive() and run.result is None


def _broken(*_, **__):
    raise RuntimeError("no memory left")


def test_senses_find_what_they_are_taught_and_say_so_while_they_learn(taught, tmp_path):
    found = senses.Senses(taught / "senses").search("a red star")
    assert set(found) == set(senses.SENSES)
    for near in found.values():
        assert [one.score for one in near] == sorted((one.score for one in near), reverse=True)
    with pytest.raises(LabsError, match="still learning, 0 of 3"):
        senses.Senses(tmp_path).search("a red star")
    with pytest.raises(LabsError, match="no words"):
        senses.Senses(tmp_path).search("  ")


def hidden_of(picture):
    from labs.demo.reply import hidden
    from labs.evaluation.heldout import blank

    return hidden(picture, blank([picture])[0])


def _view(llava, picture):
    from labs.demo.reply import _look

    return _look(llava, picture)


def _get(address, refuse=False):
    """Body and headers; also of a refusal, unless it is to be raised."""
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        if refuse or error.code == 401:
            raise
        return error.read(), dict(error.headers)


def test_the_card_of_the_load_test_keeps_its_bound():
    from labs import home

    card = json.loads((home() / "data/demo_load.json").read_text())
    assert card["visitors"] == 40 and card["lost"] == card["crossed"] == 0 and card["p95"] <= 20


def test_a_notebook_shows_it_in_a_frame_and_a_second_call_begins_anew(taught, monkeypatch):
    begun, shown = [], []

    @contextmanager
    def pretend(folder, profile):
        begun.append((folder, profile))
        yield f"http://127.0.0.1:{7860 + len(begun)}/"
        begun.append("ended")

    monkeypatch.setattr(notebook, "serving", pretend)
    monkeypatch.setattr(notebook, "display", shown.append)
    assert notebook.show_demo(taught).endswith(":7861/")
    notebook.show_demo(taught, "colab")
    assert begun == [(taught, "mini"), "ended", (taught, "colab")]
    assert [frame.src for frame in shown] == ["http://127.0.0.1:7861/", "http://127.0.0.1:7863/"]
    notebook._open.close()
