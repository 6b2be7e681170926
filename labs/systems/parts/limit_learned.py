"""The claims about limits that are learned: counting, forgetting, what is inherited, what lies beyond sight."""

from collections.abc import Callable
from functools import partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import limit_beyond, limit_counts, limit_forgetting, limit_inherited
from labs.systems.parts.limit_tuning import load

NEAR, HARDLY = 0.05, 0.1  # closer than that is as good, or hardly better
FEW, MANY = (1, 2), (7, 8)  # things
Arms = dict[str, Callable[[int], Scores]]


def counting() -> list[Claim]:
    """The curve, and whether data or architecture bend it."""
    named: Arms = {
        shares: partial(limit_counts.right, shares=shares) for shares in ("steeply", "turned round", "evenly")
    }
    few: Arms = {name: partial(arm, numbers=FEW) for name, arm in named.items()}
    many: Arms = {name: partial(arm, numbers=MANY) for name, arm in named.items()}
    curve: Arms = {f"{low} and {high}": partial(limit_counts.between, low=low, high=high)
                   for low, high in (FEW, (3, 4), (5, 6), MANY)}  # fmt: skip
    metric = "counts told rightly"
    return [
        Claim(
            "the curve falls", "Learned as photographs have them, more seldom for each thing more, be it gently, seven "
            "and eight things are counted rightly less often than one and two.", metric, curve, "1 and 2", "7 and 8",
        ),
        Claim(
            "many are not the harder ones", "Learned with the slope turned round, seven and eight things are counted "
            "rightly more often than after as steep a fall.", metric, many, "turned round", "steeply",
        ),
        Claim(
            "nor few the easier ones", "And one and two things less often.", metric, few, "steeply", "turned round",
        ),
        *_data_or_architecture(metric),
    ]  # fmt: skip


def _data_or_architecture(metric: str) -> list[Claim]:
    arms: Arms = {
        f"{shares}, {4 if large else 36} tokens": partial(limit_counts.right, shares=shares, large=large)
        for shares, large in (("evenly", False), ("evenly", True), ("gently", False), ("gently", True),
                              ("steeply", False))
    }  # fmt: skip
    arms["evenly, other pictures"] = partial(limit_counts.right, others=True)
    control = {"evenly, other pictures": 1 / limit_counts.MOST}
    return [
        Claim(
            "data", "The stock model counts better after pictures that are evenly spread over the numbers than after "
            "as many of a gentle slope.", metric, arms, "evenly, 36 tokens", "gently, 36 tokens", controls=control,
        ),
        Claim(
            "architecture", "After a gentle slope the stock model counts better than one that has but four different "
            "tokens for a picture.", metric, arms, "gently, 36 tokens", "gently, 4 tokens", controls=control,
        ),
        Claim(
            "data before architecture, gently", "Even data for four tokens are worth more than 36 tokens after a "
            "gentle slope.", metric, arms, "evenly, 4 tokens", "gently, 36 tokens", controls=control,
        ),
        Claim(
            "data before architecture, steeply", "They are worth more than 36 tokens after a steep slope.", metric,
            arms, "evenly, 4 tokens", "steeply, 36 tokens", controls=control,
        ),
    ]  # fmt: skip


def remembered(seed: int, how: str = "before", **which: object) -> Scores:
    """Earlier questions "before", after digits "alone", or after digits and what was "rehearsed"."""
    model = load() if how == "before" else limit_counts.tuned(seed, "evenly", False, how == "rehearsed")
    return limit_forgetting.remembered(model, seed, **which)


