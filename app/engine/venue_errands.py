"""The errands that ask a venue something: testing a connection, previewing a run, reading an account anew."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import select

from app.accounts.connection_test import run_connection_test, sighting
from app.accounts.models import Account, AccountHealth, HealthState
from app.core import errands
from app.core.errands import Errand
from app.core.errors import DeskError, NotFound, Retry
from app.engine.crew import Crew, Member
from app.feed.hub import Hub
from app.risk.limits import limits
from app.strategies.legs import AccountShare, Draft
from app.strategies.preview import Previewer
from app.strategies.sizing import sizing
from app.strategies.starting import Standing
from app.venues.registry import Registry
from app.venues.types import MarginReport, PlaceOrder, Quote, Symbol
from app.wiring import Services

log = structlog.get_logger()
FRESH = timedelta(seconds=5)
ASKED = 3  # accounts, before a price counts as not known


class SpotPrices:
    """The price of an underlying: the feed's when it is fresh, else asked of the first account whose answer is
    believed. Each answer is judged as every price is.
    """

    def __init__(self, services: Services, hub: Hub, crew: Crew) -> None:
        self._services = services
        self._hub = hub
        self._crew = crew

    def __call__(self, symbol: Symbol) -> Decimal:
        quote = self._hub.fresh(symbol, self._services.clock.now(), FRESH)
        if quote is not None:
            return quote.last
        for member in self._crew:
            found = _quote(member, symbol)
            if found is not None and self._hub.take(found):
                quote = self._hub.fresh(symbol, self._services.clock.now(), FRESH)
                if quote is not None:
                    return quote.last
        raise Retry(f"no account gives a price of {symbol.name} that can be trusted now")

    def many(self, symbols: Sequence[Symbol]) -> dict[Symbol, Decimal]:
        """The prices that can be trusted now: one call of an account for all that are missing."""
        found = self._fresh(symbols)
        for member in list(self._crew)[:ASKED]:
            missing = [symbol for symbol in dict.fromkeys(symbols) if symbol not in found]
            if not missing:
                break
            for quote in _quotes(member, missing).values():
                self._hub.take(quote)
            found |= self._fresh(missing)
        return found

    def _fresh(self, symbols: Sequence[Symbol]) -> dict[Symbol, Decimal]:
        now = self._services.clock.now()
        quotes = {symbol: self._hub.fresh(symbol, now, FRESH) for symbol in symbols}
        return {symbol: quote.last for symbol, quote in quotes.items() if quote is not None}


def _quotes(member: Member, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
    try:
        return member.venue.quotes(symbols)
    except DeskError as error:  # the next account may know them
        log.info("quotes_not_read", account_id=member.account.id, reason=error.message)
        return {}


def _quote(member: Member, symbol: Symbol) -> Quote | None:
    try:
        return member.venue.quotes([symbol]).get(symbol)
    except DeskError as error:  # the next account may know it
        log.info("quote_not_read", account_id=member.account.id, symbol=str(symbol), reason=error.message)
        return None


class VenueErrands:
    def __init__(self, services: Services, registry: Registry, crew: Crew, previewer: Previewer) -> None:
        self._services = services
        self._registry = registry
        self._crew = crew
        self._previewer = previewer

    def test_connection(self, errand: Errand) -> dict[str, Any]:
        services = self._services
        account = services.accounts.get(errand.owner_id, errand.question["account_id"])
        venue = self._registry.open(services.accounts.connection(account))
        try:
            answer = run_connection_test(venue, lambda lines: errands.report_progress(services.db, errand.id, lines))
        finally:
            venue.close()
        services.health.record(account.id, sighting(answer))
        return answer

    def preview_run(self, errand: Errand) -> dict[str, Any]:
        services = self._services
        strategy_id = errand.question["strategy_id"]
        strategy = services.strategies.get(errand.owner_id, strategy_id)
        shares = services.strategies.shares(errand.owner_id, strategy_id)
        draft = Draft(
            name=strategy.name,
            legs=strategy.legs,
            accounts=[AccountShare.model_validate(share, from_attributes=True) for share in shares],
            on_failure=strategy.on_failure,
            limits=limits(strategy.limits),
            sizing=sizing(strategy.sizing),
        )
        accounts = self._accounts([share.account_id for share in shares])
        standing, obstacle = self._previewer.standing, services.risk.obstacle

        def stopped(ones: Sequence[Account]) -> dict[str, str]:
            found = {one.id: obstacle(one, strategy_id) for one in ones}
            return {account_id: why for account_id, why in found.items() if why}

        previewer = replace(self._previewer, standing=lambda ones: standing(ones) | stopped(ones))
        return previewer.preview(draft, strategy.venue_kind, accounts, services.clock.now())

    def refresh_account(self, errand: Errand) -> dict[str, Any]:
        account = self._services.accounts.get(errand.owner_id, errand.question["account_id"])
        member = self._crew.get(account.id)
        if member is None:
            raise NotFound(f"{account.name} is not connected.")
        member.attendant.figures_moved()
        member.attendant.look_now()
        return {"asked": True}

    def _accounts(self, account_ids: Sequence[str]) -> list[Account]:
        with self._services.db.read() as session:
            found = {row.id: row for row in session.scalars(select(Account).where(Account.id.in_(account_ids)))}
        return [found[account_id] for account_id in account_ids]


def margin_of(crew: Crew, account_id: str, orders: Sequence[PlaceOrder]) -> MarginReport:
    member = crew.get(account_id)
    if member is None:
        raise Retry("This account is not connected.")
    return member.venue.margin(orders)


def standing_of(services: Services, crew: Crew) -> Standing:
    """Why an account may not enter now: the sentence a person needs, or None."""

    def one(account: Account, health: AccountHealth | None) -> str | None:
        if not account.enabled or account.removed_at is not None:
            return f"{account.name} is disabled."
        if crew.get(account.id) is None:
            return f"{account.name} is not connected."
        if health is not None and health.state == HealthState.NOT_LOGGED_IN:
            return f"{account.name} needs its broker login: log in at {account.host_url} first."
        if health is not None and health.mode and health.mode != account.expected_mode:
            return f"{account.name} is meant for {account.expected_mode} and its server is in {health.mode} mode."
        return None

    def standing(accounts: Sequence[Account]) -> dict[str, str]:
        seen = services.health.states([account.id for account in accounts])
        found = {account.id: one(account, seen.get(account.id)) for account in accounts}
        return {account_id: why for account_id, why in found.items() if why is not None}

    return standing
