"""Six adapters: what each is taught, what is asked and judged, the matrix, the guesses, and what is never run."""

import subprocess
import sys
import urllib.request

import pytest
import torch
from PIL import Image
from small_runs import every_arm, small

from labs.systems import domains as system
from labs.systems.parts import domain_adapters as parts
from labs.systems.parts.domain_adapters import BASE, OFF, Course, base, exam, guess, guesses, remembered, scored, taught
from labs.tuning.rows import alike_rows, row_layers
from labs.world.domains import NAMES, code, screens

CACHED = (parts.taught, parts.exam, parts.told, parts.guess, parts.earlier, parts.remembered)
FEW = {name: Course(cases=4, steps=2, batch=4, rate=1e-3, longest=3) for name in NAMES}
THREE = ("code", "sentiment", "arithmetic")  # are run; the others are of the same kind


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """Few cases and few steps."""
    few = {system: {"CASES": 3, "FEW": 2, "NAMES": THREE},
           parts: {"COURSES": FEW, "GUESSED": 12, "EARLIER": 2, "NAMES": THREE}}  # fmt: skip
    with small(CACHED, few):
        yield


def test_every_arm_of_every_claim_measures_the_same_items():
    for claim in system.claims():
        found = every_arm(claim, 1)
        assert all(0 <= value <= 1 for one in found.values() for value in one.values), claim.name


def test_each_domain_makes_a_claim(monkeypatch):
    monkeypatch.setattr(system, "NAMES", NAMES)
    claims = {claim.name: claim for claim in system.claims()}
    assert len(claims) == len(system.claims()) and set(NAMES) <= set(claims)
    assert [claim.name for claim in claims.values() if claim.given] == ["switched off"]
    assert set(claims["what an adapter costs"].arms) > {f"{name} left on" for name in NAMES}


def test_what_is_taught_differs_in_rows_rank_and_steps_alone():
    usual, bare, short = (taught("arithmetic", 0, way).model for way in parts.WAYS)
    assert [len(list(row_layers(model))) for model in (usual, bare, short)] == [1, 0, 1]
    ranks = [model.peft_config["default"].r for model in (usual, bare, short)]
    assert ranks == [parts.RANK, parts.RANK + 1, parts.RANK]
    learning = [sum(p.numel() for p in model.parameters() if p.requires_grad) for model in (usual, bare)]
    assert learning[0] < learning[1]  # the rival has more to learn with
    tokenizer = base().processor.tokenizer
    (layer,), (other,) = row_layers(usual), row_layers(short)
    signs = set(tokenizer.convert_tokens_to_ids(["+", "="]))
    assert signs <= set(layer.token_indices["default"]) and not signs & set(other.token_indices["default"])
    with pytest.raises(ValueError, match="way must be one of"):
        taught("arithmetic", 0, "fast")


def test_rows_that_nobody_learned_begin_anew_and_the_base_is_as_it_was():
    fresh, tuned = parts.fresh_base().model, taught("code", 0, "usual").model
    (layer,) = row_layers(tuned)
    rows, alike = layer.token_indices["default"], set(alike_rows(fresh))
    weight = fresh.get_input_embeddings().weight
    moved = (layer.trainable_tokens_delta["default"] - weight[rows]).norm(dim=1)
    new = torch.tensor([row in alike for row in rows])
    assert new.any() and not new.all()
    assert moved[new].min() > 2 > 0.2 > moved[~new].max()  # two steps do not go far
    assert torch.equal(layer.trainable_tokens_original["default"], weight[rows])
    assert torch.equal(tuned.get_base_model().get_input_embeddings().original_module.weight, weight)


def test_held_out_cases_are_those_of_no_setting_and_other_pictures_are_others():
    asked, again = exam("medical", 5, 0), exam("medical", 5, 1)
    assert asked.asked != again.asked
    other = parts.heldout.shuffled(asked.exam.pictures)
    assert all(one.tobytes() != two.tobytes() for one, two in zip(asked.exam.pictures, other, strict=True))


def test_answers_are_judged_as_the_domain_judges(monkeypatch):
    for domain in NAMES:
        asked = exam(domain, 3, 0)
        monkeypatch.setattr(parts, "told", lambda *about, asked=asked: tuple(item.answer for item in asked.items))
        found = scored(domain, "usual", domain, 3, 0)
        assert set(found.values) == {1.0} and found.scenes == [item.picture for item in asked.items]


