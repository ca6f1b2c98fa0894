"""Sizes of a run's accounts, all at once: what each has and what one set takes is read here, `strategies/sizing`
decides.

Nothing of this is done for a run whose lots are as written and uncapped. A slow account is waited for only so long;
then it is left out, and says so, and the others go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import select

from app.accounts.models import Account
from app.broadcast.parts import Part
from app.core.errors import DeskError
from app.core.money import number, plain
from app.engine.crew import Crew
from app.engine.sizing_market import SetMarket
from app.engine.venue_errands import margin_of
from app.strategies import set_costs
from app.strategies.preview import command
from app.strategies.resolving import Resolved, portions_of
from app.strategies.set_costs import Line
from app.strategies.sizing import FIXED, Costs, Figure, Purse, Sized, ratio, size
from app.strategies.sizing_service import Since
from app.strategies.sizing_settings import SizingRules
from app.strategies.taking_part import Asked, terms_of
from app.wiring import Services

log = structlog.get_logger()
AT_ONCE = 16
PATIENCE = 5.0  # seconds for what is asked of the venues
MARGIN_HOLDS = timedelta(minutes=10)  # as long as a preview may be run
LATE = "it did not answer in time"


class Sizer:
    def __init__(self, services: Services, crew: Crew, market: SetMarket) -> None:
        self._services = services
        self._crew = crew
        self._market = market
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="size")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def sizes(self, asked: Asked, resolved: Sequence[Resolved], now: datetime) -> dict[str, Sized]:
        """By account id."""
        rules = self._services.sizing.rules(asked.owner_id)
        lines = self._market.lines(resolved, ratio([item.lots for item in resolved]), asked.needs_prices, now)
        shared = self._shared(asked, lines, now)
        margins = self._margins(asked, resolved, lines, rules)
        purses = self._known(asked) if asked.rule.is_fixed else self._purses(asked, rules, now)
        return {
            part["account_id"]: _sized(asked, part, rules, resolved, purses[part["account_id"]], shared, margins)
            for part in asked.parts
        }

    def _shared(self, asked: Asked, lines: Sequence[Line], now: datetime) -> Costs:
        """What one set takes whoever enters it; only what the rule and the caps need."""
        if not asked.needs_prices:
            return Costs()
        rule, costs = asked.rule, {"value": set_costs.value(lines)}
        if rule.method == "premium":
            costs["premium"] = set_costs.premium(lines)
        if rule.method == "risk":
            costs["risk"] = set_costs.risk(lines, asked.limits, rule.stop_points)
        if rule.method == "volatility":
            costs["volatility"] = self._market.volatility(lines, rule, now)
        return Costs(**costs)

    # -- margins

    def _margins(
        self, asked: Asked, resolved: Sequence[Resolved], lines: Sequence[Line], rules: SizingRules
    ) -> dict[str, Figure]:
        """Of one set, by account: the venue's word, else the person's table's."""
        if not asked.binds_margin and not asked.is_anew:
            return {}
        table = set_costs.table_margin(lines, rules.margins)
        if not asked.binds_margin:
            return dict.fromkeys(asked.account_ids, table)
        since = self._services.clock.now() - (timedelta() if asked.is_anew else MARGIN_HOLDS)
        ask = {one: self._pool.submit(self._margin, one, resolved, since) for one in asked.account_ids}
        found = gathered(ask)
        return {one: _margin_or(figure, table) for one, figure in found.items()}

    def _margin(self, account_id: str, resolved: Sequence[Resolved], since: datetime) -> Figure:
        portions = portions_of(resolved, ratio([item.lots for item in resolved]))
        orders = [command(portion) for portion in portions]
        name = sha256(repr(orders).encode()).hexdigest()
        known = self._services.sizing.margin(account_id, name, since)
        if known is not None:
            return known
        try:
            total = margin_of(self._crew, account_id, orders).total
        except DeskError as error:
            return Figure(trouble=error.message)
        if total <= 0:
            return Figure(trouble=f"It said {plain(total)}.")
        return self._services.sizing.keep_margin(account_id, name, total)

    # -- funds

    def _known(self, asked: Asked) -> dict[str, "Found"]:
        """However old they are: they decide nothing."""
        funds = self._funds(asked.account_ids) if asked.is_anew else {}
        return {one: Found(funds[one][0] if one in funds else None) for one in asked.account_ids}

    def _purses(self, asked: Asked, rules: SizingRules, now: datetime) -> dict[str, "Found"]:
        """As they are on record, read anew where they are too old or something moved them since."""
        account_ids = asked.account_ids
        oldest = now - timedelta(seconds=rules.funds_age)
        before = self._funds(account_ids)
        since = self._services.sizing.since(asked.owner_id, {one: at for one, (_, at) in before.items()})
        due = [one for one in account_ids if _is_due(before.get(one), oldest, since.get(one))]
        troubles = {one: figure.trouble for one, figure in gathered(self._refresh(due, now)).items()}
        funds = self._funds(account_ids) if due else before
        since = self._services.sizing.since(asked.owner_id, {one: at for one, (_, at) in funds.items()})
        return {
            one: _found(funds.get(one), oldest, since.get(one), troubles.get(one, ""), rules, now)
            for one in account_ids
        }

    def _refresh(self, account_ids: Iterable[str], now: datetime) -> dict[str, "Future[Figure]"]:
        return {one: self._pool.submit(self._read_funds, one, now) for one in account_ids}

    def _read_funds(self, account_id: str, now: datetime) -> Figure:
        member = self._crew.get(account_id)
        if member is None:
            return Figure(trouble="It is not connected.")
        try:
            wait_for = member.attendant.figures.refresh(Part.FUNDS, now)
        except DeskError as error:
            return Figure(trouble=error.message)
        return Figure(trouble="Its readings of this minute are used up." if wait_for else "")

    def _funds(self, account_ids: Sequence[str]) -> dict[str, tuple[Purse, datetime]]:
        """As they were read last."""
        with self._services.db.read() as session:
            rows = session.execute(select(Account.id, Account.counts_collateral).where(Account.id.in_(account_ids)))
            counts = {account_id: bool(counted) for account_id, counted in rows}
        health = self._services.health.of(account_ids)
        return {
            one: (_purse(seen.funds, seen.funds_at, counts.get(one, False)), seen.funds_at)
            for one, seen in health.items()
            if seen.funds and seen.funds_at and number(seen.funds.get("available")) is not None
        }


