"""The control endpoint: see the full truth of every broker and give orders to the world. Loopback only, no key.

    GET    /_paper/state                      brokers: mode, login, faults, counters, orders, positions,
    ledger POST   /_paper/faults
    {"broker":"*","kind":"lost","endpoint":"placeorder","next":1,...} -> {"added":[...]} DELETE
    /_paper/faults[/ID]                clear all, or one POST   /_paper/market
    {"name":"NIFTY","pin":25000|null} or {"name":"NIFTY","shift":-2.5} POST   /_paper/login
    {"broker":"*","logged_in":true} POST   /_paper/mode                       {"broker":"*","semi_auto":true}
    and/or {"analyze":true} POST   /_paper/approve                    {"broker":"x","pending_order_id":1} ->
    the answer the call would have had POST   /_paper/foreign-order
    {"broker":"x","symbol":...,"exchange":...,"action":...,"quantity":...,...} POST   /_paper/reset
    {"broker":"*"} empties books, faults and counters

`broker` is a shell pattern and means all when absent. A mistake is 400 {"error": text}.
"""

import itertools
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

import orjson

from app.paper import rest, schemas
from app.paper.books import Books
from app.paper.broker import Broker
from app.paper.faults import BadFaultError, parse
from app.paper.fields import Invalid, Schema
from app.paper.orders import Order
from app.paper.prices import Prices
from app.paper.rest_orders import ticket_of

Json = dict[str, Any]
PREFIX = "/_paper/"
FOREIGN_ORDER = Schema(*(f for f in schemas.ORDER.fields if f.name not in ("apikey", "strategy")))


class BadRequest(Exception):
    """The text says what is wrong."""


class Control:
    def __init__(self, brokers: list[Broker], prices: Prices, beat: Callable[[], None]) -> None:
        self._brokers = brokers
        self._prices = prices
        self._beat = beat
        self._numbers = itertools.count(1)
        self._routes: dict[tuple[str, str], Callable[[Json], Json | Awaitable[Json]]] = {
            ("GET", "state"): self._state,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "market"): self._market,
            ("POST", "login"): self._login,
            ("POST", "mode"): self._mode,
            ("POST", "approve"): self._approve,
            ("POST", "foreign-order"): self._foreign_order,
            ("POST", "reset"): self._reset,
        }

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, Json]:
        name, _, rest_of_path = path.removeprefix(PREFIX).strip("/").partition("/")
        handler = self._routes.get((method, name)) if path.startswith(PREFIX) else None
        if handler is None:
            return 404, {"error": "no such control"}
        try:
            asked = self._read(body)
            if rest_of_path:
                asked["id"] = rest_of_path
            result = handler(asked)
            return 200, result if isinstance(result, dict) else await result
        except BadRequest as error:
            return 400, {"error": str(error)}
        except BadFaultError as error:
            return 400, {"error": str(error)}
        except Invalid as error:
            return 400, {"error": "not a valid order", "fields": error.errors}

    @staticmethod
    def _read(body: bytes) -> Json:
        if not body:
            return {}
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest("the body is not JSON") from None
        if not isinstance(asked, dict):
            raise BadRequest("the body must be a JSON object")
        return asked

    def _chosen(self, asked: Json) -> list[Broker]:
        pattern = str(asked.get("broker", "*"))
        chosen = [broker for broker in self._brokers if fnmatchcase(broker.name, pattern)]
        if not chosen:
            raise BadRequest(f"no broker is called {pattern}")
        return chosen

    # -- looking

    def _state(self, asked: Json) -> Json:
        market = self._prices.market
        return {
            "now": market.now().isoformat(),
            "step": market.step(),
            "brokers": {broker.name: _broker(broker) for broker in self._chosen(asked)},
        }

    # -- faults

    def _add_fault(self, asked: Json) -> Json:
        added = []
        for broker in self._chosen(asked):
            fault = parse(asked, f"f{next(self._numbers)}")
            broker.strike(fault)
            added.append({"broker": broker.name, **fault.shown()})
        return {"added": added}

    def _clear_faults(self, asked: Json) -> Json:
        wanted = asked.get("id")
        cleared = []
        for broker in self._chosen(asked):
            known = [fault for fault in broker.faults if wanted in (None, fault.id)]
            for fault in known:
                broker.faults.remove(fault.id)
                broker.heal(fault)
                cleared.append(fault.id)
        if wanted is not None and not cleared:
            raise BadRequest(f"no fault is called {wanted}")
        return {"cleared": cleared}

    # -- the world

    def _market(self, asked: Json) -> Json:
        name = asked.get("name")
        if not isinstance(name, str) or self._prices.market.universe.underlying(name) is None:
            raise BadRequest("name must be an index or a share")
        if ("pin" in asked) == ("shift" in asked):
            raise BadRequest("give either pin (a price, or null to release) or shift (percent)")
        value = asked.get("pin", asked.get("shift"))
        if isinstance(value, bool) or not isinstance(value, int | float | None) or ("shift" in asked and value is None):
            raise BadRequest("pin and shift are numbers")
        try:
            self._move(name, asked, value)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        self._prices.forget()
        self._beat()
        spot = self._prices.market.universe.underlying(name)
        return {"name": name, "ltp": self._prices.quote(spot).ltp if spot else None}

    def _move(self, name: str, asked: Json, value: float | None) -> None:
        if "pin" in asked:
            self._prices.market.pin(name, value)
        elif value is not None:
            self._prices.market.shift(name, value)

    def _login(self, asked: Json) -> Json:
        logged_in = asked.get("logged_in", True)
        for broker in self._chosen(asked):
            if logged_in:
                broker.login()
            else:
                broker.logout()
        return {"brokers": {broker.name: broker.logged_in for broker in self._chosen(asked)}}

    def _mode(self, asked: Json) -> Json:
        for broker in self._chosen(asked):
            if "semi_auto" in asked:
                broker.semi_auto = bool(asked["semi_auto"])
            if "analyze" in asked:
                broker.switch(bool(asked["analyze"]))
        return {"brokers": {b.name: {"mode": b.mode, "semi_auto": b.semi_auto} for b in self._chosen(asked)}}

    async def _approve(self, asked: Json) -> Json:
        broker = self._chosen(asked)[0]
        approval = broker.approvals.pop(asked.get("pending_order_id", 0), None)
        if approval is None:
            raise BadRequest("no such pending_order_id")
        given = await rest.run(broker, rest.ENDPOINTS["POST", approval.endpoint], approval.body)
        return {"status": given.status, "answer": given.body}

    def _foreign_order(self, asked: Json) -> Json:
        """An order from another app of the same account: nobody here asked for it."""
        ticket = ticket_of(FOREIGN_ORDER.load({k: v for k, v in asked.items() if k != "broker"}))
        placed = []
        for broker in self._chosen(asked):
            result = broker.books.place(ticket, foreign=True)
            shown = _order(result.order) if result.order else None
            reason = result.refusal.message if result.refusal else None
            placed.append({"broker": broker.name, "order": shown, "refusal": reason})
        return {"placed": placed}

    def _reset(self, asked: Json) -> Json:
        for broker in self._chosen(asked):
            broker.reset()
            broker.resets += 1
        return {"reset": [broker.name for broker in self._chosen(asked)]}


