"""A day of minute candles as a recording: read of a venue, one contract at a time, and written as ticks in their order.

Each step is one call, or one small batch: nothing else of the engine waits for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal

from sqlalchemy import select

from app.core.clock import INDIA, day_in_india
from app.core.errors import DeskError
from app.core.money import ZERO
from app.engine.candle_reader import NOBODY, ranked
from app.engine.crew import Crew
from app.engine.main import Job, Loop
from app.engine.market import KIND
from app.feed.candles import SMALLEST
from app.instruments.contracts import CannotResolve
from app.instruments.models import Instrument
from app.replays import contracts_file
from app.replays.around import around
from app.replays.candle_ticks import is_high_first, ticks_of
from app.replays.models import Recording
from app.replays.recordings import Flushed
from app.replays.tick_files import TickFolder
from app.strategies.legs import Leg
from app.venues.types import Candle, Quote, Symbol
from app.wiring import Services

EVERY = 0.3  # seconds between two steps
NOON = time(12)
AT_ONCE = 3_000  # ticks written in one step


@dataclass(slots=True)
class _Day:
    """A day on its way: `left` is still to be read."""

    row: Recording
    legs: list[Leg]
    moment: datetime
    left: list[Symbol] = field(default_factory=list)
    spots: dict[int, Symbol] = field(default_factory=dict)  # by leg number
    read: dict[Symbol, list[Candle]] = field(default_factory=dict)
    is_near: bool = False  # the strikes around the money are known
    batches: Iterator[list[Quote]] | None = None


def read_candle_days(services: Services, crew: Crew) -> Loop:
    reader = CandleTapes(services, crew)
    return Loop([Job("candle days", reader.step, EVERY, can_wait=2.0)], services.clock)


class CandleTapes:
    def __init__(self, services: Services, crew: Crew) -> None:
        self._services = services
        self._recordings = services.recordings
        self._crew = crew
        self._day: _Day | None = None

    def step(self) -> bool:
        rows = self._recordings.candle_days()
        if self._day is None or self._day.row.id not in {row.id for row in rows}:  # one that was ended is let go of
            self._day = self._begun(rows[0]) if rows else None
        day = self._day
        if day is None:
            return False
        try:
            self._go_on(day)
        except (DeskError, CannotResolve, OSError) as error:
            self._over(day, getattr(error, "message", "") or str(error))
        return True

    def _begun(self, row: Recording) -> _Day | None:
        moment = datetime.combine(row.day, NOON, INDIA)
        try:
            strategy = self._services.strategies.get(row.owner_id, row.strategy_id or "")
        except DeskError as error:
            self._recordings.over(row.id, error.message)
            return None
        legs = [Leg.model_validate(leg) for leg in strategy.legs]
        day = _Day(row, legs, moment)
        for number, leg in enumerate(legs, 1):
            place = self._services.instruments.spot_symbol(leg.exchange, leg.underlying, row.day)
            if leg.kind == "SYMBOL":
                day.left.append(Symbol(leg.exchange, leg.symbol))
            elif place is not None:
                day.spots[number] = Symbol(*place)
        day.left = list(dict.fromkeys([*day.spots.values(), *day.left]))
        return day

    def _go_on(self, day: _Day) -> None:
        if day.left:
            self._read(day, day.left.pop(0))
        elif not day.is_near:
            day.is_near = True
            day.left = [symbol for symbol in self._near(day) if symbol not in day.read]
        else:
            self._write(day)

    def _read(self, day: _Day, symbol: Symbol) -> None:
        members = ranked(self._crew)
        if not members:
            raise CannotResolve(NOBODY)
        on = day.row.day
        found = members[0].venue.history(symbol, SMALLEST, on, on)
        day.read[symbol] = [one for one in found if day_in_india(one.start) == on]
        if symbol in day.spots.values() and not day.read[symbol]:
            raise CannotResolve(f"{members[0].account.name} has no minute candles of {symbol.name} on that day.")

    def _near(self, day: _Day) -> list[Symbol]:
        """The strikes around where each underlying began the day."""
        found: list[Symbol] = []
        for number, leg in enumerate(day.legs, 1):
            if leg.kind == "SYMBOL":
                continue
            spot = day.spots.get(number)
            money = day.read[spot][0].open if spot is not None else None
            listed = self._services.instruments.chain(KIND, leg.rule(number), day.moment)
            found += [Symbol(row.exchange, row.symbol) for row in around(listed, money, leg.strike)]
        return list(dict.fromkeys(found))

    def _write(self, day: _Day) -> None:
        folder = TickFolder(self._recordings.folder(day.row))
        if day.batches is None:
            day.batches = self._batches(day, self._list(day))
        batch = next(day.batches, None)
        if batch is None:
            self._over(day, "" if any(day.read.values()) else "The venue has no minute candles of that day.")
            return
        folder.write(batch)
        heard = sum(1 for candles in day.read.values() if candles)
        flushed = Flushed(len(batch), heard, 0, folder.size, batch[0].received_at, batch[-1].received_at)
        self._recordings.add(day.row.id, flushed)

    def _list(self, day: _Day) -> dict[str, str]:
        """What is listed of these families is kept beside the ticks; the kind of each symbol."""
        with self._services.db.read() as session:
            mine = (Instrument.venue_kind == KIND, Instrument.active)
            names = select(Instrument.name).where(*mine, Instrument.symbol.in_({one.name for one in day.read}))
            rows = session.scalars(select(Instrument).where(*mine, Instrument.name.in_(names))).all()
        contracts_file.write(self._recordings.folder(day.row), rows)
        return {row.symbol: row.kind for row in rows}

    def _batches(self, day: _Day, kinds: dict[str, str]) -> Iterator[list[Quote]]:
        high_first = {symbol: is_high_first(day.legs, kinds.get(symbol.name, "INDEX")) for symbol in day.read}
        traded: dict[Symbol, Decimal] = dict.fromkeys(day.read, ZERO)
        whole = sorted((candle.start, symbol, candle) for symbol, found in day.read.items() for candle in found)
        batch: list[Quote] = []
        before = None
        for start, symbol, candle in whole:
            if start != before and len(batch) >= AT_ONCE:  # a minute is never cut in two
                yield sorted(batch, key=lambda quote: quote.received_at)
                batch = []
            before = start
            traded[symbol] += candle.volume
            batch += ticks_of(symbol, candle, high_first[symbol], traded[symbol])
        if batch:
            yield sorted(batch, key=lambda quote: quote.received_at)

    def _over(self, day: _Day, trouble: str) -> None:
        self._recordings.over(day.row.id, trouble)
        self._day = None
