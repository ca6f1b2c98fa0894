"""Records ticks on request: the thread that receives a price only puts it aside, and a loop of its own writes files.

What is put aside is bounded: when the disk cannot follow, ticks are dropped and counted, and nothing else waits. A
kill in the middle loses what was heard since the last batch, and no file.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select

from app.engine.main import Job, Loop
from app.engine.market import KIND, Market
from app.engine.recorded_legs import RecordedLegs
from app.execution.events import Alarm
from app.instruments.models import Instrument
from app.replays import contracts_file
from app.replays.models import Recording
from app.replays.recordings import Flushed, is_of
from app.replays.tick_files import TickFolder
from app.venues.types import FeedMode, Quote, Symbol
from app.wiring import Services

log = structlog.get_logger()
HOLDER = "recordings"
MOST = 200_000  # ticks put aside
EVERY = 3.0  # seconds between two batches
TIDY = 60  # batches between two tidyings


@dataclass(slots=True)
class _Taking:
    """A recording that is on: what it takes, and what of its ticks is known. `symbols` None: everything."""

    row: Recording
    folder: TickFolder
    symbols: frozenset[Symbol] | None
    heard: set[Symbol] = field(default_factory=set)
    families: set[str] = field(default_factory=set)
    batches: int = 0

    def takes(self, symbol: Symbol) -> bool:
        return self.symbols is None or symbol in self.symbols


class Closing(Loop):
    """A loop that does one thing more when it ends."""

    def __init__(self, jobs: list[Job], services: Services, last: Callable[[], object]) -> None:
        super().__init__(jobs, services.clock)
        self._last = last

    def run(self, leads: Callable[[], bool]) -> None:
        super().run(leads)
        self._last()


def record_ticks(services: Services, market: Market) -> Loop:
    recorder = Recorder(services, market)
    market.hub.listen(recorder.on_quote)
    jobs = [
        Job("recordings", recorder.follow, 1.0, can_wait=2.0),
        Job("ticks", recorder.flush, EVERY, can_wait=5.0),
    ]
    return Closing(jobs, services, recorder.flush)


class Recorder:
    def __init__(self, services: Services, market: Market) -> None:
        self._services = services
        self._recordings = services.recordings
        self._market = market
        self._legs = RecordedLegs(services, market.hub)
        self._aside: deque[Quote] = deque()
        self._dropped = 0  # since the start
        self._told = 0  # of those
        self._is_all = False
        self._wanted: frozenset[Symbol] = frozenset()
        self._taking: dict[str, _Taking] = {}

    def on_quote(self, quote: Quote) -> None:
        """In the thread that received it: a look into a set, and at most one append."""
        if not (self._is_all or quote.symbol in self._wanted):
            return
        if len(self._aside) >= MOST:
            self._dropped += 1
            return
        self._aside.append(quote)

    def follow(self) -> bool:
        """What is on, and what it wants of the feed."""
        now, rows = self._services.clock.now(), self._recordings.on()
        known, current = self._taking, [row for row in rows if is_of(row, now)]
        if known.keys() - {row.id for row in current}:
            self.flush()  # what was put aside for one that is over
        for row in rows:
            if row not in current:
                self._recordings.over(row.id)
        self._taking = {row.id: self._followed(row, known.get(row.id), now) for row in current}
        wanted = frozenset(symbol for one in self._taking.values() for symbol in one.symbols or ())
        self._is_all = any(one.symbols is None for one in self._taking.values())
        if wanted != self._wanted:
            self._wanted = wanted
            self._market.subscriptions.want(HOLDER, wanted, FeedMode.BEST)
            self._market.feed.wake()
        return bool(rows)

    def flush(self) -> bool:
        """Write what was put aside, for each recording what it takes of it."""
        aside = [self._aside.popleft() for _ in range(len(self._aside))]  # ticks come meanwhile: they go with the next
        dropped = self._dropped - self._told
        self._told += dropped
        for one in list(self._taking.values()):
            self._write(one, [quote for quote in aside if one.takes(quote.symbol)], dropped)
        return bool(aside)

    def _followed(self, row: Recording, known: _Taking | None, now: datetime) -> _Taking:
        symbols = self._symbols(row, known, now)
        if known is None:
            folder = TickFolder(self._recordings.folder(row))
            folder.tidy()
            return _Taking(row, folder, symbols)
        known.row, known.symbols = row, symbols
        return known

    def _symbols(self, row: Recording, known: _Taking | None, now: datetime) -> frozenset[Symbol] | None:
        if row.what == "everything":
            return None
        if row.what == "symbols":
            return frozenset(Symbol.parse(text) for text in row.symbols)
        before = known.symbols if known and known.symbols else frozenset[Symbol]()
        return before | self._legs.symbols(row, now)

    def _write(self, taking: _Taking | None, quotes: Sequence[Quote], dropped: int) -> None:
        if taking is None or not (quotes or dropped):
            return
        try:
            self._put(taking, quotes, dropped)
        except OSError as error:
            log.exception("ticks_not_written", recording_id=taking.row.id)
            why = f"The disk did not take the ticks: {error.strerror or error}. The recording ended there."
            self._recordings.over(taking.row.id, why)
            self._services.bus.publish(Alarm(taking.row.owner_id, None, f"recording:{taking.row.id}", why))

    def _put(self, taking: _Taking, quotes: Sequence[Quote], dropped: int) -> None:
        new = {quote.symbol for quote in quotes} - taking.heard
        if new:
            taking.heard |= new
            self._list(taking, new)
        if quotes:
            taking.folder.write(quotes)
        taking.batches += 1
        if taking.batches % TIDY == 0:
            taking.folder.tidy()
        ends = (quotes[0].received_at, quotes[-1].received_at) if quotes else (self._services.clock.now(),) * 2
        flushed = Flushed(len(quotes), len(taking.heard), dropped, taking.folder.size, *ends)
        self._recordings.add(taking.row.id, flushed)

    def _list(self, taking: _Taking, new: set[Symbol]) -> None:
        """All that is listed of the families that are heard: a strike is chosen among what was listed that day."""
        with self._services.db.read() as session:
            mine = Instrument.venue_kind == KIND
            found = session.scalars(
                select(Instrument.name).where(mine, Instrument.symbol.in_({one.name for one in new})).distinct()
            )
            families = taking.families | set(found)
            if families == taking.families:
                return
            listed = select(Instrument).where(mine, Instrument.active, Instrument.name.in_(families))
            rows = session.scalars(listed).all()
        taking.families = families
        contracts_file.write(taking.folder.path, rows)
