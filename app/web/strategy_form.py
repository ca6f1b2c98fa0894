"""A strategy as it is typed: kept letter for letter when something is wrong, with a sentence at each wrong field.

Fields of legs are named `legs-<n>-<field>`, an account's are `account-<id>` (the tick) and `multiplier-<id>`. Legs are
numbered anew in the order they come in, so that added and removed rows leave no gaps.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.accounts.models import Account
from app.core.errors import Invalid
from app.core.money import plain
from app.core.validation import parse
from app.instruments.symbols import parse_date
from app.strategies.legs import MOST_LEGS, Draft
from app.strategies.models import Strategy, StrategyAccount
from app.web.forms import clean_text

LEG_FIELDS = {
    "action": "BUY",
    "kind": "CE",
    "exchange": "NFO",
    "underlying": "NIFTY",
    "expiry": "current_week",  # a rule, or "date"
    "expiry_date": "",
    "strike": "ATM",
    "symbol": "",
    "lots": "1",
    "product": "NRML",
    "price_type": "MARKET",
    "price": "",
}
ON_A_DATE = "date"
LONGEST = 200  # what is put back on the page of one field; more was never meant as a value
_LEG = re.compile(r"legs-([0-9]{1,3})-([a-z_]{1,20})")
_CODE = "Letters, digits, & . - _ only, 40 at most."
SENTENCES = {
    "name": "Give it a name of 1 to 80 characters.",
    "on_failure": "Choose what happens when a leg fails.",
    "action": "Choose BUY or SELL.",
    "kind": "Choose CE, PE, FUT or SYMBOL.",
    "exchange": _CODE,
    "underlying": _CODE,
    "expiry": "Choose a rule or a date.",
    "strike": "Type ATM, ITM1, OTM2 and so on, or a strike such as 24400.",
    "symbol": _CODE,
    "lots": "Type a whole number of lots from 1 to 10,000.",
    "product": "Choose NRML, MIS or CNC.",
    "price_type": "Choose MARKET or LIMIT.",
    "price": "Type a price above zero, or leave it empty for MARKET.",
    "multiplier": "Type a number above 0, 1,000 at most, with up to 4 decimals.",
}
# A complaint about how a leg fits together is shown at the field it names.
PLACES = ("symbol", "underlying", "expiry", "strike", "price")


@dataclass(slots=True)
class LegRow:
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ShareRow:
    account: Account
    takes_part: bool
    multiplier: str
    error: str = ""


@dataclass(slots=True)
class StrategyForm:
    name: str
    on_failure: str
    legs: list[LegRow]
    shares: list[ShareRow]
    strangers: list[str] = field(default_factory=list)  # ticked ids that are no account of this person
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        rows = any(leg.errors for leg in self.legs) or any(share.error for share in self.shares)
        return bool(self.errors) or rows

    def draft(self) -> Draft:
        """Raises Invalid; `show` puts its sentences in place."""
        if self.strangers:
            raise Invalid.field("accounts", "One of these accounts does not exist.")
        chosen = [share for share in self.shares if share.takes_part]
        return parse(
            Draft,
            {
                "name": self.name,
                "on_failure": self.on_failure,
                "legs": [_leg_data(leg.values) for leg in self.legs],
                "accounts": [{"account_id": s.account.id, "multiplier": s.multiplier} for s in chosen],
            },
        )

    def show(self, refused: Invalid) -> None:
        chosen = [share for share in self.shares if share.takes_part]
        for name, sentences in refused.fields.items():
            match name.split("."):
                case ["legs", number, *rest] if number.isdecimal():
                    self._show_at_leg(self.legs[int(number)], rest, sentences)
                case ["accounts", number, *_rest] if number.isdecimal():
                    chosen[int(number)].error = SENTENCES["multiplier"]
                case ["legs"]:
                    self.errors["legs"] = f"A strategy has 1 to {MOST_LEGS} legs."
                case _:
                    self.errors[name] = SENTENCES[name] if name == "on_failure" else _name_or(name, sentences)

    def _show_at_leg(self, leg: LegRow, rest: list[str], sentences: list[str]) -> None:
        if rest:
            leg.errors[rest[0]] = SENTENCES.get(rest[0], sentences[0])
            return
        text = sentences[0]
        place = next((name for name in PLACES if name in text.lower()), "kind")
        leg.errors[place] = text


def blank_form(accounts: Sequence[Account]) -> StrategyForm:
    return StrategyForm("", "unwind", [LegRow(dict(LEG_FIELDS))], [ShareRow(a, False, "1") for a in accounts])


def filled_form(strategy: Strategy, shares: Sequence[StrategyAccount], accounts: Sequence[Account]) -> StrategyForm:
    multipliers = {share.account_id: plain(share.multiplier) for share in shares}
    legs = [LegRow(_leg_values(leg)) for leg in strategy.legs]
    rows = [ShareRow(a, a.id in multipliers, multipliers.get(a.id, "1")) for a in accounts]
    return StrategyForm(strategy.name, strategy.on_failure, legs, rows)


def _leg_values(leg: Mapping[str, object]) -> dict[str, str]:
    values = {name: str(leg.get(name) or "") for name in LEG_FIELDS}
    day = parse_date(values["expiry"])
    if day is not None:
        values |= {"expiry": ON_A_DATE, "expiry_date": day.isoformat()}
    return values


def typed_form(typed: Mapping[str, str], accounts: Sequence[Account]) -> StrategyForm:
    """What came in. `add` asks for one more leg, `drop` for one less (its number on the page)."""
    legs = _typed_legs(typed)
    drop = typed.get("drop", "")
    if drop.isdecimal() and len(drop) < 4:
        legs.pop(int(drop), None)
    rows = [LegRow(values) for _, values in sorted(legs.items())]
    if "add" in typed:
        rows.append(LegRow(dict(rows[-1].values if rows else LEG_FIELDS)))
    shares = [ShareRow(a, f"account-{a.id}" in typed, _text(typed, f"multiplier-{a.id}", "1")) for a in accounts]
    known = {account.id for account in accounts}
    ticked = {name.removeprefix("account-") for name in typed if name.startswith("account-")}
    return StrategyForm(
        _text(typed, "name"), _text(typed, "on_failure", "unwind"), rows, shares, sorted(ticked - known)
    )


def _typed_legs(typed: Mapping[str, str]) -> dict[int, dict[str, str]]:
    legs: dict[int, dict[str, str]] = {}
    for name in typed:
        found = _LEG.fullmatch(name)
        if found and found[2] in LEG_FIELDS:
            number = int(found[1])
            values = legs.setdefault(number, dict.fromkeys(LEG_FIELDS, ""))
            values[found[2]] = _text(typed, name)
    return legs


def _text(typed: Mapping[str, str], name: str, default: str = "") -> str:
    return str(clean_text(typed.get(name, default)))[:LONGEST]


def _leg_data(values: Mapping[str, str]) -> dict[str, object]:
    """Without what the kind of leg does not use, so that a leftover in a hidden field can't refuse the leg."""
    data: dict[str, object] = dict(values)
    day = data.pop("expiry_date")
    if values["expiry"] == ON_A_DATE:
        data["expiry"] = day or "(no date)"
    unused = ("underlying", "expiry", "strike") if values["kind"] == "SYMBOL" else ("symbol",)
    for name in unused:
        data.pop(name)
    if values["kind"] == "FUT":
        data.pop("strike")
    if values["price_type"] == "MARKET" or not values["price"]:
        data["price"] = None
    return data


def _name_or(name: str, sentences: list[str]) -> str:
    is_length = name == "name" and "already" not in sentences[0]
    return SENTENCES["name"] if is_length else " ".join(sentences)
