"""Which accounts are ready for what is armed, told from facts that others have gathered: values in, findings out.

What is not known is said to be so and counts as not ready: an account is ready only when all was seen to be well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.core.money import plain
from app.strategies.schedule import spell_span

FUNDS_FRESH = timedelta(minutes=15)
SEEN_FRESH = timedelta(minutes=5)
LISTS_FRESH = timedelta(days=1)
OK, BAD = "ok", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `text` is a sentence."""

    name: str
    is_well: bool
    text: str

    @property
    def told(self) -> dict[str, Any]:
        return {"name": self.name, "state": OK if self.is_well else BAD, "text": self.text}


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Ages are None for what was never read; `obstacle`: why it may not enter; `trouble`: why its lots do not fit."""

    id: str
    name: str
    obstacle: str
    health: str
    is_usable: bool
    seen_age: timedelta | None
    funds: Decimal | None
    funds_age: timedelta | None
    trouble: str
    orders: int
    margin: Decimal | None
    margin_trouble: str


@dataclass(frozen=True, slots=True)
class StrategyFacts:
    """`lists` are the exchanges whose contracts it trades, each with the age of the list (lots and freezes with it)."""

    id: str
    name: str
    next_entry: str
    contracts: Sequence[str]
    trouble: str
    lists: Sequence[tuple[str, timedelta | None]]
    accounts: Sequence[AccountFacts]


def findings(feed: Finding, strategies: Sequence[StrategyFacts]) -> dict[str, Any]:
    """As it is kept and shown: what holds for all, each strategy, and in it each account."""
    return {"feed": feed.told, "strategies": [_strategy(one, feed.is_well) for one in strategies]}


def counts(found: dict[str, Any]) -> tuple[int, int]:
    """Accounts that are ready, and those that are not, each once per strategy."""
    accounts = [account for one in found["strategies"] for account in one["accounts"]]
    ready = sum(1 for account in accounts if account["is_ready"])
    return ready, len(accounts) - ready


def wanting(found: dict[str, Any]) -> list[str]:
    """A sentence for each thing that is not well, each once."""
    said = [] if found["feed"]["state"] == OK else [found["feed"]["text"]]
    for one in found["strategies"]:
        said += [f"{one['name']}: {each['text']}" for each in one["findings"] if each["state"] != OK]
        for account in one["accounts"]:
            said += [f"{account['name']}: {each['text']}" for each in account["findings"] if each["state"] != OK]
    return list(dict.fromkeys(said))


def feed_finding(state: str, age: timedelta | None, is_market_open: bool) -> Finding:
    """Before the opening a feed that is connected and silent is as it should be."""
    since = f", the newest price {spell_span(age)} old" if age is not None else ""
    is_well = state == "live" or (state in ("slow", "stale", "closed") and not is_market_open)
    return Finding("Prices", is_well, f"Prices are {state or 'not known'}{since}.")


def _strategy(facts: StrategyFacts, has_prices: bool) -> dict[str, Any]:
    found = [_contracts(facts), *(_list(exchange, age) for exchange, age in facts.lists)]
    is_well = has_prices and all(one.is_well for one in found)
    accounts = [_account(one, is_well) for one in facts.accounts]
    told = [one.told for one in found]
    return {"id": facts.id, "name": facts.name, "next_entry": facts.next_entry, "findings": told, "accounts": accounts}


def _contracts(facts: StrategyFacts) -> Finding:
    if facts.trouble:
        return Finding("Contracts", False, facts.trouble)
    return Finding("Contracts", bool(facts.contracts), f"Found: {', '.join(facts.contracts) or 'none'}.")


def _list(exchange: str, age: timedelta | None) -> Finding:
    if age is None:
        return Finding("Lots and freezes", False, f"The list of {exchange} was never read.")
    said = f"The list of {exchange}, with lots and freeze quantities, is {spell_span(age)} old."
    return Finding("Lots and freezes", age <= LISTS_FRESH, said)


def _account(facts: AccountFacts, is_strategy_well: bool) -> dict[str, Any]:
    found = [_login(facts), _funds(facts), _size(facts)]
    is_ready = is_strategy_well and all(one.is_well for one in found)
    return {"id": facts.id, "name": facts.name, "is_ready": is_ready, "findings": [one.told for one in found]}


def _login(facts: AccountFacts) -> Finding:
    if facts.obstacle:
        return Finding("Login", False, facts.obstacle)
    if not facts.is_usable:
        return Finding("Login", False, f"Its state is {facts.health}.")
    if facts.seen_age is None or facts.seen_age > SEEN_FRESH:
        return Finding("Login", False, f"Nothing was heard of it {_since(facts.seen_age)}.")
    return Finding("Login", True, f"Logged in, seen {spell_span(facts.seen_age)} ago.")


def _funds(facts: AccountFacts) -> Finding:
    if facts.funds is None or facts.funds_age is None:
        return Finding("Funds", False, "Its funds are not known.")
    said = f"{plain(facts.funds)} available, read {spell_span(facts.funds_age)} ago."
    return Finding("Funds", facts.funds_age <= FUNDS_FRESH, said)


def _size(facts: AccountFacts) -> Finding:
    if facts.trouble:
        return Finding("Size", False, facts.trouble)
    if facts.margin is None:
        return Finding("Size", False, f"What margin it needs is not known. {facts.margin_trouble}".strip())
    if facts.funds is None:
        return Finding("Size", False, f"It needs {plain(facts.margin)}; its funds are not known.")
    said = f"{facts.orders} {'order' if facts.orders == 1 else 'orders'}, {plain(facts.margin)} of margin needed"
    if facts.margin > facts.funds:
        return Finding("Size", False, f"{said}, {plain(facts.margin - facts.funds)} more than is available.")
    return Finding("Size", True, f"{said}.")


def _since(age: timedelta | None) -> str:
    return "yet" if age is None else f"for {spell_span(age)}"
