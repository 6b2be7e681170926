"""The code asked for is true of the drawn case, what is drawn is there, and what a model wrote can do no harm."""

import random
import re

import numpy as np
import pytest

from labs.world import splits
from labs.world.domains import code, screens, tables
from labs.world.domains.screens import Block, Screen
from labs.world.domains.tables import Table
from labs.world.vocabulary import COLOURS, SHAPES

SCREEN = Screen("red", "blue", "left", ((Block("button", "green"), Block("img", "pink")), (Block("input", "blue"),)))
TABLE = Table((("star", "ring", "moon"), ("cross", "heart", "star")), barred=True, headed=True)


@pytest.fixture(scope="module")
def cases() -> dict[tuple[str, str], list]:
    rng = random.Random(7)
    return {(split, kind): [code.sample(rng, split, kind) for _ in range(400)]
            for split in splits.SPLITS for kind in code.KINDS}  # fmt: skip


def combinations(case) -> set:
    """What the splits are about, found again in the written code with patterns alone."""
    text = code.questions(case, random.Random(0))[0].answer
    if isinstance(case, Table):
        lines = re.split(r"\\\\(?:\\hline )?", re.sub(r"\\(begin|end)\{tabular\}(\{[c|]+\})?", "", text))
        rows = [line.split("&") for line in lines]
        return {(a, b) for row in rows for a, b in zip(row, row[1:], strict=False)}
    rows = [re.findall(r"<(\w+) (\w+)>", row) for row in text.split("<p>")[1:]]
    bars = re.findall(r"<header (\w+)>(?:<nav \w+ (\w+)>)?", text)
    beside = {(a[0], b[0]) for row in rows for a, b in zip(row, row[1:], strict=False)}
    return {block for row in rows for block in row} | {("bars", *bar) for bar in bars} | beside


@pytest.mark.parametrize("kind", code.KINDS)
def test_training_never_shows_what_is_held_out(cases, kind):
    bars = {("bars", *pair) for pair in code.HELD_OUT_BARS}
    kept = code.HELD_OUT_SIGNS if kind == "table" else code.HELD_OUT_BLOCKS | code.HELD_OUT_SIDE_BY_SIDE | bars
    seen = set().union(*map(combinations, cases["train", kind]))
    assert not seen & kept
    assert all(combinations(case) & kept for case in cases["heldout", kind])
    assert set().union(*map(combinations, cases["heldout", kind])) >= kept


@pytest.mark.parametrize("kind", code.KINDS)
def test_what_is_held_out_is_no_larger(cases, kind):
    sizes = {split: np.mean([sum(map(len, case.rows)) for case in cases[split, kind]]) for split in splits.SPLITS}
    assert abs(sizes["train"] - sizes["heldout"]) < 0.1 * sizes["train"]


@pytest.mark.parametrize("kind", code.KINDS)
def test_the_true_code_reads_back_and_scores_one(cases, kind):
    for case in cases["train", kind] + cases["heldout", kind]:
        (question,) = code.questions(case, random.Random(1))
        assert question.kind == kind and question.text in code.WORDINGS[kind]
        assert {"screen": screens.parse, "table": tables.parse}[kind](question.answer) == case
        assert code.score(case, question.answer) == code.parts_alike(case, question.answer) == 1


@pytest.mark.parametrize("kind", code.KINDS)
def test_nothing_another_picture_and_the_commonest_answer_score_low(cases, kind):
    held = cases["heldout", kind][:100]
    answers = [code.questions(case, random.Random(1))[0].answer for case in held]
    assert all(code.score(case, "") == code.parts_alike(case, "") == 0 for case in held)
    assert max(answers.count(one) for one in answers) <= 3
    swapped = [code.score(case, text) for case, text in zip(held, answers[1:] + answers[:1], strict=True)]
    assert 0 < np.mean(swapped) < 0.4 and max(swapped) <= 1
    assert max(np.mean([code.score(case, text) for case in held]) for text in answers[:5]) < 0.4


# ---------------------------------------------------------------------------------------------------------------
# Pictures


def test_the_bars_and_blocks_of_a_screen_are_where_the_code_says():
    picture = np.asarray(code.draw(SCREEN))
    at = {"header": (2, 40), "nav": (70, 2), "green": (22, 26), "pink": (17, 45), "blue": (36, 40)}
    colours = {"header": "red", "nav": "blue"}
    for name, (y, x) in at.items():
        assert tuple(picture[y, x]) == COLOURS[colours.get(name, name)], name
    assert tuple(picture[42, 40]) == screens.WHITE  # inside the frame of the input
    assert tuple(picture[65, 40]) == screens.PAGE  # there is no third row
    right = np.asarray(code.draw(Screen("red", "blue", "right", SCREEN.rows)))
    assert tuple(right[70, 70]) == COLOURS["blue"] and tuple(right[70, 2]) == screens.PAGE


