"""What tells records apart, in a few bytes for each: equal keys mean equal content, whatever a file is called."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np


def key_of(content: bytes) -> int:
    """64 bits: among a million contents two share a key by chance in one of 30 million data sets."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)


class Keys(NamedTuple):
    """Of pictures it is their files' content that counts."""

    talks: np.ndarray  # (records,) of all that is said and shown
    shown: np.ndarray  # (records,) of the pictures in their order, 0 without any
    pictures: np.ndarray  # (shown,) of each picture that a record shows,
    owners: np.ndarray  # (shown,) and the record's place

    def take(self, places: np.ndarray) -> "Keys":
        """The keys of the records at some places."""
        new = np.full(len(self.talks), -1)
        new[places] = np.arange(len(places))
        owners = new[self.owners]
        return Keys(self.talks[places], self.shown[places], self.pictures[owners >= 0], owners[owners >= 0])

    def known_to(self, others: "Keys") -> np.ndarray:
        """The places of the records of which the others know a picture, or all that is said and shown."""
        talks = np.flatnonzero(np.isin(self.talks, others.talks))
        return np.union1d(talks, self.owners[np.isin(self.pictures, others.pictures)])