def _broker(broker: Broker) -> Json:
    return {
        "mode": broker.mode,
        "logged_in": broker.logged_in,
        "semi_auto": broker.semi_auto,
        "faults": broker.faults.shown(),
        "counters": dict(broker.counters),
        "approvals": {str(number): approval.endpoint for number, approval in broker.approvals.items()},
        "books": {mode: _books(books) for mode, books in broker.all_books.items()},
    }


def _books(books: Books) -> Json:
    """Amounts are texts with all their digits; `net` is what is left after charges."""
    ledger = books.ledger
    return {
        "orders": [_order(order) for order in books.orders.values()],
        "positions": [
            {
                "symbol": p.contract.symbol,
                "exchange": p.contract.exchange,
                "product": p.product,
                "quantity": p.quantity,
                "cost": str(p.cost),
                "realised": str(p.realised),
                "bought_value": str(p.bought_value),
                "sold_value": str(p.sold_value),
            }
            for p in ledger.positions.values()
        ],
        "ledger": {
            "cash": str(ledger.cash),
            "available": str(ledger.available),
            "utilised": str(ledger.utilised),
            "realised": str(ledger.realised),
            "charges": str(ledger.charges),
            "net": str(ledger.cash + ledger.realised - ledger.charges),
        },
    }


def _order(order: Order) -> Json:
    t = order.ticket
    return {
        "orderid": order.orderid,
        "symbol": t.symbol,
        "exchange": t.exchange,
        "action": t.action,
        "quantity": t.quantity,
        "pricetype": t.pricetype,
        "product": t.product,
        "price": str(t.price),
        "trigger_price": str(t.trigger_price),
        "strategy": t.strategy,
        "status": str(order.status),
        "filled": order.filled,
        "average_price": str(order.average),
        "reason": order.reason,
        "foreign": order.foreign,
        "placed_at": order.placed_at.isoformat(),
        "fills": [{"quantity": f.quantity, "price": str(f.price), "at": f.at.isoformat()} for f in order.fills],
    }
