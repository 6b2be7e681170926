"""What learners write in worksheet 2: usual wrong answers with the sentence they must be told, and right answers."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax


def numbers_everywhere(shapes, rank, targets):
    total = 0
    for outputs, inputs in shapes.values():
        total += rank * inputs + outputs * rank
    return total


def numbers_by_ending(shapes, rank, targets):
    total = 0
    for name in shapes:
        if any(name.endswith(target) for target in targets):
            total += rank * sum(shapes[name])
    return total


def numbers_of_a_alone(shapes, rank, targets):
    return sum(rank * shapes[name][1] for name in shapes if name.rsplit(".", 1)[-1] in targets)


def numbers_of_the_layers(shapes, rank, targets):
    return sum(a * b for name, (a, b) in shapes.items() if name.rsplit(".", 1)[-1] in targets)


def numbers_in_a_loop(shapes, rank, targets):
    count = 0
    for name, (outputs, inputs) in shapes.items():
        if any(name == target or name.endswith(f".{target}") for target in targets):
            count += torch.zeros(rank, inputs).numel() + torch.zeros(outputs, rank).numel()
    return count


def numbers_at_once(shapes, rank, targets):
    return rank * sum(sum(shape) for name, shape in shapes.items() if name.rpartition(".")[2] in set(targets))


def mask_without_end(ids, turns, end):
    labels = []
    for place, token in enumerate(ids):
        said = any(role == "assistant" and start <= place < stop for role, start, stop in turns)
        labels.append(token if said else -100)
    return labels


def mask_of_the_last(ids, turns, end):
    role, start, stop = turns[-1]
    if ids[stop : stop + 1] == [end]:
        stop += 1
    return [-100] * start + ids[start:stop] + [-100] * (len(ids) - stop)


def mask_after_the_prompt(ids, turns, end):
    for role, start, _ in turns:
        if role == "assistant":
            return [-100 if place < start else token for place, token in enumerate(ids)]


def mask_shifted(ids, turns, end):
    labels = mask_with_arrays(ids, turns, end)
    labels.append(-100)
    return labels[1:]


def mask_with_questions(ids, turns, end):
    labels = [-100] * len(ids)
    for _, start, stop in turns:
        for place in range(start, stop):
            labels[place] = ids[place]
        if stop < len(ids) and ids[stop] == end:
            labels[stop] = end
    return labels


def mask_with_zeros(ids, turns, end):
    labels = [0] * len(ids)
    for role, start, stop in turns:
        if role == "assistant":
            labels[start:stop] = ids[start:stop]
            if stop < len(ids) and ids[stop] == end:
                labels[stop] = end
    return labels


def mask_with_arrays(ids, turns, end):
    learned = np.zeros(len(ids) + 1, bool)
    for role, start, stop in turns:
        if role == "assistant":
            learned[start:stop] = True
            learned[stop] = stop < len(ids) and ids[stop] == end
    return np.where(learned[:-1], ids, -100).tolist()


def mask_token_by_token(ids, turns, end):
    labels, before = [], False
    for place, token in enumerate(ids):
        inside = any(role == "assistant" and start <= place < stop for role, start, stop in turns)
        closes = before and not inside and end is not None and token == end
        labels.append(token if inside or closes else -100)
        before = inside
    return labels


def collate_on_the_left(rows, pad, picture, most):
    if any(picture in ids[most:] for ids, labels in rows):
        raise ValueError("a picture would be cut")
    longest = max(len(ids[:most]) for ids, labels in rows)
    batch = {"input_ids": [], "labels": [], "attention_mask": []}
    for ids, labels in rows:
        ids, labels = ids[:most], labels[:most]
        gap = longest - len(ids)
        batch["input_ids"].append([pad] * gap + ids)
        batch["labels"].append([-100] * gap + labels)
        batch["attention_mask"].append([0] * gap + [1] * len(ids))
    return {name: torch.tensor(lines) for name, lines in batch.items()}


def collate_learns_padding(rows, pad, picture, most):
    if any(picture in ids[most:] for ids, labels in rows):
        raise ValueError("a picture would be cut")
    ids = [torch.tensor(ids[:most]) for ids, _ in rows]
    labels = [torch.tensor(labels[:most]) for _, labels in rows]
    masks = [torch.ones_like(one) for one in ids]
    stack = nn.utils.rnn.pad_sequence
    return {"input_ids": stack(ids, True, pad), "labels": stack(labels, True, pad),
            "attention_mask": stack(masks, True, 0)}  # fmt: skip


def collate_reads_the_mask(rows, pad, picture, most):
    batch = collate_with_the_library(rows, pad, picture, most)
    batch["attention_mask"] = batch["input_ids"].ne(pad).long()
    return batch


def collate_cuts_anything(rows, pad, picture, most):
    return collate_with_the_library([(ids[:most], labels[:most]) for ids, labels in rows], pad, picture, most)


def collate_never_cuts(rows, pad, picture, most):
    return collate_with_the_library(rows, pad, picture, max(len(ids) for ids, _ in rows))


def collate_with_the_library(rows, pad, picture, most):
    for ids, _ in rows:
        if picture in ids[most:]:
            raise ValueError(f"raise most to more than {len(ids) - ids[::-1].index(picture)}")
    ids = [torch.tensor(ids[:most]) for ids, _ in rows]
    labels = [torch.tensor(labels[:most]) for _, labels in rows]
    stack = nn.utils.rnn.pad_sequence
    masks = stack([torch.ones(len(one), dtype=torch.long) for one in ids], True, 0)
    return {"input_ids": stack(ids, True, pad), "labels": stack(labels, True, -100), "attention_mask": masks}


def collate_into_empty_ones(rows, pad, picture, most):
    short = [(ids[:most], labels[:most]) for ids, labels in rows]
    if any(ids.count(picture) != one.count(picture) for (ids, _), (one, _) in zip(rows, short, strict=True)):
        raise ValueError("pictures must stay whole")
    shape = len(short), max(len(ids) for ids, _ in short)
    ids, labels, mask = torch.full(shape, pad), torch.full(shape, -100), torch.zeros(shape, dtype=torch.long)
    for line, (own, learned) in enumerate(short):
        ids[line, : len(own)], labels[line, : len(own)] = torch.tensor(own), torch.tensor(learned)
        mask[line, : len(own)] = 1
    return {"attention_mask": mask, "input_ids": ids, "labels": labels}


def lora_forgets_scale(x, weight, A, B, alpha):
    return nn.functional.linear(x, weight) + nn.functional.linear(nn.functional.linear(x, A), B)


def lora_alpha_alone(x, weight, A, B, alpha):
    return nn.functional.linear(x, weight + alpha * B @ A)


def lora_update_alone(x, weight, A, B, alpha):
    r = A.shape[0]
    return (alpha / r) * nn.functional.linear(x, B @ A)


def lora_merged(x, weight, A, B, alpha):
    return nn.functional.linear(x, weight + alpha / A.shape[0] * B @ A)


def lora_by_sums(x, weight, A, B, alpha):
    down = torch.einsum("bi,ri->br", x, A)
    return torch.einsum("bi,oi->bo", x, weight) + torch.einsum("br,or->bo", down, B) * alpha / B.shape[1]


def loss_mean_of_means(logits, labels, step):
    mean = nn.CrossEntropyLoss()(logits[:, :-1].transpose(1, 2), labels[:, 1:])
    return mean / len(step)


def loss_own_mean(logits, labels, step):
    return nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])


def loss_unshifted(logits, labels, step):
    total = sum((one != -100).sum() for one in step)
    return nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="sum") / total


def loss_over_all_tokens(logits, labels, step):
    losses = nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="none")
    return losses.sum() / sum(one[:, 1:].shape.numel() for one in step)


def loss_counts_the_first(logits, labels, step):
    losses = nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="none")
    return losses.sum() / torch.cat([one.flatten() for one in step]).ne(-100).sum()


def loss_from_probabilities(logits, labels, step):
    targets = labels[:, 1:]
    told = log_softmax(logits[:, :-1], dim=-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    supervised = torch.cat([one[:, 1:].flatten() for one in step]).ne(-100).sum()
    return -(told * targets.ne(-100)).sum() / supervised


def loss_of_chosen_places(logits, labels, step):
    where = labels[:, 1:] != -100
    each = nn.functional.cross_entropy(logits[:, :-1][where], labels[:, 1:][where], reduction="none")
    count = 0
    for one in step:
        count += torch.count_nonzero(one[:, 1:] + 100).item()
    return each.sum() / count


def _proof(before, after, pictures, draws, ends=(2.5, 97.5), mean=None, controls=True):
    pictures = np.asarray(pictures)

    def interval(differences):
        differences = np.asarray(differences)
        means = []
        for draw in draws:
            chosen = np.concatenate([differences[pictures == picture] for picture in draw])
            means.append(chosen.mean())
        return [float(differences.mean()), *map(float, np.percentile(means, ends))]

    told = {kind: [a - b for a, b in zip(after[kind], before[kind], strict=True)] for kind in before}
    found = {"gain": interval(told["new"])}
    for kind in ("blind", "shuffled"):
        found[f"beyond {kind}"] = interval([a - b for a, b in zip(told["new"], told[kind], strict=True)])
    low = [found[name][mean if mean is not None else 1] for name in found]
    found["learned"] = bool(min(low if controls else low[:1]) > 0)
    return found


def gain_by_loops(before, after, pictures, draws):
    return _proof(before, after, pictures, draws)


def gain_by_weights(before, after, pictures, draws):
    size = draws.shape[1]
    weights = np.stack([np.bincount(draw, minlength=size) for draw in draws])
    members = np.eye(size)[np.asarray(pictures)]
    new = np.asarray(after["new"]) - before["new"]
    parts = {"gain": new, "beyond blind": new - (np.asarray(after["blind"]) - before["blind"]),
             "beyond shuffled": new - (np.asarray(after["shuffled"]) - before["shuffled"])}  # fmt: skip
    found = {}
    for name, part in parts.items():
        means = weights @ (part @ members) / (weights @ members.sum(0))
        found[name] = (part.mean(), np.quantile(means, 0.025), np.quantile(means, 0.975))
    return found | {"learned": all(found[name][1] > 0 for name in parts)}


def gain_of_nine_tenths(before, after, pictures, draws):
    return _proof(before, after, pictures, draws, ends=(5, 95))


def gain_without_controls(before, after, pictures, draws):
    return _proof(before, after, pictures, draws, controls=False)


def gain_by_its_mean(before, after, pictures, draws):
    return _proof(before, after, pictures, draws, mean=0)


def gain_of_questions(before, after, pictures, draws):
    return _proof(before, after, list(range(len(pictures))), draws)


def gain_beside_controls(before, after, pictures, draws):
    found = _proof(before, after, pictures, draws)
    for kind in ("blind", "shuffled"):
        nothing = {name: [0] * len(pictures) for name in before}
        found[f"beyond {kind}"] = _proof(nothing, after, pictures, draws)[f"beyond {kind}"]
    found["learned"] = all(found[name][1] > 0 for name in ("gain", "beyond blind", "beyond shuffled"))
    return found


WRONG = {
    "trainable_numbers": {
        numbers_everywhere: "among `targets`",
        numbers_by_ending: "compare its last part as a whole",
        numbers_of_a_alone: "B, of (outputs, rank), learns as well",
        numbers_of_the_layers: "rank * (inputs + outputs)",
    },
    "label_mask": {
        mask_without_end: "goes on talking",
        mask_of_the_last: "go through all turns",
        mask_after_the_prompt: "the later questions must stay -100",
        mask_shifted: "leave each at its own token",
        mask_with_questions: "look at the role",
        mask_with_zeros: "must be -100",
    },
    "collate": {
        collate_on_the_left: "in training put it on the right",
        collate_learns_padding: "fill labels with -100",
        collate_reads_the_mask: "use lengths",
        collate_cuts_anything: "raise ValueError",
        collate_never_cuts: "keep ids[:most]",
    },
    "lora_forward": {
        lora_forgets_scale: "not scaled by alpha / r",
        lora_alpha_alone: "divide by the rank",
        lora_update_alone: "x W^T is missing",
    },
    "accumulated_loss": {
        loss_mean_of_means: "a mean of means",
        loss_own_mean: "of the whole step",
        loss_unshifted: "not shifted",
        loss_over_all_tokens: "divide by the supervised ones",
        loss_counts_the_first: "count in labels[:, 1:]",
    },
    "proven_gain": {
        gain_of_nine_tenths: "quantiles 0.025 and 0.975",
        gain_without_controls: "the controls have no say",
        gain_by_its_mean: "the lower end",
        gain_of_questions: "take all questions of each",
        gain_beside_controls: "what the controls could do before",
    },
}
RIGHT = {
    "trainable_numbers": (numbers_in_a_loop, numbers_at_once),
    "label_mask": (mask_with_arrays, mask_token_by_token),
    "collate": (collate_with_the_library, collate_into_empty_ones),
    "lora_forward": (lora_merged, lora_by_sums),
    "accumulated_loss": (loss_from_probabilities, loss_of_chosen_places),
    "proven_gain": (gain_by_loops, gain_by_weights),
}
