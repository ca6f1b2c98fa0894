"""A server that was switched between live and paper behind our back: nothing new is entered through it, and its owner
is told.

It is noticed by the answer to an order at once, and by the regular look at each server otherwise. The account is set
to exits only, as a person would; going on again is for a person, when the server is what it was or the account is
meant for what it is now.
"""

import threading

from sqlalchemy import select

from app.accounts.events import HealthChanged
from app.accounts.health import Sighting
from app.accounts.models import Account
from app.accounts.states import TradingState
from app.execution.sender import ModeSurprise
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.venues.types import Mode
from app.wiring import Services


class Modes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._told: dict[str, Mode] = {}  # the mode that each account is in and not meant for

    def health_changed(self, event: HealthChanged) -> None:
        account = self._account(event.account_id)
        if account is None:
            return
        if account.is_in_wrong_mode:
            self._services.bus.publish(ModeSurprise(account.id, Mode(account.mode)))
        else:
            self._told.pop(account.id, None)

    def surprised(self, event: ModeSurprise) -> None:
        """In the thread that got the answer, which does not wait: the next order is on its way already."""
        with self._lock:
            if self._told.get(event.account_id) is event.mode:
                return
            self._told[event.account_id] = event.mode
        threading.Thread(target=self._stop, args=(event,), name="mode", daemon=True).start()

    def _stop(self, event: ModeSurprise) -> None:
        services = self._services
        services.health.record(event.account_id, Sighting(mode=event.mode))
        account = self._account(event.account_id)
        if account is None or account.trading_state != TradingState.ACTIVE:
            return
        why = f"its server is in {event.mode} mode, and the account is meant for {account.expected_mode}"
        extent = Extent(Kind.ACCOUNT, account.id)
        services.risk.set_state(Asker(account.owner_id), extent, TradingState.REDUCING, why)

    def _account(self, account_id: str) -> Account | None:
        with self._services.db.read() as session:
            return session.scalar(select(Account).where(Account.id == account_id, Account.removed_at.is_(None)))
