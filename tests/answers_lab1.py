"""What learners write in worksheet 1: usual wrong answers with the sentence they must be told, and right answers."""

import random
import re
from collections import Counter, defaultdict
from itertools import combinations
from statistics import mean

import numpy as np
import torch

from labs.evaluation.vqa import NUMBERS, PUNCTUATION

# ---------------------------------------------------------------------------------------------------------------
# story_messages


def messages_text_first(count, instruction):
    content = [{"type": "text", "text": instruction}]
    content.extend({"type": "image"} for _ in range(count))
    return [{"role": "user", "content": content}]


def messages_placeholders(count, instruction):
    return [{"role": "user", "content": "".join(["<image>"] * count) + instruction}]


def messages_bare(count, instruction):
    content = [{"type": "image"}] * count
    content.append({"type": "text", "text": instruction})
    return {"role": "user", "content": content}


def messages_single_picture(count, instruction):
    content = [{"type": "image"}, {"type": "text", "text": instruction}]
    return [{"role": "user", "content": content}]


def messages_by_append(count, instruction):
    content = []
    for _ in range(count):
        content.append({"type": "image"})
    content.append({"type": "text", "text": instruction})
    return [{"role": "user", "content": content}]


def messages_repeated(count, instruction):
    return [{"role": "user", "content": [{"type": "image"}] * count + [{"type": "text", "text": instruction}]}]


# ---------------------------------------------------------------------------------------------------------------
# greedy


def greedy_everything(read, prompt, ends, most):
    ids = list(prompt)
    for _ in range(most):
        ids.append(torch.argmax(read(ids)[-1]).item())
        if ids[-1] in ends:
            break
    return ids


def greedy_stops_early(read, prompt, ends, most):
    new = []
    for _ in range(most):
        token = read(prompt + new)[-1].argmax().item()
        if token in ends:
            break
        new.append(token)
    return new


def greedy_top_row(read, prompt, ends, most):
    new = []
    for _ in range(most):
        new.append(int(torch.argmax(read(prompt + new)[0])))
        if new[-1] in ends:
            break
    return new


def greedy_in_place(read, prompt, ends, most):
    start = len(prompt)
    for _ in range(most):
        prompt.append(int(read(prompt)[-1].argmax()))
        if prompt[-1] in ends:
            break
    return prompt[start:]


def greedy_looks_back(read, prompt, ends, most):
    ids = list(prompt)
    while not any(end in ids for end in ends) and len(ids) - len(prompt) < most:
        ids.append(int(read(ids)[-1].argmax()))
    return ids[len(prompt) :]


def greedy_without_count(read, prompt, ends, most):
    ids = list(prompt)
    while True:
        ids.append(int(read(ids)[-1].argmax()))
        if ids[-1] in ends:
            return ids[len(prompt) :]


def greedy_by_slices(read, prompt, ends, most):
    ids = torch.tensor(prompt)
    for _ in range(most):
        best = read(ids.tolist())[-1:].max(dim=-1).indices
        ids = torch.cat((ids, best))
        if best.item() in set(ends):
            break
    return ids[len(prompt) :].tolist()


def greedy_by_chances(read, prompt, ends, most):
    ids, done = list(prompt), most == 0
    while not done:
        chances = read(ids).softmax(-1)[len(ids) - 1].tolist()
        ids.append(max(range(len(chances)), key=chances.__getitem__))
        done = ids[-1] in ends or len(ids) - len(prompt) == most
    return ids[len(prompt) :]


# ---------------------------------------------------------------------------------------------------------------
# vqa_accuracy


def _words(text):
    text = PUNCTUATION.sub(" ", text.lower())
    text = re.sub(r"\.(?!\d)", "", text)
    return " ".join(str(NUMBERS.get(word, word)) for word in text.split() if word not in {"a", "an", "the"})


def vqa_by_paper(answer, people):
    matches = sum(_words(person) == _words(answer) for person in people)
    if len(people) < 4:
        return 1.0 if matches else 0.0
    return min(matches / 3, 1.0)


