"""What is listed of an option chain, and when it ends: read from the instrument masters and the calendar."""

from datetime import UTC, datetime, time, timedelta

from app.broadcast.chain_figures import Listing
from app.broadcast.chain_keys import ChainKey
from app.core.clock import INDIA
from app.core.recent import Recent
from app.instruments.service import InstrumentService
from app.instruments.symbols import FUTURE, OPTIONS
from app.venues.types import Symbol

KIND = "openalgo"
REREAD = timedelta(minutes=1)
LAST_MINUTE = time(23, 59)  # of a day whose hours nobody knows


class ChainBook:
    def __init__(self, instruments: InstrumentService) -> None:
        self._instruments = instruments
        self._recent: Recent[Listing | None] = Recent(REREAD)

    def listing(self, key: ChainKey, now: datetime) -> Listing | None:
        """None where no option of that day is listed."""
        return self._recent.get(key, now, lambda: self._read(key, now))

    def _read(self, key: ChainKey, now: datetime) -> Listing | None:
        listed = self._instruments.listed(KIND, key.exchange, key.name, key.expiry)
        options = sorted(
            (row for row in listed if row.kind in OPTIONS and row.strike is not None),
            key=lambda row: (row.strike or 0, row.kind),
        )
        if not options:
            return None
        spot = self._instruments.spot_symbol(key.exchange, key.name, key.expiry)
        future = next((Symbol(row.exchange, row.symbol) for row in listed if row.kind == FUTURE), None)
        place = Symbol(*spot) if spot else None
        return Listing(key.exchange, key.name, key.expiry, self._expires(key, now), options, place, future)

    def _expires(self, key: ChainKey, now: datetime) -> datetime:
        """When that day's session closes; of a day without one, when it usually would."""
        calendar = self._instruments.calendar(now)
        session = calendar.session(key.exchange, key.expiry)
        if session is not None:
            return session.closes
        closes = calendar.hours(key.exchange, key.expiry).closes or LAST_MINUTE
        return datetime.combine(key.expiry, closes, INDIA).astimezone(UTC)
