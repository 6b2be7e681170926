"""Closed models: published figures keep their rules, and the client asks, waits, gives up and never pays twice.

The server is a thread of this process. Nothing leaves the machine.
"""

import base64
import io
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from matplotlib.colors import to_rgb
from PIL import Image, ImageChops

from labs.evaluation.exam import Exam, Item
from labs.systems import claim, closed_models
from labs.systems.parts import published as table
from labs.systems.parts.asked_once import answers, plan, worded
from labs.systems.parts.closed_client import BASE, KEY, LONGEST, MODEL, Client, ClosedError, from_environment
from labs.teaching.published import MARKS
from labs.teaching.published import published as draw_published

SECRET = "sk-never-to-be-seen"
ROWS = closed_models.published()


class Server(ThreadingHTTPServer):
    """Answers with what `script` holds, one after the other, then with `answer`; notes what it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.headers = [], [], []
        self.answer = lambda request: "yes"

    def client(self, **others) -> Client:
        """One that notes its pauses in `pauses` and does not wait."""
        self.pauses = []
        others = {"pause": self.pauses.append, "seconds": 10.0, "key": SECRET} | others
        return Client(f"http://127.0.0.1:{self.server_address[1]}/v1", "closed-1", **others)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, request))
        self.server.headers.append(dict(self.headers))
        said = {"choices": [{"message": {"content": self.server.answer(request)}, "finish_reason": "stop"}]}
        status, body, headers = self.server.script.pop(0) if self.server.script else (200, json.dumps(said), {})
        if self.headers["Authorization"] != f"Bearer {SECRET}":
            status, body = 401, f"wrong key {self.headers['Authorization']}"
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(scope="module")
def exam() -> Exam:
    return closed_models.questions(3, size=64)


def chat(**choice) -> tuple:
    """A scripted answer with this choice."""
    return 200, json.dumps({"choices": [choice]}), {}


def truth_of(exam: Exam):
    """A server's answer that is always the right one."""
    right = {(worded(item), exam.pictures[item.picture].tobytes()): item.answer for item in exam.new}

    def answer(request):
        text, shown = request["messages"][0]["content"]
        return right[text["text"], decoded(shown).tobytes()]

    return answer


