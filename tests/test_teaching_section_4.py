"""Figures of section 4."""

import numpy as np
import pytest

from labs.teaching.matrix import matrix
from labs.teaching.trade import trade


def test_a_matrix_says_each_score_in_its_cell_in_ink_that_can_be_read():
    scores = np.array([[90.0, 0.4, 31.0], [5.0, 71.6, 100.0]])
    axes = matrix(scores, ["one", "two"], ["a", "b", "c"], "score, %").axes[0]
    found = {(text.get_position()[::-1], text.get_text(), text.get_color()) for text in axes.texts}
    assert found == {((0, 0), "90", "white"), ((0, 1), "0", "black"), ((0, 2), "31", "black"), ((1, 0), "5", "black"),
                     ((1, 1), "72", "white"), ((1, 2), "100", "white")}  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]


def test_a_matrix_without_a_name_for_each_row_is_refused():
    with pytest.raises(ValueError, match="1 rows and 2 columns are named"):
        matrix(np.zeros((2, 2)), ["one"], ["a", "b"], "")


def test_a_line_joins_the_scales_of_the_instruction_in_order_for_each_scale_of_the_picture():
    found = {(1.5, 4.0): (0.6, 0.8), (1.0, 2.0): (0.5, 0.7), (1.5, 0.5): (0.1, 0.95), (1.0, 0.5): (0.2, 0.9)}
    (axes,) = trade(found).axes
    lines = {line.get_label(): line.get_xydata().round(6).tolist() for line in axes.lines}
    assert lines == {"$s_I$ 1": [[90, 20], [70, 50]], "$s_I$ 1.5": [[95, 10], [80, 60]]}
    assert [text.get_text() for text in axes.texts] == ["$s_T$ 0.5", "$s_T$ 2", "$s_T$ 0.5", "$s_T$ 4"]
