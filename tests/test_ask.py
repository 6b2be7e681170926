"""`labs ask`: every bad input gets one sentence, the familiar rule keeps its two rates, pictures open upright."""

import io
import json
import os
import random
import struct
import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
from typer.testing import CliRunner

from labs.cli import app as command_line
from labs.cli import ask as ask_command
from labs.errors import LabsError
from labs.models.familiar import judge_picture, judge_question
from labs.models.pictures import PictureError, open_picture
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS, ask
from labs.world.wordings import INSTRUCTIONS, WORDINGS

ROOT = Path(__file__).resolve().parent.parent
PACKAGED = Path(find_spec("skimage").origin).parent / "data"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with an untrained mini-llava: it says nonsense, but by the same way as a trained one."""
    from labs.models import checkpoint, mini
    from labs.models.tokens import build_tokenizer

    folder = tmp_path_factory.mktemp("home")
    tokenizer = build_tokenizer(scenes=60)
    checkpoint.save(mini.multimodal(tokenizer), tokenizer, folder / "data/checkpoints/mini-llava")
    (folder / "data/README.md").touch()
    return folder


@pytest.fixture
def scene(tmp_path):
    """The path of a picture of the micro-world."""
    path = tmp_path / "scene.png"
    draw(splits.sample(random.Random(0), "heldout")).save(path)
    return str(path)


@pytest.fixture
def run(home, monkeypatch):
    """Run a command in this process; nothing must reach the network or the user's own data."""
    monkeypatch.setenv("LABS_HOME", str(home))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    return lambda *arguments: CliRunner().invoke(command_line.app, [str(part) for part in arguments])


def assert_refused(result, words, code=2):
    assert result.exit_code == code and isinstance(result.exception, SystemExit), result.output
    assert words in result.stderr and "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1 and result.stderr.strip().endswith(".")
    assert result.stdout == ""


# ---------------------------------------------------------------------------------------------------------------
# Answers


def test_a_question_is_answered_and_written_for_a_machine(run, scene, tmp_path):
    result = run("ask", scene, "How many things are there?", "--json", tmp_path / "answer.json")
    assert result.exit_code == 0 and result.stderr == ""
    written = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    assert written["answer"] == result.stdout.strip() and written["warnings"] == []
    assert written["pictures"] == [scene] and written["question"] == "How many things are there?"
    assert written["model"] == "mini-llava" and written["seconds"] > 0


def test_several_pictures_and_a_foreign_language_are_answered_with_a_warning(run, scene):
    result = run("ask", scene, PACKAGED / "coffee.png", "Welche Farbe hat der Stern?")
    assert result.exit_code == 0
    about_picture, about_question = result.stderr.splitlines()
    assert "coffee.png" in about_picture and "do not trust the answer" in about_picture
    assert "welche" in about_question and "do not trust the answer" in about_question


