"""What the engine said last, for everyone who watches: one hub per web process, fed by the link.

The newest value of each figure is kept once, with the number of the message that brought it, and the last changes and
notices of each owner for those who were cut off for a moment. A watcher keeps no figures: it knows up to which number
it was told, and takes what is newer when its turn comes, four times a second at most. What waits for it besides is a
bounded number of changes; when those overflow they become "everything changed". So a slow browser costs a few
kilobytes and delays nobody, and a thousand of them take their turns one after the other instead of all at once.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.core.clock import Clock
from app.core.ids import new_id
from app.web.account_news import NAME, change
from app.web.figures import Figure, figure_of
from app.web.whole import whole

EVERYONE = "*"
RING = 256
MOST_WAITING = 64
MOST_STREAMS = 6  # per person and web process; a browser opens no more to one server
STUCK = 30.0  # seconds without taking anything: its browser is gone, or asleep
PACE = 0.25  # seconds from one telling of figures to the next
PACE_HELD = 0.35  # of one whose owner's own figures move: those come in step, and bring the prices along
IN_STEP = 0.15  # own figures are not told sooner than this after the last ones
HELD_LATELY = 0.6

Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Happening:
    """A change or a notice; `data` of a change is a list of rooms, None for everything."""

    seq: int
    name: str
    data: Any


class Packet:
    """Figures for one watcher."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    @property
    def shown(self) -> bytes:
        """A JSON object for pages."""
        return b"{" + b",".join([figure.text or figure.written(key) for key, figure in self.figures.items()]) + b"}"


@dataclass(frozen=True, slots=True)
class Batch:
    happenings: list[Happening]
    packet: Packet
    seq: int  # up to here everything was told

    @property
    def is_empty(self) -> bool:
        return not self.happenings and not self.packet.figures


def _nothing() -> None:
    """There is no connection to cut."""


