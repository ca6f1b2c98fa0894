"""The strategies everybody knows, as data. Pure.

A leg is an action, a kind, a strike counted from the money and how many times the lots; `far` legs expire one step
later. Filled for an underlying they are legs as a person would have typed them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LATER = {
    "current_week": "next_week", "next_week": "expiry_3", "current_month": "next_month", "next_month": "month_3",
}  # fmt: skip
EXPIRIES = tuple(LATER)


@dataclass(frozen=True, slots=True)
class TemplateLeg:
    action: str
    kind: str
    strike: str = "ATM"
    times: int = 1
    is_far: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    key: str
    name: str
    view: str  # which way the trader thinks it goes
    summary: str
    legs: tuple[TemplateLeg, ...]


def _legs(*lines: str) -> tuple[TemplateLeg, ...]:
    """`BUY CE OTM2`, `SELL PE ATM x2`, `BUY CE ATM far`, `BUY FUT`."""
    made = []
    for line in lines:
        action, kind, *rest = line.split()
        times = next((int(word[1:]) for word in rest if word.startswith("x")), 1)
        strike = next((word for word in rest if word != "far" and not word.startswith("x")), "ATM")
        made.append(TemplateLeg(action, kind, strike, times, "far" in rest))
    return tuple(made)


UP, DOWN, STILL, MOVES = "Rises", "Falls", "Stays", "Moves"
TEMPLATES = (
    Template(
        "bull-call-spread",
        "Bull call spread",
        UP,
        "Buys a call and sells a farther one.",
        _legs("BUY CE ATM", "SELL CE OTM3"),
    ),
    Template(
        "bull-put-spread",
        "Bull put spread",
        UP,
        "Sells a put and buys a farther one.",
        _legs("BUY PE OTM3", "SELL PE ATM"),
    ),
    Template(
        "call-ratio-backspread",
        "Call ratio backspread",
        UP,
        "Sells one call, buys two farther ones.",
        _legs("BUY CE OTM2 x2", "SELL CE ATM"),
    ),
    Template(
        "synthetic-long",
        "Synthetic future, long",
        UP,
        "Buys a call and sells the put of its strike.",
        _legs("BUY CE ATM", "SELL PE ATM"),
    ),
    Template(
        "risk-reversal",
        "Risk reversal",
        UP,
        "Buys a call and sells a put, both out of the money.",
        _legs("BUY CE OTM2", "SELL PE OTM2"),
    ),
    Template(
        "covered-future",
        "Covered future",
        UP,
        "Buys the future and sells a call against it.",
        _legs("BUY FUT", "SELL CE OTM2"),
    ),
    Template(
        "bear-put-spread",
        "Bear put spread",
        DOWN,
        "Buys a put and sells a farther one.",
        _legs("BUY PE ATM", "SELL PE OTM3"),
    ),
    Template(
        "bear-call-spread",
        "Bear call spread",
        DOWN,
        "Sells a call and buys a farther one.",
        _legs("BUY CE OTM3", "SELL CE ATM"),
    ),
    Template(
        "put-ratio-backspread",
        "Put ratio backspread",
        DOWN,
        "Sells one put, buys two farther ones.",
        _legs("BUY PE OTM2 x2", "SELL PE ATM"),
    ),
    Template(
        "synthetic-short",
        "Synthetic future, short",
        DOWN,
        "Buys a put and sells the call of its strike.",
        _legs("BUY PE ATM", "SELL CE ATM"),
    ),
    Template(
        "short-straddle",
        "Short straddle",
        STILL,
        "Sells the call and the put at the money. Loss is not limited.",
        _legs("SELL CE ATM", "SELL PE ATM"),
    ),
    Template(
        "short-strangle",
        "Short strangle",
        STILL,
        "Sells a call and a put out of the money. Loss is not limited.",
        _legs("SELL CE OTM3", "SELL PE OTM3"),
    ),
    Template(
        "iron-condor",
        "Iron condor",
        STILL,
        "A short strangle with bought wings.",
        _legs("BUY CE OTM6", "BUY PE OTM6", "SELL CE OTM3", "SELL PE OTM3"),
    ),
    Template(
        "iron-butterfly",
        "Iron butterfly",
        STILL,
        "A short straddle with bought wings.",
        _legs("BUY CE OTM4", "BUY PE OTM4", "SELL CE ATM", "SELL PE ATM"),
    ),
    Template(
        "call-butterfly",
        "Call butterfly",
        STILL,
        "Sells two calls at the money between two bought ones.",
        _legs("BUY CE ITM3", "BUY CE OTM3", "SELL CE ATM x2"),
    ),
    Template(
        "put-butterfly",
        "Put butterfly",
        STILL,
        "Sells two puts at the money between two bought ones.",
        _legs("BUY PE ITM3", "BUY PE OTM3", "SELL PE ATM x2"),
    ),
    Template(
        "call-calendar",
        "Call calendar",
        STILL,
        "Sells this expiry's call and buys the next one's.",
        _legs("BUY CE ATM far", "SELL CE ATM"),
    ),
    Template(
        "put-calendar",
        "Put calendar",
        STILL,
        "Sells this expiry's put and buys the next one's.",
        _legs("BUY PE ATM far", "SELL PE ATM"),
    ),
    Template(
        "call-ratio-spread",
        "Call ratio spread",
        STILL,
        "Buys one call, sells two farther ones. Loss is not limited.",
        _legs("BUY CE ATM", "SELL CE OTM3 x2"),
    ),
    Template(
        "put-ratio-spread",
        "Put ratio spread",
        STILL,
        "Buys one put, sells two farther ones.",
        _legs("BUY PE ATM", "SELL PE OTM3 x2"),
    ),
    Template(
        "jade-lizard",
        "Jade lizard",
        STILL,
        "Sells a put and a call spread.",
        _legs("BUY CE OTM5", "SELL CE OTM3", "SELL PE OTM3"),
    ),
    Template(
        "long-straddle",
        "Long straddle",
        MOVES,
        "Buys the call and the put at the money.",
        _legs("BUY CE ATM", "BUY PE ATM"),
    ),
    Template(
        "long-strangle",
        "Long strangle",
        MOVES,
        "Buys a call and a put out of the money.",
        _legs("BUY CE OTM3", "BUY PE OTM3"),
    ),
)
BY_KEY = {template.key: template for template in TEMPLATES}


def fill(
    legs: Sequence[TemplateLeg], underlying: str, exchange: str, expiry: str = "current_week", lots: int = 1
) -> list[dict[str, Any]]:
    """The legs as they are saved; futures are monthly, so theirs is the month's. `expiry` is one of EXPIRIES."""
    usual = {"exchange": exchange, "underlying": underlying}
    return [usual | _leg(leg, expiry) | {"lots": lots * leg.times} for leg in legs]


def _leg(leg: TemplateLeg, expiry: str) -> dict[str, Any]:
    if leg.kind == "FUT":
        return {"action": leg.action, "kind": leg.kind, "expiry": "current_month"}
    when = LATER[expiry] if leg.is_far else expiry
    return {"action": leg.action, "kind": leg.kind, "expiry": when, "strike": leg.strike}


def moved(legs: Sequence[dict[str, Any]], underlying: str, exchange: str) -> list[dict[str, Any]]:
    """Somebody's own legs for another underlying; legs that name a symbol stay as they are."""
    there = {"underlying": underlying, "exchange": exchange}
    return [leg if leg.get("kind") == "SYMBOL" else leg | there for leg in legs]
