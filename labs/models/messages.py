"""Messages, as chat templates have them, and what is said when a processor cannot write them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jinja2 import TemplateError

from labs.errors import LabsError


class ConversationError(LabsError, ValueError):
    """A processor cannot write a conversation: why, and what to do about it."""


def is_open(messages: Sequence[dict]) -> bool:
    """Whether the conversation ends with a question."""
    return messages[-1]["role"] != "assistant"


def text_of(message: dict) -> str:
    """What a message says, without its pictures."""
    if isinstance(message["content"], str):
        return message["content"].strip()
    return " ".join(part["text"].strip() for part in message["content"] if part["type"] == "text")


def demand(met: bool, sentence: str) -> None:
    """Raises ConversationError with the sentence unless the demand is met."""
    if not met:
        raise ConversationError(sentence)


def demand_told(messages: Sequence[dict], text: str) -> None:
    """Some templates leave out what `system` says, and the families without one have no place for it."""
    told = messages[0]["role"] != "system" or text_of(messages[0]) in text
    demand(told, "the model does not read the system message: put it into the question")


@contextmanager
def said_clearly() -> Iterator[None]:
    """What a processor or its template refuses, as one sentence."""
    try:
        yield
    except ConversationError:
        raise
    except (ValueError, TemplateError) as error:
        why = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConversationError(
            f"the model's processor refuses it ({why}): look whether the chat template shows every picture once, and "
            "keep the processor's own tokens out of the texts"
        ) from error
