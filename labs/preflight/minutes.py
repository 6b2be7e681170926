"""How many minutes a tuning is going to take on a machine, predicted from products and megabytes; measured is better.

The notebook's own: 200 steps of 8 records with three questions about a picture each, as LoRA and once more in 4 bits.
"""

from labs.models.entry import Entry
from labs.preflight.machine import Machine

RECORDS, RUNS, TEXT = 1600, 2, 60  # tokens of text in a record
PRODUCTS = 4  # additions and multiplications for each weight and token: forwards, and backwards through frozen weights
MEGABYTES = 20  # a second, from the Hub
# 10^12 half-precision products a second at the peak, by CUDA capability: V100, T4, A100, A10, L4, H100 and newer.
PEAK = {(7, 0): 112, (7, 5): 65, (8, 0): 312, (8, 6): 125, (8, 9): 121, (9, 0): 990}
CORE = 0.09  # the same of a processor's core
SHARE = 0.25  # of the peak that tuning reaches; on a processor 28 to 39 % were measured (data/bench)


def predict(entry: Entry, machine: Machine, device: str, four_bit: bool, download: float) -> float:
    """Minutes for the download (gigabytes) and both runs, of which there is one where whole weights do not fit."""
    if device == "cuda" and machine.gpu:
        peak = PEAK[max((known for known in PEAK if known <= machine.gpu.capability), default=min(PEAK))]
    else:
        peak = CORE * machine.cores
    tokens = (1 if four_bit else RUNS) * RECORDS * (entry.picture_tokens + TEXT)
    seconds = PRODUCTS * entry.millions * 1e6 * tokens / (SHARE * peak * 1e12)
    return round((seconds + 1000 * download / MEGABYTES) / 60, 1)


def in_words(minutes: float | int) -> str:
    """So that hours and days are seen as such."""
    if minutes < 120:
        return f"{minutes:.0f} minutes" if minutes >= 2 else f"{minutes:.1f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"
