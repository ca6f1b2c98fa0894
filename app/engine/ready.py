"""The look at the accounts before the day begins: once a trading day at its time, and whenever somebody asks.

It asks each account what a run would need of it, so it is an errand like any other and stands in nobody's way.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import AccountHealth, HealthState
from app.broadcast.coalesce import Broadcaster
from app.core import errands
from app.core.clock import INDIA
from app.core.errands import Errand
from app.core.ids import new_id
from app.core.money import number
from app.engine.market import Market
from app.notify.messages import Message
from app.notify.models import Level
from app.strategies.models import ReadyCheck, Strategy
from app.strategies.readiness import (
    AccountFacts,
    StrategyFacts,
    counts,
    feed_finding,
    findings,
    wanting,
)
from app.strategies.scheduling import account_ids
from app.wiring import Services

CHECK_READY = "check_ready"
PULSE = "ready:"  # and whose: the dashboard says it without a reading of its own
ROOMS = ["strategies", "dashboard", "readiness"]
Preview = Callable[[Errand], dict[str, Any]]


class Ready:
    def __init__(self, services: Services, market: Market, preview: Preview, broadcaster: Broadcaster) -> None:
        """`preview` says what a run of a strategy would do; see `Previewer`."""
        self._services = services
        self._market = market
        self._preview = preview
        self._broadcaster = broadcaster
        self._asked: set[tuple[str, str]] = set()  # by owner and day, in this engine's life

    def daily(self) -> None:
        """Ask for it once a trading day for each owner with something armed, while a market is open or will be."""
        now = self._services.clock.now()
        local = now.astimezone(INDIA)
        if local.time() < self._services.settings.day_check_at:
            return
        for owner_id, strategies in self._armed().items():
            asked = (owner_id, local.date().isoformat())
            if asked not in self._asked and any(self._trades(one, local.date(), now) for one in strategies):
                self._asked.add(asked)
                self._ask(*asked)

    def check(self, errand: Errand) -> dict[str, Any]:
        """Look now; kept for the pages, and told when it was the desk that asked and something is wanting."""
        owner_id, key = errand.owner_id, errand.question.get("key")
        found = self._look(owner_id)
        ready, missing = counts(found)
        row = ReadyCheck(
            id=new_id(), owner_id=owner_id, key=key, at=self._services.clock.now(), ready=ready, wanting=missing,
            findings=found,
        )  # fmt: skip
        try:
            with self._services.db.write() as session:
                session.add(row)
                session.flush()
                if key and wanting(found):
                    self._services.notify.put(session, owner_id, _message(found, key))
        except IntegrityError:  # another engine made the one of the day
            return {"ready": ready, "wanting": missing}
        self._services.pulse.beat(f"{PULSE}{owner_id}", {"ready": ready, "wanting": missing})
        self._broadcaster.changed(owner_id, ROOMS)
        return {"ready": ready, "wanting": missing}

    def _armed(self) -> Mapping[str, list[Strategy]]:
        found: dict[str, list[Strategy]] = defaultdict(list)
        for strategy in self._services.schedules.armed():
            found[strategy.owner_id].append(strategy)
        return found

    def _trades(self, strategy: Strategy, day: date, now: datetime) -> bool:
        market = self._services.schedules.days(strategy, now)(day)
        return market.always or (market.closes is not None and now < market.closes)

    def _ask(self, owner_id: str, key: str) -> None:
        with self._services.db.write() as session:
            made = (ReadyCheck.owner_id == owner_id, ReadyCheck.key == key)
            if session.scalar(select(ReadyCheck.id).where(*made)) is None:
                errands.ask(session, owner_id, CHECK_READY, {"key": key}, self._services.clock.now())

    # -- the facts

    def _look(self, owner_id: str) -> dict[str, Any]:
        services, now = self._services, self._services.clock.now()
        strategies = [self._strategy(one, now) for one in services.schedules.armed(owner_id)]
        status = self._market.feed.status()
        exchanges = {exchange for one in strategies for exchange, _ in one.lists}
        is_open = any(self._market.is_open(exchange, now) for exchange in exchanges)
        return findings(feed_finding(status.state.value, _age(now, status.last_at), is_open), strategies)

    def _strategy(self, strategy: Strategy, now: datetime) -> StrategyFacts:
        services = self._services
        question = Errand(id="", owner_id=strategy.owner_id, kind=CHECK_READY, question={"strategy_id": strategy.id})
        answer = self._preview(question)
        rows = answer["accounts"] or self._unsized(strategy)
        health = services.health.of([row["account_id"] for row in rows])
        plan = services.schedules.plan(strategy)
        return StrategyFacts(
            id=strategy.id,
            name=strategy.name,
            next_entry=plan.next.at.isoformat() if plan.next else "",
            contracts=[leg["symbol"] for leg in answer["legs"]],
            trouble=answer["trouble"],
            lists=[
                (exchange, services.instruments.age(strategy.venue_kind, exchange, now))
                for exchange in sorted({leg["exchange"] for leg in strategy.legs})
            ],
            accounts=[_account(row, health.get(row["account_id"]), now) for row in rows],
        )

    def _unsized(self, strategy: Strategy) -> list[dict[str, Any]]:
        """Its accounts while its contracts are not known: what they need cannot be said."""
        ids = account_ids(self._services.db, strategy.id)
        names = [self._services.accounts.get(strategy.owner_id, one).name for one in ids]
        unknown = {"trouble": "", "legs": [], "orders": 0, "margin": None, "margin_trouble": ""}
        return [{"account_id": one, "name": name} | unknown for one, name in zip(ids, names, strict=True)]


def _account(row: Mapping[str, Any], health: AccountHealth | None, now: datetime) -> AccountFacts:
    """What the preview says while the lots fit is about the account itself, else about its size."""
    state = HealthState(health.state) if health else HealthState.UNKNOWN
    return AccountFacts(
        id=row["account_id"],
        name=row["name"],
        obstacle=row["trouble"] if row["legs"] else "",
        health=state.value,
        is_usable=state.usable,
        seen_age=_age(now, health.last_ok_at) if health else None,
        funds=_available(health),
        funds_age=_age(now, health.funds_at) if health else None,
        trouble="" if row["legs"] else row["trouble"],
        orders=row["orders"],
        margin=number(row["margin"]),
        margin_trouble=row["margin_trouble"],
    )


def _available(health: AccountHealth | None) -> Decimal | None:
    return number((health.funds or {}).get("available")) if health else None


def _age(now: datetime, at: datetime | None) -> timedelta | None:
    return max(timedelta(), now - at) if at else None


def _message(found: dict[str, Any], key: str) -> Message:
    ready, missing = counts(found)
    subject = f"{missing} of {ready + missing} accounts {'is' if missing == 1 else 'are'} not ready for today"
    return Message(Level.WARN, "schedule", subject, " ".join(wanting(found)), f"ready:{key}", "/strategies/readiness")
