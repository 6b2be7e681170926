"""A recording is cut into windows of `length` samples, one beginning every `hop` samples: when does each begin and end?

Only whole windows count: what is left at the end is no window.
"""

from labs.teaching.examine import Case

HINTS = (
    "Window number n begins at sample n * hop. It counts while its last sample, n * hop + length - 1, is still there.",
    "range(0, samples - length + 1, hop) gives the samples at which windows begin; divide by the rate for seconds.",
)


def window_times(samples: int, length: int, hop: int, rate: int) -> list[tuple[float, float]]:
    """Begin and end of each whole window, in seconds, the first first."""
    return [(start / rate, (start + length) / rate) for start in range(0, samples - length + 1, hop)]


def _with_the_rest(samples, length, hop, rate):
    return [(start / rate, (start + length) / rate) for start in range(0, samples, hop)]


def _one_too_few(samples, length, hop, rate):
    return [(start / rate, (start + length) / rate) for start in range(0, samples - length, hop)]


def _in_samples(samples, length, hop, rate):
    return [(start, start + length) for start in range(0, samples - length + 1, hop)]


def _side_by_side(samples, length, hop, rate):
    return [(start / rate, (start + length) / rate) for start in range(0, samples - length + 1, length)]


def _as_long_as_a_hop(samples, length, hop, rate):
    return [(start / rate, (start + hop) / rate) for start in range(0, samples - length + 1, hop)]


def _whole_seconds(samples, length, hop, rate):
    return [(start // rate, (start + length) // rate) for start in range(0, samples - length + 1, hop)]


MISTAKES = {
    "the last windows go beyond the recording: count a window only if start + length <= samples": _with_the_rest,
    "a window is missing: the one that ends with the last sample counts, so add 1 to the range's end": _one_too_few,
    "these are samples: divide begin and end by the rate for seconds": _in_samples,
    "the windows lie side by side: begin one every hop samples, not every length": _side_by_side,
    "these are whole seconds: divide with /, not with //": _whole_seconds,
    "a window ends length samples after it begins, not hop samples": _as_long_as_a_hop,
}

CASES = (
    Case("3 s, windows of 1 s, one every 0.5 s: the last ends with the recording", lambda f: f(48, 16, 8, 16)),
    Case("0.05 s are left over", lambda f: f(105, 50, 25, 100)),
    Case("a gap between windows: the hop is longer than a window", lambda f: f(100, 20, 30, 10)),
    Case("a recording of just one window", lambda f: f(400, 400, 160, 16_000)),
    Case("a recording shorter than a window has none", lambda f: f(399, 400, 160, 16_000)),
)
