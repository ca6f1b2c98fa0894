"""Random numbers without state: a value is a hash (splitmix64) of a key and a counter.

So any part of a price path can be made at any time, in any order, and comes out the same.
"""

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_LANE = np.uint64(0xFFFF)


def key(seed: int, *parts: object) -> int:
    text = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def uniform(stream: int, counter: int) -> float:
    """One number in [0, 1)."""
    z = (stream + counter * _GOLDEN) & _MASK
    z = (z ^ (z >> 30)) * _MIX1 & _MASK
    z = (z ^ (z >> 27)) * _MIX2 & _MASK
    return (z ^ (z >> 31)) / 2**64


def normals(stream: int, first: int, count: int) -> Floats:
    """`count` numbers of mean 0 and variance 1, for the counters from `first` on.

    Each is the sum of the four 16-bit lanes of one hash: near enough to a normal, cut off at 3.46 deviations.
    """
    z = np.arange(count, dtype=np.uint64)
    z *= np.uint64(_GOLDEN)
    z += np.uint64((stream + first * _GOLDEN) & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX2)
    z ^= z >> np.uint64(31)
    lanes = sum(((z >> np.uint64(shift)) & _LANE).astype(np.float64) for shift in (0, 16, 32, 48))
    return (np.asarray(lanes) / 65536.0 - 2.0) * math.sqrt(3.0)
