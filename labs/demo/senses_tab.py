"""*Senses*: type words, get the nearest sounds, motions and depth maps, and play them."""

import base64
from html import escape

import gradio as gr
import numpy as np

from labs.demo.cards import careful, image
from labs.demo.refusals import in_a_sentence
from labs.demo.senses import NEAREST, Found, Senses
from labs.models.familiar import judge_question
from labs.world import depth, motion, sound
from labs.world.captions import caption
from labs.world.scene import Scene

SIDE = 128  # pixels
LONGEST = 120  # characters
TELLS = {
    "sound": "hears colour, shape and size, and how high up",
    "motion": "feels shape, size and place, by how the gaze goes round the thing",
    "depth": "sees shape, size and place, and no colour",
}


def senses_tab(senses: Senses) -> None:
    """Lay out the page and say what its button does."""
    gr.Markdown(
        "No sound, motion or depth map below ever met a word. Each sense learned from *pictures* of the same scenes, "
        "and a picture model knows words: so words find them. These encoders are small ones, whatever the profile."
    )
    words = gr.Textbox(
        "a big red star at the left", label="Words", max_length=LONGEST, info="Things of the micro-world, in English."
    )
    go = gr.Button("Find", variant="primary")
    told = gr.HTML(elem_id="senses")

    @in_a_sentence
    def find(text: str) -> str:
        rows = [_row(sense, found) for sense, found in senses.search(text).items()]
        return careful(judge_question(text).reasons) + "".join(rows)

    gr.on([go.click, words.submit], find, words, told, api_name="senses", concurrency_id="model")


def _row(sense: str, found: list[Found]) -> str:
    show = {"sound": _sound, "motion": _motion, "depth": _depth}[sense]
    cells = "".join(
        f"<figure>{show(one.scene)}<figcaption>{escape(caption(one.scene))}<br>cosine {one.score:.2f}</figcaption>"
        "</figure>"
        for one in found
    )
    heading = f"<h3>The nearest {NEAREST} by {sense}</h3><p>It {TELLS[sense]}.</p>"
    return f"<section>{heading}<div class='row'>{cells}</div></section>"


def _sound(scene: Scene) -> str:
    data = base64.b64encode(sound.as_wave(sound.play(scene))).decode()
    return f'<audio controls src="data:audio/wav;base64,{data}" aria-label="sound of {escape(caption(scene))}"></audio>'


def _depth(scene: Scene) -> str:
    drawn = depth.as_picture(depth.depth_map(scene, SIDE)).convert("RGB")
    return image(drawn, f"depth map, bright where near, of {caption(scene)}", SIDE)


def _motion(scene: Scene) -> str:
    """Where the head points, added up from its turning, with a dot that goes along in two seconds."""
    felt = motion.feel(scene)
    path = np.cumsum(np.stack([-felt[:, 4], felt[:, 3]], 1) / motion.RATE, axis=0) / motion.VIEW
    places = [(round((0.5 + x) * SIDE, 1), round((0.5 - y) * SIDE, 1)) for x, y in path]
    line = "M" + " L".join(f"{x} {y}" for x, y in places)
    return (
        f'<svg class="gaze" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" role="img" '
        f'aria-label="the way of the gaze, of {escape(caption(scene))}">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="currentColor" opacity="0.3"/>'
        f'<path d="{line}" fill="none" stroke="var(--color-accent)" stroke-width="2"/>'
        f'<circle r="4" fill="currentColor" style="offset-path: path(\'{line}\')"/></svg>'
    )