def decoded(shown: dict) -> Image.Image:
    head, _, data = shown["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


# ---------------------------------------------------------------------------------------------------------------
# Asking


def test_a_question_and_its_picture_arrive_as_they_are(server):
    picture = Image.linear_gradient("L").convert("RGB")
    assert server.client().ask("What is it?", picture) == "yes"
    path, request = server.seen[0]
    assert path == "/v1/chat/completions" and request["model"] == "closed-1" and request["temperature"] == 0
    assert request["messages"][0]["role"] == "user"
    text, shown = request["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert ImageChops.difference(decoded(shown), picture).getbbox() is None


def test_a_busy_server_is_asked_again_after_longer_and_longer_pauses(server):
    server.script = [(429, "", {}), (500, "", {}), (503, "", {})]
    assert server.client().ask("?") == "yes"
    assert server.pauses == [1, 2, 4] and len(server.seen) == 4


def test_a_server_that_says_how_long_to_wait_is_believed_up_to_a_limit(server):
    late = "Wed, 21 Oct 2026 07:28:00 GMT"
    server.script = [(429, "", {"Retry-After": wanted}) for wanted in ("7", "99999", "0", late)]
    assert server.client().ask("?") == "yes"
    assert server.pauses == [7, LONGEST, 4, 8]


def test_a_server_that_stays_down_is_given_up(server):
    server.script = [(500, "out of order", {})] * 3
    with pytest.raises(ClosedError, match=r"gave no answer in 3 tries \(500\)\.$"):
        server.client(tries=3).ask("?")
    assert len(server.seen) == 3 and server.pauses == [1, 2]


def test_a_server_that_is_not_there_is_given_up(server):
    client = server.client(tries=2)
    server.server_close()
    with pytest.raises(ClosedError, match="gave no answer in 2 tries"):
        replace(client, base="http://127.0.0.1:1/v1").ask("?")
    assert server.pauses == [1]


def test_an_answer_that_breaks_off_is_asked_for_again(server):
    server.script = [(200, "{", {"Content-Length": "999", "Connection": "close"})]
    assert server.client().ask("?") == "yes" and server.pauses == [1]


@pytest.mark.parametrize(
    "body", ["{", "", "[]", "3", '{"choices": []}', '{"choices": [{}]}', '{"choices": [{"message": 1}]}']
)
def test_what_is_no_answer_is_refused_and_not_paid_again(server, body):
    server.script = [(200, body, {})]
    with pytest.raises(ClosedError, match="sent no chat completion but"):
        server.client().ask("?")
    assert len(server.seen) == 1 and server.pauses == []


def test_a_request_that_the_server_refuses_is_not_repeated(server):
    server.script = [(400, f"no such\nsetting; you sent {SECRET}", {})]
    with pytest.raises(ClosedError, match=r"refuses the request \(400\): no such setting; you sent \*\*\*$"):
        server.client().ask("?")
    assert len(server.seen) == 1


def test_a_wrong_key_is_told_in_a_sentence_that_does_not_hold_it(server):
    with pytest.raises(ClosedError, match=rf"refuses the key in {KEY} \(401\)") as caught:
        server.client(key="sk-wrong").ask("?")
    assert "sk-" not in str(caught.value) and len(server.seen) == 1


def test_the_key_is_not_shown_and_does_not_follow_a_redirect(server):
    assert SECRET not in repr(server.client())
    server.script = [(302, "", {"Location": "http://localhost:1/elsewhere"})]
    client = server.client(tries=1)
    request = client._request(b"")
    assert "Authorization" in request.unredirected_hdrs and "Authorization" not in request.headers
    with pytest.raises(ClosedError):
        client.ask("?")


def test_an_answer_in_parts_is_put_together_and_none_is_wrong_rather_than_an_error(server):
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "ring"}]
    server.script = [chat(message={"content": parts}), chat(message={"content": None}, finish_reason="content_filter")]
    assert server.client().ask("?") == "a ring"
    assert server.client().ask("?") == ""


def test_a_model_that_ran_out_of_tokens_is_not_taken_for_wrong(server):
    server.script = [chat(message={"content": ""}, finish_reason="length")]
    with pytest.raises(ClosedError, match="used up its tokens"):
        server.client().ask("?")


@pytest.mark.parametrize(
    "base", ["http://example.org/v1", "ftp://localhost", "example.org", "https://", "https://me@a.b"]
)
def test_an_address_that_would_show_the_key_to_others_is_refused(base):
    with pytest.raises(ClosedError, match=f"{BASE} must be an https:// address"):
        Client(base, "m", SECRET)


def test_a_key_with_a_line_break_is_refused_without_showing_it():
    with pytest.raises(ClosedError, match="printable") as caught:
        Client("https://example.org/v1", "m", f"{SECRET}\n")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("missing", [BASE, KEY, MODEL])
def test_what_is_not_set_is_named(missing, monkeypatch):
    whole = {BASE: "https://example.org/v1", KEY: SECRET, MODEL: "closed-1"}
    assert from_environment(whole).model == "closed-1"
    with pytest.raises(ClosedError, match=f"set {missing}\\.$"):
        from_environment(whole | {missing: ""})
    for name, value in whole.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(ClosedError, match=missing):
        closed_models.build()


# ---------------------------------------------------------------------------------------------------------------
# Asking once, and judging


