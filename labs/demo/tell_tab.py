"""*Tell*: five pictures in an order that somebody chooses, and the story that the model then tells."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

import gradio as gr

from labs.demo.cards import image
from labs.demo.refusals import in_a_sentence
from labs.evaluation import heldout
from labs.evaluation.metrics import told_events
from labs.models.catalog import Loaded
from labs.models.story import tell
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.stories import PICTURES, Story

SIDE = 168  # pixels


@dataclass(frozen=True)
class Album:
    """One visitor's story: `order[i]` is the true place of picture i."""

    story: Story
    order: tuple[int, ...]


def tell_tab(loaded: Loaded, side: int, numbers: Iterator[int]) -> None:
    """Lay out the page; `side` is that of the pictures that the model sees."""
    first = Album(heldout.stories(1, 0)[0], tuple(range(PICTURES)))
    album, laid, moves = gr.State(first), [], []
    known = gr.State((first.story, ()))  # apart from the album, which may be laid anew while the model tells
    gr.Markdown("Put the pictures into another order: what does the model tell then? A story says what *changed*.")
    with gr.Row():
        for place in range(1, PICTURES + 1):
            with gr.Column(min_width=150):
                laid.append(gr.HTML(_picture(first, place - 1)))
                with gr.Row():
                    for step, word in ((-1, "earlier"), (1, "later")):
                        if 1 <= place + step <= PICTURES:
                            moves.append((place - 1, step, gr.Button(f"{place}: {word}", size="sm", min_width=60)))
    with gr.Row():
        mix, right, new = gr.Button("Mix them"), gr.Button("True order"), gr.Button("Another story")
        go = gr.Button("Tell", variant="primary")
    told = gr.HTML(elem_id="story")

    def another():
        story = heldout.stories(1, next(numbers))[0]
        return *_lay(Album(story, ()), range(PICTURES)), ""

    def mix_up(now: Album):
        order, rng = list(now.order), random.Random(next(numbers))
        while tuple(order) in (now.order, tuple(range(PICTURES))):
            rng.shuffle(order)
        return _lay(now, order)

    @in_a_sentence
    def tell_it(now: Album, before: tuple[Story, tuple[str, ...]]):
        frames = [draw(scene, side) for scene in now.story.scenes]
        story, sentences = before
        first = sentences if sentences and story == now.story else tuple(tell(loaded, frames))
        straight = now.order == tuple(range(PICTURES))
        here = first if straight else tuple(tell(loaded, [frames[at] for at in now.order]))
        return (now.story, first), written(now, first, here)

    light = {"queue": False, "show_progress": "hidden"}
    new.click(another, None, [album, *laid, told], api_name="story", **light)
    mix.click(mix_up, album, [album, *laid], api_name="mix", **light)
    right.click(lambda now: _lay(now, range(PICTURES)), album, [album, *laid], api_name="straight", **light)
    for place, step, button in moves:
        button.click(_step_by(place, step), album, [album, *laid], api_name=False, **light)
    go.click(tell_it, [album, known], [known, told], api_name="tell", concurrency_id="model")


def _lay(now: Album, order: Sequence[int]) -> tuple:
    """The album in that order, and its pictures as they lie."""
    now = replace(now, order=tuple(order))
    return now, *(_picture(now, place) for place in range(PICTURES))


def _step_by(place: int, step: int) -> Callable[[Album], tuple]:
    """What a button does: a picture and the one before or after it change places."""

    def move(now: Album):
        order = list(now.order)
        order[place], order[place + step] = order[place + step], order[place]
        return _lay(now, order)

    return move


def written(album: Album, first: Sequence[str], told: Sequence[str]) -> str:
    """The story of the pictures as they lie, beside `first`, told in true order; what changed is marked."""
    truth = album.story.sentences()
    rows = []
    for place, (here, straight) in enumerate(zip(told, first, strict=True), start=1):
        changed = here != straight
        cell = f"<mark>{escape(here)}</mark>" if changed else escape(here)
        rows.append(f"<tr><th scope='row'>{place}</th><td>{cell}</td><td>{escape(straight)}</td></tr>")
    right = round(told_events(" ".join(first), truth) * PICTURES)
    count = sum(a != b for a, b in zip(told, first, strict=True))
    return (
        "<table><caption>"
        + ("The pictures lie in their true order." if album.order == tuple(range(PICTURES)) else
           f"In this order {count} of {PICTURES} sentences are others: they are marked.")
        + f" In the true order {right} of {PICTURES} sentences are right, word for word.</caption>"
        + "<thead><tr><th scope='col'></th><th scope='col'>told as they lie</th><th scope='col'>told in true order</th>"
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )  # fmt: skip


def _picture(album: Album, place: int) -> str:
    true = album.order[place]
    scene = album.story.scenes[true]
    here = f"Picture {true + 1} of the story"
    return (
        f"<figure>{image(draw(scene, SIDE), f'{here}: {caption(scene)}', SIDE)}<figcaption>{here}</figcaption></figure>"
    )