def test_every_part_of_a_screen_shows(cases):
    for case in cases["train", "screen"][:50]:
        picture = np.asarray(code.draw(case)).reshape(-1, 3)
        shown = {tuple(pixel) for pixel in picture.tolist()}
        inks = {case.header, case.nav, *(block.colour for row in case.rows for block in row)} - {None}
        assert inks == {name for name in screens.INKS if COLOURS[name] in shown}


def test_the_kinds_of_block_differ_in_how_much_is_coloured():
    filled = {}
    for kind in screens.KINDS:
        picture = np.asarray(code.draw(Screen(None, None, "left", ((Block(kind, "red"),),))))
        filled[kind] = (picture == COLOURS["red"]).all(axis=2).mean()
    assert filled["button"] > 1.1 * filled["img"] > 1.2 * filled["input"] > 0.02


def test_the_cells_and_lines_of_a_table_are_where_the_code_says():
    ruled, bare = (np.asarray(code.draw(Table(TABLE.rows, lines, lines))).astype(int) for lines in (True, False))
    cells = (ruled.sum(axis=2) < 200).reshape(3, 24, 3, 24).sum(axis=(1, 3))
    assert (cells[:2] > 60).all() and (cells[2] == 0).all()
    star, ring, moon, cross = cells[0, 0], cells[0, 1], cells[0, 2], cells[1, 0]
    assert star == cells[1, 2] and len({star, ring, moon, cross}) == 4
    for y, x in ((24, 1), (24, 70), (1, 24), (1, 48), (46, 24), (46, 48)):
        assert tuple(ruled[y, x]) == tables.LINE and tuple(bare[y, x]) == tables.PAPER
    changed = (ruled != bare).any(axis=2)
    assert not changed[49:].any() and not changed[2:22, 2:22].any()


def test_the_signs_look_different():
    looks = [np.asarray(code.draw(Table(((shape, shape),) * 2, False, False))) for shape in SHAPES]
    assert all((a != b).any(axis=2).mean() > 0.02 for i, a in enumerate(looks) for b in looks[:i])


@pytest.mark.parametrize("size", [72, 224, 301])
@pytest.mark.parametrize("case", [SCREEN, TABLE], ids=["screen", "table"])
def test_a_picture_depends_on_the_case_alone(case, size):
    one, two = code.draw(case, size), code.draw(case, size)
    assert one.mode == "RGB" and one.size == (size, size) and one.tobytes() == two.tobytes()
    small = np.asarray(one.resize((72, 72), 4)).astype(int)
    assert abs(small - np.asarray(code.draw(case)).astype(int)).mean() < 15  # edges fall between pixels


# ---------------------------------------------------------------------------------------------------------------
# Reading what a model wrote


@pytest.mark.parametrize(
    "harm",
    [
        "<script>alert('<header red>')</script>",
        "<style>p{background:url(http://a.example/x)}<header red></style>",
        "<img src=http://a.example/x onerror=alert(1)>",
        "<iframe src=file:///etc/passwd red></iframe>",
        "<button onclick='alert(1)' style=background:red>",
        "<!-- <header red> --><![CDATA[<header red>]]>",
        "<p onload=x><a href=javascript:alert(1) red>",
        "&lt;header red&gt;",
        "<header red=red>",
        "<header #d62428>",
    ],
)
def test_what_is_not_of_the_subset_is_dropped(harm):
    assert screens.parse(harm) == Screen(None, None, "left", ())
    before_the_end = screens.html(SCREEN) + harm
    assert screens.parse(before_the_end) == SCREEN


def test_end_tags_capitals_and_text_change_nothing():
    text = ("Here you are: <HEADER red></HEADER><nav left blue>menu</nav>\n<p><button green>OK</button><img pink/></p>"
            "<p></p><p><input blue></p>")  # fmt: skip
    assert screens.parse(text) == SCREEN


def test_of_a_tag_only_kind_colour_and_side_are_kept():
    text = "<nav left blue onload=alert(1)><p style=color:red><img src=http://a.example/x pink onerror=alert(1) yellow>"
    assert screens.parse(text) == Screen(None, "blue", "left", ((Block("img", "pink"),),))
    assert screens.parse("<header red><header blue><p><img pink") == Screen("red", None, "left", ())


