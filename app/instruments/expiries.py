"""Which expiry a rule means, read from the expiries that are listed and from nothing else.

Exchanges move expiries for holidays and change the weekday by circular, so no weekday is known here.
`today` is the day whose session has not ended yet (`TradingDays.trading_date`): on its last day a contract
is still the current one. A week is the next listed expiry; a month is the last listed expiry of a calendar
month.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from app.instruments.symbols import parse_date


class ExpiryRule(StrEnum):
    CURRENT_WEEK = "current_week"
    NEXT_WEEK = "next_week"
    CURRENT_MONTH = "current_month"
    NEXT_MONTH = "next_month"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


_PLACE = {
    ExpiryRule.CURRENT_WEEK: 0,
    ExpiryRule.NEXT_WEEK: 1,
    ExpiryRule.CURRENT_MONTH: 0,
    ExpiryRule.NEXT_MONTH: 1,
}
_MONTHLY = (ExpiryRule.CURRENT_MONTH, ExpiryRule.NEXT_MONTH)


class NoExpiry(ValueError):
    """The rule names no listed expiry; the text is a sentence for a person."""


def expiry_for(rule: str, listed: Iterable[date], today: date) -> date:
    """The listed expiry that `rule` (a rule's name, or a date in any spelling) means on `today`."""
    coming = sorted({day for day in listed if day >= today})
    if not coming:
        raise NoExpiry("no expiry is listed any more")
    if rule not in tuple(ExpiryRule):
        return _fixed(rule, coming, today)
    known = ExpiryRule(rule)
    choices = months(coming) if known in _MONTHLY else coming
    place = _PLACE[known]
    if place >= len(choices):
        raise NoExpiry(f"no {known.words} expiry is listed; the last one listed is {coming[-1]:%d %b %Y}")
    return choices[place]


def months(coming: Iterable[date]) -> list[date]:
    """The last listed expiry of each calendar month, ascending."""
    last: dict[tuple[int, int], date] = {}
    for day in sorted(coming):
        last[day.year, day.month] = day
    return list(last.values())


def _fixed(text: str, coming: list[date], today: date) -> date:
    wanted = parse_date(text)
    if wanted is None:
        raise NoExpiry(f"{text!r} is neither an expiry rule nor a date")
    if wanted < today:
        raise NoExpiry(f"the expiry {wanted:%d %b %Y} is past")
    if wanted not in coming:
        raise NoExpiry(f"the expiry {wanted:%d %b %Y} is not listed")
    return wanted
