"""What networks with several objectives are asked, on held-out scenes: both skills, of one network or of several."""

from labs.systems.claim import Scores
from labs.systems.parts import five_objectives, grouped_senses, skills, split_writer


def tells(seed: int, objectives: tuple[str, ...], shuffled: bool = False) -> Scores:
    """Colours and shapes told by the upper part of a split language model."""
    model = split_writer.train(seed, objectives, shuffled)
    return skills.described(lambda given, words: model.follow(given.regions, words))


def does_both(
    seed: int, search: tuple[str, ...] = five_objectives.OBJECTIVES,
    tell: tuple[str, ...] = five_objectives.OBJECTIVES, another: bool = False,
) -> Scores:  # fmt: skip
    """Both skills, of a network that learned `search` and one that learned `tell`: as a rule the same."""
    finder, writer = five_objectives.train(seed, search), five_objectives.train(seed, tell)
    return skills.both(
        skills.searched(lambda given: finder.vectors(given.regions, given.captions), another),
        skills.described(lambda given, words: writer.follow(given.regions, words), another),
    )


def with_any_group(seed: int, learned: str = "grouped", another: bool = False) -> Scores:
    """Both skills with both senses, with pictures alone and with sounds alone, of one network or of one for each."""
    values, scenes = [], []
    for group in grouped_senses.GROUPS:
        groups = {"grouped": grouped_senses.GROUPS, "both": (grouped_senses.BOTH,), "each": (group,)}[learned]
        found, told = (ask(grouped_senses.train(seed, groups), group, another) for ask in (_found, _told))
        one = skills.both(found, told)
        values, scenes = [*values, *one.values], [*scenes, *one.scenes]
    return Scores(values, scenes)


def _found(model: grouped_senses.Grouped, group: tuple[str, ...], another: bool) -> Scores:
    return skills.searched(lambda given: model.vectors(group, given), another)


def _told(model: grouped_senses.Grouped, group: tuple[str, ...], another: bool) -> Scores:
    return skills.described(lambda given, words: model.follow(group, given, words), another)
