"""What is in the reach of a trading state: the accounts, the orders, and, told by the room above, the runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, insert, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.accounts.models import Account
from app.execution.models import Order, OrderChange, OrderEvent
from app.execution.states import LIVE, OrderState
from app.execution.terms import ChangeState
from app.risk.states import EXITS, Extent, Kind

Column = InstrumentedAttribute[str]


@dataclass(frozen=True, slots=True)
class LivePart:
    """One account's part of a run that has not ended; `is_leaving` when its exit is decided."""

    id: str
    account_id: str
    owner_id: str
    is_leaving: bool
    trouble: str


class Runs(Protocol):
    """The runs, as far as stopping them goes."""

    def name(self, session: Session, owner_id: str, strategy_id: str) -> str:
        """Of a strategy. Raises NotFound for somebody else's."""
        ...

    def live_parts(self, session: Session, extent: Extent, until: datetime | None = None) -> Sequence[LivePart]:
        """Those that were there `until` then; None for all."""
        ...

    def end_entries(self, session: Session, extent: Extent, why: str) -> None:
        """Nothing more is entered by the parts that are entering, now or after a release."""
        ...

    def forget_requests(self, session: Session, extent: Extent, why: str, now: datetime) -> None:
        """Runs that have not begun will not begin."""
        ...

    def exit(self, session: Session, part_ids: Sequence[str], reason: str, by: str, now: datetime) -> None:
        """Decide the exit of each, once; one that was decided before is tried anew."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """What an extent holds now, in the caller's unit of work."""

    session: Session
    extent: Extent
    parts: Sequence[LivePart]

    @property
    def accounts(self) -> Sequence[Account]:
        """Those that are connected or were: a removed one holds nothing."""
        query = select(Account).where(Account.removed_at.is_(None), self._among(Account.owner_id, Account.id))
        if self.extent.kind is Kind.STRATEGY:
            query = query.where(Account.id.in_({part.account_id for part in self.parts}))
        return self.session.scalars(query.order_by(Account.owner_id, Account.name)).all()

    @property
    def of_hands(self) -> Sequence[Account]:
        """The accounts whose positions by hand are in it: a strategy has none."""
        return [] if self.extent.kind is Kind.STRATEGY else self.accounts

    def entries(self, *states: OrderState, until: datetime | None = None) -> ColumnElement[bool]:
        """Orders that may make a position larger."""
        mine = self._among(Order.owner_id, Order.account_id)
        if self.extent.kind is Kind.STRATEGY:
            mine = Order.account_run_id.in_([part.id for part in self.parts])
        at = true() if until is None else Order.created_at <= until
        return Order.state.in_(states or LIVE) & Order.purpose.not_in(EXITS) & mine & at

    def withdraw(self, why: str, now: datetime) -> Counter[str]:
        """End what was never sent, so that no lane can claim it any more; how many in each account."""
        done = self.session.execute(
            update(Order)
            .where(self.entries(OrderState.NEW))
            .values(state=OrderState.CANCELLED, failure="withdrawn", reason=why, ended_at=now, updated_at=now)
            .returning(Order.id, Order.account_id)
            .execution_options(synchronize_session=False)
        ).all()
        if done:
            self.session.execute(insert(OrderEvent), [_withdrawn(order_id, why, now) for order_id, _ in done])
        return Counter(account_id for _, account_id in done)

    def withdraw_changes(self, why: str, now: datetime) -> None:
        """New terms for a working entry that nobody has sent yet are not sent any more."""
        ended = {"state": ChangeState.WITHDRAWN.value, "reason": why, "ended_at": now, "settled_at": now}
        self.session.execute(
            update(OrderChange)
            .where(
                OrderChange.state == ChangeState.ASKED, OrderChange.order_id.in_(select(Order.id).where(self.entries()))
            )
            .values(**ended)
            .execution_options(synchronize_session=False)
        )

    def ask_cancels(self, now: datetime) -> Counter[str]:
        """The engine asks the venue, again and again until each has ended; how many in each account."""
        asked = self.session.execute(
            update(Order)
            .where(self.entries(*(LIVE - {OrderState.NEW})), Order.cancel_asked_at.is_(None))
            .values(cancel_asked_at=now)
            .returning(Order.account_id)
            .execution_options(synchronize_session=False)
        ).scalars()
        return Counter(asked)

    def _among(self, owner: Column, account: Column) -> ColumnElement[bool]:
        if self.extent.kind is Kind.USER:
            return owner == self.extent.id
        return account == self.extent.id if self.extent.kind is Kind.ACCOUNT else true()


def reach(session: Session, runs: Runs, extent: Extent, until: datetime | None = None) -> Reach:
    return Reach(session, extent, runs.live_parts(session, extent, until))


def _withdrawn(order_id: str, why: str, now: datetime) -> dict[str, object]:
    return {
        "order_id": order_id,
        "at": now,
        "source": "person",
        "from_state": OrderState.NEW.value,
        "to_state": OrderState.CANCELLED.value,
        "detail": why,
    }