# ---------------------------------------------------------------------------------------------------------------
# Bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SCENE", ""], "question is empty"),
        (["SCENE", "  \n "], "question is empty"),
        (["SCENE", "why " * 2500], "9999 characters"),
        (["SCENE", "Where is <image>?"], "a mark of the model's own"),
        (["SCENE", "<|im_start|>Where?"], "a mark of the model's own"),
        (["SCENE", "SCENE"], "is a picture, not a question"),
        (["SCENE", "other.webp"], "is a picture, not a question"),
        (["Where is the star?"], "There is no picture"),
        (["SCENE"] * 6 + ["Where is it?"], "There are 6 pictures"),
        (["SCENE", "Where is it?", "--role", "language"], "--role must be one of"),
        (["SCENE", "Where is it?", "--profile", "huge"], "there is no profile 'huge'"),
        (["SCENE", "Where is it?", "--profile", "colab"], "cannot be opened: check the name and the network"),
        (["SCENE", "Where is it?", "--role", "generative"], "There is no model"),
        (["SCENE", "Where is it?", "--json", "FOLDER"], "is a folder"),
        (["SCENE", "Where is it?", "--json", "FOLDER/none/a.json"], "there is no folder"),
        (["FOLDER/none.png", "Where is it?"], "There is no picture"),
        (["FOLDER", "Where is it?"], "is a folder"),
        (["x" * 5000, "Where is it?"], "cannot be read"),
        (["SCENE", "FOLDER/none.png", "Where is it?"], "none.png"),
    ],
)
def test_bad_arguments_get_one_sentence(run, scene, tmp_path, arguments, words):
    before = sorted(tmp_path.rglob("*"))
    filled = [part.replace("SCENE", scene).replace("FOLDER", str(tmp_path)) for part in arguments]
    assert_refused(run("ask", *filled), words)
    assert sorted(tmp_path.rglob("*")) == before


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png(width=10_000, height=10_001):
    """The header of a 100-megapixel picture, without the pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return header + struct.pack(">I", 1000) + b"IDAT" + bytes(40)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8))
BAD_FILES = {
    "empty.png": (b"", "0 bytes"),
    "text.jpg": (b"this is no picture " * 9, "not a picture"),
    "program.webp": (b"\x7fELF" + bytes(200), "not a picture"),
    "cut.png": (encoded(NOISE)[:9000], "damaged or cut short"),
    "cut.jpg": (encoded(NOISE, "JPEG")[:3000], "damaged or cut short"),
    "cut.webp": (encoded(NOISE, "WEBP")[:3000], "damaged or cut short"),
    "cut-early.png": (encoded(NOISE)[:20], "damaged or cut short"),
    "animation.png": (encoded(NOISE, "GIF"), "is a GIF picture"),
    "huge.png": (huge_png(), "100 megapixels"),
    "gigantic.png": (huge_png(60_000, 60_000), "megapixels"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_pictures_get_one_sentence(run, tmp_path, name):
    content, words = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    result = run("ask", tmp_path / name, "Where is it?", "--json", tmp_path / "answer.json")
    assert_refused(result, words)
    assert name in result.stderr and [path.name for path in tmp_path.iterdir()] == [name]


def test_what_may_not_be_read_is_said(scene, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # a test that runs as root may read everything
    with pytest.raises(PictureError, match="may not be read"):
        open_picture(scene)


def test_a_picture_error_is_a_labs_error_and_a_value_error():
    assert issubclass(PictureError, LabsError) and issubclass(PictureError, ValueError)


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (KeyboardInterrupt(), "Stopped.", 130),
        (OSError(28, "No space left on device"), "disk is full", 2),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk is full", 2),
        (PermissionError(13, "Permission denied", "answer.json"), "answer.json: Permission denied", 2),
        (FileNotFoundError("no folder with data/README.md"), "no folder with data/README.md", 2),
    ],
)
def test_interruption_and_full_disk_get_one_sentence(run, scene, monkeypatch, error, words, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(ask_command, "load", fail)
    assert_refused(run("ask", scene, "Where is it?"), words, code)


def test_a_full_disk_keeps_the_earlier_result(tmp_path, monkeypatch):
    file = tmp_path / "answer.json"
    file.write_text("earlier")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space"):
        ask_command.write_json(file, {})
    assert file.read_text() == "earlier" and list(tmp_path.iterdir()) == [file]


def test_a_damaged_model_is_said(run, scene, tmp_path, monkeypatch):
    folder = tmp_path / "data/checkpoints/mini-llava"
    folder.mkdir(parents=True)
    (tmp_path / "data/README.md").touch()
    (folder / "config.json").write_text("{")
    monkeypatch.setenv("LABS_HOME", str(tmp_path))
    assert_refused(run("ask", scene, "Where is it?"), "cannot be opened")


# ---------------------------------------------------------------------------------------------------------------
# In a process of its own

NO_SOCKETS = """
import os, socket
def refuse(*arguments, **options):
    os.write(2, b"A socket was opened\\n")
    os._exit(99)
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