def test_what_was_answered_is_not_asked_again(server, exam, tmp_path):
    keep, client = tmp_path / "new" / "answers.jsonl", server.client()
    before = plan(client, exam, keep)
    assert before.items == len(exam.new) and before.pictures == 3 and before.kept == 0 and not server.seen
    first = answers(client, exam, keep, 100)
    sent = sum(len(json.dumps(request)) for _, request in server.seen)
    assert len(server.seen) == len(exam.new) and before.bytes == sent
    assert plan(client, exam, keep) == (0, 0, len(exam.new), 0)
    assert answers(client, exam, keep, 0) == first and len(server.seen) == len(exam.new)
    assert SECRET not in keep.read_text(encoding="utf-8")


def test_a_measurement_that_breaks_off_goes_on_where_it_was(server, exam, tmp_path):
    keep, fine = tmp_path / "answers.jsonl", [chat(message={"content": "first"})] * 2
    server.script = [*fine, (400, "no", {})]
    with pytest.raises(ClosedError):
        answers(server.client(), exam, keep, 100)
    with keep.open("a", encoding="utf-8") as file:
        file.write('{"mark": "cut o')  # as a machine that was switched off leaves it
    assert plan(server.client(), exam, keep).kept == 2
    told = answers(server.client(), exam, keep, len(exam.new) - 2)
    assert told == ["first"] * 2 + ["yes"] * (len(exam.new) - 2) and len(server.seen) == len(exam.new) + 1
    assert plan(server.client(), exam, keep).items == 0


def test_another_model_setting_or_picture_is_another_question(server, exam, tmp_path):
    keep, client = tmp_path / "answers.jsonl", server.client()
    answers(client, exam, keep, 100)
    assert plan(replace(client, model="closed-2"), exam, keep).kept == 0
    assert plan(replace(client, settings={}), exam, keep).kept == 0
    assert plan(client, Exam(exam.pictures[::-1], exam.new), keep).items > 0
    assert plan(replace(client, key="sk-other", seconds=1.0), exam, keep).items == 0


def test_the_same_question_about_the_same_picture_is_paid_once(server, tmp_path):
    items = [Item(0, "colour", "Which colour?", "red"), Item(0, "colour", "Which colour?", "red")]
    twice = Exam([Image.new("RGB", (4, 4), "red")], items)
    assert plan(server.client(), twice, tmp_path / "a").items == 1
    assert answers(server.client(), twice, tmp_path / "a", 1) == ["yes", "yes"] and len(server.seen) == 1


def test_more_than_the_limit_is_refused_before_anything_is_asked(server, exam, tmp_path):
    with pytest.raises(ClosedError, match=f"{len(exam.new)} questions to ask, more than the limit of 5"):
        closed_models.measure(server.client(), exam, tmp_path / "a", limit=5, say=None)
    assert not server.seen and not (tmp_path / "a").exists()


def test_right_answers_are_right_and_those_about_other_pictures_are_not(server, exam, tmp_path):
    server.answer, said = truth_of(exam), []
    found = closed_models.measure(server.client(), exam, tmp_path / "a", say=said.append)
    assert found.mean == found.low == 1 and found.n == len(exam.new) and found.pictures == 3
    assert "closed-1 at 127.0.0.1" in said[0] and f"{len(exam.new)} questions about 3 pictures" in said[0]
    server.answer = lambda request: "purple"
    assert closed_models.measure(server.client(), exam, tmp_path / "b", say=None).mean == 0


def test_half_right_has_an_interval_over_pictures(server, exam, tmp_path):
    right, whole = exam.pictures[0].tobytes(), truth_of(exam)
    server.answer = lambda request: (
        whole(request) if decoded(request["messages"][0]["content"][1]).tobytes() == right else "purple"
    )
    found = closed_models.measure(server.client(), exam, tmp_path / "a", say=None)
    assert found.low == 0 < found.mean < 1 == found.high  # a draw of three pictures may hold the right one thrice


def test_case_and_full_stop_do_not_count(server, tmp_path):
    one = Exam([Image.new("RGB", (4, 4))], [Item(0, "colour", "Which colour?", "red")])
    server.answer = lambda request: " Red.\n"
    assert closed_models.measure(server.client(), one, tmp_path / "a", say=None).mean == 1


