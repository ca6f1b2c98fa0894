"""A desk with one owner, accounts and orders that filled, written straight into the database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.db import Database
from app.core.ids import new_id
from app.execution.models import Intent, Order, OrderEvent
from app.execution.states import OrderState
from app.users.models import User

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)  # 11:30 in India
YESTERDAY = NOW - timedelta(days=1)
NIFTY = "NIFTY24NOV2626050CE"


class Desk:
    def __init__(self, db: Database, owner_id: str = "u1") -> None:
        self.db = db
        self.owner_id = owner_id
        self.accounts = 0
        with db.write() as session:
            session.add(
                User(
                    id=owner_id, name=owner_id, name_key=owner_id, password_hash="x", role="admin", created_at=NOW,
                    password_changed_at=NOW,
                )
            )  # fmt: skip

    def account(self, account_id: str, currency: str = "INR", **changes) -> str:
        self.accounts += 1
        usual = {
            "id": account_id, "owner_id": self.owner_id, "name": account_id, "name_key": account_id,
            "venue_kind": "openalgo", "host_url": "http://127.0.0.1", "stream_url": "ws://127.0.0.1",
            "api_key_sealed": "x", "failover_rank": self.accounts, "default_product": "NRML", "expected_mode": "live",
            "currency": currency, "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
        with self.db.write() as session:
            session.add(Account(**{**usual, **changes}))
        return account_id

    def fill(self, account_id: str, quantity: int, price: object, at: datetime = NOW, **changes) -> str:
        """An order that filled; a negative quantity sold. A price of None is one we do not know yet."""
        with self.db.write() as session:
            return self.add(session, account_id, quantity, price, at, **changes)

    def add(
        self, session: Session, account_id: str, quantity: int, price: object, at: datetime = NOW, **changes
    ) -> str:
        """As `fill`, in the caller's unit of work."""
        order_id = new_id()
        both = {
            "owner_id": self.owner_id, "account_id": account_id, "purpose": "entry", "exchange": "NFO",
            "symbol": NIFTY, "side": "BUY" if quantity > 0 else "SELL", "quantity": Decimal(abs(quantity)),
            "price_type": "MARKET", "product": "NRML", "created_at": at, **changes,
        }  # fmt: skip
        intent = Intent(id=new_id(), key=order_id, **both)
        session.add(intent)
        session.flush()
        session.add(
            Order(
                id=order_id, intent_id=intent.id, state=OrderState.FILLED, filled_quantity=Decimal(abs(quantity)),
                average_price=None if price is None else Decimal(str(price)), filled_at=at, updated_at=at, **both,
            )
        )  # fmt: skip
        session.flush()
        session.add(note(order_id, at))
        return order_id


def note(order_id: str, at: datetime) -> OrderEvent:
    """The journal's event of a fill: each change of an order leaves one."""
    return OrderEvent(order_id=order_id, at=at, source="push", from_state="open", to_state="filled", detail="")