def in_a_process(arguments, tmp_path, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = {**kept, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)


def test_no_socket_is_opened(home, scene, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_SOCKETS)
    opened = in_a_process(["-c", "import socket; socket.getaddrinfo('localhost', 80)"], tmp_path)
    assert opened.returncode == 99  # the guard works
    done = in_a_process(["-m", "labs", "ask", scene, "Where is the star?"], tmp_path, LABS_HOME=str(home))
    assert done.returncode == 0 and "socket" not in done.stderr, done.stderr


@pytest.mark.parametrize("module", ["labs", "labs.cli.app", "labs.models.pictures", "labs.models.familiar"])
def test_light_modules_import_no_torch(module, tmp_path):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'transformers'}} & set(sys.modules)))"
    assert in_a_process(["-c", code], tmp_path).returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["tune", "--help"], ["tour", "--help"]])
def test_help_needs_no_torch(arguments, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    done = in_a_process(["-m", "labs", *arguments], tmp_path)
    assert done.returncode == 0 and "python -m labs" in done.stdout


# ---------------------------------------------------------------------------------------------------------------
# Opening pictures


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_open_whatever_the_name(tmp_path, kind):
    picture = draw(splits.sample(random.Random(1)), 96)
    (tmp_path / "picture").write_bytes(encoded(picture, kind))
    opened = np.asarray(open_picture(tmp_path / "picture"), int)
    assert opened.shape == (96, 96, 3) and np.abs(opened - np.asarray(picture, int)).mean() < 6


def test_a_picture_is_turned_upright(tmp_path):
    picture = Image.new("RGB", (40, 20), "white")
    picture.paste("red", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it a quarter clockwise
    (tmp_path / "turned.jpg").write_bytes(encoded(picture, "JPEG", exif=exif, quality=95))
    opened = open_picture(tmp_path / "turned.jpg")
    assert opened.size == (20, 40) and opened.getpixel((10, 5))[1] < 60 < opened.getpixel((10, 35))[1]


MODES = {
    "RGBA": (Image.new("RGBA", (9, 9), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
    "half": (Image.new("RGBA", (9, 9), (255, 0, 0, 128)), "PNG", (255, 127, 127)),
    "LA": (Image.new("LA", (9, 9), (0, 0)), "PNG", (255, 255, 255)),
    "L": (Image.new("L", (9, 9), 100), "PNG", (100, 100, 100)),
    "1": (Image.new("1", (9, 9), 1), "PNG", (255, 255, 255)),
    "P": (Image.new("RGB", (9, 9), (10, 200, 30)).quantize(4), "PNG", (10, 200, 30)),
    "16 bits": (Image.fromarray(np.full((9, 9), 128 * 257, np.uint16)), "PNG", (128, 128, 128)),
    "CMYK": (Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(tmp_path, mode):
    picture, kind, expected = MODES[mode]
    (tmp_path / "picture").write_bytes(encoded(picture, kind))
    opened = open_picture(tmp_path / "picture")
    assert opened.mode == "RGB" and np.allclose(opened.getpixel((4, 4)), expected, atol=4)


# ---------------------------------------------------------------------------------------------------------------
# The familiar rule: pictures of the micro-world


def restyle(picture, rng, style):
    """Change how a picture looks, but not what it shows."""
    if style in ("blurred", "all"):
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.003, 0.01) * picture.width))
    if style in ("brightness", "all"):
        picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.85, 1.15))
    if style in ("framed", "all"):
        width = round(rng.uniform(0.02, 0.08) * picture.width)
        picture = ImageOps.expand(picture, width, rng.choice(["white", "black", "gray"]))
    if style in ("enlarged", "all"):
        picture = picture.resize([rng.randint(300, 700)] * 2, rng.choice([0, 2, 3]))
    if style in ("jpeg", "all"):
        picture = Image.open(io.BytesIO(encoded(picture, "JPEG", quality=60))).convert("RGB")
    return picture


STYLES = ("size", "sign", "blurred", "brightness", "framed", "enlarged", "jpeg", "all")


def restyled_scene(rng, style):
    scene = splits.sample(rng, "heldout", sign=style in ("sign", "all"))
    return restyle(draw(scene, rng.randint(64, 256)), rng, style)


def share_warned(pictures):
    return np.mean([not judge_picture(picture).ok for picture in pictures])


def test_held_out_scenes_are_familiar():
    rng = random.Random(101)
    assert share_warned([draw(splits.sample(rng, "heldout", sign=i % 5 == 0)) for i in range(500)]) <= 0.02


def test_restyled_scenes_are_familiar():
    rng = random.Random(102)
    assert share_warned(restyled_scene(rng, STYLES[i % len(STYLES)]) for i in range(504)) <= 0.02


# ---------------------------------------------------------------------------------------------------------------
# The familiar rule: pictures of another world

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png",
    "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip


def _page(colour="white", size=(240, 240)):
    picture = Image.new("RGB", size, colour)
    return picture, ImageDraw.Draw(picture)


def plot():
    picture, pen = _page()
    pen.line([(30, 10), (30, 210), (230, 210)], fill="black", width=2)
    for k, colour in enumerate([(31, 119, 180), (255, 127, 14), (44, 160, 44)]):
        pen.line([(30 + i, 110 - 30 * k + 60 * np.sin(i / 20 + k)) for i in range(200)], fill=colour, width=3)
    return picture


def bar_chart():
    picture, pen = _page()
    pen.line([(30, 10), (30, 210), (230, 210)], fill="black", width=2)
    for k, height in enumerate([60, 120, 90, 170]):
        pen.rectangle((45 + 45 * k, 210 - height, 80 + 45 * k, 209), fill=(31, 119, 180))
    return picture


def pie_chart():
    picture, pen = _page()
    for k, colour in enumerate([(214, 39, 40), (255, 127, 14), (44, 160, 44), (31, 119, 180)]):
        pen.pieslice((30, 30, 210, 210), 90 * k + k * k * 5, 90 * k + 100, fill=colour)
    return picture


def text_page():
    picture, pen = _page()
    for row in range(14):
        pen.text((12, 8 + 16 * row), "It was the best of times, the worst", "black", ImageFont.load_default(size=12))
    return picture


def line_drawing():
    picture, pen = _page()
    pen.rectangle((60, 120, 180, 210), outline="black", width=3)
    pen.polygon([(50, 120), (120, 60), (190, 120)], outline="black", width=3)
    pen.ellipse((190, 20, 225, 55), outline="black", width=3)
    return picture


def coloured_house():
    picture, pen = _page((135, 206, 235))
    pen.rectangle((0, 170, 240, 240), fill=(60, 160, 60))
    pen.rectangle((70, 110, 170, 200), fill=(200, 160, 110))
    pen.polygon([(60, 110), (120, 55), (180, 110)], fill=(180, 40, 30))
    pen.ellipse((185, 15, 225, 55), fill=(255, 215, 0))
    return picture


def traffic_light():
    picture, pen = _page((200, 215, 225))
    pen.rectangle((80, 20, 160, 220), fill=(20, 20, 20))
    for k, colour in enumerate(["red", "yellow", "green"]):
        pen.ellipse((95, 30 + 62 * k, 145, 80 + 62 * k), fill=colour)
    return picture


def tricolour():
    picture, pen = _page(size=(300, 200))
    pen.rectangle((0, 0, 99, 199), fill=(0, 85, 164))
    pen.rectangle((200, 0, 299, 199), fill=(239, 65, 53))
    return picture


def flag_with_disc():
    picture, pen = _page(size=(300, 200))
    pen.ellipse((90, 40, 210, 160), fill=(188, 0, 45))
    return picture


def face():
    picture, pen = _page()
    pen.ellipse((20, 20, 220, 220), fill=(255, 204, 77), outline="black", width=3)
    pen.ellipse((75, 80, 95, 110), fill="black")
    pen.ellipse((145, 80, 165, 110), fill="black")
    pen.arc((70, 100, 170, 180), 20, 160, fill="black", width=5)
    return picture


def target():
    picture, pen = _page()
    for k in range(5):
        pen.ellipse((10 + 22 * k, 10 + 22 * k, 230 - 22 * k, 230 - 22 * k), fill=["red", "white"][k % 2])
    return picture


def checkerboard():
    return Image.fromarray(np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((30, 30))).astype(np.uint8) * 255)