@dataclass(frozen=True, slots=True)
class Found:
    """An account's purse, or why there is none; `falls_back`: then it takes the legs' own lots."""

    purse: Purse | None
    why: str = ""
    falls_back: bool = False


def gathered(asked: Mapping[str, "Future[Figure]"]) -> dict[str, Figure]:
    """The answers that came in time; the others say that they didn't."""
    wait(asked.values(), PATIENCE)
    return {name: _answer(future) for name, future in asked.items()}


def _answer(future: "Future[Figure]") -> Figure:
    if not future.done():
        return Figure(trouble=LATE.capitalize() + ".")
    error = future.exception()
    if error is not None:
        log.error("size_not_reckoned", exc_info=error)
        return Figure(trouble="The desk could not ask. The log has the details.")
    return future.result()


def _margin_or(figure: Figure, table: Figure) -> Figure:
    if figure.value is not None:
        return figure
    if table.value is not None and table.value > 0:
        return table
    return Figure(trouble=f"The venue gave no margin: {figure.trouble} {table.trouble}".strip())


def _purse(funds: Mapping[str, Any], at: datetime, counts_collateral: bool) -> Purse:
    cash = number(funds.get("available")) or Decimal(0)
    collateral = (number(funds.get("collateral")) or Decimal(0)) if counts_collateral else Decimal(0)
    used = number(funds.get("used"))
    return Purse(cash + collateral, cash, None if used is None else cash + used + collateral, at)


def _is_due(known: tuple[Purse, datetime] | None, oldest: datetime, since: Since | None) -> bool:
    """Never read, too old, or from before something that moved them."""
    return known is None or known[1] < oldest or (since is not None and known[1] < since.moved_at)


def _found(
    known: tuple[Purse, datetime] | None, oldest: datetime, since: Since | None, trouble: str, rules: SizingRules,
    now: datetime,
) -> Found:  # fmt: skip
    if known is not None and known[1] >= oldest and not trouble:
        return Found(_less(known[0], since, ""))
    age = f"were read {int((now - known[1]).total_seconds())} s ago" if known else "were never read"
    why = f"Its funds {age} and could not be read anew. {trouble}".strip()
    if rules.on_stale == "use" and known is not None:
        return Found(_less(known[0], since, f"{why} Sized by them all the same, as you set."))
    return Found(None, why, rules.on_stale == "lots")


def _less(purse: Purse, since: Since | None, note: str) -> Purse:
    """Without what runs that began just now will take of it."""
    taken = since.promised if since else Decimal(0)
    if taken:
        note = f"{plain(taken)} less is free: a run that began just now takes it. {note}".strip()
    return Purse(purse.free - taken, purse.cash - taken, purse.equity, purse.at, note)


def _sized(
    asked: Asked, part: dict[str, Any], rules: SizingRules, resolved: Sequence[Resolved], found: Found, shared: Costs,
    margins: Mapping[str, Figure],
) -> Sized:  # fmt: skip
    legs = [item.lots for item in resolved]
    margin = margins.get(part["account_id"], Figure())
    costs = Costs(margin, shared.premium, shared.value, shared.risk, shared.volatility)
    terms = terms_of(part, rules)
    if found.purse is None and found.falls_back and not asked.rule.is_fixed:
        fixed = size(FIXED, legs, terms, None, costs)
        fixed.record["notes"].append(f"{found.why} The legs' own lots instead, as you set.")
        return fixed
    return size(asked.rule, legs, terms, found.purse, costs, found.why)
