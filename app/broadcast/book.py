"""Read what is worth showing live of an owner: a handful of queries, made when orders changed and never per tick."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.kinds import KINDS
from app.accounts.models import Account
from app.broadcast.cells import OwnerBook, PriceForm, symbol_of
from app.core.db import Database
from app.instruments.models import Instrument
from app.portfolio.service import PortfolioService
from app.strategies.models import AccountRun, Run
from app.strategies.service import LIVE_PARTS
from app.strategies.waits import waited_symbols
from app.venues.types import Symbol


def read_book(db: Database, portfolio: PortfolioService, owner_id: str, now: datetime) -> OwnerBook:
    with db.read() as session:
        runs = _live_runs(session, owner_id)
        waited_for = frozenset(waited_symbols(session, owner_id)) if runs else frozenset()
        accounts = session.scalars(select(Account).where(Account.owner_id == owner_id)).all()
    held = portfolio.held(owner_id, now)
    legs = portfolio.legs(owner_id, list(runs), now) if runs else []
    symbols = {symbol_of(key) for key in held} | {symbol_of(leg.key) for leg in legs} | waited_for
    currencies, modes = {one.id: one.currency for one in accounts}, {one.id: one.mode for one in accounts}
    return OwnerBook(owner_id, held, legs, runs, currencies, price_forms(db, symbols), waited_for, modes)


def owners(db: Database) -> set[str]:
    """Who has accounts at all."""
    with db.read() as session:
        return set(session.scalars(select(Account.owner_id).where(Account.removed_at.is_(None)).distinct()))


def price_forms(db: Database, symbols: Collection[Symbol]) -> dict[Symbol, PriceForm]:
    """Of the symbols the instrument masters know."""
    if not symbols:
        return {}
    with db.read() as session:
        rows = session.execute(
            select(Instrument.exchange, Instrument.symbol, Instrument.tick, Instrument.venue_kind).where(
                Instrument.symbol.in_({symbol.name for symbol in symbols})
            )
        )
        known = {Symbol(exchange, name): PriceForm(tick, _currency(kind)) for exchange, name, tick, kind in rows}
    return {symbol: known[symbol] for symbol in symbols if symbol in known}


def _currency(venue_kind: str) -> str:
    form = KINDS.get(venue_kind)
    return form.currency if form else ""


def _live_runs(session: Session, owner_id: str) -> dict[str, str]:
    """Account runs of the owner's runs that have not ended: one account's closed part still counts in its run."""
    live = select(AccountRun.run_id).where(AccountRun.owner_id == owner_id, AccountRun.state.in_(LIVE_PARTS))
    rows = session.execute(
        select(AccountRun.id, AccountRun.run_id).join(Run, Run.id == AccountRun.run_id).where(Run.id.in_(live))
    )
    return {part: run for part, run in rows}  # noqa: C416  # dict() does not know that rows are pairs
