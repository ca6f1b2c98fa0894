"""The schedule of a strategy as it is typed: its fields, what they become, and where a refusal is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.strategies.schedule import DAYS, Schedule, schedule, spell

PREFIX = "schedule-"
TICKED = "y"
_USUAL = Schedule()
SCHEDULE_FIELDS = {  # as the form names them, behind the prefix
    "entries": "",
    **{day: TICKED if day in _USUAL.days else "" for day in DAYS},
    "exit_at": "",
    "square_off": "",
    "expiry": _USUAL.expiry,
    "expiry_days": str(_USUAL.expiry_days),
    "special": _USUAL.special,
    "last_entry": "",
    "most_entries": "",
    "while_live": _USUAL.while_live,
    "zone": _USUAL.zone,
    "grace": str(_USUAL.grace),
}
OPTIONAL = ("exit_at", "square_off", "last_entry", "most_entries")
_TIME = "Type a time such as 15:10."
_SENTENCES = {
    "entries": "Type times such as 09:20 or 09:20:05, with commas between them, 24 at most, none twice.",
    "days": "Tick at least one day.",
    "exit_at": _TIME,
    "square_off": "Type whole minutes from 1 to 240, or leave it empty.",
    "expiry": "Choose which days.",
    "expiry_days": "Type whole trading days from 1 to 30.",
    "special": "Choose skip or trade.",
    "last_entry": _TIME,
    "most_entries": "Type a whole number from 1 to 100, or leave it empty.",
    "while_live": "Choose skip or enter.",
    "zone": "Type a time zone such as Asia/Kolkata or America/New_York.",
    "grace": "Type whole seconds from 0 to 900.",
}
_TOGETHER = "No entry time may be there twice or be later than the last entry."


def schedule_data(typed: Mapping[str, str]) -> dict[str, Any]:
    """For a draft; without any rule there is no schedule, whatever else is chosen."""
    if not typed["entries"] and not any(typed[name] for name in OPTIONAL):
        return {}
    chosen = {name: typed[name] for name in ("expiry", "special", "while_live", "zone", "grace")}
    if typed["expiry"] == "before":
        chosen["expiry_days"] = typed["expiry_days"]
    data: dict[str, Any] = chosen | {name: typed[name] for name in OPTIONAL if typed[name]}
    data["entries"] = typed["entries"].replace(",", " ").split()
    data["days"] = [day for day in DAYS if typed[day]]
    return data


def schedule_values(saved: dict[str, Any] | None) -> dict[str, str]:
    """What was saved, as it is typed."""
    rules = schedule(saved)
    kept = {name: getattr(rules, name) for name in SCHEDULE_FIELDS if name not in DAYS}
    values = {name: "" if value is None else str(value) for name, value in kept.items()}
    values |= {name: spell(value) for name in ("exit_at", "last_entry") if (value := kept[name]) is not None}
    values["entries"] = ", ".join(spell(at) for at in sorted(rules.entries))
    return values | {day: TICKED if day in rules.days else "" for day in DAYS}


def schedule_errors(path: Sequence[str]) -> dict[str, str]:
    """By field what is wrong: `path` is where the draft refused, behind "schedule"."""
    if not path or path[0] not in _SENTENCES:
        return {f"{PREFIX}entries": _TOGETHER}
    return {f"{PREFIX}{path[0]}": _SENTENCES[path[0]]}
