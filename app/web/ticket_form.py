"""A ticket as it is typed: kept letter for letter when something is wrong, with a sentence at each wrong field.

An account's fields are `account-<id>` (the tick) and `multiplier-<id>`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.accounts.models import Account
from app.core.errors import Invalid
from app.core.validation import parse
from app.execution.terms import PRICED, TRIGGERED
from app.execution.ticket import Draft
from app.web.forms import clean_text
from app.web.strategy_form import LONGEST, ShareRow

FIELDS = {
    "exchange": "", "symbol": "", "side": "BUY", "product": "NRML", "quantity": "1", "unit": "lots",
    "price_type": "MARKET", "price": "", "trigger_price": "",
}  # fmt: skip
SENTENCES = {
    "exchange": "Choose an instrument from the search.",
    "symbol": "Choose an instrument from the search.",
    "side": "Choose buy or sell.",
    "product": "Choose NRML, MIS or CNC.",
    "quantity": "Type a number above zero.",
    "unit": "Choose lots or units.",
    "price_type": "Choose MARKET, LIMIT, SL or SL-M.",
    "price": "Type a price above zero.",
    "trigger_price": "Type a trigger price above zero.",
    "multiplier": "Type a number above 0, 1,000 at most, with up to 4 decimals.",
    "accounts": "Tick at least one account.",
}


@dataclass(slots=True)
class TicketForm:
    typed: dict[str, str]
    shares: list[ShareRow]
    strangers: list[str] = field(default_factory=list)  # ticked ids that are no account of this person
    errors: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # what was not even of the right kind gets a plainer sentence

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(share.error for share in self.shares)

    def draft(self) -> Draft:
        """Raises Invalid; `show` puts its sentences in place."""
        if self.strangers:
            raise Invalid.field("accounts", "One of these accounts does not exist.")
        chosen = [share for share in self.shares if share.takes_part]
        accounts = [{"account_id": share.account.id, "multiplier": share.multiplier} for share in chosen]
        try:
            return parse(Draft, _used(self.typed) | {"accounts": accounts})
        except Invalid as refused:
            self.unread = set(refused.fields)
            raise

    def show(self, refused: Invalid) -> None:
        chosen = [share for share in self.shares if share.takes_part]
        for name, sentences in refused.fields.items():
            match name.split("."):
                case ["accounts", number, *_rest] if number.isdecimal():
                    chosen[int(number)].error = SENTENCES["multiplier"]
                case ["accounts"] if not chosen and not self.strangers:
                    self.errors["accounts"] = SENTENCES["accounts"]
                case _:
                    self.errors[name] = sentences[0] if name not in self.unread else SENTENCES.get(name, sentences[0])


def _used(typed: Mapping[str, str]) -> dict[str, object]:
    """Without the prices that the price type does not use: a leftover in a hidden field refuses nothing."""
    data: dict[str, object] = dict(typed)
    for name, types in (("price", PRICED), ("trigger_price", TRIGGERED)):
        if typed["price_type"] not in types or not typed[name]:
            data[name] = None
    return data


def blank_ticket(asked: Mapping[str, str], accounts: Sequence[Account]) -> TicketForm:
    """As a link asks for it: `account` ticks one, else the only one there is."""
    typed = {name: _text(asked, name, default) for name, default in FIELDS.items()}
    wanted = asked.get("account", "")
    shares = [ShareRow(a, a.id == wanted or len(accounts) == 1, "1") for a in accounts]
    return TicketForm(typed, shares)


def typed_ticket(typed: Mapping[str, str], accounts: Sequence[Account]) -> TicketForm:
    """What came in."""
    shares = [ShareRow(a, f"account-{a.id}" in typed, _text(typed, f"multiplier-{a.id}", "1")) for a in accounts]
    known = {account.id for account in accounts}
    ticked = {name.removeprefix("account-") for name in typed if name.startswith("account-")}
    return TicketForm({name: _text(typed, name) for name in FIELDS}, shares, sorted(ticked - known))


def _text(typed: Mapping[str, str], name: str, default: str = "") -> str:
    return str(clean_text(typed.get(name, default)))[:LONGEST]
