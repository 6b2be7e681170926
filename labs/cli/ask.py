"""python -m labs ask: one question about one or several pictures."""

import os
import re
import time
from pathlib import Path
from typing import Annotated

import typer
from PIL.Image import Image

import labs
from labs.errors import LabsError
from labs.files import write_json
from labs.models.catalog import CatalogError, Entry, Loaded, find, load
from labs.models.familiar import judge_picture, judge_question
from labs.models.pictures import open_picture
from labs.models.words import MARK

LONGEST = 500  # characters of a question; the longest of the micro-world has about 90
MOST_PICTURES = 5  # the mini models have seen stories of five
ROLES = ("multimodal", "generative")
_LOOKS_LIKE_A_PICTURE = re.compile(r"\S*\.(png|jpe?g|webp|gif|bmp|tiff?)", re.IGNORECASE)


def ask(
    pictures_and_question: Annotated[
        list[str],
        typer.Argument(metavar='PICTURE... "QUESTION"', help="One to five picture files, then the question in quotes."),
    ],
    role: Annotated[
        str, typer.Option(help="Who answers: `multimodal` (LLaVA) or `generative` (GIT, the generation before).")
    ] = "multimodal",
    profile: Annotated[
        str, typer.Option(help="`mini` is bundled and works offline; `colab` and `full` come from the Hub.")
    ] = "mini",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write question, answer and warnings for a machine.")
    ] = None,
) -> None:
    """Ask a question about one or several pictures (PNG, JPEG or WebP).

    The answer goes to the standard output, warnings to the error stream. The mini model knows only the micro-world,
    in English and Spanish: a picture or a question unlike it gets an answer and a warning.

    Examples:

    `python -m labs ask data/samples/scene.png "What colour is the star?"`

    `python -m labs ask 1.png 2.png 3.png 4.png 5.png "Tell the story."`

    `python -m labs ask photo.jpg "What is in the picture?" --role generative --json answer.json`
    """
    paths, question = split_arguments(pictures_and_question)
    entry = check_model(role, profile)
    check_writable(json_file)
    pictures = [open_picture(path) for path in paths]
    warnings = find_warnings(paths, pictures, question) if profile == "mini" else []
    start = time.perf_counter()
    if profile == "mini":
        labs.offline()  # before transformers is imported
    answer = _answer(load(role, profile), pictures, question)
    typer.echo(answer)
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if json_file:
        result = {
            "pictures": paths, "question": question, "answer": answer, "warnings": warnings,
            "model": entry.name, "role": role, "profile": profile, "seconds": round(time.perf_counter() - start, 2),
        }  # fmt: skip
        write_json(json_file, result)


def split_arguments(arguments: list[str]) -> tuple[list[str], str]:
    """The pictures and the question. Raises LabsError unless there are 1-5 pictures and then a question."""
    *paths, question = arguments
    question = question.strip().encode(errors="replace").decode()  # what is no text becomes question marks
    if not question:
        raise LabsError('The question is empty: end the command with one, such as "What colour is the star?".')
    if _LOOKS_LIKE_A_PICTURE.fullmatch(question) or os.path.isfile(question):
        raise LabsError(f'{question} is a picture, not a question: end the command with one, such as "Where is it?".')
    if len(question) > LONGEST:
        raise LabsError(f"The question has {len(question)} characters: ask in at most {LONGEST}.")
    if mark := MARK.search(question):
        raise LabsError(f"The question contains {mark[0]}, a mark of the model's own: leave it out.")
    if not paths:
        raise LabsError(f'There is no picture: name one before the question, such as scene.png "{question[:60]}".')
    if len(paths) > MOST_PICTURES:
        raise LabsError(f"There are {len(paths)} pictures: the mini model looks at {MOST_PICTURES} at most.")
    return paths, question


def check_model(role: str, profile: str) -> Entry:
    """The catalogue's entry. Raises LabsError for a role that does not answer and a profile that does not exist."""
    if role not in ROLES:
        raise LabsError(f"--role must be one of {ROLES}, not {role!r}.")
    try:
        return find(role, profile)
    except CatalogError as error:
        raise LabsError(f"--profile cannot be used: {error}") from None


def check_writable(file: Path | None) -> None:
    """Raise LabsError now, not after the work, if the result cannot be written to `file`."""
    if file is None:
        return
    if file.is_dir():
        raise LabsError(f"--json {file} is a folder: name a file in it.")
    if not file.parent.is_dir():
        raise LabsError(f"--json {file} cannot be written: there is no folder {file.parent}, make it first.")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise LabsError(f"--json {file} may not be written: choose a folder of your own.")


def find_warnings(paths: list[str], pictures: list[Image], question: str) -> list[str]:
    """Say for each picture and for the question whether it is unlike the micro-world."""
    said = [f"{path}: {reason}" for path, picture in zip(paths, pictures, strict=True)
            for reason in judge_picture(picture).reasons]  # fmt: skip
    return [*said, *judge_question(question).reasons]


def _answer(loaded: Loaded, pictures: list[Image], question: str) -> str:
    from labs.models.chat import answer

    return answer(loaded, pictures, question)
