"""A question about several pictures in the format of chat templates: one message of the role `user`, whose content is
a list of parts, the pictures first and the instruction last. The processor finds a place for each picture there."""

from labs.teaching.examine import Case

HINTS = (
    'A message is {"role": "user", "content": [...]}, and a conversation is a list of messages, here of one.',
    'Each picture is a part of its own, {"type": "image"}; the last part is {"type": "text", "text": instruction}.',
)


def story_messages(count: int, instruction: str) -> list[dict]:
    """A conversation of one message: `count` pictures, then the instruction."""
    pictures = [{"type": "image"} for _ in range(count)]
    return [{"role": "user", "content": [*pictures, {"type": "text", "text": instruction}]}]


def _words_first(count, instruction):
    return [{"role": "user", "content": [{"type": "text", "text": instruction}, *[{"type": "image"}] * count]}]


def _in_the_text(count, instruction):
    return [{"role": "user", "content": "<image>" * count + instruction}]


def _one_picture(count, instruction):
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": instruction}]}]


def _no_list(count, instruction):
    return story_messages(count, instruction)[0]


def _many_messages(count, instruction):
    shown = [{"role": "user", "content": [{"type": "image"}]} for _ in range(count)]
    return [*shown, {"role": "user", "content": [{"type": "text", "text": instruction}]}]


def _llava(count, instruction):
    return [{"role": "human", "content": story_messages(count, instruction)[0]["content"]}]


MISTAKES = {
    "the instruction stands before the pictures: put the pictures first": _words_first,
    "the pictures are written into the text; give each a part of its own in a list": _in_the_text,
    "there is one part for all pictures: write as many picture parts as there are pictures": _one_picture,
    "a conversation is a list of messages, also where it has only one": _no_list,
    "every picture has a message of its own: put all parts into the content of one": _many_messages,
    "chat templates call the one who asks `user`, not `human`": _llava,
}
CASES = (
    Case("five pictures and an instruction", lambda f: f(5, "Tell the story.")),
    Case("one picture and a question", lambda f: f(1, "Where is the star?")),
    Case("a question about no picture", lambda f: f(0, "Hello?")),
)
