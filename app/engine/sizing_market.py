"""What sizing asks of the market: prices of a set's legs, and how much their underlyings move in a day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from app.core.clock import INDIA, day_in_india
from app.core.errors import DeskError
from app.engine.candle_reader import ranked
from app.engine.crew import Crew
from app.engine.venue_errands import SpotPrices
from app.feed.baskets import SeriesKey
from app.feed.candles import DAILY
from app.portfolio.black76 import Setting, solve, years_until
from app.strategies import set_costs
from app.strategies.resolving import Resolved
from app.strategies.set_costs import FUTURE, OPTIONS, Line, Move
from app.strategies.sizing import Figure, Sizing
from app.venues.types import Candle, Symbol
from app.wiring import Services

ASKED = 3  # accounts, before daily closes count as not known
WEEKENDS = 2  # calendar days for a trading day, holidays included


class SetMarket:
    def __init__(self, services: Services, crew: Crew, prices: SpotPrices) -> None:
        self._services = services
        self._crew = crew
        self._prices = prices

    def lines(self, resolved: Sequence[Resolved], lots: Sequence[int], with_prices: bool, now: datetime) -> list[Line]:
        """The legs of one set."""
        calendar = self._services.instruments.calendar(now)
        prices = self._prices.many([item.symbol for item in resolved]) if with_prices else {}
        return [
            Line(
                number=item.number,
                leg=item.leg,
                exchange=item.contract.exchange,
                symbol=item.contract.symbol,
                underlying=item.contract.name or item.contract.symbol,
                kind=item.contract.kind,
                lots=each,
                units=each * item.contract.lot_size,
                price=prices.get(item.symbol),
                expires_today=item.contract.expiry == calendar.trading_date(item.contract.exchange, now),
                expiry=item.contract.expiry,
                strike=item.contract.strike,
            )
            for item, each in zip(resolved, lots, strict=True)
        ]

    def volatility(self, lines: Sequence[Line], rule: Sizing, now: datetime) -> Figure:
        """The usual movement of one set in a day, in currency."""
        places = {line.underlying: self._place(line, now) for line in lines}
        spots = self._prices.many([place for place in places.values() if place is not None])
        moves = {name: self._move(name, place, spots.get(place), rule, now) for name, place in places.items() if place}
        by_name = {name: spots[place] for name, place in places.items() if place is not None and place in spots}
        return set_costs.volatility(lines, moves, lambda line: self._delta(line, by_name.get(line.underlying), now))

    def _place(self, line: Line, now: datetime) -> Symbol | None:
        """Where the price of what moves a leg is."""
        if line.kind != FUTURE and line.kind not in OPTIONS:
            return Symbol(line.exchange, line.symbol)
        place = self._services.instruments.spot_symbol(line.exchange, line.underlying, day_in_india(now))
        return Symbol(*place) if place else None

    def _move(self, name: str, place: Symbol, spot: Decimal | None, rule: Sizing, now: datetime) -> Move:
        if spot is None:
            return Move(None, None, trouble=f"There is no price of {name} that can be trusted now.")
        if rule.daily is not None:
            return Move(spot, rule.daily, f"{rule.daily.normalize():f} % a day, as you set")
        percent, count = self._measured(place, rule.days, now)
        if percent is None:
            return Move(spot, None, trouble=f"No account gave daily closes of {name}, so its movement is not known.")
        return Move(spot, percent, f"{percent:.2f} % a day over {count} days")

    def _measured(self, place: Symbol, days: int, now: datetime) -> tuple[Decimal | None, int]:
        """Percent a day over so many days that have ended, from candles on record or asked for."""
        today = day_in_india(now)
        series = self._services.candles.read([SeriesKey(place, DAILY)])[0]
        is_new = series.reading is not None and day_in_india(series.reading.at) == today
        candles = series.candles if is_new else self._asked(place, days, today)
        closes = [one.close for one in candles if day_in_india(one.start) < today][-days - 1 :]
        return set_costs.daily_percent(closes), len(closes) - 1

    def _asked(self, place: Symbol, days: int, today: date) -> Sequence[Candle]:
        since = today - timedelta(days=WEEKENDS * days + 10)
        for member in ranked(self._crew)[:ASKED]:
            try:
                found = member.venue.history(place, DAILY, since, today)
            except DeskError:  # the next account may give them
                continue
            if found:
                return found
        return ()

    def _delta(self, line: Line, spot: Decimal | None, now: datetime) -> Decimal | None:
        """How far an option follows its underlying, without a sign of ours: from its own price."""
        if line.price is None or line.strike is None or line.expiry is None or spot is None:
            return None
        setting = Setting(float(spot), years_until(self._expires(line.exchange, line.expiry, now), now))
        one = (np.array([float(line.strike)]), np.array([line.kind == "CE"]), np.array([float(line.price)]))
        delta = float(solve(setting, *one).delta[0])
        return None if np.isnan(delta) else Decimal(str(round(delta, 6)))

    def _expires(self, exchange: str, expiry: date, now: datetime) -> datetime:
        session = self._services.instruments.calendar(now).session(exchange, expiry)
        return session.closes if session else datetime.combine(expiry, time(23, 59), INDIA).astimezone(UTC)