class Watcher:
    """One open stream. Woken by the hub; takes what is new in the thread that serves the browser."""

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
        self.pace = 0.0  # seconds between two tellings of figures
        self.cut: Callable[[], None] = _nothing  # ends a connection that nobody reads
        self.came_back = False  # with an id that this process gave
        self.accounts: frozenset[str] = frozenset()  # whose books it hears of
        self.told = 0
        self._told_at = float("-inf")
        self._rest_until = float("-inf")
        self.is_resting = False  # it takes what moved when its rest is over, without being told
        self._happenings: list[Happening] = []
        self._hub: LiveHub
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def joins(self, hub: "LiveHub", missed: Iterable[Happening]) -> None:
        self._hub = hub
        self._happenings += missed
        self._wake.set()

    def put(self, happenings: Iterable[Happening]) -> None:
        with self._lock:
            self._happenings += happenings
            if len(self._happenings) > MOST_WAITING:
                seq = self._happenings[-1].seq
                notices = [one for one in self._happenings if one.name == "notice"][-MOST_WAITING // 2 :]
                self._happenings = [*notices, Happening(seq, "changed", None)]
        self._wake.set()

    def poke(self) -> None:
        """There is something to write."""
        self._wake.set()

    def figures_moved(self, now: float) -> None:
        if now - self._told_at >= min(IN_STEP, self.pace):
            self._wake.set()

    def take(self, timeout: float, now: float) -> Batch:
        """What came since the last time; waits up to `timeout` seconds for something."""
        self.took_at = now
        rest = min(self._rest_until - now, timeout)
        is_awake = self._wake.wait(rest) if rest > 0 else self._wake.is_set()
        self.is_resting = False
        batch = self._collect()
        if batch.is_empty and not is_awake and not self.closed:
            self._wake.wait(timeout - max(rest, 0.0))
            batch = self._collect()
        return batch

    def close(self) -> None:
        self.closed = True
        self._wake.set()

    def _collect(self) -> Batch:
        self._wake.clear()
        with self._lock:
            happenings, self._happenings = self._happenings, []
        figures, seq, pause = self._hub.newer(self)
        self.told = seq
        if figures and self.pace:
            self.is_resting, self._told_at = True, self._hub.monotonic()
            self._rest_until = self._told_at + pause
        return Batch(happenings, Packet(figures), seq)


@dataclass(slots=True)
class _Owner:
    figures: Figures = field(default_factory=dict)
    moved_at: float = float("-inf")
    moved_seq: int = 0
    ring: deque[Happening] = field(default_factory=lambda: deque(maxlen=RING))
    forgotten: int = 0  # the newest change that fell out of the ring
    watchers: list[Watcher] = field(default_factory=list)


@dataclass(slots=True)
class _Shelf:
    """What is known of one symbol, by key."""

    figures: Figures = field(default_factory=dict)
    seq: int = 0  # of the newest


class LiveHub:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._boot = new_id()[-10:]
        self._seq = 0
        self._owners: dict[str, _Owner] = {}
        self._market: dict[str, _Shelf] = {}
        self._indices = _Shelf()
        self._priced_at = 0  # milliseconds
        self._streams: Counter[str] = Counter()  # open ones by person
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
            elif kind == "snapshot":
                self._take_books(payload)
            elif kind == "gone":
                self._market = {name: shelf for name, shelf in self._market.items() if not name.endswith(payload["of"])}
            elif kind == "notice":
                notice = {name: payload.get(name, "") for name in ("level", "text", "link")}
                self._take_happening(payload["owner"], "notice", notice)

    def _take_cells(self, payload: dict[str, Any]) -> None:
        owner_id, cells = payload["owner"], payload["cells"]
        if owner_id == EVERYONE:
            self._take_market(cells)
            return
        owner, now = self._owner(owner_id), self._clock.monotonic()
        figures = {key: figure_of(cell, owner.figures.get(key), self._seq) for key, cell in cells.items()}
        owner.figures = figures if payload.get("whole") else owner.figures | figures
        if figures:
            owner.moved_at, owner.moved_seq = now, self._seq
        for watcher in owner.watchers:
            watcher.figures_moved(now)

    def _take_market(self, cells: dict[str, Any]) -> None:
        moved, ages = set(), [self._priced_at]
        for key, cell in cells.items():
            kind, _, symbol = key.partition(":")
            shelf = self._market.setdefault(symbol, _Shelf())
            figure = shelf.figures[key] = figure_of(cell, shelf.figures.get(key), self._seq)
            shelf.seq = self._seq
            moved.add(symbol)
            if kind == "ltp":
                ages.append(0 if "src" in cell else cell["at"] or 0)
                if "_INDEX:" in key:
                    self._indices.figures[key], self._indices.seq = figure, self._seq
        self._priced_at = max(ages)
        is_for_all = self._indices.seq == self._seq
        for owner in self._owners.values():
            for watcher in owner.watchers:
                if not watcher.is_resting and (is_for_all or not moved.isdisjoint(watcher.watched)):
                    watcher.poke()

    def _take_books(self, payload: dict[str, Any]) -> None:
        """Only for who asked for the account, and not kept: it is in the database, with a number of its own."""
        told = Happening(self._seq, NAME, change(payload))
        for watcher in self._owner(payload["owner"]).watchers:
            if payload["account_id"] in watcher.accounts:
                watcher.put((told,))

    def _take_happening(self, owner_id: str, name: str, data: Any) -> None:
        for one in list(self._owners) if owner_id == EVERYONE else [owner_id]:
            owner = self._owner(one)
            if len(owner.ring) == RING:
                owner.forgotten = owner.ring[0].seq
            happening = Happening(self._seq, name, data)
            owner.ring.append(happening)
            for watcher in owner.watchers:
                watcher.put((happening,))

    # -- from the threads that serve

    def join(self, watcher: Watcher, last_id: str = "") -> bool:
        """The watcher is told the present figures, then whatever it missed since `last_id`; False: it has too many."""
        with self._lock:
            if self._streams[watcher.user_id] >= MOST_STREAMS:
                return False
            self._streams[watcher.user_id] += 1
            owner = self._owner(watcher.owner_id)
            owner.watchers.append(watcher)
            watcher.came_back = last_id.startswith(f"{self._boot}-")
            watcher.joins(self, self._missed(owner, last_id))
        return True

    def leave(self, watcher: Watcher) -> None:
        watcher.close()
        with self._lock:
            owner = self._owner(watcher.owner_id)
            left = [one for one in owner.watchers if one is not watcher]
            self._streams[watcher.user_id] -= len(owner.watchers) - len(left)
            owner.watchers = left

    def leave_page(self, user_id: str, page: str) -> None:
        """That page of the person is gone: a browser says so sooner than its connection does."""
        for watcher in self.watchers() if page else ():
            if watcher.page == page and watcher.user_id == user_id:
                self.leave(watcher)

    def leave_pass(self, pass_id: str) -> None:
        """What the pass opened ends: its person signed out."""
        for watcher in self.watchers():
            if watcher.pass_id == pass_id:
                self.leave(watcher)

    def newer(self, watcher: Watcher) -> tuple[Figures, int, float]:
        """The figures a watcher may see and was not told yet; up to which number that is; how long it rests then."""
        told = watcher.told
        with self._lock:
            owner = self._owner(watcher.owner_id)
            found = _since(told, owner.figures) if owner.moved_seq > told else {}
            market, indices = self._market, self._indices
            for shelf in (*[market[symbol] for symbol in watcher.watched if symbol in market], indices):
                if shelf.seq <= told:
                    continue
                for key, figure in shelf.figures.items():
                    if figure.seq > told and (key not in found or found[key].seq < figure.seq):
                        found[key] = figure
            is_held = self._clock.monotonic() - owner.moved_at < HELD_LATELY
            return found, self._seq, PACE_HELD if is_held else PACE

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def spell(self, seq: int) -> str:
        """An event's id: it means something only to this process."""
        return f"{self._boot}-{seq}"

    def indices(self) -> Figures:
        """The newest of each index, by its key; they are everybody's."""
        with self._lock:
            return dict(self._indices.figures)

    def prices(self, kinds: Collection[str], symbols: Collection[str]) -> Figures:
        """The newest that this process heard of these symbols: of each kind ("ltp", "chg", …) its key and figure."""
        wanted = {f"{kind}:{symbol}" for symbol in symbols for kind in kinds}
        return {key: figure for key, figure in self.of_symbols(symbols).items() if key in wanted}

    def of_symbols(self, symbols: Iterable[str]) -> Figures:
        """Everything this process heard of these symbols."""
        with self._lock:
            shelves = [shelf for symbol in symbols if (shelf := self._market.get(symbol)) is not None]
            return {key: figure for shelf in shelves for key, figure in shelf.figures.items()}

    @property
    def newest_id(self) -> str:
        return self.spell(self._seq)

    def figures(self, owner_id: str) -> Figures:
        """The newest of an owner, for pages to start with."""
        with self._lock:
            return dict(self._owner(owner_id).figures)

    @property
    def priced_at(self) -> datetime | None:
        """When the newest price was streamed that this process heard of; one that was asked for does not count."""
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
        heard = whole(text)
        if boot != self._boot or heard is None or heard < owner.forgotten:
            return [Happening(self._seq, "changed", None)]
        return [one for one in owner.ring if one.seq > heard]

    def _let_stuck_go(self) -> None:
        """Streams that nobody reads any more end, and make room."""
        oldest = self._clock.monotonic() - STUCK
        for watcher in self.watchers():
            if watcher.took_at < oldest:
                self.leave(watcher)
                watcher.cut()


def _since(told: int, figures: Figures) -> Figures:
    return {key: figure for key, figure in figures.items() if figure.seq > told}