def vqa_no_limit(answer, people):
    matches = sum(_words(person) == _words(answer) for person in people)
    if len(people) < 4:
        return 1.0 if matches else 0.0
    return mean((matches - (_words(person) == _words(answer))) / 3 for person in people)


def vqa_raw(answer, people):
    if len(people) < 4:
        return float(answer in people)
    terms = []
    for left_out in range(len(people)):
        others = people[:left_out] + people[left_out + 1 :]
        terms.append(min(others.count(answer) / 3, 1))
    return sum(terms) / len(terms)


def vqa_answer_only(answer, people):
    return vqa_raw(_words(answer), people)


def vqa_cuts_letters(answer, people):
    def alike(text):
        text = re.sub(r"\.(?!\d)", "", PUNCTUATION.sub(" ", text.lower()))
        text = text.replace("the", "").replace("an", "").replace("a", "")
        return " ".join(str(NUMBERS.get(word, word)) for word in text.split())

    return vqa_raw(alike(answer), [alike(person) for person in people])


def vqa_keeps_words(answer, people):
    def alike(text):
        text = re.sub(r"\.(?!\d)", "", PUNCTUATION.sub(" ", text.lower()))
        return " ".join(word for word in text.split() if word not in ("a", "an", "the"))

    return vqa_raw(alike(answer), [alike(person) for person in people])


def vqa_by_combinations(answer, people):
    matches = [_words(person) == _words(answer) for person in people]
    if len(people) < 4:
        return 1.0 if True in matches else 0.0
    groups = list(combinations(matches, len(matches) - 1))
    return mean(min(1.0, sum(group) / 3) for group in groups)


def vqa_by_counting(answer, people):
    n, matches = len(people), Counter(map(_words, people))[_words(answer)]
    if n < 4:
        return min(matches, 1)
    with_me, without_me = min((matches - 1) / 3, 1), min(matches / 3, 1)
    return (matches * with_me + (n - matches) * without_me) / n


# ---------------------------------------------------------------------------------------------------------------
# prior


def prior_overall(known, kinds):
    usual = sorted(Counter(answer for _, answer in known).items(), key=lambda pair: (-pair[1], pair[0]))[0][0]
    return [usual for _ in kinds]


def prior_most_common(known, kinds):
    counts = defaultdict(Counter)
    for kind, answer in known:
        counts[kind][answer] += 1
        counts[None][answer] += 1
    return [counts[kind if kind in counts else None].most_common(1)[0][0] for kind in kinds]


def prior_without_fallback(known, kinds):
    table = {}
    for kind in {kind for kind, _ in known}:
        answers = [answer for own, answer in known if own == kind]
        table[kind] = max(sorted(set(answers)), key=answers.count)
    return [table[kind] for kind in kinds]


def prior_says_nothing(known, kinds):
    table = {}
    for kind in {kind for kind, _ in known}:
        answers = sorted(answer for own, answer in known if own == kind)
        table[kind] = max(answers, key=answers.count)
    return [table.get(kind, "") for kind in kinds]


def prior_sorted(known, kinds):
    said = []
    for kind in kinds:
        answers = sorted(answer for own, answer in known if own == kind) or sorted(answer for _, answer in known)
        said.append(max(answers, key=answers.count))  # max keeps the first of equals
    return said


def prior_by_counter(known, kinds):
    counts = defaultdict(Counter)
    for kind, answer in sorted(known):
        counts[kind][answer] += 1
    every = Counter(sorted(answer for _, answer in known))
    return [(counts[kind] if kind in counts else every).most_common(1)[0][0] for kind in kinds]


# ---------------------------------------------------------------------------------------------------------------
# other_pictures


def other_shuffles_all(scenes, rng):
    mixed = scenes[:]
    rng.shuffle(mixed)
    return mixed


def other_shuffles_scenes(scenes, rng):
    own = list(dict.fromkeys(scenes))
    other = rng.sample(own, len(own))
    table = dict(zip(own, other, strict=True))
    return [table[scene] for scene in scenes]


