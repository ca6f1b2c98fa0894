"""Alerts and their firings as pages say them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.alerts.models import AlertFiring, PriceAlert
from app.alerts.rules import AlertState, Repeat, Subject
from app.alerts.words import condition_of, subject_of
from app.core.money import number
from app.web.contracts import contract_name
from app.web.current import services
from app.web.figures import Figure
from app.web.format import age, price
from app.web.order_lines import owned_accounts
from app.web.stream import live
from app.web.words import Mark

STATES = {
    AlertState.ACTIVE: Mark("On", "ok", "zap"),
    AlertState.PAUSED: Mark("Paused", "warn", "circle-pause"),
    AlertState.FIRED: Mark("Fired", "", "check"),
    AlertState.EXPIRED: Mark("Over", "", "clock"),
}
SOURCES = {"stream": "streamed", "request": "asked for", "desk": "reckoned"}
MOST_FIRINGS = 50


@dataclass(frozen=True, slots=True)
class AlertLine:
    alert: PriceAlert
    account: str
    figure: Figure | None  # the last price of the symbol, where it is one symbol's

    @property
    def subject(self) -> str:
        alert = self.alert
        text = subject_of(alert, self.account)
        for symbol in filter(None, (alert.symbol, alert.other_symbol)):
            text = text.replace(symbol, contract_name(symbol))
        return text

    @property
    def condition(self) -> str:
        return condition_of(self.alert)

    @property
    def mark(self) -> Mark:
        return STATES[AlertState(self.alert.state)]

    @property
    def is_on(self) -> bool:
        return self.alert.state == AlertState.ACTIVE

    @property
    def is_kept(self) -> bool:
        return self.alert.state in (AlertState.ACTIVE, AlertState.PAUSED)

    @property
    def often(self) -> str:
        if self.alert.repeat == Repeat.EVERY:
            pause = self.alert.pause_minutes
            return f"every time, {pause} min apart at least" if pause else "every time"
        return "once" if self.alert.repeat == Repeat.ONCE else "once a day"

    @property
    def cell(self) -> str:
        alert = self.alert
        if alert.subject == Subject.PNL:
            return f"pnl:account:{alert.account_id}"
        return f"ltp:{alert.exchange}:{alert.symbol}" if alert.subject == Subject.PRICE else ""


@dataclass(frozen=True, slots=True)
class FiringLine:
    firing: AlertFiring

    @property
    def prices(self) -> str:
        """What was seen: each price with its age and where it came from."""
        return " · ".join(_price(one) for one in self.firing.seen)


def alert_lines(owner_id: str, alerts: Sequence[PriceAlert]) -> list[AlertLine]:
    accounts = owned_accounts(owner_id)
    names = {alert.id: accounts[alert.account_id].name for alert in alerts if alert.account_id in accounts}
    lines = [AlertLine(alert, names.get(alert.id, ""), None) for alert in alerts]
    known = live().hub.figures(owner_id) | live().hub.prices(("ltp",), [line.cell[4:] for line in lines if line.cell])
    return [AlertLine(line.alert, line.account, known.get(line.cell)) for line in lines]


def firing_lines(owner_id: str, alert_id: str = "", before: str = "") -> list[FiringLine]:
    found = services().alerts.firings(owner_id, alert_id, before, MOST_FIRINGS)
    return [FiringLine(firing) for firing in found]


def watched(lines: Sequence[AlertLine]) -> list[str]:
    """The symbols a page of these alerts looks at."""
    return sorted({line.cell[4:] for line in lines if line.cell.startswith("ltp:") and line.is_kept})


def _price(seen: dict[str, Any]) -> str:
    old = seen.get("age_ms")
    when = f", {age(old / 1000)} old" if old is not None else ""
    source = SOURCES.get(seen["source"], seen["source"])
    return f"{contract_name(seen['name'])} {price(number(seen['price']))}{when}, {source}"
