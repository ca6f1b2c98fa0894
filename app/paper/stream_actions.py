"""What a client may say on the WebSocket, and the answers OpenAlgo gives. Errors carry no `type` and echo no
request id.
"""

import time
from collections.abc import Callable
from typing import Any

from app.paper.broker import Broker
from app.paper.rows import Row
from app.paper.stream import DEPTH, LTP, QUOTE, Client, Hub

LABELS = {LTP: "LTP", QUOTE: "Quote", DEPTH: "Depth"}
MODES: dict[Any, int] = {
    **{mode: mode for mode in LABELS},
    **{str(mode): mode for mode in LABELS},
    **{label.lower(): mode for mode, label in LABELS.items()},
}
DEFAULT_MODE = QUOTE


class SaidWrong(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.answer: Row = {"status": "error", "code": code, "message": message}


def respond(hub: Hub, client: Client, message: Any) -> None:
    """Carry out one message of the client; every outcome is said on its socket."""
    try:
        if not isinstance(message, dict):
            raise SaidWrong("INVALID_JSON", "Invalid JSON message")
        action = message.get("action") or message.get("type")
        handler = ACTIONS.get(action) if isinstance(action, str) else None
        if handler is None:
            raise SaidWrong("INVALID_ACTION", f"Invalid action: {action}")
        if action not in OPEN_TO_ALL and not client.authenticated:
            raise SaidWrong("NOT_AUTHENTICATED", "You must authenticate first")
        client.say(_with_request_id(handler(hub, client, message), message))
    except SaidWrong as wrong:
        client.say(wrong.answer)


def _with_request_id(answer: Row, message: Row) -> Row:
    if answer["type"] in ECHOING and "request_id" in message:
        return {**answer, "request_id": message["request_id"]}
    return answer


def _authenticate(hub: Hub, client: Client, message: Row) -> Row:
    """Also on a socket that was authenticated before: it starts afresh, without subscriptions."""
    broker = hub.broker
    key = message.get("api_key") or message.get("apikey")
    if not key:
        raise SaidWrong("AUTHENTICATION_ERROR", "API key is required")
    if key != broker.config.api_key:
        raise SaidWrong("AUTHENTICATION_ERROR", "Invalid API key")
    if not broker.logged_in:
        raise SaidWrong("BROKER_ERROR", "No broker configuration found for user")
    if client.session != broker.sessions:
        client.subscriptions.clear()
    client.session = broker.sessions
    return {
        "type": "auth",
        "status": "success",
        "message": "Authentication successful",
        "broker": broker.name,
        "user_id": broker.config.user_id,
        "supported_features": {"ltp": True, "quote": True, "depth": True},
    }


def _mode(value: Any) -> int:
    known = isinstance(value, str | int) and not isinstance(value, bool)
    mode = MODES.get(value.lower() if isinstance(value, str) else value) if known else None
    if mode is None:
        raise SaidWrong("INVALID_MODE", f"Invalid mode {value}; expected 1 (LTP), 2 (Quote), or 3 (Depth)")
    return mode


def _items(message: Row) -> list[Row]:
    """The symbols of a message: a list, or one symbol and exchange beside it."""
    items = message.get("symbols")
    if isinstance(items, list) and items:
        return [item if isinstance(item, dict) else {} for item in items]
    if message.get("symbol") and message.get("exchange"):
        return [message]
    raise SaidWrong("INVALID_PARAMETERS", "At least one symbol must be specified")


def _adapter(hub: Hub, client: Client) -> Broker:
    if not hub.valid(client):
        raise SaidWrong("BROKER_ERROR", "Broker adapter not found")
    return hub.broker


def _subscribe(hub: Hub, client: Client, message: Row) -> Row:
    items = _items(message)
    mode = _mode(message.get("mode", DEFAULT_MODE))
    broker = _adapter(hub, client)
    listed = [_subscribe_one(hub, client, item, mode, message.get("depth", 5)) for item in items]
    good = all(entry["status"] == "success" for entry in listed)
    return {
        "type": "subscribe",
        "status": "success" if good else "partial",
        "subscriptions": listed,
        "message": "Subscription processing complete",
        "broker": broker.name,
    }


def _subscribe_one(hub: Hub, client: Client, item: Row, mode: int, depth: Any) -> Row:
    symbol, exchange = str(item.get("symbol", "")), str(item.get("exchange", ""))
    entry = {"symbol": symbol, "exchange": exchange, "broker": hub.broker.name}
    if hub.broker.prices.find(symbol, exchange) is None:
        return {**entry, "status": "error", "message": f"Symbol {symbol} not found for exchange {exchange}"}
    if not hub.has_room(client, (symbol, exchange)):
        return {**entry, "status": "error", "message": "Symbol capacity of the broker connection reached"}
    client.subscriptions.setdefault((symbol, exchange), set()).add(mode)
    return {**entry, "status": "success", "mode": LABELS[mode], "depth": depth}


def _unsubscribe(hub: Hub, client: Client, message: Row) -> Row:
    """Without a mode it means Quote: an LTP subscription then stays, and the answer is success all the same."""
    listed = []
    for item in _items(message):
        mode = _mode(item.get("mode", message.get("mode", DEFAULT_MODE)))
        key = (str(item.get("symbol", "")), str(item.get("exchange", "")))
        modes = client.subscriptions.get(key, set())
        modes.discard(mode)
        if not modes:
            client.subscriptions.pop(key, None)
        listed.append(_gone(hub, key))
    return _unsubscribed(hub, listed)


def _unsubscribe_all(hub: Hub, client: Client, _message: Row) -> Row:
    listed = [_gone(hub, key) for key in client.subscriptions]
    client.subscriptions.clear()
    return _unsubscribed(hub, listed)


def _gone(hub: Hub, key: tuple[str, str]) -> Row:
    return {"symbol": key[0], "exchange": key[1], "status": "success", "broker": hub.broker.name}


def _unsubscribed(hub: Hub, successful: list[Row]) -> Row:
    return {
        "type": "unsubscribe",
        "status": "success",
        "successful": successful,
        "failed": [],
        "message": "Unsubscription processing complete",
        "broker": hub.broker.name,
    }


def _subscribe_orders(_hub: Hub, client: Client, _message: Row) -> Row:
    client.orders = True
    return {"type": "subscribe_orders", "status": "success", "message": "Subscribed to order updates"}


def _unsubscribe_orders(_hub: Hub, client: Client, _message: Row) -> Row:
    client.orders = False
    message = "Unsubscribed from order updates"
    return {"type": "unsubscribe_orders", "status": "success", "message": message}


def _ping(_hub: Hub, _client: Client, message: Row) -> Row:
    return {
        "type": "pong",
        "status": "success",
        "server_timestamp": int(time.time() * 1000),
        "client_timestamp": message.get("timestamp"),
    }


def _broker_info(hub: Hub, client: Client, _message: Row) -> Row:
    return {
        "type": "broker_info",
        "status": "success",
        "broker": hub.broker.name,
        "adapter_status": "connected" if hub.valid(client) else "disconnected",
        "user_id": hub.broker.config.user_id,
    }


def _supported_brokers(hub: Hub, _client: Client, _message: Row) -> Row:
    names = sorted({hub.broker.name, "zerodha"})
    return {"type": "supported_brokers", "status": "success", "brokers": names, "count": len(names)}


ACTIONS: dict[str, Callable[[Hub, Client, Row], Row]] = {
    "authenticate": _authenticate,
    "auth": _authenticate,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "unsubscribe_all": _unsubscribe_all,
    "subscribe_orders": _subscribe_orders,
    "unsubscribe_orders": _unsubscribe_orders,
    "ping": _ping,
    "get_broker_info": _broker_info,
    "get_supported_brokers": _supported_brokers,
}
OPEN_TO_ALL = frozenset({"authenticate", "auth", "ping", "get_supported_brokers"})
ECHOING = frozenset({"subscribe", "subscribe_orders", "unsubscribe_orders"})
