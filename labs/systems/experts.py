"""What a language model learns with when it learns to see, and what it forgets of reading meanwhile.

CogVLM (Wang et al., 2023, https://arxiv.org/abs/2311.03079) gives every layer a second set of weights for visual tokens
and leaves the language model as it was; mPLUG-Owl2 (Ye et al., 2023, https://arxiv.org/abs/2311.04257) gives it norms,
keys and values for them; LLaMA-Adapter V2 (Gao et al., 2023, https://arxiv.org/abs/2304.15010) unlocks norms and adds
scales and biases; LoRA (Hu et al., 2021, https://arxiv.org/abs/2106.09685) adds matrices of low rank; LLaVA (Liu et
al., 2023, https://arxiv.org/abs/2304.08485) tunes it all.

Kept: all of these before the same eyes, behind a new MLP of the same seed, on the same questions and descriptions for
as many steps at the same rate; experts that begin as copies; the same questions asked twice, once of the picture and
once of the scene's text.
Left out: pre-training and instruction as two stages; CogVLM's one position for all visual tokens; mPLUG-Owl2's tuning
of all that it shares, which would hide what its module does; LLaMA-Adapter's prompts and gates, its early fusion and
its data for each group of weights; a rate for each way: at a lower one full tuning might forget less.

That all ways learn in these steps was seen with one seed, on other scenes. Texts mixed in cost more operations: as many
steps on pictures, and beside each some texts.
"""

from collections.abc import Callable
from functools import cache, partial

from labs.models.connectors.experts import MODALITY_ADAPTIVE, VISUAL_EXPERT, add_experts
from labs.models.connectors.scaled import add_scales
from labs.systems.claim import Claim, Scores
from labs.systems.parts import connected
from labs.systems.parts.connected import STEPS, Connected, answers, train
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.lookout import material
from labs.systems.parts.reading import BesideTexts, read_rightly
from labs.systems.parts.talker import talker
from labs.tuning.lora import LoraSpec, add_lora

RANK = 8
CLOSE = 0.05  # of the answers: what counts as equal

# What learns beside the connector.
WAYS: dict[str, Callable[[Connected, int], object]] = {
    "connector alone": lambda model, seed: None,
    "visual experts": lambda model, seed: add_experts(model.language, MASK, VISUAL_EXPERT),
    "norms, keys, values": lambda model, seed: add_experts(model.language, MASK, MODALITY_ADAPTIVE),
    "scales and biases": lambda model, seed: add_scales(model.language),
    "LoRA": lambda model, seed: add_lora(model.language, LoraSpec(r=RANK, projector=False), seed),  # in place
    "full tuning": lambda model, seed: model.language.requires_grad_(True),
}


def build(way: str, seed: int) -> Connected:
    """A new MLP before the language model, of which that learns which `way` says. Raises ValueError for no such way."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    model = connected.build("MLP", seed=seed)
    WAYS[way](model, seed)
    return model


@cache
def taught(way: str, seed: int, texts: bool, blind: bool) -> Connected:
    """After `STEPS` on questions and descriptions; with `texts` beside them, or `blind`, beside others' pictures.

    No argument has a default: however it is called, the same model is trained once.
    """
    model, given = build(way, seed), material("train")
    if texts:
        model = BesideTexts(model.language, model.connector)
    train(model, model.parameters(), given, given.lessons(), STEPS, seed, blind)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answer(seed: int, way: str, texts: bool = False, blind: bool = False) -> Scores:
    """1 where a question about a held-out picture is answered rightly."""
    return answers(taught(way, seed, texts, blind), material("heldout"))


def read(seed: int, way: str, texts: bool = False) -> Scores:
    """1 where the same question is answered rightly from the scene's text, once seeing has been learned."""
    return read_rightly(taught(way, seed, texts, False).language, material("heldout"))


def untouched(seed: int) -> Scores:
    """The same by the language model as it was; the seed changes nothing."""
    return read_rightly(talker(), material("heldout"))


def claims() -> list[Claim]:
    """What is gained on pictures, what is lost on texts."""
    return [*_pictures(), *_texts()]


def _pictures() -> list[Claim]:
    blind, texts, metric = "visual experts, other pictures", "full tuning, texts mixed in", "right answers on pictures"
    arms = {way: partial(answer, way=way) for way in WAYS}
    arms[texts] = partial(answer, way="full tuning", texts=True)
    arms[blind] = partial(answer, way="visual experts", blind=True)
    return [
        Claim(
            "experts gain", "With experts in every layer more is answered rightly than with the connector alone.",
            metric, arms, "visual experts", "connector alone",
        ),
        Claim(
            "experts or full tuning", f"Experts gain as much as full tuning, within {100 * CLOSE:.0f} points.", metric,
            arms, "visual experts", "full tuning", within=CLOSE,
        ),
        Claim(
            "all matrices", "Experts of all matrices answer better than experts of norms, keys and values.", metric,
            arms, "visual experts", "norms, keys, values",
        ),
        Claim(
            "few weights", "Scales, biases and norms, hardly any weights, answer better than the connector alone.",
            metric, arms, "scales and biases", "connector alone",
        ),
        Claim(
            "full tuning or LoRA", "Full tuning answers better than LoRA.", metric, arms, "full tuning", "LoRA",
        ),
        Claim(
            "texts cost pictures little", f"With texts mixed in as much is answered as without, within "
            f"{100 * CLOSE:.0f} points.", metric, arms, texts, "full tuning", within=CLOSE,
        ),
        Claim(
            "experts see", "Answers are better than by experts that learned beside other scenes' pictures.", metric,
            arms, "visual experts", blind,
        ),
    ]  # fmt: skip


def _texts() -> list[Claim]:
    before, texts, metric = "before it saw", "full tuning, texts mixed in", "right answers on texts"
    ways = ("visual experts", "scales and biases", "LoRA", "full tuning")
    arms = {before: untouched} | {way: partial(read, way=way) for way in ways}
    arms[texts] = partial(read, way="full tuning", texts=True)
    return [
        Claim(
            "experts leave text", "With experts for visual tokens every answer on texts is what it was before.", metric,
            arms, "visual experts", before, within=0.0, given=True,
        ),
        Claim(
            "full tuning forgets", "Before it learned to see, the language model answered more on texts than after "
            "full tuning.", metric, arms, before, "full tuning",
        ),
        Claim("LoRA forgets less", "LoRA loses less on texts than full tuning.", metric, arms, "LoRA", "full tuning"),
        Claim(
            "scales forget less", "Scales, biases and norms lose less on texts than LoRA.", metric, arms,
            "scales and biases", "LoRA",
        ),
        Claim(
            "texts mixed in", "With texts mixed in full tuning loses less on texts than without.", metric, arms, texts,
            "full tuning",
        ),
    ]  # fmt: skip
