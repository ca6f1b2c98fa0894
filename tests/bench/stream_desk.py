"""The rows of the streaming bench: people with a token each, the first of them with an account and five positions."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.accounts.models import Account
from app.core.ids import new_id
from app.execution.models import Intent, Order, OrderEvent
from app.users.api_tokens import PREFIX
from app.users.models import ApiToken, User
from app.users.tickets import new_ticket
from app.wiring import Services

SYMBOLS = [f"NFO:NIFTY24DEC26{20000 + 50 * number}CE" for number in range(249)]
INDEX = "NSE_INDEX:NIFTY"
HELD = 5


@dataclass(frozen=True, slots=True)
class Person:
    token: str
    symbols: list[str]  # that the person's pages show


def fill(services: Services, people: int, holders: int, shown: int) -> list[Person]:
    """`shown` symbols are on each person's pages, others on the next one's."""
    made = [_person(services, number, number < holders) for number in range(people)]
    step = 7
    return [
        Person(token, [SYMBOLS[(number * step + i) % len(SYMBOLS)] for i in range(shown)])
        for number, token in enumerate(made)
    ]


def _person(services: Services, number: int, holds: bool) -> str:
    now, user_id, sealed = services.clock.now(), new_id(), services.vault.seal("x")
    secret, token_hash = new_ticket(PREFIX)
    name = f"person {number}"
    with services.db.write() as session:
        session.add(
            User(
                id=user_id, name=name, name_key=name, password_hash="x", role="trader", created_at=now,
                password_changed_at=now,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            ApiToken(
                user_id=user_id, name="bench", token_hash=token_hash, hint="x", scopes=["read"], created_at=now,
                last_used_at=now,
            )
        )  # fmt: skip
        for row in _holding(user_id, number, sealed, now) if holds else ():
            session.add(row)
            session.flush()
    return secret


def _holding(user_id: str, number: int, sealed: str, now: datetime) -> list[object]:
    account_id = new_id()
    rows: list[object] = [
        Account(
            id=account_id, owner_id=user_id, name="A", name_key="a", venue_kind="openalgo", host_url="http://127.0.0.1",
            stream_url="ws://127.0.0.1", api_key_sealed=sealed, failover_rank=1, default_product="NRML",
            expected_mode="live", currency="INR", created_at=now, updated_at=now,
        )
    ]  # fmt: skip
    for held in range(HELD):
        exchange, symbol = SYMBOLS[(number * 7 + held) % len(SYMBOLS)].split(":")
        order_id, intent_id = new_id(), new_id()
        both = {
            "owner_id": user_id, "account_id": account_id, "purpose": "entry", "exchange": exchange, "symbol": symbol,
            "side": "BUY", "quantity": Decimal(65), "price_type": "MARKET", "product": "NRML", "created_at": now,
        }  # fmt: skip
        rows += [
            Intent(id=intent_id, key=intent_id, **both),
            Order(
                id=order_id, intent_id=intent_id, state="filled", filled_quantity=Decimal(65),
                average_price=Decimal(200), filled_at=now, updated_at=now, **both,
            ),
            OrderEvent(order_id=order_id, at=now, source="push", from_state="open", to_state="filled", detail=""),
        ]  # fmt: skip
    return rows
