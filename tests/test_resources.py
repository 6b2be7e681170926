"""What training took: each figure has its source and its state, no cell stands twice, the summary is never left alone.

Nothing here holds a figure to a number that was typed twice: what is tested are the rules and the arithmetic.
"""

import io

import pytest
from rich.console import Console

from labs.systems.parts import published, resources
from labs.systems.parts.resources import AGREES, COUNTED, NAMED, WHOLE, Resource
from labs.teaching.resources import QUANTITIES, figure
from labs.teaching.resources import resources as table_of

ROWS = resources.read()
READ = Resource("A", 2023, "training time", 4.0, "hours", "pre-training", "https://a.b", "checked", "")
SAID = READ._replace(value=6.0, stage=WHOLE, state=published.STATES[-1], note="the paper has 4")
CELLS = {  # of the summary's table
    "training data": {"training data"},
    "learnable parameters": {"learnable parameters"},
    "hardware": {"accelerators", "hardware"},
    "training time": {"training time"},
}


def write(tmp_path, *lines):
    file = tmp_path / "resources.csv"
    file.write_text("\n".join([",".join(resources.COLUMNS), *lines]), encoding="utf-8")
    return file


# ---------------------------------------------------------------------------------------------------------------
# The table


def test_every_row_keeps_the_rules():
    for row in ROWS:
        assert resources.check(row) == row and row.source.startswith("https://") and row.state in published.STATES


def test_most_figures_were_read_and_what_was_only_said_says_what_the_sources_have():
    said = [row for row in ROWS if row.said]
    assert said and len(said) < len(ROWS) / 4 and all(row.note for row in said)
    assert not [row for row in said if row.note.startswith(AGREES)]  # then a row that was read says so instead


@pytest.mark.parametrize("model", ["Flamingo", "BLIP-2", "LLaVA", "MiniGPT-4", "DeepSpeed-VisualChat"])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_each_cell_of_the_summary_is_there(model, cell):
    rows = [row for row in ROWS if row.model == model and row.quantity in CELLS[cell]]
    assert any(row.said or row.note.startswith(AGREES) for row in rows)


def test_what_differs_from_the_summary_does_differ():
    for said in (row for row in ROWS if row.said):
        alike = [row for row in resources.beside(ROWS, said) if (row.unit, row.stage) == (said.unit, said.stage)]
        assert all(row.value != said.value for row in alike), said.where


def test_a_model_has_one_year():
    years = {(row.model, row.year) for row in ROWS}
    assert len(years) == len({model for model, _ in years}) and all(2022 <= year <= 2024 for _, year in years)


def test_a_source_is_somewhere_and_an_arxiv_paper_was_read_in_a_copy():
    assert all(row.state == published.STATES[1] for row in ROWS if "arxiv.org" in row.source and not row.said)


def test_numbers_are_numbers_and_names_are_names():
    read = [row for row in ROWS if not row.said]
    assert {row.quantity for row in read} == set(COUNTED) | set(NAMED)
    assert all(isinstance(row.value, str) == (row.quantity in NAMED) for row in read)


# ---------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    "wrong, message",
    [({"quantity": "colour"}, "quantity of .* not 'colour'"), ({"stage": "lunch"}, "stage of .* not 'lunch'"),
     ({"state": "surely"}, "state of .* not 'surely'"), ({"source": "a talk"}, "https source"),
     ({"model": ""}, "needs a model"), ({"value": "many"}, "must be a number"), ({"value": ""}, "must be a number"),
     ({"value": 0.0}, "above 0"), ({"value": float("nan")}, "above 0"), ({"value": float("inf")}, "above 0"),
     ({"unit": ""}, "have a unit"), ({"unit": "moons"}, "unit of .* not 'moons'"),
     ({"quantity": "language model"}, "must be a text"), ({"state": published.STATES[-1]}, "only said")],
)  # fmt: skip
def test_a_row_that_breaks_a_rule_is_refused(wrong, message):
    assert resources.check(READ) == READ
    with pytest.raises(ValueError, match=message):
        resources.check(READ._replace(**wrong))


