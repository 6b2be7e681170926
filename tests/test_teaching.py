"""What notebooks show: pictures and sounds with words, figures whose parts are all there, the challenges' measures."""

import csv
import io
import random

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import labs
from labs.models.entry import Entry, Loaded
from labs.systems.outcome import Outcome, kept
from labs.systems.parts import eyes
from labs.teaching import challenges, show
from labs.teaching.forest import forest
from labs.teaching.grid import grid
from labs.teaching.looks import COLOURS
from labs.teaching.panel import panel
from labs.teaching.results import results
from labs.teaching.timeline import KINDS, TODAY, events, timeline
from labs.world import clip, sound, splits
from labs.world.captions import caption


@pytest.fixture
def shown(monkeypatch):
    """What is displayed."""
    found = []
    monkeypatch.setattr(show, "display", found.append)
    return found


@pytest.mark.parametrize("what", [Figure((2, 1)), Image.new("RGB", (20, 10), "red")], ids=["figure", "picture"])
def test_a_picture_is_shown_with_words(shown, what):
    show.show(what, "a red strip")
    data, about = shown[0]._repr_png_()
    assert about["alt"] == "a red strip"
    import base64

    assert Image.open(io.BytesIO(base64.b64decode(data))).format == "PNG"


def test_a_picture_without_words_is_refused():
    with pytest.raises(ValueError, match="alt must say"):
        show.show(Image.new("RGB", (9, 9)), " ")


def test_an_animation_keeps_its_frames(shown):
    scene = splits.sample(random.Random(0), count=1)
    show.animate(clip.film(scene, frames=5), "it moves")
    image = Image.open(io.BytesIO(shown[0].data))
    assert image.n_frames == 5 and shown[0].metadata["alt"] == "it moves"


def test_a_sound_is_played_as_it_is(shown, capsys, tmp_path):
    samples = sound.play(splits.sample(random.Random(0), count=2))
    show.hear(samples, "two tones")
    assert "sound, 0.50 s: two tones" in capsys.readouterr().out
    (tmp_path / "a.wav").write_bytes(sound.as_wave(samples))
    assert np.abs(sound.read_wave(tmp_path / "a.wav") - samples).max() < 1e-4


def test_the_panel_has_an_axis_for_every_sense():
    titles = {axes.get_title(loc="left") for axes in panel(splits.sample(random.Random(1), count=2)).axes}
    assert titles == set(COLOURS) - {"text"}


def test_every_milestone_is_drawn_and_has_a_source():
    names = {row["name"] for row in events()}
    assert names == {text.get_text() for text in timeline().axes[0].texts}
    for row in events():
        assert row["kind"] in KINDS and row["senses"] in COLOURS and row["source"].startswith("https://")
        assert 2006 <= int(row["year"]) <= TODAY
    with (labs.home() / "data" / "timeline.csv").open(encoding="utf-8") as file:
        assert len(names) == sum(1 for _ in csv.reader(file)) - 1


def outcome(name: str, gain: float, **others) -> Outcome:
    from labs.systems.claim import Claim, Scores, run

    arms = {
        "one": lambda seed: Scores([gain] * 9 + [gain / 2], range(10)),
        "other": lambda _: Scores([0.0] * 10, range(10)),
    }
    return run(Claim(name, "It is.", "share", arms, "one", "other", **others), progress=False)


def test_all_claims_in_one_figure():
    found = {"a/up": outcome("up", 0.3), "a/down": outcome("down", -0.3), "b/none": outcome("none", 0.0),
             "b/near": outcome("near", 0.01, within=0.1), "b/given": outcome("given", 0.3, given=True),
             "b/count": outcome("count", 3.0, unit="passes")}  # fmt: skip
    figure = forest(found)
    labels = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["a", "up"], ["down", "b"], ["none", "near"]]
    assert [text.get_weight() for text in figure.axes[1].get_yticklabels()] == ["normal", "bold"]
    drawn = [sum(line.get_marker() in "osv" for line in axes.lines) for axes in figure.axes]
    assert drawn == [1, 1, 2]  # a heading has no mark
    assert figure.get_suptitle() == (
        "6 claims: 3 reproduced, 1 reversed, 1 not reproduced at this scale, 1 holds by construction"
    )
    title = forest(found | {"b/too": outcome("too", 0.3, given=True)}).get_suptitle()
    assert title.endswith("1 not reproduced at this scale, 2 hold by construction")


def test_representation_and_alignment_beat_their_controls():
    found = challenges.representation()
    assert found["frozen features"].low > found["raw pixels"].high
    assert found["shuffled labels"].low < 1 / 8 < found["shuffled labels"].high + 0.02
    found = challenges.alignment()
    assert found["right pairs"].low > 0.5 and found["shuffled pairs"].high < 0.04


def test_translation_names_what_is_in_its_own_picture(monkeypatch):
    scenes = eyes.scenes("heldout", 3, (1, 2, 3))
    monkeypatch.setattr(challenges, "CAPTIONED", 3)
    told = iter([caption(scene) for scene in scenes] + ["nothing"] * 3)
    monkeypatch.setattr(challenges, "answers", lambda loaded, seen, *_, **__: [next(told) for _ in seen])
    found = challenges.translation(Loaded(Entry("any", "Any"), None, None), 72)
    assert found["its own picture"].mean == 1 and found["another scene's picture"].mean == 0
    assert found["its own picture"].n == sum(len(scene.things) for scene in scenes)


def test_a_row_of_maps_has_one_scale():
    low, high, photo = np.zeros((4, 4)), np.full((4, 4), 3.0), np.zeros((4, 4, 3), np.uint8)
    figure = grid([[photo, photo], [low, high]], ["seen", "told"], ["one", "two"])
    assert [axes.get_title() for axes in figure.axes] == ["one", "two", "", ""]
    assert {axes.images[0].get_clim() for axes in figure.axes[2:]} == {(0, 3)}
    together = grid([[low], [high]], ["seen", "told"], ["one"], scales=[0, 0])
    assert {axes.images[0].get_clim() for axes in together.axes} == {(0, 3)}


def test_results_show_each_claim_in_a_line():
    table = results("fusion/competition", "clip/swapped captions")
    columns = {column.header: list(column.cells) for column in table.columns}
    assert columns["claim"] == ["competition", "swapped captions"]
    assert columns["verdict"] == ["reproduced", "not reproduced"]
    one = kept("fusion/competition")
    assert columns["arm"][0] == f"{one.said['better']}: {one.show(one.arms[one.said['better']].mean)}"
    assert columns["against"][1] == "50.0 %" and columns["difference [95 %]"][0].startswith("+")
    with pytest.raises(KeyError):
        results("clip/nonsense")


def test_a_picture_of_many_colours_is_small_and_looks_the_same(shown):
    import base64

    draw = np.random.default_rng(0)
    sky = np.linspace((30, 30, 60), (200, 220, 240), 120)[:, None].repeat(160, 1)
    picture = Image.fromarray((sky + draw.normal(0, 3, sky.shape)).clip(0, 255).astype(np.uint8))
    picture.paste((135, 45, 170), (20, 20, 50, 50))
    show.show(picture, "a purple square before a sky")
    data = base64.b64decode(shown[0]._repr_png_()[0])
    whole = io.BytesIO()
    picture.save(whole, "PNG", optimize=True)
    apart = np.abs(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int) - np.asarray(picture, int))
    assert len(data) < 0.6 * len(whole.getvalue()) and apart.mean() < 5 and apart[30:40, 30:40].max() < 8