def test_it_makes_no_claims():
    assert not hasattr(closed_models, "claims") and "closed_models" not in claim.systems()


# ---------------------------------------------------------------------------------------------------------------
# What others have published


def test_every_benchmark_has_several_models_and_both_kinds_are_there():
    names = {row.benchmark for row in ROWS}
    assert all(sum(row.benchmark == name for row in ROWS) >= 3 for name in names)
    assert {row.kind for row in ROWS} == set(table.KINDS)


@pytest.mark.parametrize(
    "wrong, message",
    [({"kind": "secret"}, "kind of .* not 'secret'"), ({"status": "surely"}, "status of .* not 'surely'"),
     ({"source": "a talk"}, "https source"), ({"model": ""}, "needs a model"), ({"value": 101.0}, "between 0 and 100"),
     ({"value": -1.0}, "between 0 and 100"), ({"value": float("nan")}, "between 0 and 100")],
)  # fmt: skip
def test_a_row_that_breaks_a_rule_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(ROWS[0], **wrong)


@pytest.mark.parametrize(
    "lines, message",
    [(["A,open,B,1,https://a.b,checked"] * 2, "A stands twice on B"),
     (["A,open,B,many,https://a.b,checked"], "must be a number"),
     (["A,open,B,1,https://a.b,checked", "A,closed,C,1,https://a.b,checked"], "cannot be both open and closed"),
     (["A,open,B"], "must be a number")],
)  # fmt: skip
def test_a_table_that_contradicts_itself_is_refused(tmp_path, lines, message):
    file = tmp_path / "published.csv"
    file.write_text("\n".join([",".join(table.COLUMNS), *lines]), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        table.read(file)


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("model,value\nA,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="need the columns model, kind"):
        table.read(tmp_path / "a.csv")


def test_the_plot_has_a_dot_for_each_figure_and_says_that_they_are_others():
    axes = draw_published(ROWS).axes[0]
    dots = [line for line in axes.lines if len(line.get_xdata())]
    names = [label.get_text() for label in axes.get_yticklabels()]
    shown = {(line.get_marker(), names[round(line.get_ydata()[0])], line.get_xdata()[0]) for line in dots}
    assert shown == {(MARKS[row.model], row.benchmark, row.value) for row in ROWS} and len(dots) == len(ROWS)
    places = [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots]
    assert all(abs(x - a) >= 1.6 or abs(y - b) > 0.2 for i, (x, y) in enumerate(places) for a, b in places[:i])
    assert "not measured here" in axes.get_title(loc="left")


def test_closed_and_open_can_be_told_without_colour():
    assert len(set(MARKS.values())) == len(MARKS)
    legend = {line.get_label(): line for line in draw_published(ROWS).axes[0].lines if not len(line.get_xdata())}
    assert set(legend) == {f"{row.model}, {row.kind}" for row in ROWS}
    for label, line in legend.items():
        hollow = to_rgb(line.get_markerfacecolor()) == (1, 1, 1)
        assert hollow == label.endswith(", open")


def test_the_plot_marks_what_nobody_has_checked_and_refuses_a_model_without_a_mark():
    unchecked = [replace(ROWS[0], status=table.STATES[-1]), *ROWS[1:]]
    assert [text.get_text() for text in draw_published(unchecked).axes[0].texts] == ["?"]
    assert not draw_published(ROWS[1:2]).axes[0].texts
    with pytest.raises(ValueError, match="no mark for Parrot"):
        draw_published([replace(ROWS[0], model="Parrot")])


def test_the_title_counts_the_benchmarks_that_have_both_kinds():
    closed = replace(ROWS[0], value=50.0)
    rows = [closed, replace(closed, model="LLaVA-1.5-13B", kind="open", value=60.0), replace(closed, benchmark="alone")]
    assert "ahead on 0 of 1 benchmarks" in draw_published(rows).axes[0].get_title(loc="left")
