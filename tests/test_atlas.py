"""The map of the field: every row keeps the rules, points at something that is there, and can be found and seen."""

import ast
import csv
import io
import re
from collections import Counter
from dataclasses import astuple, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from labs.systems.claim import systems
from labs.systems.parts.atlas import FAMILIES, MODALITIES, PARTS, STAGES, WHY, Paper, read
from labs.teaching import atlas

ROOT = Path(__file__).resolve().parents[1]
ROWS = read()
SHOWN = [row for row in ROWS if row.shown]
LISTED = 208  # papers of the list
NAMED = {  # what the three texts name, models and methods, in this table's words
    "tutorial": "BLIP-2 | ChatGPT | GPT-4V | InstructBLIP | InstructPix2Pix | LLaVA | LoRA | QLoRA | "
    "Survey of vision-language pre-training | Video-LLaMA",
    "summary": "BLIP-2 | Chinchilla | CLIP | DeepSpeed-VisualChat | Flamingo | Gemini | LLaVA | MiniGPT-4",
    "talk": "Alpaca | BLIP-2 | ChatGPT | CLIP | Flamingo | Gemini | GIT | GLIGEN | GPT-4 | GPT-4V | GPT4-Alpaca | "
    "ImageBind | InstructBLIP | LLaMA | LLaMA-2-Chat | LLaVA | LLaVA-1.5 | LLaVA-NeXT (1.6) | LoRA | MPT-Chat | "
    "OpenFlamingo | Phi-3 | Qwen-VL | SEEM | Stable Diffusion | The printer example | Tulu | Vicuna | "
    "Vision Transformer",
}
COVERED = {"closed_models"}  # a system without claims
PATH = re.compile(r"(?:labs|scripts|notebooks)/[\w/]+\.(?:py|ipynb)")


def names(some):
    return {row.system for row in some}


# ---------------------------------------------------------------------------------------------------------------
# The table


def test_all_papers_of_the_list_are_there_and_none_twice():
    assert sum("papers" in row.part for row in ROWS) == LISTED
    for column in (lambda row: row.title.lower(), lambda row: row.system.lower()):
        assert max(Counter(map(column, ROWS)).values()) == 1


@pytest.mark.parametrize("part", NAMED)
def test_all_that_the_texts_name_has_a_row(part):
    assert names(row for row in ROWS if part in row.part) == set(NAMED[part].split(" | "))


def test_only_what_a_file_here_is_about_was_added_to_them():
    assert not [row.system for row in ROWS if row.part == ("labs",) and not row.shown]
    assert not [row.system for row in ROWS if "labs" in row.part and len(row.part) > 1]


def test_words_are_few_and_every_word_of_the_vocabulary_is_used():
    assert {row.family for row in ROWS} == set(FAMILIES) and {row.stage for row in ROWS} == set(STAGES)
    assert {one for row in ROWS for one in row.modalities} == set(MODALITIES)
    assert {one for row in ROWS for one in row.part} == set(PARTS) and {row.why for row in ROWS} == {"", *WHY}


def test_rows_are_plausible_and_short_enough_to_read():
    for row in ROWS:
        assert 2015 <= row.year <= 2026 and row.domain and row.claim, row.system
        assert len(row.system) <= 40 and 3 <= len(row.mechanism.split()) <= 24, row.system
        assert len(row.claim.split()) <= 24 and len(row.here.split()) <= 32, row.system
        assert not any(text != text.strip() or "  " in text for text in astuple(row) if isinstance(text, str))


def test_a_year_is_that_of_the_first_version():
    dated = [(row, re.fullmatch(r"https://arxiv\.org/abs/(\d\d)\d\d\.\d{4,5}", row.source)) for row in ROWS]
    assert sum(bool(found) for _, found in dated) > 50
    assert not [row.system for row, found in dated if found and row.year != 2000 + int(found[1])]
    assert not [row.system for row, found in dated if "arxiv" in row.source and not found]


def test_sources_are_those_of_one_paper_each():
    assert max(Counter(row.source for row in ROWS if row.source).values()) == 1


# ---------------------------------------------------------------------------------------------------------------
# What it points at


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.system)
def test_what_shows_a_paper_is_there_and_its_code_holds_what_is_named(row):
    tree = ast.parse((ROOT / row.shown_by).read_text(encoding="utf-8"))
    named = re.findall("`([^`]+)`", row.how)
    assert named, f"how of {row.system} names nothing in {row.shown_by}"
    assert not [name for name in named if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said_in_code(tree))]


