"""One record: a conversation about pictures, made of an entry in LLaVA's format or in that of the chat templates.

    {"id": "7", "image": "7.png", "conversations": [{"from": "human", "value": "<image>\\nWhat colour is it?"},
                                                    {"from": "gpt", "value": "red"}]}
    {"images": ["7.png"], "messages": [{"role": "user", "content": "What colour is it?"},
                                       {"role": "assistant", "content": "red"}]}

`image` or `images` is a picture or a list of them, or missing for text alone. A picture is the name of a file, or what
Hugging Face's Image feature stores. A `content` may be a list of {"type": "image"} and {"type": "text", "text": ...};
where `messages` say nowhere where pictures stand, they stand before the first question. `system` may speak first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from labs.errors import LabsError

IMAGE = "<image>"
SCHEMA, ROLES, EMPTY, PLACEHOLDERS = FORM = ("schema", "roles in order", "empty answers", "placeholders")


class DataError(LabsError, ValueError):
    """The data cannot be used for tuning: what is wrong, in which file and record, and what to do."""

    report: Any = None  # the table of all faults, where the data could be looked through


class FormError(DataError):
    """One record is not as it should be; `check` is one of FORM."""

    def __init__(self, check: str, sentence: str):
        super().__init__(sentence)
        self.check = check


@dataclass(frozen=True)
class Record:
    """One conversation. A picture is a content part {"type": "image", "path" or "bytes": ...}, where it is shown.

    `also` are what other people answered last, where there are several true answers.
    """

    name: str
    messages: list[dict]
    also: tuple[str, ...] = ()

    @property
    def pictures(self) -> list[Path | bytes]:
        """The picture files, or what would be in them, in the order in which the conversation shows them."""
        parts = [part for message in self.messages for part in message["content"]]
        return [part.get("bytes") or Path(part["path"]) for part in parts if part["type"] == "image"]


class Form(NamedTuple):
    """What a format calls its turns, their role and text, and who speaks."""

    turns: str
    role: str
    text: str
    user: str
    assistant: str
    system: str = "system"


LLAVA = Form("conversations", "from", "value", "human", "gpt")
MESSAGES = Form("messages", "role", "content", "user", "assistant")
SAYS = {"system": "system message", "user": "question", "assistant": "answer"}


def to_record(entry: object, name: str, folder: Path) -> Record:
    """One entry, checked and converted; its files are in `folder`. Raises FormError for its first fault."""
    if not isinstance(entry, dict):
        what = "each record must be an object with `conversations` or `messages`"
        raise FormError(SCHEMA, f"{name} is a {type(entry).__name__}: {what}.")
    if entry.get("id") is not None:
        name += f" (id {entry['id']!r})"
    form = MESSAGES if MESSAGES.turns in entry else LLAVA
    turns, pictures = _turns(entry.get(form.turns), form, name), _pictures(entry, name, folder)
    shown = sum(text.count(IMAGE) for _, text in turns)
    if form is MESSAGES and not shown:
        first = [role for role, _ in turns].index("user")
        turns[first] = ("user", IMAGE * len(pictures) + turns[first][1])
    elif shown != len(pictures):
        raise FormError(
            PLACEHOLDERS,
            f"{name} has {shown} {IMAGE} in its questions and {len(pictures)} pictures in `image`: "
            f"write one {IMAGE} for each picture, where it is to be seen.",
        )
    left = iter(pictures)
    messages = [{"role": role, "content": _content(role, text, left)} for role, text in turns]
    return Record(name, messages, tuple(entry.get("also") or ()))


def _turns(turns: object, form: Form, name: str) -> list[tuple[str, str]]:
    """Role and text of every turn, or FormError unless both sides take turns and each has something to say."""
    if not isinstance(turns, list) or not turns:
        take = f"give it a list of turns of {form.user} and {form.assistant}"
        raise FormError(SCHEMA, f"{name} has no `{form.turns}`: {take}.")
    told, role = [], ""
    for number, turn in enumerate(turns):
        turn = turn if isinstance(turn, dict) else {}
        first = number == 0 and turn.get(form.role) == form.system
        role = "system" if first else "assistant" if role == "user" else "user"
        told.append((role, _text(turn.get(form.text))))
        _check_turn(*told[-1], turn.get(form.role), form, f"{name}, turn {number}")
    if role != "assistant":
        take = f"add a turn from {form.assistant} or take the question out"
        raise FormError(ROLES, f"{name} has no answer to its last question: {take}.")
    return told


def _check_turn(role: str, text: str | None, said: object, form: Form, name: str) -> None:
    expected = getattr(form, role)
    if text is None:
        raise FormError(SCHEMA, f"{name} has no text: write it as `{form.role}` and `{form.text}`.")
    if said != expected:
        take = f"let {form.user} and {form.assistant} take turns, {form.user} first"
        raise FormError(ROLES, f"{name} is from {said!r}, not {expected!r}: {take}.")
    if not text.strip():
        raise FormError(EMPTY, f"{name} is an empty {SAYS[role]}: write it or take the record out.")
    if role != "user" and IMAGE in text:
        where = "an answer" if role == "assistant" else "a system message"
        raise FormError(PLACEHOLDERS, f"{name} has {IMAGE} in {where}: only {form.user} may show pictures.")


def _text(content: object) -> str | None:
    """A turn's text, with a placeholder where a list of parts has a picture."""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        parts = [IMAGE if part.get("type") == "image" else part.get("text") for part in content]
        content = "".join(parts) if all(isinstance(part, str) for part in parts) else None
    return content if isinstance(content, str) else None


def _pictures(entry: dict, name: str, folder: Path) -> list[dict]:
    """The content parts of its pictures."""
    image = entry.get("images") if entry.get("image") is None else entry["image"]
    parts = []
    for picture in image if isinstance(image, list) else [] if image is None else [image]:
        if isinstance(picture, dict):
            picture = picture.get("bytes") or picture.get("path")
        if not isinstance(picture, (str, bytes)) or not picture:
            what = "has an `image` that is neither a file name nor a list of file names"
            raise FormError(SCHEMA, f"{name} {what}: mend it.")
        source = {"bytes": picture} if isinstance(picture, bytes) else {"path": str(folder / picture)}
        parts.append({"type": "image"} | source)
    return parts


def _content(role: str, text: str, pictures: Iterator[dict]) -> list[dict]:
    """The parts of a turn: pictures and texts in order, without the line breaks that set a placeholder apart."""
    if role != "user":
        return [{"type": "text", "text": text.strip()}]
    parts: list[dict] = []
    for number, piece in enumerate(text.split(IMAGE)):
        if number:
            parts.append(next(pictures))
        if piece.strip("\n"):
            parts.append({"type": "text", "text": piece.strip("\n")})
    return parts
