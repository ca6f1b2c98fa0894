"""What the engine said last, for everyone who watches: one hub per web process, fed by the link.

The newest value of each figure is kept, and the last changes and notices of each owner for those who were cut off for
a moment. A watcher's queue holds the newest figure per key and a bounded number of changes; when those overflow they
become "everything changed". So a slow browser costs a few kilobytes and delays nobody.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson

from app.core.clock import Clock
from app.core.ids import new_id
from app.web.figures import Figure, figure_of

EVERYONE = "*"
RING = 256
MOST_WAITING = 64
MOST_STREAMS = 6  # per person and web process; a browser opens no more to one server
STUCK = 30.0  # seconds without taking anything: its browser is gone, or asleep

Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Happening:
    """A change or a notice; `data` of a change is a list of rooms, None for everything."""

    seq: int
    name: str
    data: Any


class Packet:
    """Figures for one or many watchers; written for pages once, however many they go to."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    @cached_property
    def shown(self) -> bytes:
        return orjson.dumps({key: figure.shown for key, figure in self.figures.items()})

    def and_then(self, newer: "Packet") -> "Packet":
        return Packet(self.figures | newer.figures) if self.figures else newer


NO_FIGURES = Packet({})


@dataclass(frozen=True, slots=True)
class Batch:
    happenings: list[Happening]
    packet: Packet
    seq: int  # up to here everything was told


