"""Trouble on demand: which fault strikes which call, order or frame, and when.

A fault belongs to one broker and has a kind, a filter (endpoint, symbol and action, shell patterns) and a
moment: `next` (the next n matches), `nth` (only the n-th), `every` (every n-th), `probability` (seeded), or
always until cleared. What a kind does is written where it strikes: answers in rest.py, orders in books.py,
frames in stream.py, prices in broker.py. Counting is deterministic: a match is counted once, in the order in
which things reach the broker.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


class BadFaultError(ValueError):
    """The description of a fault makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    stage: str
    defaults: dict[str, Any]


def _kind(stage: str, **defaults: Any) -> Kind:
    return Kind(stage, defaults)


# Stages: call (a request, before or after it did its work), order, push (order updates), tick (market data),
# price, state.
KINDS: dict[str, Kind] = {
    "latency": _kind("call", ms=1000, jitter_ms=0, where="split"),
    "lost": _kind("call", how="hang", seconds=120, placed=True),
    "error": _kind("call", status=500, message="", placed=False),
    "html": _kind("call", status=502, placed=False),
    "null_orderid": _kind("call", placed=False),
    "rate_limit": _kind("call", message="10 per 1 second"),
    "broker_rate_limit": _kind("call", message="Too many requests"),
    "empty_book": _kind("call"),
    "semi_auto": _kind("call"),
    "dead_token": _kind("call", message="Invalid session credentials"),
    "reject": _kind("order", reason="Order rejected by the exchange", at_gateway=False),
    "slow_fills": _kind("order", ms=2000),
    "partial_fills": _kind("order", fraction=0.5, rest="later"),
    "slow_cancel": _kind("order", ms=2000),
    "late_book": _kind("order", ms=2000),
    "raw_status": _kind("order", text="put order req received", ms=2000),
    "order_silent": _kind("push"),
    "order_drop": _kind("push"),
    "order_duplicate": _kind("push"),
    "order_reorder": _kind("push"),
    "market_silent": _kind("tick"),
    "market_drop": _kind("tick"),
    "market_duplicate": _kind("tick"),
    "market_reorder": _kind("tick"),
    "market_garbage": _kind("tick"),
    "price": _kind("price", how="freeze", value=0),
    "logged_out": _kind("state"),
    "analyzer_switch": _kind("state"),
}
FILTERS = ("endpoint", "symbol", "action")
CALL, ORDER, PUSH, TICK, PRICE = (
    frozenset(name for name, kind in KINDS.items() if kind.stage == stage)
    for stage in ("call", "order", "push", "tick", "price")
)
MOMENTS = ("next", "nth", "every", "probability")


@dataclass(slots=True)
class Fault:
    id: str
    kind: str
    params: dict[str, Any]
    filters: dict[str, str]
    moment: str
    count: float
    seen: int = 0
    fired: int = 0
    memory: dict[Any, Any] = field(default_factory=dict)

    def matches(self, endpoint: str, symbol: str, action: str) -> bool:
        value = {"endpoint": endpoint, "symbol": symbol, "action": action}
        return all(fnmatchcase(value[name], pattern) for name, pattern in self.filters.items())

    def due(self, rng: random.Random) -> bool:
        self.seen += 1
        if not self._now(rng):
            return False
        self.fired += 1
        return True

    def _now(self, rng: random.Random) -> bool:
        if self.moment == "next":
            return self.seen <= self.count
        if self.moment == "nth":
            return self.seen == self.count
        if self.moment == "every":
            return self.seen % self.count == 0
        return self.moment != "probability" or rng.random() < self.count

    @property
    def spent(self) -> bool:
        return self.moment in ("next", "nth") and self.seen >= self.count

    def shown(self) -> dict[str, Any]:
        moment = {self.moment: self.count} if self.moment else {}
        counts = {"seen": self.seen, "fired": self.fired, "spent": self.spent}
        return {"id": self.id, "kind": self.kind, **self.filters, **moment, **self.params, **counts}


def parse(spec: dict[str, Any], fault_id: str) -> Fault:
    """A fault from its flat JSON description. Raises BadFaultError."""
    name = spec.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise BadFaultError(f"kind must be one of: {', '.join(KINDS)}")
    rest = {key: value for key, value in spec.items() if key not in ("kind", "broker")}
    filters = {key: str(rest.pop(key)) for key in FILTERS if key in rest}
    moments = {key: rest.pop(key) for key in MOMENTS if key in rest}
    moment, count = _moment(moments)
    return Fault(fault_id, name, _params(name, kind, rest), filters, moment, count)


def _moment(moments: dict[str, Any]) -> tuple[str, float]:
    if not moments:
        return "", 0
    if len(moments) > 1:
        raise BadFaultError("give at most one of: " + ", ".join(MOMENTS))
    name, count = next(iter(moments.items()))
    if isinstance(count, bool) or not isinstance(count, int | float):
        raise BadFaultError(f"{name} must be a number")
    if name == "probability" and not 0 <= count <= 1:
        raise BadFaultError("probability must be between 0 and 1")
    if name != "probability" and (count < 1 or count != int(count)):
        raise BadFaultError(f"{name} must be a whole number of at least 1")
    return name, count


def _params(name: str, kind: Kind, given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        if key not in kind.defaults:
            raise BadFaultError(f"{name} knows no {key}; it knows: {', '.join(kind.defaults) or 'nothing'}")
        if not _same_sort(kind.defaults[key], value):
            raise BadFaultError(f"{key} must be like {kind.defaults[key]!r}")
    return {**kind.defaults, **given}


def _same_sort(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


class FaultSet:
    """The faults of one broker."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = random.Random(seed)
        self._faults: dict[str, Fault] = {}

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, fault: Fault) -> None:
        self._faults[fault.id] = fault

    def remove(self, fault_id: str) -> Fault | None:
        return self._faults.pop(fault_id, None)

    def clear(self) -> list[Fault]:
        removed = list(self._faults.values())
        self._faults.clear()
        self._rng.seed(self._seed)
        return removed

    def take(self, kinds: frozenset[str], endpoint: str = "", symbol: str = "", action: str = "") -> list[Fault]:
        """The faults of these kinds that strike this event now. Each match is counted, so ask once per event."""
        if not self._faults:
            return []
        return [
            fault
            for fault in self._faults.values()
            if fault.kind in kinds and fault.matches(endpoint, symbol, action) and fault.due(self._rng)
        ]

    def jitter(self, ms: float) -> float:
        """A seeded offset between -ms and +ms."""
        return self._rng.uniform(-ms, ms) if ms else 0.0

    def shown(self) -> list[dict[str, Any]]:
        return [fault.shown() for fault in self._faults.values()]
