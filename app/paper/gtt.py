"""Good-till-triggered orders: they wait outside the order book until the last price reaches a trigger, then
place one child.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.paper.books import Books
from app.paper.contracts import Contract
from app.paper.matching import decimal
from app.paper.orders import ZERO, Ticket


@dataclass(slots=True)
class Gtt:
    """`below` triggers at or under its price, `above` at or over it; each has the limit price of its child."""

    trigger_id: str
    contract: Contract
    terms: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    last_price: Decimal

    @property
    def oco(self) -> bool:
        return bool(self.terms["trigger_type"] == "OCO")

    @property
    def below(self) -> tuple[Decimal, Decimal] | None:
        return self._trigger("triggerprice_sl", "stoploss")

    @property
    def above(self) -> tuple[Decimal, Decimal] | None:
        return self._trigger("triggerprice_tg", "target")

    def _trigger(self, trigger: str, limit: str) -> tuple[Decimal, Decimal] | None:
        price = decimal(self.terms[trigger])
        if price <= 0:
            return None
        return price, decimal(self.terms[limit] if self.oco else self.terms["price"])

    @property
    def triggers(self) -> list[tuple[Decimal, Decimal]]:
        return [found for found in (self.below, self.above) if found is not None]

    @property
    def margin(self) -> Decimal:
        return max((limit for _, limit in self.triggers), default=ZERO) * int(self.terms["quantity"])

    def struck(self, ltp: Decimal) -> Decimal | None:
        """The limit price of the child to place at this last price."""
        if ltp <= 0:
            return None
        if self.below is not None and ltp <= self.below[0]:
            return self.below[1]
        if self.above is not None and ltp >= self.above[0]:
            return self.above[1]
        return None


class GttBook:
    """The active triggers of one set of books."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.active: dict[str, Gtt] = {}

    def place(self, contract: Contract, terms: dict[str, Any]) -> Gtt:
        now = self._books.market.now()
        trigger_id = f"GTT-{now:%y%m%d}-{secrets.token_hex(4)}"
        gtt = Gtt(trigger_id, contract, terms, now, now, self._books.prices.ltp(contract))
        self.active[trigger_id] = gtt
        self._block(gtt)
        return gtt

    def modify(self, gtt: Gtt, terms: dict[str, Any]) -> None:
        gtt.terms, gtt.updated_at = terms, self._books.market.now()
        self._block(gtt)

    def cancel(self, trigger_id: str) -> Gtt | None:
        self._books.ledger.blocked.pop(trigger_id, None)
        return self.active.pop(trigger_id, None)

    def beat(self) -> None:
        for gtt in list(self.active.values()):
            price = gtt.struck(self._books.prices.ltp(gtt.contract))
            if price is not None:
                self.cancel(gtt.trigger_id)
                self._books.place(child(gtt.terms, price))

    def _block(self, gtt: Gtt) -> None:
        """The simulator sets the money of a waiting buy aside; real brokers don't."""
        if not self._books.live and gtt.terms["action"].upper() == "BUY":
            self._books.ledger.blocked[gtt.trigger_id] = gtt.margin


def child(terms: dict[str, Any], price: Decimal) -> Ticket:
    limit = terms["pricetype"] == "LIMIT"
    return Ticket(
        symbol=terms["symbol"],
        exchange=terms["exchange"],
        action=terms["action"].upper(),
        quantity=int(terms["quantity"]),
        pricetype=terms["pricetype"],
        product=terms["product"],
        price=price if limit else ZERO,
        strategy=terms["strategy"],
    )
