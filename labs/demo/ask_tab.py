"""*Ask*: a picture composed, drawn or brought along; several questions; answers one can look into."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import gradio as gr
from PIL.Image import Image

from labs.demo import compose, uploads
from labs.demo.cards import cards, image
from labs.demo.refusals import in_a_sentence
from labs.demo.reply import reply
from labs.errors import LabsError
from labs.models.catalog import Loaded
from labs.models.familiar import judge_picture, judge_question
from labs.models.words import MARK
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

MOST, LONGEST = 5, 200  # questions at a time, and characters of one
THINGS = 3  # that can be composed


@dataclass(frozen=True)
class Shown:
    """What one visitor looks at; `truths` are answers to the questions that were suggested for it."""

    picture: Image
    scene: Scene | None = None  # None for an uploaded picture
    truths: dict[str, str] = field(default_factory=dict)


def ask_tab(loaded: Loaded, mini: bool, numbers: Iterator[int]) -> None:
    """Lay out the page and say what its buttons do; `numbers` draws scenes and questions."""
    first = compose.drawn(next(numbers))
    shown = gr.State(_show(first)[0])
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            seen = gr.HTML(_show(first)[1])
            another = gr.Button("Draw another picture")
            upload = gr.UploadButton("Bring a picture of yours", file_types=["image"])
            with gr.Accordion("Compose a picture", open=False):
                chosen = _things(first)
                put = gr.Button("Show this picture")
        with gr.Column(scale=2, min_width=320):
            asked = gr.Textbox(lines=3, max_lines=MOST, label=f"Your questions, one a line, at most {MOST}")
            with gr.Row():
                suggest = gr.Button("Suggest questions")
                go = gr.Button("Ask", variant="primary")
            told = gr.HTML(elem_id="answers")

    @in_a_sentence
    def draw_another():
        scene = compose.drawn(next(numbers))
        return *_show(scene), *sum(compose.chosen_of(scene, THINGS), ()), "", ""

    @in_a_sentence
    def suggest_some(now: Shown):
        if now.scene is None:
            return now, "What do you see?\nWhat is in the picture?"
        found = compose.suggest(now.scene, 3, next(numbers))
        truths = now.truths | {one.text: one.answer for one in found}
        return Shown(now.picture, now.scene, truths), "\n".join(one.text for one in found)

    @in_a_sentence
    def answer_them(now: Shown, text: str):
        questions = split(text)
        warnings = careful(now.picture, questions) if mini else []
        return cards(now.picture, reply(loaded, now.picture, questions), warnings, now.truths)

    light = {"queue": False, "show_progress": "hidden"}
    another.click(draw_another, None, [shown, seen, *chosen, asked, told], api_name="draw", **light)
    put.click(_compose, [shown, *chosen], [shown, seen, told], api_name="compose", **light)
    upload.upload(_bring, upload, [shown, seen, told], api_name="bring")
    suggest.click(suggest_some, shown, [shown, asked], api_name="suggest", **light)
    go.click(answer_them, [shown, asked], told, api_name="ask", concurrency_id="model")


def split(text: str) -> list[str]:
    """The questions, one a line. Raises LabsError for none, too many, too long ones, and marks of a model's own."""
    questions = [line.strip() for line in text.splitlines() if line.strip()]
    if not questions:
        raise LabsError("There is no question: write one, or let some be suggested.")
    if len(questions) > MOST:
        raise LabsError(f"There are {len(questions)} questions: ask {MOST} at a time.")
    for question in questions:
        if len(question) > LONGEST:
            raise LabsError(f"A question has {len(question)} characters: ask in at most {LONGEST}.")
        if mark := MARK.search(question):
            raise LabsError(f"A question contains {mark[0]}, a mark of the model's own: leave it out.")
    return questions


def careful(picture: Image, questions: list[str]) -> list[str]:
    """What the mini model cannot know of the picture and of the questions."""
    said = [*judge_picture(picture).reasons]
    return said + [f"{question} {reason}" for question in questions for reason in judge_question(question).reasons]


@in_a_sentence
def _compose(now: Shown, *fields: str):
    rows = [tuple(fields[at : at + 4]) for at in range(0, len(fields), 4)]
    ground = now.scene or compose.drawn(0)
    return *_show(compose.composed(rows, ground)), ""


@in_a_sentence
def _bring(path: str):
    picture = uploads.take(path)
    return Shown(picture), image(picture, compose.words(None), compose.SIDE), ""


def _things(scene: Scene) -> list[gr.Dropdown]:
    """Size, colour, shape and place of each thing that can be composed."""
    offered = {"size": SIZES, "colour": COLOURS, "shape": (compose.NOTHING, *SHAPES), "place": PLACES}
    fields = []
    for number, chosen in enumerate(compose.chosen_of(scene, THINGS), start=1):
        with gr.Row():
            for (name, values), value in zip(offered.items(), chosen, strict=True):
                label = f"Thing {number}: {name}"
                fields.append(gr.Dropdown(list(values), value=value, label=label, min_width=130))
    return fields


def _show(scene: Scene) -> tuple[Shown, str]:
    picture = compose.picture(scene)
    return Shown(picture, scene), image(picture, compose.words(scene), compose.SIDE)
