"""What happened, told to the browsers: which parts of which pages to fetch again, and what a person must read now."""

import threading
from collections.abc import Iterable

from sqlalchemy import select

from app.accounts.events import HealthChanged
from app.accounts.models import Account
from app.broadcast.coalesce import EVERYONE, Broadcaster
from app.core.errands import ErrandDone
from app.core.money import plain
from app.execution.closing import EXIT
from app.execution.events import Alarm, OrderChanged
from app.execution.models import Order
from app.execution.sender import ApprovalWanted, ModeSurprise
from app.execution.states import OrderState
from app.risk.events import StandingChanged
from app.strategies.models import AccountRun
from app.strategies.runner import RunChanged
from app.wiring import Services


class News:
    def __init__(self, services: Services, broadcaster: Broadcaster) -> None:
        self._services = services
        self._broadcaster = broadcaster
        self._owners: dict[str, str] = {}
        self._runs: dict[str, str] = {}
        self._refused: set[str] = set()  # exits by hand that were told of
        self._lock = threading.Lock()

    def order_changed(self, event: OrderChanged) -> None:
        rooms = ["orders", "positions", "dashboard", f"order:{event.order_id}"]
        if event.account_run_id:
            rooms.append(f"run:{self._run_of(event.account_run_id)}")
        elif event.state is OrderState.REJECTED:
            self._refused_by_hand(event.order_id)
        self.changed(event.owner_id, rooms)

    def _refused_by_hand(self, order_id: str) -> None:
        """An exit by hand is tried once: nobody but a person sends it again, so they must hear of it, once."""
        with self._services.db.read() as session:
            order = session.get(Order, order_id)
        if order is None or order.purpose != EXIT or order_id in self._refused:
            return
        self._refused.add(order_id)
        why = f" The venue said: {order.reason.rstrip('.')}." if order.reason else ""
        text = f"The exit of {plain(order.quantity)} {order.symbol} was refused.{why} It is still held: close it again."
        self._services.bus.publish(Alarm(order.owner_id, order.account_id, f"order:{order.id}", text))

    def run_changed(self, event: RunChanged) -> None:
        self._broadcaster.reload(event.owner_id)
        self.changed(event.owner_id, ["runs", "dashboard", "strategies", f"run:{event.run_id}"])

    def figures_changed(self, account_id: str) -> None:
        self.changed(self._owner_of(account_id), ["accounts", "positions", "dashboard", f"account:{account_id}"])

    def health_changed(self, event: HealthChanged) -> None:
        self.changed(event.owner_id, ["accounts", "dashboard", f"account:{event.account_id}"])
        if event.after not in ("ok", "analyzer (paper)"):
            self.notice(event.owner_id, "warn", f"{self._name_of(event.account_id)}: {event.after}. {event.message}")

    def standing_changed(self, event: StandingChanged) -> None:
        rooms = ["standing", "risk", "dashboard", "accounts", "orders", "runs", "strategies"]
        self.changed(event.owner_id or EVERYONE, rooms)

    def errand_done(self, event: ErrandDone) -> None:
        self.changed(event.owner_id, [f"errand:{event.errand_id}"])

    def alarm(self, event: Alarm) -> None:
        name = f"{self._name_of(event.account_id)}: " if event.account_id else ""
        kind, _, row_id = event.subject.partition(":")
        self.notice(event.owner_id, "alarm", name + event.message, f"/{kind}s/{row_id}")
        self.changed(event.owner_id, ["dashboard", "orders", event.subject])

    def mode_surprise(self, event: ModeSurprise) -> None:
        text = f"the server acts in {event.mode} mode, which is not what this account is meant for."
        self.alarm(Alarm(self._owner_of(event.account_id), event.account_id, f"account:{event.account_id}", text))

    def approval_wanted(self, event: ApprovalWanted) -> None:
        text = "its server queues orders for approval by hand. Nothing can be entered or exited through it."
        self.alarm(Alarm(self._owner_of(event.account_id), event.account_id, f"account:{event.account_id}", text))

    def changed(self, owner_id: str, rooms: Iterable[str]) -> None:
        self._broadcaster.changed(owner_id, rooms)

    def notice(self, owner_id: str, level: str, text: str, link: str = "") -> None:
        self._broadcaster.notice(owner_id, level, text, link)

    def _run_of(self, account_run_id: str) -> str:
        if account_run_id not in self._runs:
            with self._services.db.read() as session:
                found = session.scalar(select(AccountRun.run_id).where(AccountRun.id == account_run_id))
            self._runs[account_run_id] = found or ""
        return self._runs[account_run_id]

    def _owner_of(self, account_id: str) -> str:
        if account_id not in self._owners:
            with self._services.db.read() as session:
                found = session.scalar(select(Account.owner_id).where(Account.id == account_id))
            self._owners[account_id] = found or ""
        return self._owners[account_id]

    def _name_of(self, account_id: str) -> str:
        with self._services.db.read() as session:
            return session.scalar(select(Account.name).where(Account.id == account_id)) or "An account"
