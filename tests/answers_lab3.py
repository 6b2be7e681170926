"""What learners write in worksheet 3: usual wrong answers with the sentence they must be told, and right answers."""

import math

import torch
from torch.nn.functional import cosine_similarity, log_softmax, normalize

# ---------------------------------------------------------------------------------------------------------------
# window_times


def times_past_the_end(samples, length, hop, rate):
    times, start = [], 0
    while start < samples:
        times.append((start / rate, (start + length) / rate))
        start += hop
    return times


def times_by_a_short_count(samples, length, hop, rate):
    count = (samples - length) // hop
    return [(n * hop / rate, (n * hop + length) / rate) for n in range(count)]


def times_in_samples(samples, length, hop, rate):
    count = max(0, (samples - length) // hop + 1)
    return [(n * hop, n * hop + length) for n in range(count)]


def times_without_hop(samples, length, hop, rate):
    return [(n * length / rate, (n + 1) * length / rate) for n in range(samples // length)]


def times_by_a_loop(samples, length, hop, rate):
    times, start = [], 0
    while start + length <= samples:
        times.append((start / rate, (start + length) / rate))
        start += hop
    return times


def times_by_a_count(samples, length, hop, rate):
    count = max(0, 1 + (samples - length) // hop)
    return [(n * hop / rate, n * hop / rate + length / rate) for n in range(count)]


# ---------------------------------------------------------------------------------------------------------------
# log_mel


def mel_of_amplitudes(samples, window, hop, filters):
    amplitude = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True).abs()
    bands = torch.clamp(filters.T @ amplitude[:, :-1], min=1e-10)
    loud = torch.log10(bands)
    return ((torch.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0).T


def mel_in_nats(samples, window, hop, filters):
    power = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True).abs() ** 2
    loud = torch.log(torch.clamp(filters.T @ power[:, :-1], min=1e-10))
    return ((torch.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0).T


def mel_with_the_last_frame(samples, window, hop, filters):
    power = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True).abs() ** 2
    loud = torch.log10(torch.clamp(filters.T @ power, min=1e-10))
    return ((torch.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0).T


def mel_without_floor(samples, window, hop, filters):
    power = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True).abs() ** 2
    return ((torch.log10(torch.clamp(filters.T @ power[:, :-1], min=1e-10)) + 4.0) / 4.0).T


def mel_turned(samples, window, hop, filters):
    power = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True).abs() ** 2
    loud = torch.log10(torch.clamp(filters.T @ power[:, :-1], min=1e-10))
    return (torch.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0


def mel_as_whisper_does(samples, window, hop, filters):
    stft = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True)
    power = stft[..., :-1].abs() ** 2
    loud = torch.clamp(filters.T @ power, min=1e-10).log10()
    loud = torch.maximum(loud, loud.max() - 8.0)
    return ((loud + 4.0) / 4.0).T


def mel_by_frames(samples, window, hop, filters):
    half = window // 2
    padded = torch.nn.functional.pad(samples[None, None], (half, half), mode="reflect")[0, 0]
    rows = []
    for start in range(0, len(padded) - window + 1, hop):
        spectrum = torch.fft.rfft(padded[start : start + window] * torch.hann_window(window))
        rows.append((spectrum.real**2 + spectrum.imag**2) @ filters)
    loud = torch.stack(rows[:-1]).clamp(min=1e-10).log10()
    return loud.clamp(min=float(loud.max()) - 8) / 4 + 1


# ---------------------------------------------------------------------------------------------------------------
# standardise


def standard_of_itself(windows, train):
    mean = windows.mean(dim=(0, 1), keepdim=True)
    spread = windows.std(dim=(0, 1), keepdim=True)
    spread[spread < 1e-4] = 1
    return (windows - mean) / spread


def standard_of_each_window(windows, train):
    mean, spread = windows.mean(dim=1, keepdim=True), windows.std(dim=1, keepdim=True)
    return (windows - mean) / torch.clamp(spread, min=1e-4)


def standard_by_zero(windows, train):
    flat = train.reshape(-1, train.shape[-1])
    return (windows - flat.mean(0)) / flat.std(0)


def standard_with_a_little(windows, train):
    flat = train.reshape(-1, train.shape[-1])
    return (windows - flat.mean(0)) / (flat.std(0) + 1e-6)


def standard_by_flattening(windows, train):
    flat = train.reshape(-1, train.shape[-1])
    spread = flat.std(0)
    spread[spread < 1e-4] = 1.0
    return (windows - flat.mean(0)) / spread


def standard_channel_by_channel(windows, train):
    done = []
    for channel in range(train.shape[-1]):
        values = train[..., channel]
        middle = values.mean()
        spread = math.sqrt(((values - middle) ** 2).mean())
        done.append((windows[..., channel] - middle) / (spread if spread >= 1e-4 else 1.0))
    return torch.stack(done, dim=-1)


# ---------------------------------------------------------------------------------------------------------------
# patches


def patches_without_the_end(series, length, stride):
    if series.shape[1] < length:
        raise ValueError("too short")
    count = (series.shape[1] - length) // stride + 1
    cut = [series[:, n * stride : n * stride + length] for n in range(count)]
    return torch.stack(cut, dim=1).permute(0, 3, 1, 2)


def patches_by_reshaping(series, length, stride):
    batch, steps, channels = series.shape
    if steps < length:
        raise ValueError("too short")
    start = (steps - length) % stride
    cut = torch.stack([series[:, n : n + length] for n in range(start, steps - length + 1, stride)], dim=1)
    return cut.reshape(batch, channels, -1, length)


def patches_before_channels(series, length, stride):
    if series.shape[1] < length:
        raise ValueError("too short")
    return series[:, (series.shape[1] - length) % stride :].unfold(1, length, stride)


def patches_unrefused(series, length, stride):
    left = (series.shape[1] - length) % stride
    return series[:, left:].unfold(1, length, stride).transpose(1, 2)


def patches_by_a_loop(series, length, stride):
    steps = series.shape[1]
    if steps < length:
        raise ValueError(f"{steps} steps are no patch of {length}")
    ends = range(steps, length - 1, -stride)
    cut = [series[:, end - length : end] for end in ends][::-1]
    return torch.stack(cut, dim=1).permute(0, 3, 1, 2)


def patches_by_index(series, length, stride):
    steps = series.shape[1]
    if length > steps:
        raise ValueError(f"{steps} steps are no patch of {length}")
    count = (steps - length) // stride + 1
    first = steps - length - stride * (count - 1)
    index = first + stride * torch.arange(count)[:, None] + torch.arange(length)
    return series.transpose(1, 2)[:, :, index]


# ---------------------------------------------------------------------------------------------------------------
# question_records


def _record(question, answer):
    user, assistant = {"role": "user", "content": question}, {"role": "assistant", "content": answer}
    return {"messages": [user, assistant]}


def records_of_all(window, labels, questions):
    records = []
    for label in labels:
        if label["start"] < window[1] and window[0] < label["stop"]:
            for kind, question in questions.items():
                if kind in label:
                    records.append(_record(question, label[kind]))
    return records


def records_of_the_beginning(window, labels, questions):
    for label in labels:
        if label["start"] <= window[0] < label["stop"]:
            return [_record(question, label[kind]) for kind, question in questions.items() if kind in label]
    return []


def records_beside_others(window, labels, questions):
    for label in labels:
        if label["start"] <= window[0] and window[1] <= label["stop"]:
            return [_record(question, label[kind]) for kind, question in questions.items() if kind in label]
    return []


def records_of_nothing(window, labels, questions):
    near = [label for label in labels if label["start"] < window[1] and window[0] < label["stop"]]
    if len(near) == 1 and near[0]["start"] <= window[0] and window[1] <= near[0]["stop"]:
        return [_record(question, near[0].get(kind)) for kind, question in questions.items()]
    return []


def records_of_every_kind(window, labels, questions):
    near = [label for label in labels if label["start"] < window[1] and window[0] < label["stop"]]
    if len(near) == 1 and near[0]["start"] <= window[0] and window[1] <= near[0]["stop"]:
        return [_record(question, near[0][kind]) for kind, question in questions.items()]
    return []


def records_by_a_loop(window, labels, questions):
    start, stop = window
    found = None
    for label in labels:
        if label["stop"] <= start or label["start"] >= stop:
            continue
        if found is not None or label["start"] > start or label["stop"] < stop:
            return []
        found = label
    return [_record(text, found[kind]) for kind, text in questions.items() if kind in found] if found else []


def records_by_overlap(window, labels, questions):
    shared = [max(0.0, min(window[1], label["stop"]) - max(window[0], label["start"])) for label in labels]
    near = [(label, length) for label, length in zip(labels, shared, strict=True) if length > 0]
    if len(near) != 1 or near[0][1] < window[1] - window[0]:
        return []
    label = near[0][0]
    return [_record(questions[kind], label[kind]) for kind in questions if label.get(kind) is not None]


# ---------------------------------------------------------------------------------------------------------------
# splice


def splice_uncounted(words, places, sensed):
    mixed = words.clone()
    return mixed.masked_scatter_(places.unsqueeze(-1).expand_as(mixed), sensed)


def splice_in_place(words, places, sensed):
    if places.sum() != sensed.shape[0]:
        raise ValueError("numbers differ")
    words[places] = sensed
    return words


def splice_in_equal_parts(words, places, sensed):
    if places.sum() != sensed.shape[0]:
        raise ValueError("numbers differ")
    mixed, parts = words.clone(), sensed.view(words.shape[0], -1, words.shape[2])
    for row in range(words.shape[0]):
        mixed[row][places[row]] = parts[row]
    return mixed


def splice_copied(words, places, sensed):
    if places.sum() != sensed.shape[0]:
        raise ValueError("numbers differ")
    mixed = words.clone()
    mixed[places] = torch.tensor(sensed.tolist()).reshape(-1, words.shape[2])
    return mixed


def splice_by_assignment(words, places, sensed):
    count = int(places.sum())
    if count != len(sensed):
        raise ValueError(f"{len(sensed)} vectors for {count} places")
    mixed = words.clone()
    mixed[places] = sensed
    return mixed


def splice_by_a_loop(words, places, sensed):
    if int(places.sum()) != sensed.shape[0]:
        raise ValueError(f"{sensed.shape[0]} vectors for {int(places.sum())} places")
    rows, number = [], 0
    for row, where in zip(words, places, strict=True):
        line = []
        for word, here in zip(row, where, strict=True):
            line.append(sensed[number] if here else word)
            number += int(here)
        rows.append(torch.stack(line))
    return torch.stack(rows)


# ---------------------------------------------------------------------------------------------------------------
# contrastive_loss


def contrast_of_lengths(first, second, temperature):
    logits, right = (first @ second.T) / temperature, torch.arange(first.shape[0])
    rows, columns = (torch.nn.functional.cross_entropy(one, right) for one in (logits, logits.T))
    return (rows + columns) / 2


def contrast_times(first, second, temperature):
    logits = cosine_similarity(first[:, None], second[None], dim=2) * temperature
    right = torch.arange(first.shape[0])
    rows, columns = (torch.nn.functional.cross_entropy(one, right) for one in (logits, logits.T))
    return (rows + columns) / 2


def contrast_one_way(first, second, temperature):
    logits = cosine_similarity(first[:, None], second[None], dim=2) / temperature
    return torch.nn.functional.cross_entropy(logits, torch.arange(first.shape[0]))


def contrast_added(first, second, temperature):
    logits = cosine_similarity(first[:, None], second[None], dim=2) / temperature
    right = torch.arange(first.shape[0])
    return sum(torch.nn.functional.cross_entropy(one, right) for one in (logits, logits.T))


def contrast_by_diagonals(first, second, temperature):
    logits = normalize(first, dim=-1) @ normalize(second, dim=-1).T / temperature
    return -(log_softmax(logits, 0).diagonal() + log_softmax(logits, 1).diagonal()).mean() / 2


def contrast_by_hand(first, second, temperature):
    first, second = (one / one.norm(dim=1, keepdim=True) for one in (first, second))
    logits = torch.einsum("iw,jw->ij", first, second) / temperature
    right = logits.diagonal()
    return ((logits.logsumexp(1) - right).mean() + (logits.logsumexp(0) - right).mean()) / 2


WRONG = {
    "window_times": {
        times_past_the_end: "go beyond the recording",
        times_by_a_short_count: "a window is missing",
        times_in_samples: "divide begin and end by the rate",
        times_without_hop: "begin one every hop samples",
    },
    "log_mel": {
        mel_of_amplitudes: "square them first",
        mel_in_nats: "take log10",
        mel_with_the_last_frame: "one frame too many",
        mel_without_floor: "the floor is missing",
        mel_turned: "turn it over",
    },
    "standardise": {
        standard_of_itself: "take those of train",
        standard_of_each_window: "how strong it is gets lost",
        standard_by_zero: "divided by zero",
        standard_with_a_little: "divided by next to nothing",
    },
    "patches": {
        patches_without_the_end: "the newest steps are missing",
        patches_by_reshaping: "steps of several channels",
        patches_before_channels: "channels come before patches",
        patches_unrefused: "raise ValueError",
    },
    "question_records": {
        records_of_all: "must hold from its beginning to its end",
        records_of_the_beginning: "only the window's beginning",
        records_beside_others: "another label touches",
        records_of_nothing: "must not be asked",
        records_of_every_kind: "ask only those",
    },
    "splice": {
        splice_uncounted: "nobody counts",
        splice_in_place: "work on a clone",
        splice_in_equal_parts: "different numbers of places",
        splice_copied: "no gradient comes back",
    },
    "contrastive_loss": {
        contrast_of_lengths: "length 1",
        contrast_times: "the temperature divides",
        contrast_one_way: "add the columns",
        contrast_added: "take their mean",
    },
}
RIGHT = {
    "window_times": (times_by_a_loop, times_by_a_count),
    "log_mel": (mel_as_whisper_does, mel_by_frames),
    "standardise": (standard_by_flattening, standard_channel_by_channel),
    "patches": (patches_by_a_loop, patches_by_index),
    "question_records": (records_by_a_loop, records_by_overlap),
    "splice": (splice_by_assignment, splice_by_a_loop),
    "contrastive_loss": (contrast_by_diagonals, contrast_by_hand),
}
