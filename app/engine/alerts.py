"""The alerts in the engine: judged in the thread that received the tick, written by a loop of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.alerts.board import Board, Prices
from app.alerts.events import AlertFired, AlertsChanged
from app.alerts.keeper import Keeper
from app.alerts.models import AlertFiring, PriceAlert
from app.broadcast.coalesce import Broadcaster
from app.core.money import number
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.feed.hub import Hub
from app.notify.messages import Message
from app.notify.models import Level
from app.notify.service import NotifyService
from app.venues.types import Quote, Symbol
from app.wiring import Services

HOLDER = "alerts"
SWEEP_EVERY = 3600.0


def watch_alerts(services: Services, market: Market, broadcaster: Broadcaster) -> Loop:
    """The loop that keeps them; the hub and the broadcaster tell them what they are judged by."""
    clock, limit = services.clock, timedelta(seconds=services.settings.stale_after_seconds)

    def newest(symbol: Symbol) -> Quote | None:
        return market.hub.fresh(symbol, clock.now(), limit)

    board = Board(clock, Prices(newest, market.is_open, limit), lambda: loop.nudge())  # noqa: PLW0108 - the loop comes later
    keeper = Keeper(services.db, clock, board, partial(hand_on, services.notify), services.bus.publish)
    jobs = [
        Job("alerts", keeper.step, 0),
        Job("alert symbols", partial(want_symbols, board, market), 1.0),
        Job("old messages", lambda: services.notify.sweep(clock.now()), SWEEP_EVERY),
    ]
    loop = Loop(jobs, clock)
    market.hub.listen(board.take)
    broadcaster.hear(partial(take_profits, board, market.hub))
    services.bus.subscribe(AlertFired, partial(tell_pages, broadcaster))
    services.bus.subscribe(AlertsChanged, lambda event: broadcaster.changed(event.owner_id, ["alerts"]))
    return loop


def hand_on(notify: NotifyService, session: Session, firing: AlertFiring, alert: PriceAlert) -> None:
    """One message per firing, in the transaction that records it."""
    text = f"{firing.words}. {alert.note}" if alert.note else f"{firing.words}."
    message = Message(Level.WARN, "alert", "An alert fired", text, f"firing:{firing.id}", f"/alerts/{alert.id}")
    notify.put(session, alert.owner_id, message)


def want_symbols(board: Board, market: Market) -> None:
    market.want(HOLDER, board.symbols)


def tell_pages(broadcaster: Broadcaster, event: AlertFired) -> None:
    broadcaster.notice(event.owner_id, "warn", event.words, f"/alerts/{event.alert_id}")
    broadcaster.changed(event.owner_id, ["alerts", f"alert:{event.alert_id}"])


def take_profits(board: Board, hub: Hub, cells: Mapping[str, dict[str, Any]]) -> None:
    """An owner's figures; what an unknown price is part of is no number, and prices that stand still prove nothing."""
    for account_id in () if hub.is_frozen else board.accounts:
        cell = cells.get(f"pnl:account:{account_id}")
        value = number(cell["v"]) if cell else None
        if cell is not None and value is not None:
            at = datetime.fromtimestamp(cell["at"] / 1000, UTC) if cell["at"] is not None else None
            board.take_profit(account_id, value, at)
