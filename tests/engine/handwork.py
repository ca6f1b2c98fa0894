"""A person at a whole desk: tickets, changes, closes and cancels over the services, told by the brokers' own books."""

from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import select

from app.core.ids import new_id
from app.execution.closing import Place
from app.execution.models import Order, OrderChange, OrderEvent
from app.execution.refusals import RefusedCancel, refused_cancels
from app.execution.terms import Terms
from app.execution.ticket import Draft, Share
from app.venues.types import PriceType
from tests.engine.desks import TestDesk
from tests.waiting import until

LOT = 65
LOW = "0.05"  # a buy at this price rests
HIGH = "2000"  # a buy at this price fills at the market's
keys = count(1)
MODIFY = {"endpoint": "modifyorder"}


class Hands:
    def __init__(self, desk: TestDesk) -> None:
        self.desk = desk
        self.by_hand = desk.services.by_hand

    def nudge(self) -> None:
        """An engine of another process has heard it from the web already."""
        if self.desk.engine is not None:
            self.desk.engine.loops["runs"].nudge()

    def draft(self, *brokers: str, lots: int = 2, **more: Any) -> Draft:
        shares = [Share(account_id=self.desk.accounts[name]) for name in brokers or self.desk.accounts]
        usual = {"symbol": self.desk.option, "side": "BUY", "product": "NRML", "quantity": Decimal(lots)}
        return Draft(**(usual | {"exchange": "NFO", "accounts": shares} | more))

    def place(self, *brokers: str, **more: Any) -> list[Order]:
        """Its orders, as they are when they are placed."""
        tickets = self.by_hand.tickets
        ticket_id = tickets.write(self.desk.owner_id, self.draft(*brokers, **more), f"key-{next(keys)}")
        assert tickets.place(self.desk.owner_id, ticket_id)
        self.nudge()
        return list(tickets.orders(self.desk.owner_id, ticket_id))

    def resting(self, broker: str, lots: int = 2, price: str = LOW) -> Order:
        """A limit buy that stands at the venue."""
        (order,) = self.place(broker, lots=lots, price_type="LIMIT", price=Decimal(price))
        return self.until_order(order.id, "open")

    def filled(self, broker: str, lots: int = 2) -> Order:
        (order,) = self.place(broker, lots=lots)
        return self.until_order(order.id, "filled")

    def change(self, order: Order, key: str = "", **more: Any) -> str:
        now = {
            "quantity": order.quantity, "price_type": PriceType(order.price_type), "price": order.price,
            "trigger_price": order.trigger_price,
        }  # fmt: skip
        wanted = Terms(**(now | more))
        change_id = self.by_hand.changes.ask(self.desk.owner_id, order.id, wanted, key or new_id())
        self.nudge()
        return change_id

    def cancel(self, order: Order) -> None:
        self.desk.services.orders.cancel(self.desk.owner_id, order.id)
        self.nudge()

    def cancel_at_broker(self, broker: str, order: Order) -> None:
        """Past the desk, as a person would in the broker's own terminal."""
        self.desk.paper.heal()
        status, _ = self.desk.paper[broker].call("cancelorder", strategy="by hand", orderid=order.venue_order_id)
        assert status == 200

    def asked_to_cancel(self, order: Order) -> list[datetime]:
        """When the broker was, each time."""
        asked = (OrderEvent.order_id == order.id, OrderEvent.to_state == "cancel_pending", OrderEvent.source == "desk")
        with self.desk.services.db.read() as session:
            return list(session.scalars(select(OrderEvent.at).where(*asked).order_by(OrderEvent.seq)))

    def refused(self, order: Order) -> RefusedCancel | None:
        """What its line shows of a cancel that was refused."""
        return refused_cancels(self.desk.services.db, [self.order(order.id)]).get(order.id)

    def close(self, broker: str, key: str = "") -> list[str]:
        ids = self.by_hand.closing.close(self.desk.owner_id, self.position(broker), key or new_id())
        self.nudge()
        return ids

    def position(self, broker: str) -> Place:
        return Place(self.desk.accounts[broker], "NFO", self.desk.option, "NRML")

    def order(self, order_id: str) -> Order:
        with self.desk.services.db.read() as session:
            return session.get_one(Order, order_id)

    def change_row(self, change_id: str) -> OrderChange:
        with self.desk.services.db.read() as session:
            return session.get_one(OrderChange, change_id)

    def changes(self) -> list[OrderChange]:
        with self.desk.services.db.read() as session:
            return list(session.scalars(select(OrderChange).order_by(OrderChange.id)))

    def until_order(self, order_id: str, *states: str, timeout: float = 25) -> Order:
        try:
            until(lambda: self.order(order_id).state in states, timeout)
        except AssertionError as error:
            order = self.order(order_id)
            raise AssertionError(f"{order.state} {order.reason} {order.failure}") from error
        return self.order(order_id)

    def until_change(self, change_id: str, *states: str, timeout: float = 25) -> OrderChange:
        try:
            until(lambda: self.change_row(change_id).state in states, timeout)
        except AssertionError as error:
            change = self.change_row(change_id)
            raise AssertionError(f"{change.state}: {change.reason}") from error
        return self.change_row(change_id)

    def until_settled(self, change_id: str) -> OrderChange:
        until(lambda: self.change_row(change_id).settled_at is not None, 25)
        return self.change_row(change_id)

    def broker_row(self, broker: str, order: Order) -> dict[str, Any]:
        rows = self.desk.paper.books(broker)["orders"]
        return next(row for row in rows if row["orderid"] == self.order(order.id).venue_order_id)

    def calls(self, broker: str, endpoint: str) -> int:
        return self.desk.paper.state(broker)["counters"].get(endpoint, 0)