class Watcher:
    """One open stream. Filled by the hub, emptied by the thread that serves the browser."""

    def __init__(
        self, owner_id: str, user_id: str, pass_id: str, watched: frozenset[str], now: float, page: str = ""
    ) -> None:
        self.id = new_id()
        self.page = page  # the browser's own name for the page that listens
        self.owner_id = owner_id
        self.user_id = user_id
        self.pass_id = pass_id
        self.watched = watched
        self.took_at = now
        self.closed = False
        self._packet = NO_FIGURES
        self._happenings: list[Happening] = []
        self._seq = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def put(self, packet: Packet, happenings: Iterable[Happening], seq: int) -> None:
        with self._lock:
            self._packet = self._packet.and_then(packet) if packet.figures else self._packet
            self._happenings += happenings
            if len(self._happenings) > MOST_WAITING:
                notices = [one for one in self._happenings if one.name == "notice"][-MOST_WAITING // 2 :]
                self._happenings = [*notices, Happening(seq, "changed", None)]
            self._seq = seq
        self._wake.set()

    def take(self, timeout: float, now: float) -> Batch:
        """What came since the last time; waits up to `timeout` seconds for something."""
        self.took_at = now
        self._wake.wait(timeout)
        with self._lock:
            self._wake.clear()
            batch = Batch(self._happenings, self._packet, self._seq)
            self._happenings, self._packet = [], NO_FIGURES
        return batch

    def close(self) -> None:
        self.closed = True
        self._wake.set()


@dataclass(slots=True)
class _Owner:
    figures: Figures = field(default_factory=dict)
    ring: deque[Happening] = field(default_factory=lambda: deque(maxlen=RING))
    forgotten: int = 0  # the newest change that fell out of the ring
    watchers: list[Watcher] = field(default_factory=list)


class LiveHub:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._boot = new_id()[-10:]
        self._seq = 0
        self._owners: dict[str, _Owner] = {}
        self._market: Figures = {}
        self._priced_at = 0  # milliseconds
        self._lock = threading.Lock()
        self.beat: dict[str, Any] = {}
        self.beat_at: float | None = None  # monotonic

    # -- from the link's thread

    def take(self, kind: str, payload: dict[str, Any]) -> None:
        """The link's handler."""
        if kind == "beat":
            self.beat, self.beat_at = payload, self._clock.monotonic()
            self._let_stuck_go()
            return
        with self._lock:
            self._seq += 1
            if kind == "tick":
                self._take_cells(payload)
            elif kind == "changed":
                self._take_happening(payload["owner"], "changed", payload["rooms"])
            elif kind == "notice":
                notice = {name: payload.get(name, "") for name in ("level", "text", "link")}
                self._take_happening(payload["owner"], "notice", notice)

    def _take_cells(self, payload: dict[str, Any]) -> None:
        owner_id, cells = payload["owner"], payload["cells"]
        if owner_id == EVERYONE:
            self._take_market(cells)
            return
        owner = self._owner(owner_id)
        figures = {key: figure_of(cell, owner.figures.get(key)) for key, cell in cells.items()}
        owner.figures = figures if payload.get("whole") else owner.figures | figures
        packet = Packet(figures)
        for watcher in owner.watchers:
            watcher.put(packet, (), self._seq)

    def _take_market(self, cells: dict[str, Any]) -> None:
        figures = {key: figure_of(cell, self._market.get(key)) for key, cell in cells.items()}
        self._market |= figures
        ages = [figure.shown["at"] for key, figure in figures.items() if key.startswith("ltp:") and figure.shown["at"]]
        self._priced_at = max([self._priced_at, *ages])
        for owner in self._owners.values():
            for watcher in owner.watchers:
                seen = {key: figures[key] for key in figures if _may_see(watcher, key)}
                if seen:
                    watcher.put(Packet(seen), (), self._seq)

    def _take_happening(self, owner_id: str, name: str, data: Any) -> None:
        for one in list(self._owners) if owner_id == EVERYONE else [owner_id]:
            owner = self._owner(one)
            if len(owner.ring) == RING:
                owner.forgotten = owner.ring[0].seq
            happening = Happening(self._seq, name, data)
            owner.ring.append(happening)
            for watcher in owner.watchers:
                watcher.put(NO_FIGURES, (happening,), self._seq)

    # -- from the threads that serve

    def join(self, watcher: Watcher, last_id: str = "") -> bool:
        """Put the present figures into the watcher, then whatever it missed since `last_id`; False: it has too many."""
        with self._lock:
            if not self._has_room(watcher.user_id):
                return False
            owner = self._owner(watcher.owner_id)
            owner.watchers.append(watcher)
            seen = {key: figure for key, figure in self._market.items() if _may_see(watcher, key)}
            watcher.put(Packet(seen | owner.figures), self._missed(owner, last_id), self._seq)
        return True

    def leave(self, watcher: Watcher) -> None:
        watcher.close()
        with self._lock:
            owner = self._owner(watcher.owner_id)
            owner.watchers = [one for one in owner.watchers if one is not watcher]

    def leave_page(self, user_id: str, page: str) -> None:
        """That page of the person is gone: a browser says so sooner than its connection does."""
        for watcher in self.watchers():
            if page and watcher.page == page and watcher.user_id == user_id:
                self.leave(watcher)

    def spell(self, seq: int) -> str:
        """An event's id: it means something only to this process."""
        return f"{self._boot}-{seq}"

    def indices(self) -> Figures:
        """The newest of each index, by its key; they are everybody's."""
        with self._lock:
            return {key: figure for key, figure in self._market.items() if "_INDEX:" in key}

    @property
    def newest_id(self) -> str:
        return self.spell(self._seq)

    def figures(self, owner_id: str) -> Figures:
        """The newest of an owner, for pages to start with."""
        with self._lock:
            return dict(self._owner(owner_id).figures)

    @property
    def priced_at(self) -> datetime | None:
        """When the newest price of the market came that this process heard of."""
        return datetime.fromtimestamp(self._priced_at / 1000, UTC) if self._priced_at else None

    def watchers(self) -> list[Watcher]:
        with self._lock:
            return [watcher for owner in self._owners.values() for watcher in owner.watchers]

    def passes(self) -> set[str]:
        """Of everybody who holds a stream open."""
        return {watcher.pass_id for watcher in self.watchers()}

    def _owner(self, owner_id: str) -> _Owner:
        return self._owners.setdefault(owner_id, _Owner())

    def _missed(self, owner: _Owner, last_id: str) -> list[Happening]:
        """What cannot be told any more becomes "everything changed"."""
        boot, _, text = last_id.partition("-")
        if not last_id:
            return []
        if boot != self._boot or not text.isdigit() or int(text) < owner.forgotten:
            return [Happening(self._seq, "changed", None)]
        return [one for one in owner.ring if one.seq > int(text)]

    def _has_room(self, user_id: str) -> bool:
        watchers = [one for owner in self._owners.values() for one in owner.watchers]
        return sum(one.user_id == user_id for one in watchers) < MOST_STREAMS

    def _let_stuck_go(self) -> None:
        """Streams that nobody reads any more end, and make room."""
        oldest = self._clock.monotonic() - STUCK
        for watcher in self.watchers():
            if watcher.took_at < oldest:
                self.leave(watcher)


def _may_see(watcher: Watcher, key: str) -> bool:
    """Prices of what others trade are theirs; an index is everybody's."""
    return key in watcher.watched or "_INDEX:" in key
