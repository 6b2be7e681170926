"""Films that are longer, narrated, moved and judged: what else a model of films may learn from than captions of clips.

Words of every sense are chosen so that gradients pass (VX2TEXT, Lin et al., 2021, https://arxiv.org/abs/2101.12059).
Narration is foretold and told back before any caption is seen (MV-GPT, Seo et al., 2022,
https://arxiv.org/abs/2201.08264). Relations are learned over a whole film instead of isolated clips (Argaw et al.,
2023, https://arxiv.org/abs/2308.09775). Snippets are combined and told on (Mirasol3B, Piergiovanni et al., 2023,
https://arxiv.org/abs/2311.05698). One reader is tuned on films and on motion (MotionLLM, Chen et al., 2024,
https://arxiv.org/abs/2405.20340). A model grades itself with a description of the film at hand (VLM-RLAIF, Ahn et al.,
2024, https://arxiv.org/abs/2402.03746). Critiques in words are learned from (Align Anything, Ji et al., 2024,
https://arxiv.org/abs/2412.15838).

Kept: each paper's mechanism before tiny networks that read rows of frozen eyes, of sound or of motion, and answer with
a few words of fourteen: colour, size, way.
Left out: language models; real speech, so that narration is written; VX2TEXT's text decoder; MV-GPT's eyes, which learn
from pixels; contrast between more senses of a movie; Mirasol3B's pre-training on captions; VLM-RLAIF's reward model and
PPO, here the model's own grades and DPO; Align Anything's learned critic and what is made of pictures or sound; size.

Arms of a claim have the same shots, weights and steps but where they say so. Claims were written down before their
three seeds were measured. With seed 7, on held-out shots of another data seed, were chosen: how many are known with
labels, steps, and noise of films. Seen there, and kept in mind: a critique that says no right word helps where words
to choose from are few, and loses colours to guesses among eight; snippets were combined well from the start.
VLM-RLAIF's grader was set anew after a first measurement of all claims. It had answered yes or no to each word of a
reply, had learned next to nothing of that, and ranked replies worse than a coin; now it grades by how likely a reply is
with the description at hand. Autoregression added nothing in that measurement, so that no claim is made of it.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts import (
    chosen_words,
    combined_snippets,
    film_and_motion,
    graded_by_itself,
    long_films,
    narration,
    written_critiques,
)  # fmt: skip

COLOUR, SIZE, WAY = 1 / 8, 1 / 2, 1 / 4  # chances
TOLD = (COLOUR + SIZE + WAY) / 3
ANOTHER = "another film"


def claims() -> list[Claim]:
    """On held-out shots, of things whose colour and shape never go together in training."""
    return [_chosen(), *_narrated(), _long(), _combined(), *_moved(), _graded(), *_critiques()]


def _chosen() -> Claim:
    arms = {way: partial(chosen_words.answers, way=way) for way in chosen_words.WAYS}
    arms[ANOTHER] = partial(chosen_words.answers, way="relaxed", another=True)
    return Claim(
        "words chosen by relaxed choice", "Senses told in words that are chosen by relaxed choice, so that the answers "
        "teach the classifiers too, answer better than words of frozen classifiers.", "five questions a shot", arms,
        "relaxed", "hard, frozen", controls={ANOTHER: (2 * COLOUR + 2 * SIZE + WAY) / 5}, ceiling="no words",
    )  # fmt: skip


def _narrated() -> list[Claim]:
    arms = {way: partial(narration.captions, way=way) for way in narration.WAYS}
    arms[ANOTHER] = partial(narration.captions, way="both ways", another=True)
    arms["all captions alone"] = partial(narration.captions, way="captions alone", few=False)
    how = {"controls": {ANOTHER: TOLD}, "ceiling": "all captions alone"}
    return [
        Claim(
            "narration foretold", f"Who has foretold narration and told it back writes better captions after "
            f"{narration.FEW} of them than who has learned from these alone.", "words of captions", arms, "both ways",
            "captions alone", **how,
        ),
        Claim(
            "and told back", "Foretelling and telling back, in turn, teach more than foretelling alone in as many "
            "steps.", "words of captions", arms, "both ways", "forward alone", **how,
        ),
    ]  # fmt: skip


def _long() -> Claim:
    arms = {way: partial(long_films.answers, way=way) for way in long_films.WAYS}
    arms["another film's sound"] = partial(long_films.answers, way="whole films", another=True)
    arms["labels alone, many"] = partial(long_films.answers, way="labels alone", many=True)
    return Claim(
        "whole films", "Whether what was heard is what is seen four shots later is told better after pre-training on "
        "whole films than after the same on isolated clips.", "right of yes and no", arms, "whole films",
        "isolated clips", controls={"another film's sound": 1 / 2}, ceiling="labels alone, many",
    )  # fmt: skip


def _combined() -> Claim:
    arms = {way: partial(combined_snippets.answers, way=way) for way in combined_snippets.WAYS}
    arms[ANOTHER] = partial(combined_snippets.answers, way="combined", another=True)
    return Claim(
        "combined snippets", "Snippets that are combined into two tokens each tell more than as many tokens that are "
        "not combined, those of one step in four.", "right of eight colours", arms, "combined", "one step in four",
        controls={ANOTHER: COLOUR}, ceiling="all steps",
    )  # fmt: skip


def _moved() -> list[Claim]:
    both = {
        "together": dict.fromkeys(("seen", "felt"), "together"),
        "one each": {"seen": "films alone", "felt": "motion alone"},
        "films alone": dict.fromkeys(("seen", "felt"), "films alone"),
        "motion alone": dict.fromkeys(("seen", "felt"), "motion alone"),
    }  # fmt: skip
    arms = {name: partial(film_and_motion.answers, ways=ways) for name, ways in both.items()}
    arms[ANOTHER] = partial(arms["together"], another=True)
    films = {way: partial(film_and_motion.answers, ways={"seen": way}) for way in film_and_motion.WAYS}
    films[ANOTHER] = partial(films["together"], another=True)
    return [
        Claim(
            "one reader of films and motion", "One reader tuned on films and on motion answers about both as rightly "
            "as a reader for each, within 5 points.", "five questions, film and motion", arms, "together", "one each",
            within=0.05, controls={ANOTHER: (COLOUR + 2 * SIZE + 2 * WAY) / 5},
        ),
        Claim(
            "motion helps films", f"About films, of which {film_and_motion.FILMS} are known, it answers better than a "
            "reader tuned on films alone.", "three questions about films", films, "together", "films alone",
            controls={ANOTHER: TOLD},
        ),
    ]  # fmt: skip


def _graded() -> Claim:
    named = {"graded with a description": "description", "graded without": "no description", "ranked by facts": "facts",
             "ranked by a coin": "coin", "supervised alone": "supervised alone"}  # fmt: skip
    arms = {name: partial(graded_by_itself.true_statements, way=way) for name, way in named.items()}
    arms[ANOTHER] = partial(graded_by_itself.true_statements, way="description", another=True)
    return Claim(
        "graded with a description", "A model that prefers what it grades best with a detailed description at hand "
        "says more that is true than one that grades without, each in three statements.", "true statements of three",
        arms, "graded with a description", "graded without", controls={ANOTHER: COLOUR * WAY},
    )  # fmt: skip


def _critiques() -> list[Claim]:
    found = []
    for sense, chance in {"seen": TOLD, "felt": (SIZE + WAY) / 2}.items():
        arms = {way: partial(written_critiques.describes, sense=sense, way=way) for way in written_critiques.WAYS}
        arms["another shot"] = partial(arms["critiques"], another=True)
        found.append(Claim(
            f"critiques, {sense}", f"Of what is {sense}, a model learns to tell more from critiques in words than "
            "from equally many binary preferences.", "words of descriptions", arms, "critiques", "binary",
            controls={"another shot": chance},
        ))  # fmt: skip
    return found
