"""What a strategy may trade today: the strikes around the money of each of its chains, and where they are priced."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.core.clock import day_in_india
from app.core.errors import NotFound
from app.engine.market import KIND
from app.feed.hub import Hub
from app.instruments.contracts import CannotResolve
from app.replays.around import around
from app.replays.models import Recording
from app.strategies.legs import Leg
from app.venues.types import Symbol
from app.wiring import Services

OLD = timedelta(minutes=5)  # of the price that says where the money is


class RecordedLegs:
    def __init__(self, services: Services, hub: Hub) -> None:
        self._services = services
        self._hub = hub

    def symbols(self, row: Recording, now: datetime) -> frozenset[Symbol]:
        """As the market stands now. Until the underlying has a price only that, and strikes that are named."""
        try:
            strategy = self._services.strategies.get(row.owner_id, row.strategy_id or "")
        except NotFound:
            return frozenset()
        legs = [Leg.model_validate(leg) for leg in strategy.legs]
        return frozenset(symbol for number, leg in enumerate(legs, 1) for symbol in self._of(number, leg, now))

    def _of(self, number: int, leg: Leg, now: datetime) -> Iterator[Symbol]:
        instruments = self._services.instruments
        if leg.kind == "SYMBOL":
            yield Symbol(leg.exchange, leg.symbol)
            return
        place = instruments.spot_symbol(leg.exchange, leg.underlying, day_in_india(now))
        quote = None
        if place is not None:
            yield Symbol(*place)
            quote = self._hub.fresh(Symbol(*place), now, OLD)
        try:
            listed = instruments.chain(KIND, leg.rule(number), now)
        except CannotResolve:  # nothing of that expiry is listed: there is nothing to record of it
            return
        for row in around(listed, quote.last if quote else None, leg.strike):
            yield Symbol(row.exchange, row.symbol)