def test_a_guess_is_the_best_single_answer_and_looks_at_nothing():
    assert guess("medical", "heart") in ("yes", "no") and guess("code", "screen").startswith("<")
    found = guesses("code", 3, 0)
    assert 0 < sum(found.values) / len(found.values) < 0.9
    for kind in ("face", "sentiment"):
        assert guess("sentiment", kind) in {q.answer for a in exam("sentiment", 40, 0).asked for q in a.questions}


def test_by_kind_is_the_mean_of_each_kind():
    found, whole = system.by_kind("sentiment", 0, "sentiment"), system.arm("sentiment")(0)
    kinds = [item.kind for item in exam("sentiment", 3, 0).items]
    assert set(found) == set(kinds)
    assert sum(found[kind] for kind in kinds) == pytest.approx(sum(whole.values))


def test_only_questions_of_the_kinds_named_count():
    whole = system.arm("sentiment")(0)
    part = system.arm("sentiment", kinds=("sentiment",))(0)
    kinds = [item.kind for item in exam("sentiment", 3, 0).items]
    assert part.values == [value for value, kind in zip(whole.values, kinds, strict=True) if kind == "sentiment"]
    assert len(part.scenes) == 3 < len(whole.scenes)


def test_the_matrix_holds_everything_and_the_best_other_is_never_the_own(monkeypatch):
    values = {reader: {domain: (number + 2 * place) % 7 / 7 for place, domain in enumerate(NAMES)}
              for number, reader in enumerate((BASE, *NAMES))}  # fmt: skip
    monkeypatch.setattr(
        system, "scored", lambda reader, way, domain, *rest: parts.Scores([values[reader][domain]] * 4, [0, 0, 1, 1])
    )
    monkeypatch.setattr(system, "NAMES", NAMES)
    found = system.matrix(0)
    assert list(found) == list(values) and all(found[reader] == pytest.approx(values[reader]) for reader in values)
    for domain in NAMES:
        best = system.best_other(domain, 0)
        assert best != domain
        assert values[best][domain] == max(values[name][domain] for name in NAMES if name != domain)
    whole = system.pooled(system.own, 0)  # two cases of each, two questions of each case
    assert len(whole.values) == 12 == len(set(whole.scenes))
    assert whole.values[::2] == pytest.approx([values[name][name] for name in NAMES])


def test_switched_off_the_base_is_back_and_left_on_is_the_mean_of_six():
    assert remembered(OFF, 0) == remembered(BASE, 0)
    rows = [remembered(name, 0).values for name in THREE]
    for mean, *values in zip(system.left_on(0).values, *rows, strict=True):
        assert mean == pytest.approx(sum(values) / len(THREE))


@pytest.mark.parametrize(
    "harm",
    [
        "<script>open('{file}','w')</script>",
        "<img pink src=x onerror=\"open('{file}','w')\">",
        "<p onload=fetch('http://a.example/')>",
        "<img red src=http://a.example/x.png><link rel=stylesheet href=http://a.example/x.css>",
        "<iframe src=file:///etc/passwd></iframe><object data=http://a.example/x></object>",
        "<meta http-equiv=refresh content='0;url=http://a.example/'><base href=http://a.example/>",
        "<button green onclick=alert(1) formaction=javascript:alert(1)>",
        "<style>@import url(http://a.example/x.css);</style>",
    ],
)
def test_html_that_a_model_wrote_is_drawn_and_never_does_anything(harm, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was opened, fetched or run")

    text = "<header red><p><button green>" + harm.replace("{file}", str(tmp_path / "harm"))
    for module, name in ((urllib.request, "urlopen"), (subprocess, "Popen"), (Image, "open"), (sys.modules["builtins"],
                         "open"), (sys.modules["builtins"], "eval"), (sys.modules["builtins"], "exec")):  # fmt: skip
        monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr("socket.socket", refuse)
    screen = screens.parse(text)
    picture = screens.draw(screen)
    score = code.score(screens.Screen("red", None, "left", ((screens.Block("button", "green"),),)), text)
    monkeypatch.undo()
    assert picture.size == (72, 72) and screen.header == "red" and screen.rows[0][0] == screens.Block("button", "green")
    assert 0.3 < score <= 1 and not list(tmp_path.iterdir())
    for part in ("src", "href", "on", "url", "script", "http"):
        assert part not in screens.html(screen).replace("button", "")
