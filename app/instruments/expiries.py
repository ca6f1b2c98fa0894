"""Which expiry a rule means, read from the expiries that are listed and from nothing else.

Exchanges move expiries for holidays and change the weekday by circular, so no weekday is known here.
`today` is the day whose session has not ended yet (`TradingDays.trading_date`): on its last day a contract
is still the current one. A week is the next listed expiry; a month is the last listed expiry of a calendar
month. `expiry_3` is the third listed one, `month_3` the third monthly one, `days_7` the first that is at least seven
days away.
"""

import re
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
_COUNTED = re.compile(r"(?P<what>expiry|month|days)_(?P<number>[0-9]{1,3})")
MOST = {"expiry": 60, "month": 60, "days": 730}


class NoExpiry(ValueError):
    """The rule names no listed expiry; the text is a sentence for a person."""


def counted(text: str) -> tuple[str, int] | None:
    """`month_3` as ("month", 3); None for what is no such rule."""
    found = _COUNTED.fullmatch(text)
    if found is None:
        return None
    what, number = found["what"], int(found["number"])
    return (what, number) if number <= MOST[what] and (number or what == "days") else None


def is_expiry(text: str) -> bool:
    """Whether text is a rule or a date in any spelling."""
    return text in tuple(ExpiryRule) or counted(text) is not None or parse_date(text) is not None


def expiry_words(text: str) -> str:
    """As a person would say it: "3rd monthly expiry"; a date stays as it is."""
    rule = counted(text)
    if rule is None:
        return text.replace("_", " ")
    what, number = rule
    if what == "days":
        return f"expiry {number} or more days away"
    return f"{_ordinal(number)} {'monthly ' if what == 'month' else ''}expiry"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def expiry_for(rule: str, listed: Iterable[date], today: date) -> date:
    """The listed expiry that `rule` (a rule's name, a counted rule, or a date in any spelling) means on `today`."""
    coming = sorted({day for day in listed if day >= today})
    if not coming:
        raise NoExpiry("no expiry is listed any more")
    numbered = counted(rule)
    if numbered is not None:
        return _numbered(rule, *numbered, coming, today)
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


def _numbered(rule: str, what: str, number: int, coming: list[date], today: date) -> date:
    if what == "days":
        choices, place = [day for day in coming if (day - today).days >= number], 0
    else:
        choices, place = months(coming) if what == "month" else coming, number - 1
    if place >= len(choices):
        raise NoExpiry(f"no {expiry_words(rule)} is listed; the last one listed is {coming[-1]:%d %b %Y}")
    return choices[place]


def _fixed(text: str, coming: list[date], today: date) -> date:
    wanted = parse_date(text)
    if wanted is None:
        raise NoExpiry(f"{text!r} is neither an expiry rule nor a date")
    if wanted < today:
        raise NoExpiry(f"the expiry {wanted:%d %b %Y} is past")
    if wanted not in coming:
        raise NoExpiry(f"the expiry {wanted:%d %b %Y} is not listed")
    return wanted