def other_draws(scenes, rng):
    if len(set(scenes)) == 1:
        raise ValueError("no other scene")
    shown = []
    for scene in scenes:
        other = scene
        while other == scene:
            other = rng.choice(scenes)
        shown.append(other)
    return shown


def other_neighbour(scenes, rng):
    own = list(dict.fromkeys(scenes))
    if len(own) == 1:
        raise ValueError("no other scene")
    return [own[(own.index(scene) + 1) % len(own)] for scene in scenes]


def other_by_module(scenes, rng):
    own = list(set(scenes))
    if len(own) < 2:
        raise ValueError("no other scene")
    random.shuffle(own)
    return [own[own.index(scene) - 1] for scene in scenes]


def other_until_none_stays(scenes, rng):
    own = sorted(set(scenes))
    if len(own) == 1:
        raise ValueError("no other scene")
    while True:
        other = rng.sample(own, len(own))
        if all(one != two for one, two in zip(own, other, strict=True)):
            break
    return [other[own.index(scene)] for scene in scenes]


def other_by_rotation(scenes, rng):
    own = list(dict.fromkeys(scenes))
    if len(own) < 2:
        raise ValueError(f"one scene, {own}, has no other")
    rng.shuffle(own)
    by = rng.randrange(1, len(own))
    return [own[(own.index(scene) + by) % len(own)] for scene in scenes]


# ---------------------------------------------------------------------------------------------------------------
# bootstrap


def bootstrap_questions(scores, pictures, draws, rng):
    means = [mean(rng.choices(scores, k=len(scores))) for _ in range(draws)]
    return mean(scores), *map(float, np.quantile(means, (0.025, 0.975)))


def bootstrap_picture_means(scores, pictures, draws, rng):
    groups = defaultdict(list)
    for score, picture in zip(scores, pictures, strict=True):
        groups[picture].append(score)
    own = [mean(group) for group in groups.values()]
    means = [mean(rng.choices(own, k=len(own))) for _ in range(draws)]
    return mean(own), *map(float, np.quantile(means, (0.025, 0.975)))


def bootstrap_without_replacement(scores, pictures, draws, rng):
    scores, pictures = np.array(scores), np.array(pictures)
    names, means = list(np.unique(pictures)), []
    for _ in range(draws):
        drawn = rng.sample(names, len(names))
        means.append(np.concatenate([scores[pictures == name] for name in drawn]).mean())
    return scores.mean(), *np.quantile(means, (0.025, 0.975))


def bootstrap_five_percent(scores, pictures, draws, rng):
    total, low, high = bootstrap_by_arrays(scores, pictures, draws, rng, (0.05, 0.95))
    return total, low, high


def bootstrap_by_arrays(scores, pictures, draws, rng, ends=(0.025, 0.975)):
    names, group = np.unique(pictures, return_inverse=True)
    total = np.bincount(group, weights=scores)
    count = np.bincount(group)
    drawn = np.random.default_rng(rng.randrange(2**32)).integers(len(names), size=(draws, len(names)))
    means = total[drawn].sum(1) / count[drawn].sum(1)
    return float(np.mean(scores)), float(np.quantile(means, ends[0])), float(np.quantile(means, ends[1]))


def bootstrap_sorted(scores, pictures, draws, rng):
    groups = {}
    for score, picture in zip(scores, pictures, strict=True):
        groups.setdefault(picture, []).append(score)
    names, means = list(groups), []
    for _ in range(draws):
        drawn = [score for name in rng.choices(names, k=len(names)) for score in groups[name]]
        means.append(sum(drawn) / len(drawn))
    means.sort()
    return sum(scores) / len(scores), means[int(0.025 * draws)], means[int(0.975 * draws)]


# ---------------------------------------------------------------------------------------------------------------
# story_order


def order_by_position(told, truth, same):
    right = [place for place in range(min(len(told), len(truth))) if same(told[place], truth[place])]
    pairs = len(truth) * (len(truth) - 1) / 2
    return {"named": len(right) / len(truth), "ordered": len(right) * (len(right) - 1) / 2 / pairs}


