"""What a WebSocket of the desk tells, topic by topic: values in, messages out. Figures as decimal text, for programs.

Whatever the topic, the hub has already chosen what the person may see; a topic only narrows it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.errors import Denied
from app.venues.types import FeedMode
from app.web.account_news import NAME, AccountNews
from app.web.figures import Figure
from app.web.live import Batch, Figures, Happening, LiveHub, Watcher
from app.web.wishes import Wishes

Message = dict[str, Any]
MOST_SYMBOLS = 500  # of one connection
SYMBOL = re.compile(r"[A-Z_]{2,16}:[A-Z0-9&_.\-]{1,60}")
NO_PRICES = {"bars"}  # market cells that are no figure of a symbol


class Topic(Protocol):
    """Not safe for several threads; `asked` is called by the one that reads, the others by the one that writes."""

    def first(self, batch: Batch, resumed: bool, /) -> Iterable[Message]:
        """How things stand, then what was missed."""
        ...

    def news(self, batch: Batch) -> Iterable[Message]: ...

    def beat(self) -> Iterable[Message]:
        """Every five seconds: what a lost hint left untold."""
        ...

    def asked(self, message: Mapping[str, Any], /) -> Message:
        """The answer to "subscribe" or "unsubscribe". Raises Denied with a sentence."""
        ...

    def end(self) -> None: ...


@dataclass
class Wanted:
    """The symbols of one connection, with the closest look asked for at each; each a counted wish while it lasts."""

    hub: LiveHub
    wishes: Wishes
    watcher: Watcher
    modes: dict[str, FeedMode] = field(default_factory=dict)

    def take(self, message: Mapping[str, Any]) -> Message:
        symbols = _symbols(message)
        if message["type"] == "unsubscribe":
            left = {} if "symbols" not in message else {s: m for s, m in self.modes.items() if s not in set(symbols)}
            self._become(left)
            return {"type": "unsubscribed", "symbols": sorted(self.modes)}
        mode = _mode(message)
        wanted = {**self.modes, **dict.fromkeys(symbols, mode)}
        if not symbols:
            raise Denied('Say which: {"type": "subscribe", "symbols": ["NSE:SBIN"]}.')
        if len(wanted) > MOST_SYMBOLS:
            raise Denied(f"A connection takes {MOST_SYMBOLS} symbols at most; it has {len(self.modes)}.")
        self._become(wanted)
        return {"type": "subscribed", "symbols": sorted(wanted), "prices": self._now(symbols)}

    def end(self) -> None:
        self._become({})

    def _become(self, wanted: dict[str, FeedMode]) -> None:
        self.modes = wanted
        self.watcher.watched = frozenset(wanted)
        for mode in FeedMode:
            of_mode = [symbol for symbol, one in wanted.items() if one is mode]
            self.wishes.want(f"{self.watcher.id}:{mode}", of_mode, mode.value)

    def _now(self, symbols: list[str]) -> dict[str, Message]:
        """As far as anybody looked before; the others come with their first price."""
        return prices(self.hub.of_symbols(symbols), symbols)


@dataclass
class Broadcast:
    """Everything of the owner: figures, what changed, notices, and the books of the accounts. Symbols that are not held
    come when subscribed to."""

    spell: Callable[[int], str]
    wanted: Wanted
    books: AccountNews

    def __post_init__(self) -> None:
        self.wanted.watcher.accounts = self.books.account_ids

    def first(self, batch: Batch, resumed: bool) -> Iterator[Message]:
        told = batch.happenings[0].seq - 1 if batch.happenings else batch.seq
        cells = {key: figure.raw for key, figure in batch.packet.figures.items()}
        yield {"type": "snapshot", "id": self.spell(told), "seq": told, "resumed": resumed, "data": cells}
        for one in self.books.whole():
            yield {"type": NAME, "id": self.spell(told), "seq": told, "data": one}
        yield from self._happenings(batch.happenings)

    def news(self, batch: Batch) -> Iterator[Message]:
        yield from self._happenings(batch.happenings)
        if batch.packet.figures:
            cells = {key: figure.raw for key, figure in batch.packet.figures.items()}
            yield {"type": "tick", "id": self.spell(batch.seq), "seq": batch.seq, "data": cells}

    def beat(self) -> Iterator[Message]:
        yield from ()

    def asked(self, message: Mapping[str, Any]) -> Message:
        return self.wanted.take(message)

    def end(self) -> None:
        self.wanted.end()

    def _happenings(self, happenings: Iterable[Happening]) -> Iterator[Message]:
        for one in happenings:
            yield {"type": one.name, "id": self.spell(one.seq), "seq": one.seq, "data": one.data}


@dataclass
class Market:
    """Prices of the symbols the connection subscribed to, and nothing else."""

    spell: Callable[[int], str]
    wanted: Wanted

    def first(self, batch: Batch, resumed: bool) -> Iterator[Message]:
        yield {"type": "snapshot", "id": self.spell(batch.seq), "resumed": resumed, "prices": {}}

    def news(self, batch: Batch) -> Iterator[Message]:
        found = prices(batch.packet.figures, self.wanted.modes)
        if found:
            yield {"type": "tick", "id": self.spell(batch.seq), "prices": found}

    def beat(self) -> Iterator[Message]:
        yield from ()

    def asked(self, message: Mapping[str, Any]) -> Message:
        return self.wanted.take(message)

    def end(self) -> None:
        self.wanted.end()


def prices(figures: Figures, symbols: Iterable[str]) -> dict[str, Message]:
    """By symbol: `ltp` and whatever else is known by its name, `at` the milliseconds of the last price."""
    wanted = set(symbols)
    found: dict[str, Message] = {}
    for key, figure in figures.items():
        kind, _, symbol = key.partition(":")
        if symbol in wanted and figure.raw["k"] not in NO_PRICES:
            one = found.setdefault(symbol, {})
            one[kind] = figure.raw["v"]
            if kind == "ltp":
                one |= _of_last(figure)
    return found


def _of_last(figure: Figure) -> Message:
    return {"at": figure.raw["at"], "currency": figure.raw["c"]}


def _symbols(message: Mapping[str, Any]) -> list[str]:
    found = message.get("symbols", [])
    if not isinstance(found, list) or not all(isinstance(one, str) and SYMBOL.fullmatch(one) for one in found):
        raise Denied('Symbols are a list of "EXCHANGE:SYMBOL", such as ["NSE:SBIN", "NSE_INDEX:NIFTY"].')
    return found


def _mode(message: Mapping[str, Any]) -> FeedMode:
    asked = message.get("mode", FeedMode.LTP.value)
    if asked not in set(FeedMode):
        raise Denied("The mode is ltp, quote (the day's figures) or depth (the five best prices as well).")
    return FeedMode(asked)
