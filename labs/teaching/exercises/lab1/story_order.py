"""How much of a story is told, and how much of it in the right order. Every true event is looked for among the told
sentences; of the pairs of events, those count whose both events are told, the earlier one earlier. Where all events
are told, twice that share minus one is Kendall's tau (https://doi.org/10.1093/biomet/30.1-2.81)."""

from collections.abc import Callable, Sequence

from labs.teaching.examine import Case

HINTS = (
    "First a list with the place of each true event among the told sentences, or None; a sentence is taken only once.",
    "Then go through the pairs i < j of that list: a pair counts if neither is None and the first is smaller.",
)


def story_order(told: Sequence[str], truth: Sequence[str], same: Callable[[str, str], bool]) -> dict[str, float]:
    """The shares `named` (of events) and `ordered` (of pairs of events); `same(told, true)` compares two sentences."""
    free, places = list(range(len(told))), []
    for event in truth:
        place = next((place for place in free if same(told[place], event)), None)
        if place is not None:
            free.remove(place)
        places.append(place)
    pairs = [(one, other) for number, one in enumerate(places) for other in places[number + 1 :]]
    right = sum(one is not None and other is not None and one < other for one, other in pairs)
    return {"named": sum(place is not None for place in places) / len(truth), "ordered": right / len(pairs)}


def _place_by_place(told, truth, same):
    hits = [same(one, other) for one, other in zip(told, truth, strict=False)]
    both = [(i, j) for i in range(len(hits)) for j in range(i + 1, len(hits)) if hits[i] and hits[j]]
    return {"named": sum(hits) / len(truth), "ordered": len(both) / (len(truth) * (len(truth) - 1) / 2)}


def _places(told, truth, same, again=False):
    free, places = list(range(len(told))), []
    for event in truth:
        place = next((place for place in free if same(told[place], event)), None)
        if place is not None and not again:
            free.remove(place)
        places.append(place)
    return places


def _scored(places, count, every_pair=True, neighbours=False, turned=False, allow_equal=False):
    pairs = [(a, b) for i, a in enumerate(places) for b in (places[i + 1 : i + 2] if neighbours else places[i + 1 :])]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    right = sum(a > b if turned else a <= b if allow_equal else a < b for a, b in both)
    out_of = len(pairs) if every_pair else len(both)
    return {"named": sum(place is not None for place in places) / count, "ordered": right / out_of if out_of else 0.0}


def _of_told_pairs(told, truth, same):
    return _scored(_places(told, truth, same), len(truth), every_pair=False)


def _taken_twice(told, truth, same):
    return _scored(_places(told, truth, same, again=True), len(truth))


def _neighbours(told, truth, same):
    return _scored(_places(told, truth, same), len(truth), neighbours=True)


def _turned(told, truth, same):
    return _scored(_places(told, truth, same), len(truth), turned=True)


def _of_told(told, truth, same):
    found = story_order(told, truth, same)
    return found | {"named": min(1.0, found["named"] * len(truth) / len(told)) if told else 0.0}


def _missing_is_last(told, truth, same):
    places = [len(told) if place is None else place for place in _places(told, truth, same)]
    return story_order(told, truth, same) | {"ordered": _scored(places, len(truth))["ordered"]}


MISTAKES = {
    "sentence i is compared with event i alone: look for each event among all that is told": _place_by_place,
    "the pairs are counted among told events alone: divide by all pairs of true events": _of_told_pairs,
    "one told sentence stands for two events: what is taken is no longer free": _taken_twice,
    "only neighbours are compared: go through all pairs of events": _neighbours,
    "the order is turned round: the earlier event must be told earlier": _turned,
    "`named` is a share of the true events, not of the told sentences": _of_told,
    "an event that is not told counts as if it came last: its pairs earn nothing": _missing_is_last,
}
TRUTH = ("once", "grew", "went left", "grew again", "turned red")
TWICE = ("once", "grew", "shrank", "grew", "left")


def _scores(*told: str, truth: Sequence[str] = TRUTH) -> Callable:
    return lambda function: function(list(told), list(truth), lambda one, other: one.lower() == other)


CASES = (
    Case("the whole story in order", _scores("Once", "Grew", "Went left", "Grew again", "Turned red")),
    Case("the whole story backwards", _scores(*TRUTH[::-1])),
    Case("two events change places", _scores("once", "went left", "grew", "grew again", "turned red")),
    Case("one event is missing, another invented", _scores("once", "flew", "grew", "grew again", "turned red")),
    Case("the last three events alone", _scores(*TRUTH[2:])),
    Case("it grew twice, and that is told once", _scores("once", "grew", "left", truth=TWICE)),
    Case("it grew twice, and that is told twice", _scores(*TWICE, truth=TWICE)),
    Case("more is told than happened", _scores(*TRUTH, "it slept", "it woke")),
    Case("nothing is told", _scores()),
)
