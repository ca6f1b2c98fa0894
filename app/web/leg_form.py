"""One leg as it is typed: its fields, how they become a leg, and at which of them a complaint is shown.

A strike is one field whatever chooses it: `OTM2`, `24400`, a premium, `80-120`, or a delta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.instruments.expiries import counted
from app.instruments.symbols import parse_date
from app.web.late_form import LATE_CHOICES, LATE_FIELDS, LATE_SENTENCES, is_late, late_data, late_place, late_values

LEG_FIELDS = {
    "action": "BUY",
    "kind": "CE",
    "exchange": "NFO",
    "underlying": "NIFTY",
    "expiry": "current_week",  # a rule, one of COUNTED, or "date"
    "expiry_number": "",
    "expiry_date": "",
    "strike_by": "strike",
    "strike": "ATM",
    "symbol": "",
    "lots": "1",
    "counted": "lots",
    "product": "NRML",
    "price_type": "MARKET",
    "price": "",
    "price_by": "fixed",
    "price_unit": "points",
    "trigger": "",
    "trigger_by": "fixed",
    "chase_times": "",
    "chase_every": "",
    "chase_then": "leave",
    "stop_value": "",
    "stop_unit": "points",
    "target_value": "",
    "target_unit": "points",
    "trail_value": "",
    "trail_unit": "points",
    "even_value": "",
    "even_unit": "points",
    "held": "desk",
    "was": "",  # the number it had on the page that came in
} | LATE_FIELDS
ON_A_DATE = "date"
COUNTED = {"n_expiry": "expiry", "n_month": "month", "n_days": "days"}
RANGES = {"range": "middle", "range_first": "first"}
OF_LEVELS = ("stop", "target", "trail", "even")
_CODE = "Letters, digits, & . - _ only, 40 at most."
LEG_SENTENCES = {
    "action": "Choose BUY or SELL.",
    "kind": "Choose CE, PE, FUT or SYMBOL.",
    "exchange": _CODE,
    "underlying": _CODE,
    "expiry": "Choose a rule or a date.",
    "strike": "Type ATM, ITM1, OTM2 and so on, or a strike such as 24400.",
    "pick": "Type a premium such as 100, a range such as 80-120, or a delta such as 0.3.",
    "symbol": _CODE,
    "lots": "Type a whole number of lots from 1 to 10,000.",
    "units": "Type a whole number of units, a multiple of the lot.",
    "product": "Choose NRML, MIS or CNC.",
    "price_type": "Choose MARKET, LIMIT, SL or SL-M.",
    "price": "Type a price above zero, or leave it empty for MARKET.",
    "price_from": "Type how far from the market, such as 0.5; more is better, less than 0 gives away.",
    "trigger_price": "Type a trigger above zero.",
    "trigger_from": "Type how far beyond the last price, above zero.",
    "chase": "Type 1 to 50 times and 1 to 600 seconds, or leave both empty.",
    "stop": "Type a number above zero, or leave it empty.",
    "target": "Type a number above zero, or leave it empty.",
    "trail": "Type a number above zero, or leave it empty.",
    "even": "Type a number above zero, or leave it empty.",
}
AT = {  # where a part of a leg is typed, where that is another field
    "pick": "strike", "units": "lots", "price_from": "price", "trigger_price": "trigger", "trigger_from": "trigger",
    "chase": "chase_times", "stop": "stop_value", "target": "target_value", "trail": "trail_value",
    "even": "even_value",
}  # fmt: skip
# A complaint about how a leg fits together is shown at the field it names first.
PLACES = {
    "rest at": "held", "again": "again_times", "waits": "wait_value",
    "symbol": "symbol", "underlying": "underlying", "expiry": "expiry", "chase": "chase_times", "strike": "strike",
    "range": "strike", "premium": "strike", "delta": "strike", "lots": "lots", "the limit lies": "price",
    "trigger": "trigger", "price": "price",
}  # fmt: skip


@dataclass(slots=True)
class LegRow:
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def show(self, path: Sequence[str], sentences: Sequence[str]) -> None:
        """A complaint at its field."""
        text = sentences[0]
        if path and path[0] in LATE_SENTENCES:
            place, text = late_place(path, text)
        elif not path:
            place = next((place for word, place in PLACES.items() if word in text.lower()), "kind")
        else:
            place = AT.get(path[0], path[0])
            is_ours = path[0] in ("units", "pick") and "multiple" in text
            text = text if is_ours else LEG_SENTENCES.get(path[0], text)
        self.errors[place] = text

    @property
    def is_late(self) -> bool:
        """Whether the fold of its waiting and coming again has something to show."""
        return is_late(self.values, self.errors)


def leg_values(leg: Mapping[str, Any]) -> dict[str, str]:
    """A saved leg as its fields show it."""
    values = {name: str(leg.get(name) or usual_if_choice(name)) for name in LEG_FIELDS}
    for name in OF_LEVELS:
        level = leg.get(name)
        if isinstance(level, Mapping):
            values |= {f"{name}_value": str(level["value"]), f"{name}_unit": str(level["unit"])}
    if leg.get("units"):
        values |= {"lots": str(leg["units"]), "counted": "units"}
    values |= _expiry_values(values["expiry"]) | _pick_values(leg.get("pick")) | _price_values(leg)
    return values | {"held": "broker" if leg.get("at_broker") else "desk"} | late_values(leg)


def usual_if_choice(name: str) -> str:
    """What a choice of the form stands at where the leg says nothing of it."""
    is_choice = name.endswith(("_by", "_unit", "_then")) or name == "counted" or name in LATE_CHOICES
    return LEG_FIELDS[name] if is_choice else ""


def _expiry_values(expiry: str) -> dict[str, str]:
    rule, day = counted(expiry), parse_date(expiry)
    if rule is not None:
        return {"expiry": f"n_{rule[0]}", "expiry_number": str(rule[1])}
    return {"expiry": ON_A_DATE, "expiry_date": day.isoformat()} if day is not None else {}


def _pick_values(pick: Mapping[str, Any] | None) -> dict[str, str]:
    if not pick:
        return {}
    if pick["by"] != "premium_range":
        return {"strike_by": pick["by"], "strike": str(pick["value"])}
    by = next(name for name, choose in RANGES.items() if choose == pick["choose"])
    return {"strike_by": by, "strike": f"{pick['low']}-{pick['high']}"}


def _price_values(leg: Mapping[str, Any]) -> dict[str, str]:
    values = {"trigger": str(leg.get("trigger_price") or "")}
    if rule := leg.get("price_from"):
        values |= {"price_by": rule["of"], "price": str(rule["offset"]), "price_unit": rule["unit"]}
    if rule := leg.get("trigger_from"):
        values |= {"trigger_by": rule["unit"], "trigger": str(rule["offset"])}
    if rule := leg.get("chase"):
        values |= {f"chase_{name}": str(rule[name]) for name in ("times", "every", "then")}
    return values


def leg_data(values: Mapping[str, str]) -> dict[str, object]:
    """Without what the kind of leg does not use, so that a leftover in a hidden field can't refuse the leg."""
    data: dict[str, object] = {name: values[name] for name in ("action", "kind", "exchange", "product", "price_type")}
    data |= _contract_data(values)
    data["units" if values["counted"] == "units" else "lots"] = values["lots"]
    data |= _price_data(values)
    for name in OF_LEVELS:
        if values[f"{name}_value"]:
            data[name] = {"value": values[f"{name}_value"], "unit": values[f"{name}_unit"] or "points"}
    if values["held"] == "broker":
        data["at_broker"] = True
    return data | late_data(values)