def order_of_found_pairs(told, truth, same):
    places = _found(told, truth, same)
    both = list(combinations([place for place in places if place is not None], 2))
    ordered = sum(a < b for a, b in both) / len(both) if both else 0.0
    return {"named": sum(place is not None for place in places) / len(truth), "ordered": ordered}


def order_without_taking(told, truth, same):
    places = [next((n for n, one in enumerate(told) if same(one, event)), None) for event in truth]
    pairs = list(combinations(places, 2))
    right = [a < b for a, b in pairs if a is not None and b is not None]
    return {"named": sum(place is not None for place in places) / len(truth), "ordered": sum(right) / len(pairs)}


def order_of_neighbours(told, truth, same):
    places = _found(told, truth, same)
    right = [None not in pair and pair[0] < pair[1] for pair in zip(places, places[1:], strict=False)]
    return {"named": 1 - places.count(None) / len(truth), "ordered": mean(right)}


def _found(told, truth, same):
    taken, places = set(), []
    for event in truth:
        for place, sentence in enumerate(told):
            if place not in taken and same(sentence, event):
                taken.add(place)
                places.append(place)
                break
        else:
            places.append(None)
    return places


def order_by_combinations(told, truth, same):
    pairs = list(combinations(_found(told, truth, same), 2))
    right = sum(None not in pair and pair[0] < pair[1] for pair in pairs)
    named = sum(place is not None for place in _found(told, truth, same))
    return {"ordered": right / len(pairs), "named": named / len(truth)}


def order_by_crossing_out(told, truth, same):
    left, places, n = list(told), [], len(truth)
    for event in truth:
        hit = [number for number, sentence in enumerate(left) if sentence is not None and same(sentence, event)]
        places.append(hit[0] if hit else -1)
        if hit:
            left[hit[0]] = None
    right = sum(0 <= places[i] < places[j] for i in range(n) for j in range(i + 1, n))
    return {"named": sum(place >= 0 for place in places) / n, "ordered": 2 * right / (n * (n - 1))}


WRONG = {
    "story_messages": {
        messages_text_first: "before the pictures",
        messages_placeholders: "written into the text",
        messages_bare: "list of messages",
        messages_single_picture: "as many picture parts",
    },
    "greedy": {
        greedy_everything: "leave the prompt out",
        greedy_stops_early: "belongs to it",
        greedy_top_row: "last row",
        greedy_in_place: "list of your own",
        greedy_looks_back: "only a new token",
        greedy_without_count: "beyond `most`",
    },
    "vqa_accuracy": {
        vqa_by_paper: "nobody is left out",
        vqa_no_limit: "more than 1",
        vqa_raw: "letter by letter",
        vqa_answer_only: "what people said",
        vqa_cuts_letters: "whole words",
        vqa_keeps_words: "into digits",
    },
    "prior": {
        prior_overall: "each kind by itself",
        prior_most_common: "first that was met",
        prior_without_fallback: "raises",
        prior_says_nothing: "gets no answer",
    },
    "other_pictures": {
        other_shuffles_all: "whole scenes change places",
        other_shuffles_scenes: "ring",
        other_draws: "once for each scene",
        other_neighbour: "with the generator",
        other_by_module: "not random.shuffle",
    },
    "bootstrap": {
        bootstrap_questions: "draw whole pictures",
        bootstrap_picture_means: "divide all scores",
        bootstrap_without_replacement: "with replacement",
        bootstrap_five_percent: "too narrow",
    },
    "story_order": {
        order_by_position: "look for each event",
        order_of_found_pairs: "divide by all pairs",
        order_without_taking: "no longer free",
        order_of_neighbours: "all pairs",
    },
}
RIGHT = {
    "story_messages": (messages_by_append, messages_repeated),
    "greedy": (greedy_by_slices, greedy_by_chances),
    "vqa_accuracy": (vqa_by_combinations, vqa_by_counting),
    "prior": (prior_sorted, prior_by_counter),
    "other_pictures": (other_until_none_stays, other_by_rotation),
    "bootstrap": (bootstrap_by_arrays, bootstrap_sorted),
    "story_order": (order_by_combinations, order_by_crossing_out),
}