def test_a_screen_keeps_to_its_limits_whatever_is_written():
    rows = screens.parse("<p>" * 4 + "<p><button red><button blue><img red>" * 9).rows
    assert rows == ((Block("button", "red"), Block("button", "blue")),) * 3
    assert screens.parse("<" * 100_000 + "<p><img red>") == Screen(None, None, "left", ())
    assert screens.parse("<button red><nav red><header><nav left>").blocks == frozenset()


def test_half_a_screen_scores_between():
    without = "<nav left blue><p><button green><img pink><p><input blue>"
    assert 0 < code.score(SCREEN, without) < 1
    assert code.parts_alike(SCREEN, without) == pytest.approx(2 * 4 / (5 + 4))
    other = code.parts_alike(SCREEN, screens.html(SCREEN).replace("img pink", "img red"))
    assert other == pytest.approx(4 / 5) and code.score(SCREEN, screens.html(SCREEN).replace("pink", "red")) < 1
    assert code.score(SCREEN, without) > code.score(SCREEN, "<nav left blue>")


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{tabular}{c|c|c}star&ring&moon\\\hline cross&heart&star",  # never ends
        r"\begin{tabular}{c|c}star&ring&moon\\\hline cross&heart&star\end{tabular}",  # a column too few
        r"\begin{tabular}{c|cc}star&ring&moon\\\hline cross&heart&star\end{tabular}",  # one bar of two
        r"\begin{tabular}{c|c|c}star&ring&moon\\\hline cross&heart\end{tabular}",
        r"\begin{tabular}{c|c|c}star&ring&moon\\\hlinecross&heart&star\end{tabular}",  # another command
        r"\begin{tabular}{c|c|c}star&ring&moon\\\hline cross&heart&star\input{x}\end{tabular}",
        r"\begin{tabular}{c|c|c}star&ring&moon\\cross&heart&\hline star\end{tabular}",
        r"\begin{tabular}{c|c|c}star&ring&moon\\\hline cross&heart&star\end{tabular}\end{tabular}",
        "star&ring&moon",
        "",
    ],
)
def test_what_is_not_exactly_a_table_is_none(text):
    assert tables.parse(text) is None and code.score(TABLE, text) == 0


def test_blanks_and_a_last_line_end_change_nothing():
    text = "\\begin{tabular}{c|c|c} star & ring & moon \\\\\n\\hline cross & heart & star \\\\\n\\end{tabular}\n"
    assert tables.parse(text) == TABLE


def test_every_cell_and_line_of_a_table_counts_once():
    true = tables.latex(TABLE)
    assert code.score(TABLE, true.replace("heart", "circle")) == pytest.approx(7 / 8)
    assert code.score(TABLE, true.replace(r"\hline ", "")) == pytest.approx(2 * 7 / (8 + 7))
    assert code.score(TABLE, true.replace("c|c|c", "ccc")) == pytest.approx(2 * 7 / (8 + 7))


# ---------------------------------------------------------------------------------------------------------------
# Seeds and refusals


def test_the_seed_decides_and_both_kinds_are_as_frequent():
    made = [code.sample(random.Random(seed)) for seed in range(300)]
    assert made == [code.sample(random.Random(seed)) for seed in range(300)]
    assert 110 < sum(isinstance(case, Table) for case in made) < 190
    asked = [code.questions(case, random.Random(f"asked {seed}")) for seed, case in enumerate(made)]
    assert asked == [code.questions(case, random.Random(f"asked {seed}")) for seed, case in enumerate(made)]
    assert {each[0].text for each in asked} == {text for texts in code.WORDINGS.values() for text in texts}


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: code.sample(random.Random(0), "test"), r"split must be one of \('train', 'heldout'\), not 'test'"),
        (lambda: code.sample(random.Random(0), "train", "poem"), "kind must be one of .*, not 'poem'"),
        (lambda: code.draw(SCREEN, 32), "size must be at least 64 pixels, not 32"),
        (lambda: code.draw(TABLE, 32), "size must be at least 64 pixels, not 32"),
        (lambda: Block("video", "red"), "a block is one of .*, not 'video' in 'red'"),
        (lambda: Block("img", "teal"), "not 'img' in 'teal'"),
        (lambda: Screen("red", "blue", "top", ()), "not red, blue, top"),
        (lambda: Screen("red", None, "left", ((),)), "1 to 2 blocks"),
        (lambda: Table((("star", "ring"),), False, False), "2 to 3 rows"),
        (lambda: Table((("star", "ring"), ("moon",)), False, False), "as many columns in each"),
        (lambda: Table((("star", "9"), ("ring", "moon")), False, False), "a cell holds one of"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
