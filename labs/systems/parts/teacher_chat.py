"""A chat model as the teacher: told by example what to write, and taken at its word only where that keeps the form.

    Question: Which is bigger, the star or the ring?
    Answer: The star is small, the ring is big, so the ring.

In the order of LLaVA's prompts (playground/data/prompts of https://github.com/haotian-liu/LLaVA): what the task is,
pairs of a text and what was written about it, and then the text in question; the wording is our own. A reply that
breaks the form is refused with a reason, and counted: nothing of it is kept.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from labs.models import catalog
from labs.models.entry import Entry, Loaded
from labs.models.real import CAUSAL
from labs.systems.parts import eyes
from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, KINDS, REASONING, Taught, teach
from labs.systems.parts.teacher_reads import TeacherError, text_of
from labs.systems.parts.teacher_writes import TURNS

SHOTS, LONGEST = 2, 400  # examples before the text in question, and tokens of a reply
GIVEN = (
    "You are given captions of a picture, then a line for each thing in it: its name and its box [x1, y1, x2, y2], "
    "from the top left corner at 0, 0 to the bottom right corner at 1, 1. Write as somebody who sees the picture: say "
    "where things are in words, and never speak of captions, boxes or coordinates. Write only what is certain."
)
FORM = "Begin every question with 'Question:' and every answer with 'Answer:', each on a line of its own."
TASKS = {
    CONVERSATION: f"Write a conversation about the picture: from two to {TURNS} questions, each answered in a word or "
    "two. Ask what there is, of which colour, shape and size, where it is, how many there are, and on which side of "
    "what.",
    DESCRIPTION: "Write one request to describe the picture, and a description of several full sentences: how many "
    "things there are, each of them with its place, and how they lie.",
    REASONING: "Write one question that takes more than one step to answer, and an answer that names the steps and "
    "ends with 'so' and the result.",
}
GIVES_AWAY = re.compile(r"\b(captions?|box|boxes|coordinates?|bounding|sentences? (?:says?|describes?))\b|\[", re.I)
MARK = re.compile(r"^(Question|Answer):[ \t]*", re.M)


def prompt(text: str, kind: str) -> list[dict[str, str]]:
    """Everything that a chat model is told, ending with the text in question. Raises ValueError for another kind."""
    if kind not in TASKS:
        raise ValueError(f"kind must be one of {', '.join(TASKS)}, not {kind!r}")
    messages = []
    for shown, reply in examples(kind):
        messages += [{"role": "user", "content": shown}, {"role": "assistant", "content": reply}]
    messages.append({"role": "user", "content": text})
    told = f"{GIVEN}\n\n{TASKS[kind]} {FORM}"
    return [messages[0] | {"content": f"{told}\n\n{messages[0]['content']}"}, *messages[1:]]  # some know no system


def examples(kind: str) -> list[tuple[str, str]]:
    """Texts of training scenes, and what the plain function writes about them."""
    texts = [text_of(scene) for scene in eyes.scenes("train", SHOTS, (3,), 1)]
    return [(text, replied(teach(text, (kind,))[0])) for text in texts]


def replied(taught: Taught) -> str:
    """What a teacher has written, in the form of a reply."""
    return "\n".join(f"Question: {question}\nAnswer: {answer}" for question, answer in taught.turns)


def read_reply(reply: str, kind: str) -> Taught:
    """What a reply teaches. Raises TeacherError with one sentence where it breaks the form."""
    begin, *parts = MARK.split(reply.strip())
    marks, texts = parts[::2], [" ".join(part.split()) for part in parts[1::2]]
    if begin.strip() or not marks:
        raise TeacherError("the reply does not begin with a question.")
    if marks != ["Question", "Answer"] * (len(marks) // 2):
        raise TeacherError("questions and answers of the reply do not take turns.")
    if not all(texts):
        raise TeacherError("a question or an answer of the reply is empty.")
    if found := GIVES_AWAY.search(" ".join(texts)):
        raise TeacherError(f"the reply speaks of what was read, not of what is seen: {found[0]!r}.")
    turns = tuple(zip(texts[::2], texts[1::2], strict=True))
    _check(turns, kind)
    return Taught(kind, turns)


def _check(turns: Sequence[tuple[str, str]], kind: str) -> None:
    most = TURNS if kind == CONVERSATION else 1
    if not (2 if kind == CONVERSATION else 1) <= len(turns) <= most:
        raise TeacherError(f"the reply has {len(turns)} questions, where a {kind} has {'2 to ' * (most > 1)}{most}.")
    answer = turns[0][1]
    if kind == DESCRIPTION and len(re.findall(r"[.!](?:\s|$)", answer)) < 2:
        raise TeacherError("the description has fewer than two sentences.")
    if kind == REASONING and not re.search(r"\b(so|therefore)\b", answer.lower()):
        raise TeacherError("the answer does not say what follows from its steps.")


# ---------------------------------------------------------------------------------------------------------------
# The teacher


@dataclass
class ChatTeacher:
    """Called with a text it returns what was kept of the replies; `kept` and `refused` count kinds and reasons."""

    loaded: Loaded
    kept: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    def __call__(self, text: str, kinds: Sequence[str] = KINDS) -> list[Taught]:
        written = []
        for kind in kinds:
            try:
                written.append(read_reply(self.reply(prompt(text, kind)), kind))
                self.kept[kind] += 1
            except TeacherError as refusal:
                self.refused[f"{kind}: {refusal}"] += 1
        return written

    @torch.no_grad()
    def reply(self, messages: Sequence[dict[str, str]]) -> str:
        """What the model says, greedily."""
        model, tokenizer = self.loaded.model, self.loaded.processor
        text = tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt").to(model.device)
        ids = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        written = model.generate(**ids, max_new_tokens=LONGEST, do_sample=False)
        return tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def teacher(name: str | None = None) -> Callable[[str], list[Taught]]:
    """The plain function; or a chat model by its folder or Hub id, such as "Qwen/Qwen2.5-7B-Instruct".

    Raises CatalogError.
    """
    if name is None:
        return teach
    from labs.models.device import best_device, dtype_for

    device = best_device()
    loaded = catalog.load_from(name, Entry(name, CAUSAL, "AutoTokenizer"), dtype=dtype_for(device))
    loaded.model.to(device)
    return ChatTeacher(loaded)
