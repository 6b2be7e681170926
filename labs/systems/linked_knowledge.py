"""Linked knowledge: entities, graphs and screens, and what is sought and read beside a picture.

Mentions are matched to entities globally and locally, within and across the senses (M3EL, Hu et al., 2024,
https://arxiv.org/abs/2412.10440). A tuned embedder neglects pictures where words are the easy path; a prompt for each
sense and late fusion keep them (NoteLLM-2, Zhang et al., 2024, https://arxiv.org/abs/2405.16789). Partial convolution
keeps of a picture what a question is about (Ret-XKnow, Yeo et al., 2024). A reader gets encoded neighbours and where
they stand in a graph (MMGL, Yoon et al., 2023, https://arxiv.org/abs/2310.07478). Retrieved triples of a scene graph
help to count, locate and relate (Scene-graph MM-RAG, Xue et al., 2024, https://arxiv.org/abs/2412.20927). Attention
masks make tasks of one light interface between frozen encoders (FIND, Zou et al., 2023,
https://arxiv.org/abs/2312.07532). One encoder-decoder finds, tells, answers and points on screens (VUT, Li et al.,
2021, https://arxiv.org/abs/2112.05692).

Kept: each paper's mechanism in a network of some hundred thousand weights, beside the same training without it.
Pictures are the frozen regions of the bundled mini-clip, or collages of such regions, so that thousands of pictures of
chosen things cost nothing; words are symbols. Names, pages and collages are drawn anew at every step of training. The
exams show things and screens of combinations that training never showed, beside others.
Left out: large language models, the web's data, and words that no table lists. M3EL: its gates, its attention from
global to local, for which late interaction stands, and the contrast within a sense. NoteLLM-2: a language model that
has read before. Ret-XKnow: dialogues made from captions. MMGL: long texts, adapters and prefixes. Scene-graph MM-RAG:
relations that are not of place, a large reader. FIND: interleaved retrieval, instances, pixels (masks are of 36
patches). VUT: view hierarchies and best assignments (each element query has its own place), summaries by people.

Arms of a claim have the same items, data, steps and rates, and weights but where they say so; FIND's networks for each
task have together thrice the steps. Claims were written down before their three seeds were measured. Steps, rates and
the sizes of tasks were chosen with seed 7, on pictures and screens that no claim is scored on. Seen there, and kept in
mind: where notes show one thing alone, one compressed token neglects little of it, so that they show two here; a
window of convolution without relevance does no better than a vector of the whole; what is counted is told worst, with
triples and without. Steps were cut for time before measuring (entities, graphs, triples, screens), so that models of
screens are compared while all of them still learn.

Seen when measured: both remedies for notes together stay 20 points below the picture alone. The detector of scene
graphs has learned from the named things of 150 scenes, which the reader of pictures is never told, so that the gain of
triples includes that. Whoever matches within the senses alone cannot know two of four facts. The items of an exam are
the same for every seed.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts import (
    asked_of_one,
    graph_neighbours,
    graph_questions,
    interface_tasks,
    linked,
    notes_related,
    screen_tasks,
    triple_reader,
)  # fmt: skip

EIGHTH, SIXTEENTH = 1 / 8, 1 / 16  # chances


def claims() -> list[Claim]:
    """On held-out combinations of colour and shape, and of what stands on screens."""
    return [_linked(), *_notes(), _asked(), _graph(), _scene_graph(), *_interface(), _screens()]


def _linked() -> Claim:
    arms = {
        "all matches": linked.links,
        "global alone": partial(linked.links, levels=("global",)),
        "within the senses": partial(linked.links, pairs=linked.WITHIN),
        "another mention": partial(linked.links, another=True),
    }
    return Claim(
        "levels of matching", "Who matches mentions and entities globally and locally finds more entities than who "
        "matches them globally alone.", "right of 16 entities", arms, "all matches", "global alone",
        controls={"another mention": SIXTEENTH},
    )  # fmt: skip


def _notes() -> list[Claim]:
    arms = {way: partial(notes_related.finds, way=way) for way in notes_related.WAYS}
    arms["another picture"] = partial(notes_related.finds, way="two prompts, late fusion", another=True)
    told = {"metric": "right of eight notes with the same words", "arms": arms, "controls": {"another picture": EIGHTH}}
    return [
        Claim(
            "neglected pictures", "An embedder tuned on notes of pictures and words reads less off the picture than "
            "one tuned on the pictures alone.", better="picture alone", than="one token", **told,
        ),
        Claim(
            "prompts and late fusion", "A prompt for each sense and late fusion make the embedder read more off the "
            "picture than one compressed token.", better="two prompts, late fusion", than="one token",
            ceiling="picture alone", **told,
        ),
    ]  # fmt: skip


def _asked() -> Claim:
    arms = {way: partial(asked_of_one.finds, way=way) for way in (*asked_of_one.WAYS, "question alone", "told")}
    arms["another picture"] = partial(asked_of_one.finds, way="partial convolution", another=True)
    return Claim(
        "what the question is about", "Of three things in a picture, partial convolution by the question finds the "
        "passage on the one that is asked about more often than a vector of the whole picture.",
        "right of eight passages", arms, "partial convolution", "global vector",
        controls=dict.fromkeys(("question alone", "another picture"), EIGHTH), ceiling="told",
    )  # fmt: skip


def _graph() -> Claim:
    arms = {way: partial(graph_neighbours.answers, way=way) for way in graph_neighbours.WAYS}
    arms["another graph"] = partial(graph_neighbours.answers, way="graph network", another=True)
    return Claim(
        "where neighbours stand", "What is on a page so many links away is told better with positions in the graph "
        "than from the same neighbours without.", "right of eight colours or words", arms, "graph network",
        "no positions", controls={"another graph": EIGHTH},
    )  # fmt: skip


def _scene_graph() -> Claim:
    arms = {way: partial(triple_reader.answers, way=way) for way in triple_reader.WAYS}
    arms["another graph"] = partial(triple_reader.answers, way="detected graph", another=True)
    return Claim(
        "triples to read", "A reader counts, locates and relates things better by triples of a detected scene graph "
        "than by the regions of the picture.", "right answers", arms, "detected graph", "picture",
        controls={"another graph": graph_questions.CHANCE}, ceiling="true graph",
    )  # fmt: skip


def _interface() -> list[Claim]:
    arms = {how: partial(interface_tasks.scores, how=how) for how in ("masks", "no masks", "a network each")}
    search = {how: partial(interface_tasks.scores, how=how, tasks=("retrieval",)) for how in arms}
    search["another picture"] = partial(search["masks"], another=True)
    return [
        Claim(
            "one interface", "One interface whose masks make its tasks segments, grounds and retrieves as well as a "
            "network for each, within 5 points.", "mean of two IoUs and recall at 1 among 16", arms,
            "masks", "a network each", within=0.05,
        ),
        Claim(
            "masks make the task", "Without masks the vector of a picture learns from its caption what it should from "
            "the picture, and retrieves less.", "right of 16 captions", search, "masks", "no masks",
            controls={"another picture": SIXTEENTH},
        ),
    ]  # fmt: skip


def _screens() -> Claim:
    named = {"one model": True, "a model each": False}
    arms = {name: partial(screen_tasks.scores, joint=joint) for name, joint in named.items()}
    for task in screen_tasks.TASKS:
        arms |= {f"{name}, {task}": partial(arms[name], tasks=(task,)) for name in named}
    arms["another screen"] = partial(arms["one model"], another=True)
    return Claim(
        "one model of screens", "In as many steps altogether, one model of all tasks on screens does them better than "
        "a model for each.", "mean of four scores", arms, "one model", "a model each",
    )  # fmt: skip
