"""Which symbols go to which connection when one does not carry them all. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from app.feed.subscriptions import Modes
from app.venues.types import Symbol


@dataclass(frozen=True, slots=True)
class Shard:
    """A connection: what it carries now, and how many symbols it carries at most."""

    carries: Collection[Symbol]
    room: int


def first(wanted: Modes, room: int) -> Modes:
    """What is wanted most; `wanted` stands in that order."""
    return wanted if len(wanted) <= room else dict(islice(wanted.items(), max(room, 0)))


def share_out(wanted: Modes, shards: Sequence[Shard]) -> tuple[list[Modes], Modes]:
    """What each connection is asked for, and what fits on none: the least wanted. A symbol stays where it is."""
    fitting = first(wanted, sum(shard.room for shard in shards))
    shares: list[Modes] = [{} for _ in shards]
    homeless: Modes = {}
    for symbol, mode in fitting.items():
        place = next((number for number, shard in enumerate(shards) if symbol in shard.carries), None)
        if place is not None and len(shares[place]) < shards[place].room:
            shares[place][symbol] = mode
        else:
            homeless[symbol] = mode
    for share, shard in zip(shares, shards, strict=True):
        for symbol in list(homeless)[: max(shard.room - len(share), 0)]:
            share[symbol] = homeless.pop(symbol)
    return shares, {symbol: mode for symbol, mode in wanted.items() if symbol not in fitting}