def colour_gradient():
    y, x = np.mgrid[0:200, 0:200] / 199
    return Image.fromarray((np.stack([x, y, 1 - x], axis=-1) * 255).astype(np.uint8))


def colour_noise():
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (72, 72, 3), np.uint8))


def code():
    bits = np.random.default_rng(2).integers(0, 2, (25, 25))
    return Image.fromarray(np.kron(bits, np.ones((8, 8))).astype(np.uint8) * 255)


def plain_red():
    return _page((214, 36, 40))[0]


def plain_grey():
    return _page((132, 134, 136))[0]


def confetti():
    picture, pen = _page()
    rng = random.Random(3)
    for _ in range(150):
        x, y = rng.randrange(240), rng.randrange(240)
        pen.ellipse((x, y, x + 14, y + 14), fill=tuple(rng.randrange(256) for _ in range(3)))
    return picture


DRAWINGS = (
    plot, bar_chart, pie_chart, text_page, line_drawing, coloured_house, traffic_light, tricolour, flag_with_disc,
    face, target, checkerboard, colour_gradient, colour_noise, code, plain_red, plain_grey, confetti,
)  # fmt: skip


def test_foreign_pictures_are_warned_about():
    pictures = {name: open_picture(PACKAGED / name) for name in PHOTOGRAPHS}
    pictures |= {drawing.__name__: drawing().convert("RGB") for drawing in DRAWINGS}
    assert len(pictures) >= 30
    missed = [name for name, picture in pictures.items() if judge_picture(picture).ok]
    assert len(missed) <= 0.05 * len(pictures), missed


