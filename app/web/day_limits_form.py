"""The limits of a day as they are typed: their fields, what they become, and where a refusal is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid
from app.core.money import plain
from app.core.validation import parse
from app.risk.day_rules import DayRules
from app.web.forms import clean_text

LEVELS = ("max_loss", "max_profit", "drawdown")
EXPOSURES = ("symbol_exposure", "underlying_exposure", "exposure")
COUNTS = ("open_orders", "orders_per_minute", "entries")
PLAIN = (*COUNTS, "order_value", "order_quantity", "price_band")
FIELDS = {
    **{f"{name}_value": "" for name in (*LEVELS, *EXPOSURES)},
    **{f"{name}_unit": "amount" for name in (*LEVELS, *EXPOSURES)},
    **{f"{name}_action": "block" for name in LEVELS},
    **dict.fromkeys(PLAIN, ""),
}
LONGEST = 40
_ABOVE = "Type a number above zero, or leave it empty."
_SENTENCES = {
    **{f"{name}_value": _ABOVE for name in (*LEVELS, *EXPOSURES)},
    **{f"{name}_unit": "Choose an amount or percent." for name in (*LEVELS, *EXPOSURES)},
    **{f"{name}_action": "Choose what happens." for name in LEVELS},
    **dict.fromkeys(COUNTS, "Type a whole number from 1 to 1,00,000, or leave it empty."),
    "order_value": _ABOVE,
    "order_quantity": _ABOVE,
    "price_band": "Type a percentage above 0, 100 at most, or leave it empty.",
}


@dataclass(slots=True)
class Typed:
    """As it is typed; what is empty is no limit."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def rules(self) -> DayRules:
        """Raises Invalid; `show` puts its sentences in place."""
        data: dict[str, Any] = {name: self.values[name] for name in PLAIN if self.values[name]}
        for name in (*LEVELS, *EXPOSURES):
            if self.values[f"{name}_value"]:
                parts = ("value", "unit", "action") if name in LEVELS else ("value", "unit")
                data[name] = {part: self.values[f"{name}_{part}"] for part in parts}
        return parse(DayRules, data)

    def show(self, refused: Invalid) -> None:
        for path, sentences in refused.fields.items():
            place = path.replace(".", "_")
            if place in _SENTENCES:
                self.errors[place] = _SENTENCES[place]
            else:
                self.errors["form"] = " ".join(sentences)


def typed(form: Mapping[str, str]) -> Typed:
    return Typed({name: str(clean_text(form.get(name, usual)))[:LONGEST] for name, usual in FIELDS.items()})


def stored(rules: DayRules) -> Typed:
    values = dict(FIELDS)
    for name in (*LEVELS, *EXPOSURES):
        most = getattr(rules, name)
        if most is not None:
            values |= {f"{name}_value": plain(most.value), f"{name}_unit": most.unit}
            if name in LEVELS:
                values[f"{name}_action"] = most.action
    for name in PLAIN:
        most = getattr(rules, name)
        if most is not None:
            values[name] = str(most) if name in COUNTS else plain(most)
    return Typed(values)
