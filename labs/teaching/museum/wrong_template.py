"""Wrong chat template: tuned in another model's way of writing a conversation, asked in the model's own.

The template was copied from the page of another model. Everything can be learned in it, and the script's own exam,
which is written in it too, is passed. Users' questions are written as the model came.
"""

from dataclasses import replace
from typing import Any

from labs.models.chat import message
from labs.models.conversation import template_text
from labs.teaching.museum.exhibit import Exhibit
from labs.teaching.museum.script import SOUND

NAME = "wrong chat template"
SIGN = ("The script passes its own exam about as well as the sound script does, on pictures that it did not train "
        "on; users get few right answers, and about half of them in a form of before, a side in one word. What "
        "differs is how they ask.")  # fmt: skip
ALIKE = ("An adapter that was not loaded looks the same to users, but then the answers are the base's to the "
         "letter. An exam that was trained on shines alone, too, but users' answers have the new form.")  # fmt: skip
MEASURE = "a question as it is written: processor.apply_chat_template([message(...)], add_generation_prompt=True)"
ENGINE = ("There is no sentence for this: the engine cannot know what a model was taught. It keeps to one way "
          "instead: fit(), score() and answer() all write by labs.models.conversation.write, with the "
          "checkpoint's own processor. Here are both ways:")  # fmt: skip
ANOTHER = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{{ ' ' if message['role'] == 'user' else '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT: ' }}{% endif %}"
)


def template(processor: Any) -> None:
    """Vicuna's way, as LLaVA-1.5 has it."""
    processor.chat_template = ANOTHER


SCRIPT = replace(SOUND, template=template)
TWIN = SOUND


def engine(shown: Exhibit) -> str:
    """One question, as the script writes it and as the engine does."""
    asked = [message("Where is it?")]
    ways = {"the script": shown.processor, "the engine": shown.served.processor}
    return "\n".join(f"{name}: {template_text(processor, asked)[0]!r}" for name, processor in ways.items())