def test_only_what_was_said_may_be_words_instead_of_a_number():
    assert resources.check(SAID._replace(value="a while")).value == "a while"
    with pytest.raises(ValueError, match="must be a number"):
        resources.check(SAID._replace(value=""))


LINE = "A,2023,training time,4,hours,pre-training,https://a.b,checked,"


@pytest.mark.parametrize(
    "lines, message",
    [([LINE, LINE], "training time of A, pre-training stands twice, in hours"), (["A,2023,epochs"], "needs 9 fields"),
     ([LINE + ",more"], "needs 9 fields"), ([LINE.replace("2023", "then")], "year of A .* not 'then'")],
)  # fmt: skip
def test_a_table_that_contradicts_itself_is_refused(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        resources.read(write(tmp_path, *lines))


def test_what_was_said_may_stand_beside_what_was_read(tmp_path):
    said = LINE.replace("4", "6").replace("checked,", '"as in the talk, unchecked",the paper has 4')
    read, other = resources.read(write(tmp_path, LINE, said))
    assert (read.value, read.said, other.value, other.said) == (4.0, False, 6.0, True)
    with pytest.raises(ValueError, match="stands twice"):
        resources.read(write(tmp_path, said, said))


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("model,value\nA,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="need the columns model, year"):
        resources.read(tmp_path / "a.csv")


# ---------------------------------------------------------------------------------------------------------------
# What is made of it


def test_beside_what_was_said_stand_all_stages_and_sizes_of_that_model_alone():
    mine = [READ, READ._replace(stage="instruction tuning"), READ._replace(model="A-13B")]
    others = [SAID, READ._replace(model="A-1.5-13B"), READ._replace(model="AB"), READ._replace(quantity="epochs")]
    assert resources.beside(mine + others, SAID) == mine


def test_chip_hours_multiply_stage_by_stage():
    chips = READ._replace(quantity="accelerators", value=8.0, unit="chips", stage=WHOLE)
    short, long = (
        READ._replace(value=30.0, unit="minutes", stage="pre-training 1"),
        READ._replace(value=2.0, unit="days"),
    )
    other = READ._replace(value=1.0, stage="fine-tuning")
    rows = [short, long, other, chips, chips._replace(value=1.0, stage="pre-training")]
    assert resources.chip_hours(rows, "A") == {"pre-training 1": 0.5, "pre-training": 48.0, "fine-tuning": 8.0}


def test_chip_hours_need_both_and_trust_no_hearsay():
    chips = READ._replace(quantity="accelerators", value=8.0, unit="chips")
    assert resources.chip_hours([READ], "A") == resources.chip_hours([chips], "A") == {}
    assert resources.chip_hours([SAID, chips, chips._replace(stage=WHOLE)], "A") == {}
    assert resources.chip_hours([READ, SAID, chips], "A") == {"pre-training": 32.0}
    assert resources.chip_hours([READ, chips], "B") == {}


def test_chip_hours_of_the_whole_are_not_counted_beside_its_stages():
    chips = READ._replace(quantity="accelerators", value=2.0, unit="chips", stage=WHOLE)
    whole = READ._replace(value=5.0, stage=WHOLE)
    assert resources.chip_hours([whole, chips], "A") == {WHOLE: 10.0}
    assert resources.chip_hours([whole, READ, chips], "A") == {"pre-training": 8.0}


# ---------------------------------------------------------------------------------------------------------------
# Shown


def shown(table) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_the_table_has_what_was_read_what_was_said_and_what_was_measured_here():
    measured = dict.fromkeys(QUANTITIES, "measured")
    text = shown(table_of([READ, SAID], ["A"], {"ours": measured}))
    assert "4 hours (pre-training)" in text and "[talk: 6 hours]" in text and text.count("measured") == len(QUANTITIES)


def test_a_model_without_rows_is_refused():
    with pytest.raises(KeyError, match="no row of 'B': there are A"):
        table_of([READ], ["B"], {})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1.88e8, "parameters", "188 million"), (5.5, "hours", "5.5 hours"), (1536.0, "TPUv4 chips", "1,536 TPUv4 chips")],
)
def test_figures_are_said_in_words(value, unit, text):
    assert figure(READ._replace(value=value, unit=unit, stage=WHOLE)) == text
