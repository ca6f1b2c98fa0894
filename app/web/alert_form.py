"""An alert as it is typed: kept letter for letter when something is wrong, with a sentence at each wrong field.

Symbols are typed with their exchange, as NFO:NIFTY24NOV2626050CE; times are India's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.alerts.draft import Draft
from app.alerts.models import PriceAlert
from app.core.clock import INDIA
from app.core.errors import Invalid
from app.core.money import plain
from app.core.validation import parse
from app.web.forms import clean_text

LONGEST = 200
FIELDS = {
    "subject": "price", "symbol": "", "other_symbol": "", "ratio": "1", "account_id": "", "condition": "above",
    "level": "", "reference": "", "repeat": "once", "pause_minutes": "5", "expires_at": "", "note": "",
}  # fmt: skip
SENTENCES = {
    "subject": "Choose what to watch.",
    "symbol": "Type a symbol with its exchange, as NFO:NIFTY24NOV2626050CE.",
    "exchange": "Type a symbol with its exchange, as NFO:NIFTY24NOV2626050CE.",
    "other_symbol": "Type a symbol with its exchange, as NFO:NIFTY24NOV2626050CE.",
    "other_exchange": "Type a symbol with its exchange, as NFO:NIFTY24NOV2626050CE.",
    "ratio": "Type a number above zero.",
    "account_id": "Choose an account.",
    "condition": "Choose a condition.",
    "level": "Type a number.",
    "reference": "Type a number, or nothing for the first price.",
    "repeat": "Choose how often.",
    "pause_minutes": "Type whole minutes, 10,080 at most.",
    "expires_at": "Choose a day and a time, or nothing.",
    "note": "200 characters at most.",
}
OF_FIELD = {"exchange": "symbol", "other_exchange": "other_symbol"}


@dataclass(slots=True)
class AlertForm:
    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def draft(self) -> Draft:
        """Raises Invalid; `show` puts its sentences in place."""
        try:
            return parse(Draft, self._values())
        except Invalid as refused:
            plainer = {name: [SENTENCES.get(name, texts[0])] for name, texts in refused.fields.items()}
            raise Invalid(refused.fields if _spoken(refused) else plainer) from None

    def show(self, refused: Invalid) -> None:
        for name, sentences in refused.fields.items():
            self.errors.setdefault(OF_FIELD.get(name, name), sentences[0])

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = dict(self.typed)
        for name in ("symbol", "other_symbol"):
            exchange, _, symbol = self.typed[name].partition(":")
            values[name.replace("symbol", "exchange")], values[name] = exchange.strip(), symbol.strip()
        values["expires_at"] = _moment(self.typed["expires_at"])
        if self.typed["repeat"] != "every":
            del values["pause_minutes"]
        return values


def _spoken(refused: Invalid) -> bool:
    """Whether the draft itself complained, in sentences of its own; else it was not even of the right kind."""
    return refused.__cause__ is None and refused.__context__ is None


def _moment(text: str) -> object:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=INDIA) if text else None
    except ValueError:
        return text


def blank_alert(asked: Mapping[str, str]) -> AlertForm:
    """As a link asks for it: `exchange` and `symbol`, or `account`."""
    typed = {name: _text(asked, name, default) for name, default in FIELDS.items()}
    exchange = _text(asked, "exchange", "")
    if exchange:
        typed["symbol"] = f"{exchange}:{typed['symbol']}"
    if typed["account_id"]:
        typed["subject"] = "pnl"
    return AlertForm(typed)


def typed_alert(typed: Mapping[str, str]) -> AlertForm:
    """What came in."""
    return AlertForm({name: _text(typed, name, "") for name in FIELDS})


def alert_form(alert: PriceAlert) -> AlertForm:
    """As it is kept, to be edited."""
    typed = {name: "" if (value := getattr(alert, name)) is None else str(value) for name in FIELDS}
    for name in ("level", "reference", "ratio"):
        value = getattr(alert, name)
        typed[name] = "" if value is None else plain(value)
    typed["symbol"] = f"{alert.exchange}:{alert.symbol}" if alert.symbol else ""
    typed["other_symbol"] = f"{alert.other_exchange}:{alert.other_symbol}" if alert.other_symbol else ""
    expires = alert.expires_at
    typed["expires_at"] = f"{expires.astimezone(INDIA):%Y-%m-%dT%H:%M}" if expires else ""
    typed["pause_minutes"] = str(alert.pause_minutes or FIELDS["pause_minutes"])
    return AlertForm(typed)


def _text(typed: Mapping[str, str], name: str, default: str) -> str:
    return str(clean_text(typed.get(name, default)))[:LONGEST]