def _contract_data(values: Mapping[str, str]) -> dict[str, object]:
    if values["kind"] == "SYMBOL":
        return {"symbol": values["symbol"]}
    expiry = values["expiry"]
    if expiry == ON_A_DATE:
        expiry = values["expiry_date"] or "(no date)"
    elif expiry in COUNTED:
        expiry = f"{COUNTED[expiry]}_{values['expiry_number'] or '?'}"
    data: dict[str, object] = {"underlying": values["underlying"], "expiry": expiry}
    if values["kind"] == "FUT":
        return data
    if values["strike_by"] in ("", "strike"):
        return data | {"strike": values["strike"]}
    return data | {"pick": _pick_data(values["strike_by"], values["strike"])}


def _pick_data(by: str, text: str) -> dict[str, str]:
    if by not in RANGES:
        return {"by": by, "value": text}
    low, _, high = text.replace(" ", "").partition("-")
    return {"by": "premium_range", "low": low, "high": high, "choose": RANGES[by]}


def _price_data(values: Mapping[str, str]) -> dict[str, object]:
    """Of what the price type uses; a number that is lacking is a complaint of the leg."""
    kind, by = values["price_type"], values["price_by"] or "fixed"
    data: dict[str, object] = {}
    if kind in ("LIMIT", "SL") and by != "fixed":
        data["price_from"] = {"of": by, "offset": values["price"] or "0", "unit": values["price_unit"] or "points"}
    elif kind in ("LIMIT", "SL"):
        data["price"] = values["price"] or None
    if kind in ("SL", "SL-M") and (trigger := values["trigger"]):
        unit = values["trigger_by"] or "fixed"
        data |= {"trigger_price": trigger} if unit == "fixed" else {"trigger_from": {"offset": trigger, "unit": unit}}
    if kind == "LIMIT" and (values["chase_times"] or values["chase_every"]):
        chase = {
            "times": values["chase_times"],
            "every": values["chase_every"],
            "then": values["chase_then"] or "leave",
        }
        data["chase"] = {name: value for name, value in chase.items() if value or name == "times"}
    return data