# ---------------------------------------------------------------------------------------------------------------
# The familiar rule: questions


def test_questions_in_every_wording_are_familiar():
    rng = random.Random(103)
    for language in WORDINGS:
        asked = [
            ask(splits.sample(rng, "heldout"), rng, kind, language, wording)
            for kind in KINDS for wording in range(len(WORDINGS[language][kind])) for _ in range(12)
        ]  # fmt: skip
        texts = [question.text for question in asked if question]
        texts += [text for texts in INSTRUCTIONS[language].values() for text in texts]
        assert len(texts) > 300 and [text for text in texts if not judge_question(text).ok] == []


FOREIGN_QUESTIONS = (
    "Welche Farbe hat der Stern?", "Quelle est la couleur de l'étoile ?", "Di che colore è la stella?",
    "Onde está o gato?", "星星是什么颜色？", "Какого цвета звезда?", "Wo ist der rote Kreis?", "Combien de cercles ?",
    "What is the capital of France?", "Who painted this picture?", "How many dogs are there?", "Is the man happy?",
    "What is the woman holding?", "Translate this into German.", "Where was this photo taken?", "Is it raining?",
    "What brand is the car?", "How old is she?", "Which animal is this?", "What does the text say?",
    "Is there a horse in the picture?", "What is the weather like?", "Read the invoice number.", "Hello!",
    "¿Qué animal aparece en la foto?", "¿Quién es el presidente?", "¿De qué marca es el coche?", "asdf qwer zxcv",
    "12345", "???", "Write a poem about spring.", "Is this scan normal?",
)  # fmt: skip


@pytest.mark.parametrize("question", FOREIGN_QUESTIONS)
def test_foreign_questions_are_warned_about(question):
    judged = judge_question(question)
    assert not judged.ok and judged.reasons[0].endswith("do not trust the answer.")
