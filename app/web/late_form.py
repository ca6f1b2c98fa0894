"""When a leg is entered, where that is not with the others, and whether again: as it is typed in the leg's row."""

from collections.abc import Mapping, Sequence
from typing import Any

LATE_FIELDS = {
    "wait_value": "",
    "wait_unit": "percent",
    "wait_way": "up",
    "range_start": "",
    "range_end": "",
    "range_of": "underlying",
    "range_side": "above",
    "range_strike": "start",
    "range_last": "",
    "again_times": "",
    "again_how": "at_once",
    "again_after": "stop",
    "again_strike": "same",
}
LATE_CHOICES = (
    "wait_unit",
    "wait_way",
    "range_of",
    "range_side",
    "range_strike",
    "again_how",
    "again_after",
    "again_strike",
)
LATE_OPTIONS = {
    "wait_unit": {"percent": "%", "points": "points"},
    "wait_way": {"up": "up", "down": "down"},
    "range_of": {"underlying": "underlying", "contract": "the contract"},
    "range_side": {"above": "above the high", "below": "below the low"},
    "range_strike": {"start": "chosen at the start", "breakout": "chosen at the breakout"},
    "again_how": {"at_once": "at once, at market", "at_cost": "at its first entry price"},
    "again_after": {"stop": "its stop", "target": "its target", "either": "stop or target"},
    "again_strike": {"same": "the same contract", "new": "strike chosen anew"},
}
_TIMES = "Type times such as 09:15 and 09:30; the end after the start."
LATE_SENTENCES = {
    "wait": "Type how far its price moves first: above zero, and less than 100 % down.",
    "breakout": _TIMES,
    "again": "Type how often: a whole number from 1 to 20, or leave it empty.",
}
LATE_AT = {"wait": "wait_value", "breakout": "range_start", "again": "again_times"}


def late_values(leg: Mapping[str, Any]) -> dict[str, str]:
    """Of a saved leg."""
    values = dict(LATE_FIELDS)
    for name, saved in (("wait", "wait"), ("range", "breakout"), ("again", "again")):
        for part, value in (leg.get(saved) or {}).items():
            text = "" if value is None else str(value)
            values[f"{name}_{part}"] = text[:5] if part in ("start", "end", "last") else text
    return values


def late_data(values: Mapping[str, str]) -> dict[str, object]:
    """Of a typed one; what was left empty is not there."""
    data: dict[str, object] = {}
    if values["wait_value"]:
        data["wait"] = _of(values, "wait", ("value", "unit", "way"))
    if values["range_start"] or values["range_end"]:
        data["breakout"] = {"start": "", "end": ""} | _of(
            values, "range", ("start", "end", "of", "side", "strike", "last")
        )
    if values["again_times"]:
        data["again"] = _of(values, "again", ("times", "how", "after", "strike"))
    return data


def is_late(values: Mapping[str, str], errors: Mapping[str, str]) -> bool:
    """Whether the fold has something to show."""
    typed = any(values[name] for name in LATE_FIELDS if name not in LATE_CHOICES)
    return typed or any(name in LATE_FIELDS for name in errors)


def late_place(path: Sequence[str], sentence: str) -> tuple[str, str]:
    """Where a complaint about one of them is shown, and how it is said."""
    name, rest = path[0], path[1:]
    if name == "breakout" and rest == ["last"]:
        return "range_last", "Type a time such as 11:00, or leave it empty."
    if name == "breakout" and "last time" in sentence:
        return "range_last", sentence
    if name == "breakout" and "its strike" in sentence:
        return "range_strike", sentence
    if name == "breakout" and rest == ["end"]:
        return "range_end", _TIMES
    if name == "again" and not rest:
        return "again_strike", sentence
    return LATE_AT[name], LATE_SENTENCES[name]


def _of(values: Mapping[str, str], name: str, parts: Sequence[str]) -> dict[str, object]:
    return {part: values[f"{name}_{part}"] for part in parts if values[f"{name}_{part}"]}
