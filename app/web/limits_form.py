"""The limits of a strategy as they are typed: their fields, what they become, and where a refusal is shown."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.core.money import plain
from app.risk.limits import limits

PREFIX = "limits-"
LIMIT_FIELDS = {  # as the form names them, behind the prefix
    "of": "run",
    "stop_value": "",
    "stop_unit": "amount",
    "target_value": "",
    "target_unit": "amount",
    "trail_value": "",
    "trail_unit": "amount",
    "trail_factor": "1",
    "lock_at": "",
    "lock_keep": "",
    "lock_step": "",
    "lock_gain": "",
    "lock_unit": "amount",
    "even_value": "",
    "even_unit": "amount",
    "others_to_cost": "",
    "premium_stop_value": "",
    "premium_stop_unit": "points",
    "premium_target_value": "",
    "premium_target_unit": "points",
    "underlying_above": "",
    "underlying_below": "",
    "supertrend_when": "",
    "supertrend_on": "underlying",
    "supertrend_leg": "",
    "supertrend_timeframe": "5m",
    "supertrend_period": "10",
    "supertrend_multiplier": "3",
    "delta_beyond": "",
    "delta_on": "run",
    "delta_leg": "",
    "until": "",
}
GROUPS = {  # how they are folded on the page; the first is always open
    "plain": ("stop", "target", "until"),
    "trail": ("trail", "lock", "even", "others_to_cost"),
    "premium": ("premium_stop", "premium_target"),
    "underlying": ("underlying",),
    "supertrend": ("supertrend",),
    "delta": ("delta",),
}
LEVELS = ("stop", "target", "even", "premium_stop", "premium_target")
_ABOVE = "Type a number above zero."
_UNIT = "Choose an amount, percent or points."
_PREMIUM_UNIT = "Choose points, percent or a level."
_LEG = "Type the number of a leg above: 1 is the first."
_SENTENCES = {
    "of": "Choose the run or each account.",
    "stop_value": _ABOVE,
    "stop_unit": _UNIT,
    "target_value": _ABOVE,
    "target_unit": _UNIT,
    "trail_value": _ABOVE,
    "trail_unit": _UNIT,
    "trail_factor": "Type a number above 0, 1 at most: 0.5 follows half of the way.",
    "lock_at": "Type the profit at which it is locked.",
    "lock_keep": "Type what is kept of it: zero or more, and less than the profit at which it is locked.",
    "lock_step": "Type a number above zero, or leave both steps empty.",
    "lock_gain": "Type a number above zero that is no more than the step.",
    "lock_unit": _UNIT,
    "even_value": _ABOVE,
    "even_unit": _UNIT,
    "premium_stop_value": _ABOVE,
    "premium_stop_unit": _PREMIUM_UNIT,
    "premium_target_value": _ABOVE,
    "premium_target_unit": _PREMIUM_UNIT,
    "underlying_above": "Type a price above zero.",
    "underlying_below": "Type a price above zero, and under the one above.",
    "supertrend_when": "Choose a breakout or a breakdown.",
    "supertrend_on": "Choose the underlying, the combined premium or a leg.",
    "supertrend_leg": _LEG,
    "supertrend_timeframe": "Choose the length of a candle.",
    "supertrend_period": "Type a whole number of candles from 1 to 100.",
    "supertrend_multiplier": "Type a number above 0, 50 at most.",
    "delta_beyond": "Type a number above 0, 1,000 at most: 0.4, for a leg's contract.",
    "delta_on": "Choose the run or a leg.",
    "delta_leg": _LEG,
    "until": "Type a time such as 15:10, in India time.",
}


def limit_data(typed: Mapping[str, str]) -> dict[str, Any]:
    """For a draft; what was left empty is no limit."""
    data: dict[str, Any] = {"of": typed["of"]}
    for name in LEVELS:
        if typed[f"{name}_value"]:
            data[name] = {"value": typed[f"{name}_value"], "unit": typed[f"{name}_unit"]}
    if typed["trail_value"]:
        stop = {"value": typed["trail_value"], "unit": typed["trail_unit"]}
        data["trail"] = {"stop": stop, "factor": typed["trail_factor"]}
    locked = _typed(typed, "lock", ("at", "keep", "step", "gain"))
    if locked:
        data["lock"] = locked | {"unit": typed["lock_unit"]}
    levels = _typed(typed, "underlying", ("above", "below"))
    if levels:
        data["underlying"] = levels
    return data | _looked_at(typed)


def _looked_at(typed: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, asked, parts in (
        ("supertrend", "when", ("when", "on", "timeframe", "period", "multiplier")),
        ("delta", "beyond", ("beyond", "on")),
    ):
        if typed[f"{name}_{asked}"]:
            is_of_leg = typed[f"{name}_on"] == "leg"  # a number left behind names no leg of a run
            data[name] = _typed(typed, name, (*parts, "leg") if is_of_leg else parts)
    if typed["others_to_cost"]:
        data["others_to_cost"] = True
    if typed["until"]:
        data["until"] = typed["until"]
    return data


def _typed(typed: Mapping[str, str], name: str, parts: Sequence[str]) -> dict[str, str]:
    return {part: typed[f"{name}_{part}"] for part in parts if typed[f"{name}_{part}"]}


def limit_values(saved: dict[str, Any] | None) -> dict[str, str]:
    """What was saved, as it is typed."""
    rules = limits(saved)
    values = dict(LIMIT_FIELDS) | {"of": rules.of}
    levels = [(name, getattr(rules, name)) for name in LEVELS] + [("trail", rules.trail and rules.trail.stop)]
    for name, level in levels:
        if level:
            values |= {f"{name}_value": plain(level.value), f"{name}_unit": level.unit}
    if rules.trail:
        values["trail_factor"] = plain(rules.trail.factor)
    for name in ("lock", "underlying", "supertrend", "delta"):
        rule = getattr(rules, name)
        if rule:
            values |= {f"{name}_{part}": _text(value) for part, value in rule if value is not None}
    if rules.others_to_cost:
        values["others_to_cost"] = "y"
    if rules.until:
        values["until"] = f"{rules.until:%H:%M}"
    return values


def _text(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def limit_groups(typed: Mapping[str, str]) -> dict[str, str]:
    """By group what is set in it, as a person would say it; "" where nothing is, or where it cannot be read."""
    try:
        said = limits(limit_data(typed)).said
    except ValidationError:
        said = {}
    return {group: ". ".join(said[name] for name in names if name in said) for group, names in GROUPS.items()}


def faulty_groups(errors: Mapping[str, str]) -> set[str]:
    """The groups that have a field to be mended."""
    return {
        group for group, names in GROUPS.items() for name in names if any(e.startswith(PREFIX + name) for e in errors)
    }


def limit_errors(path: Sequence[str], sentence: str) -> dict[str, str]:
    """By field what is wrong: `path` is where the draft refused, behind "limits"."""
    match list(path):
        case ["trail", "stop", part]:
            place = f"trail_{part}"
        case ["lock"]:
            place = "lock_gain" if "step" in sentence else "lock_keep"
        case ["underlying"]:
            place = "underlying_below"
        case [("supertrend" | "delta") as name]:
            place = f"{name}_leg"
        case [first, *rest]:
            place = "_".join([first, *rest])
        case _:
            place = "of"
    if place not in _SENTENCES:
        place = "of"
    return {f"{PREFIX}{place}": _SENTENCES[place]}


def leg_errors(typed: Mapping[str, str], legs: int) -> dict[str, str]:
    """Where a limit looks at a leg that is none."""
    named = {f"{name}_leg": typed[f"{name}_leg"] for name in ("supertrend", "delta") if typed[f"{name}_on"] == "leg"}
    return {f"{PREFIX}{place}": _LEG for place, number in named.items() if number.isdecimal() and int(number) > legs}