def said_in_code(tree):
    """Names and texts of a file, one a line; what comments and docstrings say is left out."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            parts.append(node.value)
        parts += [
            value for name in ("id", "attr", "arg", "name") if isinstance(value := getattr(node, name, None), str)
        ]
    return "\n".join(parts)


def test_every_other_file_that_is_mentioned_is_there():
    mentioned = {path for row in ROWS for path in PATH.findall(row.how + row.why_not)}
    assert mentioned and not [path for path in mentioned if not (ROOT / path).is_file()]


def test_every_system_is_pointed_at():
    pointed = {row.shown_by for row in ROWS}
    assert not [name for name in {*systems(), *COVERED} if f"labs/systems/{name}.py" not in pointed]


def test_most_files_cite_the_very_paper_that_they_are_said_to_show():
    """A path that slipped by a row would send readers to a file that has never heard of the paper."""
    linked = [row for row in SHOWN if "arxiv" in row.source]
    text = {row.shown_by: (ROOT / row.shown_by).read_text(encoding="utf-8") for row in linked}
    assert len([row for row in linked if row.source in text[row.shown_by]]) > len(linked) / 2


def test_why_not_is_one_sentence():
    for row in ROWS:
        if not row.shown:
            assert row.why_not.endswith(".") and not re.search(r"[.!?] ", row.why_not), row.system


# ---------------------------------------------------------------------------------------------------------------
# Rows that break a rule


@pytest.mark.parametrize("column, wrong", [("family", "smell"), ("stage", "sleep"), ("modalities", ("text", "smell")),
                                           ("modalities", ()), ("part", ("elsewhere",))])  # fmt: skip
def test_a_word_that_the_table_does_not_know_is_refused(column, wrong):
    with pytest.raises(ValueError, match=f"{column} of .* must be among .*, not "):
        replace(ROWS[0], **{column: wrong})


@pytest.mark.parametrize("change", [{"why_not": "Scale: none."}, {"how": ""}, {"shown_by": ""},
                                    {"shown_by": "", "how": ""}])  # fmt: skip
def test_a_row_is_shown_or_says_why_not(change):
    with pytest.raises(ValueError, match="needs either shown_by and how, or why_not, and not both"):
        replace(SHOWN[0], **change)


def test_a_reason_that_is_none_and_a_link_that_is_none_are_refused():
    silent = {"shown_by": "", "how": ""}
    with pytest.raises(ValueError, match="why_not of .* must begin with one of World, .*, not 'Boring'"):
        replace(SHOWN[0], why_not="Boring: it is.", **silent)
    with pytest.raises(ValueError, match="source of .* must begin with https://, not be 'http://a.b'"):
        replace(ROWS[0], source="http://a.b")
    assert replace(SHOWN[0], why_not="Scale: it is.", **silent).why == "Scale"


def test_a_table_with_other_columns_or_a_year_in_words_is_refused(tmp_path):
    file = tmp_path / "atlas.csv"
    header, first = (ROOT / "data" / "atlas.csv").read_text(encoding="utf-8").splitlines()[:2]
    file.write_text(f"{header}\n{first}\n", encoding="utf-8")
    assert read(file) == ROWS[:1]
    file.write_text(f"{header}\n{first.replace(f',{ROWS[0].year},', ',last,')}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="year of .* must be a whole number, not 'last'"):
        read(file)
    file.write_text(f"{header},more\n{first},x\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the atlas needs the columns title, system"):
        read(file)
    file.write_text(f"{header}\n{first.rsplit(',', 1)[0]}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="each row of the atlas needs 14 fields, not as here"):
        read(file)


def test_the_file_is_in_the_order_in_which_it_is_read():
    keys = [(row.family, row.year, row.system.lower()) for row in ROWS]
    assert keys == sorted(keys)
    with (ROOT / "data" / "atlas.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == len(ROWS) + 1


# ---------------------------------------------------------------------------------------------------------------
# Search, table, drawing, page


def test_every_word_must_occur_whatever_its_case():
    found = names(atlas.search("GATED cross-attention frozen"))
    assert "Flamingo" in found and "GLIGEN" not in found and "GLIGEN" in names(atlas.search("gated frozen"))
    assert names(atlas.search("qlora")) >= {"QLoRA"} and not atlas.search("qlora zebra")
    assert len(atlas.search()) == len(ROWS)


def test_names_of_columns_are_no_words_of_a_row():
    assert len(atlas.search("why_not")) == len(atlas.search("shown_by")) == 0


def test_whoever_says_picture_or_sound_means_images_and_audio_too():
    assert "BEiT-3" in names(atlas.search("picture beit"))  # it says images everywhere
    assert names(atlas.search("picture")) == names(atlas.search("image"))
    assert names(atlas.search("sound")) == names(atlas.search("audio"))


def test_search_is_narrowed_by_family_part_and_whether_it_is_shown():
    some = atlas.search(family="llm-connector", shown=True, part="papers")
    assert "TinyLLaVA" not in names(atlas.search(family="llm-connector", shown=False))
    assert {(one.family, one.shown) for one in some} == {("llm-connector", True)}
    assert all("papers" in one.part for one in some)
    assert len(atlas.search(shown=True)) + len(atlas.search(shown=False)) == len(ROWS)
    years = [one.year for one in atlas.search("frozen")]
    assert years == sorted(years, reverse=True) and len(set(years)) > 1


@pytest.mark.parametrize("which", ["family", "part"])
def test_an_unknown_family_or_part_is_refused_in_one_sentence(which):
    with pytest.raises(ValueError, match=rf"^there is no {which} 'smells': choose one of [^.]+$"):
        atlas.search(**{which: "smells"})


def test_counts_by_family_add_up_and_the_most_shown_comes_first():
    counts = atlas.families()
    assert sum(here for here, _ in counts.values()) == len(SHOWN)
    assert sum(every for _, every in counts.values()) == len(ROWS)
    shown = [here for here, _ in counts.values()]
    assert shown == sorted(shown, reverse=True)
    assert atlas.families(SHOWN[:1]) == {SHOWN[0].family: (1, 1)}


def test_the_table_says_of_each_what_and_where():
    some = [next(row for row in ROWS if row.shown is shown) for shown in (True, False)]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(atlas.table(some))
    text = console.export_text()
    for row in some:
        assert row.system in text and str(row.year) in text and row.here.split(":")[0] in text


def drawn(figure):
    figure.draw_without_rendering()
    axes = figure.axes[0]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return axes, marks


def test_the_map_has_a_mark_for_each_paper_in_its_row_and_column():
    axes, marks = drawn(atlas.map_figure())
    rows = Counter(round(mark.get_ydata()[0]) for mark in marks)
    assert [rows[number] for number in range(len(rows))] == [every for _, every in atlas.families().values()]
    columns = Counter(round(mark.get_xdata()[0]) for mark in marks)
    years = Counter(max(row.year, atlas.EARLY) for row in ROWS)
    assert [columns[number] for number in range(len(columns))] == [years[year] for year in sorted(years)]
    spots = [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks]
    assert max(Counter(spots).values()) == 1
    assert not [spot for spot in spots if abs(spot[0] - round(spot[0])) > 0.46]


def test_marks_differ_without_colour_and_the_round_ones_are_those_that_are_shown():
    _, marks = drawn(atlas.map_figure())
    assert Counter(mark.get_marker() for mark in marks) == {"o": len(SHOWN), "x": len(ROWS) - len(SHOWN)}


def test_the_title_counts_what_was_chosen_by_what_is_here_apart():
    said, listed = atlas.finding(ROWS), [row for row in ROWS if "papers" in row.part]
    added = sum(row.part == ("labs",) for row in ROWS)
    assert f"shows {sum(row.shown for row in listed)} of {LISTED} papers of the list" in said
    assert f"of {len(ROWS) - LISTED - added} systems that the texts name besides, {added} of {added} added" in said
    worlds = sum(row.why == "World" for row in ROWS)
    assert f"The other {len(ROWS) - len(SHOWN)} can have none here" in said and f"World {worlds}" in said
    assert "0 of 0" not in atlas.finding(SHOWN[:1])


def test_a_part_of_the_map_labels_the_years_that_it_has():
    some = [row for row in ROWS if row.year in (2023, 2024) and row.family == "mm-rag"]
    axes, marks = drawn(atlas.map_figure(some))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2023", "2024"] and len(marks) == len(some)


def test_the_page_folds_every_family_and_needs_nothing_from_elsewhere():
    page, opened = atlas.page(), Counter()

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attributes):
            opened[tag] += 1
            assert "src" not in dict(attributes)

    Tags().feed(page)
    assert opened["details"] == len(FAMILIES) and opened["li"] == len(ROWS) and not opened["script"]
    assert opened["a"] == sum(bool(row.source) for row in ROWS)


def test_what_a_row_says_cannot_break_the_page():
    odd = Paper("<b>", "A & B", 2024, ("text",), "survey", "a < b", "survey", "general", "", "", ("papers",), "", "",
                "Survey: 'none'.")  # fmt: skip
    assert "<b>A &amp; B</b>" in atlas._item(odd) and "a &lt; b" in atlas._item(odd)
