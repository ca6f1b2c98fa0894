"""What a person supposes of the payoff's world: a day, a move of the underlying, a move of volatility."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.core.clock import day_in_india
from app.core.money import ZERO, number
from app.instruments.symbols import parse_date
from app.strategies.payoff_world import Supposed
from app.web.current import services
from app.web.forms import clean_text

NAMES = ("day", "spot", "volatility")  # of the fields, behind the prefix
PREFIX = "payoff-"
MOST_SPOT, MOST_VOLATILITY = Decimal(50), Decimal(100)
LONGEST = 20
LATEST = timedelta(days=1900)
SENTENCES = {
    "day": "Choose a day from today on.",
    "spot": "Type per cent from -50 to 50.",
    "volatility": "Type points from -100 to 100.",
}


@dataclass(frozen=True, slots=True)
class Supposition:
    """As typed, letter for letter; what is wrong counts as nothing supposed, with a sentence at its field."""

    typed: Mapping[str, str]
    spot: Decimal = ZERO
    volatility: Decimal = ZERO
    day: date | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    def at(self, exchange: str, now: datetime) -> Supposed:
        """The end of the supposed day's session; a day without one ends the evening before it would."""
        moment = None
        if self.day is not None and self.day != day_in_india(now):
            session = services().instruments.calendar(now).session(exchange, self.day)
            moment = session.closes if session else now + (self.day - day_in_india(now))
        return Supposed(moment, self.spot, self.volatility)

    @property
    def args(self) -> dict[str, str]:
        return {PREFIX + name: value for name, value in self.typed.items() if value}


def supposition(asked: Mapping[str, str]) -> Supposition:
    typed = {name: str(clean_text(asked.get(PREFIX + name, "")))[:LONGEST] for name in NAMES}
    errors: dict[str, str] = {}
    spot = _number(typed, "spot", MOST_SPOT, errors)
    volatility = _number(typed, "volatility", MOST_VOLATILITY, errors)
    return Supposition(typed, spot, volatility, _day(typed["day"], errors), errors)


def _number(typed: Mapping[str, str], name: str, most: Decimal, errors: dict[str, str]) -> Decimal:
    if not typed[name]:
        return ZERO
    value = number(typed[name])
    if value is None or abs(value) > most:
        errors[name] = SENTENCES[name]
        return ZERO
    return value


def _day(text: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    day, today = parse_date(text), day_in_india(services().clock.now())
    if day is None or not today <= day <= today + LATEST:
        errors["day"] = SENTENCES["day"]
        return None
    return day
