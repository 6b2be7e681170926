"""What scripts/bench.py measures: for each part the settings, and for each setting the arms that take turns."""

SIZES = {64: 144, 256: 64, 576: 32}  # picture tokens -> pictures; eight pairs each
BATCH, EPOCHS = 64, 2
# Records of a step that the peers learn from at once: of 4, 8, 16 and 64 the fastest, see the part "peers".
AT_ONCE = {64: 16, 256: 4, 576: 4}
SWITCHES = {
    "all": {},
    "without shared prefixes": {"share": False},
    "without attention in parts": {"attention_in_parts": False},
    "without logits at labels only": {"label_logits": False},
    "without features once": {"feature_megabytes": 0},
    "without a budget of tokens": {"tokens": None},
    "without layer and adapter in one go": {"lora_at_once": False},
    "without any": {
        "share": False,
        "label_logits": False,
        "feature_megabytes": 0,
        "tokens": None,
        "lora_at_once": False,
    },
    "activations computed twice": {"checkpointing": True},
}


def counted(number: int, name: str) -> str:
    """1 pair, 8 pairs."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def tuning() -> dict[str, dict]:
    """Against the peers, at several numbers of picture tokens and at one pair a picture."""
    plans = {}
    for tokens, pairs, pictures in [(tokens, 8, pictures) for tokens, pictures in SIZES.items()] + [(64, 1, 384)]:
        common = {"picture_tokens": tokens, "pairs": pairs, "pictures": pictures}
        peer = common | {"at_once": AT_ONCE[tokens]}
        plans[f"{tokens} picture tokens, {counted(pairs, 'pair')}"] = {
            "labs": common | {"arm": "labs"},
            "trl": peer | {"arm": "trl"},
            "trainer": peer | {"arm": "trainer"},
            "labs in bfloat16": common | {"arm": "labs", "precision": "bfloat16"},
        }
    return plans


def peers() -> dict[str, dict]:
    """How many records at once suit TRL best: the step is the same."""
    return {
        f"{tokens} picture tokens, 8 pairs": {
            f"{at_once} at once": {"arm": "trl", "at_once": at_once, "picture_tokens": tokens, "pairs": 8,
                                   "pictures": SIZES[tokens] // 2, "epochs": 1}
            for at_once in (64, 16, 8, 4)
        }
        for tokens in SIZES
    }  # fmt: skip


def switches() -> dict[str, dict]:
    """What each piece adds: all of them at 256 picture tokens, at the other sizes those that matter there."""
    apart = {256: list(SWITCHES), 64: ["all", "without layer and adapter in one go"],
             576: ["all", "without attention in parts"]}  # fmt: skip
    return {
        f"{tokens} picture tokens, 8 pairs": {
            name: {"arm": "labs", "picture_tokens": tokens, "pairs": 8, "pictures": SIZES[tokens],
                   "switches": SWITCHES[name]}
            for name in names
        }
        for tokens, names in apart.items()
    }  # fmt: skip


def growth() -> dict[str, dict]:
    """Pairs a picture, picture tokens, rank and records, one at a time."""
    plans = {}
    for name, values in (("pairs", (1, 2, 4, 8, 16)), ("picture_tokens", (16, 64, 256, 576)), ("rank", (4, 16, 64))):
        for value in values:
            settings = {"picture_tokens": 64, "pairs": 8, "rank": 8} | {name: value}
            settings["pictures"] = max(8, 384 * 64 // max(64, settings["picture_tokens"]) // settings["pairs"])
            settings["at_once"] = AT_ONCE.get(settings["picture_tokens"], 16)
            plans[f"{name} {value}"] = {arm: settings | {"arm": arm, "epochs": 1} for arm in ("labs", "trainer")}
    for records in (1000, 10_000, 100_000):
        plans[f"records {records}"] = {"labs": {"arm": "reading", "records": records, "picture_tokens": 64}}
    return plans


def evaluation() -> dict[str, dict]:
    """Answers to eight questions a picture, and to one."""
    plans = {}
    for tokens, pairs in ((64, 8), (256, 8), (64, 1)):
        common = {"picture_tokens": tokens, "pairs": pairs, "pictures": 192 // pairs}
        plans[f"{tokens} picture tokens, {counted(pairs, 'question')}"] = {
            arm: common | {"arm": arm, "epochs": 1} for arm in ("answers", "one by one")
        }
    return plans


PLANS = {"tuning": tuning, "peers": peers, "switches": switches, "growth": growth, "evaluation": evaluation}
