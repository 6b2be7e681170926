"""DeepSpeed-VisualChat (Yao et al., 2023, https://arxiv.org/abs/2309.14327): a dialogue about several pictures, which
come one after another. A word looks at words and at visual tokens with weights of their own, so that neither takes from
the other, and a visual token looks at nothing but itself: multi-modal causal attention, MMCA, said to learn more from
the same data than causal attention.

Kept: MMCA in every layer of a stock language model (labs.models.connectors.mmca); what learns is what stands between
eyes and language model, and the embeddings of the words that are read; dialogues joined from single pictures.
Changed: an MLP stands in the place of one linear layer behind the eyes, and a picture is nine visual tokens.
Left out: language models of up to 70 billion; a label such as "Image 1" before each picture, which our language model
has never read. "Fewer looks" counts what the definition asks for: computed here are both softmaxes, over everything.

The language model has read with one softmax, so a second one is strange to it: hence arms in which the weights of its
attention learn too, whatever the attention. In the authors' words visual tokens look at themselves alone, in their code
at the text before them as well: "the released reading", worded after a look at one seed on other scenes.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache, partial

from torch import Tensor

from labs.models.connectors.mmca import looks
from labs.systems.claim import Claim, Scores
from labs.systems.parts.dialogues import TOLD, Dialogue, dialogue
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.lookout import PATCHES
from labs.systems.parts.talk import lay_out, told_rightly
from labs.systems.parts.talker import talker
from labs.systems.parts.visual_chat import ATTENTION, CELLS, VisualChat, scenes, seen

SIZES, ASKED = (1, 2, 3), 6  # pictures in a dialogue; last questions of one to learn from, at most
STEPS, FIRST, PICTURES, RATE = 600, 0.4, 24, 3e-3  # steps, the share of them on single pictures, pictures a step
AT_ONCE = 50  # dialogues of an exam


def build(attention: str, seed: int = 0) -> VisualChat:
    """With a new connector. Raises ValueError for an unknown kind of attention."""
    return VisualChat(attention, seed)


@cache
def trained(attention: str, seed: int, tuned: bool = False, blind: bool = False) -> VisualChat:
    """After single pictures and then dialogues of all `SIZES` in turn; `blind` shows other scenes' pictures in them."""
    model, given, pictures = build(attention, seed), scenes("train"), seen("train")
    at, met = (batches(len(given), PICTURES, seed + 1000 * other) for other in (0, 1))

    def loss(step: int) -> Tensor:
        size = 1 if step < FIRST * STEPS else SIZES[step % len(SIZES)]
        rng, rows = random.Random(f"visualchat {seed} {step}"), []
        for some in at(step).split(size):
            rows.append(dialogue(rng, [given[i] for i in some.tolist()], CELLS, ASKED).row)
        return model.loss(pictures[(met if blind else at)(step)], rows)

    learn(model.parameters_to_learn(tuned), loss, STEPS, RATE)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def exam(sizes: Sequence[int], tokens: int = CELLS) -> list[Dialogue]:
    """Dialogues about all held-out scenes, each scene in one of them, about so many scenes in turn."""
    given, found, used = scenes("heldout"), [], 0
    while used < len(given):
        part = given[used : used + sizes[len(found) % len(sizes)]]
        found.append(dialogue(random.Random(f"visualchat exam {len(found)}"), part, tokens))
        used += len(part)
    return found


def answer(seed: int, attention: str, sizes: Sequence[int], **which: bool) -> Scores:
    """1 where a last question is answered rightly; `which` goes to `trained`."""
    model, right, used = trained(attention, seed, **which), [], 0
    dialogues = exam(sizes)
    for start in range(0, len(dialogues), AT_ONCE):
        part = dialogues[start : start + AT_ONCE]
        pictures = sum(len(one.about) for one in part)
        right += model.right(seen("heldout")[used : used + pictures], [one.row for one in part]).float().tolist()
        used += pictures
    return Scores(right, _numbers(dialogues))


def read_instead(seed: int, sizes: Sequence[int]) -> Scores:
    """The same by the bare language model, to which every scene is told in words."""
    language, dialogues, right = talker(), exam(sizes, TOLD), []
    for start in range(0, len(dialogues), AT_ONCE):
        batch = lay_out([one.row for one in dialogues[start : start + AT_ONCE]])
        right += told_rightly(language, batch).float().tolist()
    return Scores(right, _numbers(dialogues))


def looks_needed(seed: int, attention: str) -> Scores:
    """Tokens of a dialogue for every hundred times that one of them looks at one, every patch a visual token."""
    values, dialogues = [], exam(SIZES, PATCHES)
    for one in dialogues:
        batch = lay_out([one.row])
        there, visible = batch.branch[0] >= 0, batch.attention_mask
        parts = (visible,) if attention == "causal" else looks(visible, batch.input_ids == MASK)
        values.append(100 * int(there.sum()) / sum(int(part[0, 0][there].sum()) for part in parts))
    return Scores(values, range(len(dialogues)))


def claims() -> list[Claim]:
    """Several pictures, one picture, an attention that learns too, the released reading, and the looks spared."""
    several, one = _arms((2, 3)), _arms((1,))
    common = {"metric": "right answers", "arms": several, "ceiling": "told in words"}
    return [
        Claim(
            "several pictures and turns", "In dialogues into which two or three pictures come one after another, MMCA "
            "answers better than causal attention after the same steps on the same data.", better="MMCA",
            than="causal", **common,
        ),
        Claim(
            "one picture", "About one picture, in one turn, MMCA answers as well as causal attention, within 5 points.",
            better="MMCA", than="causal", within=0.05, **common | {"arms": one},
        ),
        Claim(
            "attention tuned", "If the weights of the attention learn too, MMCA answers better about several pictures "
            "than causal attention.", better="MMCA, tuned", than="causal, tuned", **common,
        ),
        Claim(
            "the released reading", "About several pictures it makes little difference, within 5 points, whether "
            "visual tokens look at the text before them too, as in the released code.", better="MMCA as released",
            than="MMCA", within=0.05, **common,
        ),
        Claim(
            "pictures are looked at", "With MMCA, answers about several pictures are better than those of a model that "
            "learned beside other scenes' pictures.", better="MMCA", than="MMCA, other pictures", **common,
        ),
        Claim(
            "fewer looks", "Over the same dialogues, tokens look at each other less often with MMCA, as visual tokens "
            "look at themselves alone.", "tokens for a hundred looks",
            {name: partial(looks_needed, attention=name) for name in ("MMCA", "causal")}, "MMCA", "causal",
            unit="tokens", given=True,
        ),
    ]  # fmt: skip


def _arms(sizes: Sequence[int]) -> dict[str, Callable[[int], Scores]]:
    arms = {name: partial(answer, attention=name, sizes=sizes) for name in ATTENTION}
    arms |= {f"{name}, tuned": partial(arms[name], tuned=True) for name in ("MMCA", "causal")}
    arms["MMCA, other pictures"] = partial(arms["MMCA"], blind=True)
    return arms | {"told in words": partial(read_instead, sizes=sizes)}


def _numbers(dialogues: Sequence[Dialogue]) -> list[int]:
    """The number of its dialogue for each last question."""
    return [number for number, one in enumerate(dialogues) for _ in range(sum(one.about))]
