"""What the open streams of this process look at, told to the engine together: a symbol once, however many want it.

One holder for each mode and 500 symbols, renewed with the streams' beats; the engine forgets a process that says
nothing any more. When a stream ends, what nobody else looks at is let go at once.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable

from app.core.clock import Clock
from app.core.ids import new_id
from app.core.link import Link

RENEW = 5.0  # seconds; the engine believes three times as long
AT_ONCE = 500  # symbols in one message


class Wishes:
    """Safe for several threads."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._name = f"web-{new_id()[-10:]}"
        self._lock = threading.Lock()
        self._wishes: dict[str, tuple[str, frozenset[str]]] = {}  # by stream
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)  # by mode, then by symbol
        self._said: dict[str, list[str]] = {}  # by holder
        self._said_at = float("-inf")

    def want(self, stream_id: str, symbols: Iterable[str], mode: str) -> None:
        """In the place of what that stream wanted before; none ends its wish."""
        wish = mode, frozenset(symbols)
        with self._lock:
            before = self._wishes.pop(stream_id, (mode, frozenset()))
            if wish[1]:
                self._wishes[stream_id] = wish
            if wish == before:
                return
            self._counts[before[0]].subtract(before[1])
            self._counts[mode].update(wish[1])
            for one in {before[0], mode}:
                self._counts[one] = +self._counts[one]
            self._say(only_news=True)

    def drop(self, stream_id: str) -> None:
        self.want(stream_id, (), "ltp")

    def renew(self) -> None:
        """Said again, whoever of the streams comes first."""
        with self._lock:
            if self._clock.monotonic() - self._said_at >= RENEW:
                self._said_at = self._clock.monotonic()
                self._say(only_news=False)

    def _say(self, only_news: bool) -> None:
        now: dict[str, list[str]] = {}
        for mode, counts in self._counts.items():
            wanted = sorted(counts)
            for start in range(0, len(wanted), AT_ONCE):
                now[f"{self._name}:{mode}:{start}"] = wanted[start : start + AT_ONCE]
        for holder in now.keys() | self._said.keys():
            symbols = now.get(holder, [])
            if not only_news or symbols != self._said.get(holder):
                self._link.send("watch", {"holder": holder, "symbols": symbols, "mode": holder.split(":")[1]})
        self._said = now