def forgetting() -> list[Claim]:
    """Tuned on counts in digits, asked what it knew before."""
    names = {"before": "before", "digits alone": "alone", "digits, a quarter rehearsed": "rehearsed"}
    near, far = ({said: partial(remembered, how=how, kinds=kinds) for said, how in names.items()}
                 for kinds in (limit_forgetting.COUNTED, limit_forgetting.OTHERS))  # fmt: skip
    near["digits alone, other pictures"] = partial(remembered, how="alone", kinds=limit_forgetting.COUNTED, others=True)
    new = {said: partial(limit_counts.right, rehearsed=how == "rehearsed") for said, how in list(names.items())[1:]}
    metric = "earlier questions right"
    return [
        Claim(
            "what comes near is forgotten", "Tuned to count in digits, it answers fewer of the questions to which it "
            "gave numbers in words.", metric, near, "before", "digits alone",
        ),
        Claim(
            "what is far stays", "Questions of other kinds it answers as before, within "
            f"{100 * NEAR:.0f} points.", metric, far, "digits alone", "before", within=NEAR,
        ),
        Claim(
            "rehearsal keeps", "In as many steps, a quarter of the lessons being what it knew before, it keeps more of "
            "those numbers in words.", metric, near, "digits, a quarter rehearsed", "digits alone", ceiling="before",
        ),
        Claim(
            "rehearsal costs little", f"And counts in digits as well, within {100 * NEAR:.0f} points.",
            "counts told rightly", new, "digits, a quarter rehearsed", "digits alone", within=NEAR,
        ),
    ]  # fmt: skip


def inherited() -> list[Claim]:
    """Two language models behind the same eyes."""
    two = {"usual colours read": True, "any colours read": False}
    says: Arms = {name: partial(limit_inherited.says_usual, skewed=skewed) for name, skewed in two.items()}
    finds: Arms = {name: partial(limit_inherited.usual_likelier, skewed=skewed) for name, skewed in two.items()}
    others: Arms = {f"{name}, other pictures": partial(arm, others=True) for name, arm in finds.items()}
    blind = {"any colours read, other pictures": 0.5}
    likelier = "usual colour likelier than the true one"
    return [
        Claim(
            "it says what was read", "Of a thing that has not its shape's usual colour it says so more often if its "
            "language model has read what is usual, though the pictures that it learned from show it no more often.",
            "the usual colour said of a thing of another", says, *two,
        ),
        Claim(
            "it finds it likelier", "And it finds the usual colour likelier than the true one more often.",
            likelier, finds | others, *two, controls=blind,
        ),
        Claim(
            "it falls back on it", "Beside another scene's picture, which tells it nothing, it does so more often than "
            "one that has read any colours, too.", likelier, finds | others, *others, controls=blind,
        ),
    ]  # fmt: skip


def beyond() -> list[Claim]:
    """Captions that name what eyes cannot tell."""
    specks: Arms = {way: partial(limit_beyond.invents, way=way) for way in limit_beyond.WAYS}
    plain: Arms = {way: partial(limit_beyond.invents, way=way, specks=False) for way in limit_beyond.WAYS}
    named: Arms = {way: partial(limit_beyond.recalls, way=way) for way in limit_beyond.WAYS}
    shapes: Arms = {"large": partial(limit_beyond.true_shape, large=True), "specks": limit_beyond.true_shape}
    metric = "things named that are not there"
    return [
        Claim(
            "specks are hardly told", "Tuned on captions that name specks, it finds their true shape likelier than "
            f"another as often as by chance, within {100 * HARDLY:.0f} points.", "true shape likelier", shapes,
            "specks", 0.5, within=HARDLY, ceiling="large",
        ),
        Claim(
            "it learns to guess", "Of pictures with specks it invents more than one that learned from captions of the "
            "same pictures which leave them out.", metric, specks, "beyond", "left out",
        ),
        Claim(
            "and goes on guessing", "Of pictures without specks it invents more than one that learned the same "
            "captions beside pictures in which all could be told.", metric, plain, "beyond", "within",
        ),
        Claim(
            "it sees as much as before", "Large things it names as often as that one, within "
            f"{100 * NEAR:.0f} points.", "large things named", named, "beyond", "within", within=NEAR,
        ),
    ]  # fmt: skip
