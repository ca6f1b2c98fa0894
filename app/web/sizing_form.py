"""The size of a strategy as it is typed: its fields, what they become, and where a refusal is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.money import plain
from app.strategies.sizing import sizing

PREFIX = "sizing-"
SIZING_FIELDS = {  # as the form names them, behind the prefix
    "method": "lots",
    "budget": "",
    "unit": "amount",
    "stop_points": "",
    "days": "20",
    "daily": "",
}
METHODS = {
    "lots": "The legs' lots, times the account's multiplier",
    "margin": "The grade's share of the free margin",
    "premium": "A budget for the premium that is paid",
    "equity": "A percentage of the equity, as margin",
    "risk": "What may be lost at the stop",
    "volatility": "What may move in a usual day",
}
_SENTENCES = {
    "method": "Choose how the lots are found.",
    "budget": "Type an amount above zero, or a percentage of 100 at most.",
    "unit": "Choose an amount or percent.",
    "stop_points": "Type points above zero, or leave it empty.",
    "days": "Type whole days from 5 to 250.",
    "daily": "Type a percentage above 0, 100 at most, or leave it empty.",
}
_USED = {
    "premium": ("budget", "unit"),
    "equity": ("budget",),
    "risk": ("budget", "unit", "stop_points"),
    "volatility": ("budget", "unit", "days", "daily"),
}
CAPS = ("grade", "max_lots", "max_value")
CAP_SENTENCES = {
    "multiplier": "Type a number above 0, 1,000 at most, with up to 4 decimals.",
    "grade": "Type the name of a grade, or leave it empty.",
    "max_lots": "Type whole lots from 1 to 10,000, or leave it empty.",
    "max_value": "Type an amount above zero, or leave it empty.",
}


def sizing_data(typed: Mapping[str, str]) -> dict[str, Any]:
    """For a draft, without what the method does not use."""
    method = typed["method"]
    used = {name: typed[name] for name in _USED.get(method, ()) if typed[name]}
    return {"method": method} | used | ({"unit": "percent"} if method == "equity" else {})


def sizing_values(saved: dict[str, Any] | None) -> dict[str, str]:
    """What was saved, as it is typed."""
    rule = sizing(saved)
    values = {"method": rule.method, "unit": rule.unit, "days": str(rule.days)}
    known = {"budget": rule.budget, "stop_points": rule.stop_points, "daily": rule.daily}
    return dict(SIZING_FIELDS) | values | {name: plain(one) for name, one in known.items() if one is not None}


def sizing_errors(path: Sequence[str], sentence: str) -> dict[str, str]:
    """By field what is wrong: `path` is where the draft refused, behind "sizing"."""
    if path and path[0] in _SENTENCES:
        return {f"{PREFIX}{path[0]}": _SENTENCES[path[0]]}
    if "stop" in sentence:
        return {f"{PREFIX}stop_points": sentence}
    return {f"{PREFIX}method": sentence} if "leg" in sentence else {f"{PREFIX}budget": _SENTENCES["budget"]}


def cap_errors(path: Sequence[str]) -> dict[str, str]:
    """The same of an account's share."""
    place = path[0] if path and path[0] in CAPS else "multiplier"
    return {place: CAP_SENTENCES[place]}
