"""A strategy as it is typed: kept letter for letter when something is wrong, with a sentence at each wrong field.

Fields of legs are named `legs-<n>-<field>`, an account's are `account-<id>` (the tick) and `multiplier-<id>`. Legs are
numbered anew in the order they come in, so that added and removed rows leave no gaps.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from app.accounts.models import Account
from app.core.errors import Invalid
from app.core.money import plain
from app.core.validation import parse
from app.strategies.exit_rule import exit_rule
from app.strategies.legs import MOST_LEGS, Draft
from app.strategies.models import Strategy, StrategyAccount
from app.strategies.schedule import DAYS
from app.web.forms import clean_text
from app.web.leg_form import LEG_FIELDS, LegRow, leg_data, leg_values
from app.web.leg_numbers import renumbered
from app.web.limits_form import (
    LIMIT_FIELDS,
    faulty_groups,
    leg_errors,
    limit_data,
    limit_errors,
    limit_groups,
    limit_values,
)
from app.web.schedule_form import SCHEDULE_FIELDS, schedule_data, schedule_errors, schedule_values
from app.web.sizing_form import CAPS, SIZING_FIELDS, cap_errors, sizing_data, sizing_errors, sizing_values

EXIT_FIELDS = {  # as the form names them, behind "exits-"
    "price_type": "MARKET",
    "offset": "0",
    "offset_unit": "ticks",
    "convert_after": "6",
    "tries": "6",
    "first_pause": "0.5",
    "longest_pause": "30",
}
OF_RETRIES = ("tries", "first_pause", "longest_pause")
ROW_BUTTONS = {"add", "drop", "copy", "up", "down"}  # names of the buttons that only change the rows of the page
LONGEST = 200  # what is put back on the page of one field; more was never meant as a value
_LEG = re.compile(r"legs-([0-9]{1,3})-([a-z_]{1,20})")
SENTENCES = {
    "name": "Give it a name of 1 to 80 characters.",
    "on_failure": "Choose what happens when a leg fails.",
    "exits-price_type": "Choose market or limit.",
    "exits-offset": "Type whole ticks from -1,000 to 1,000, or a percentage from -20 to 20.",
    "exits-offset_unit": "Choose ticks or percent.",
    "exits-convert_after": "Type whole seconds from 1 to 600.",
    "exits-tries": "Type a whole number from 1 to 50.",
    "exits-first_pause": "Type seconds from 0.1 to 600.",
    "exits-longest_pause": "Type seconds from 0.1 to 600, not fewer than the first pause.",
}


@dataclass(slots=True)
class ShareRow:
    account: Account
    takes_part: bool
    multiplier: str
    error: str = ""  # of the multiplier
    grade: str = ""
    max_lots: str = ""
    max_value: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class StrategyForm:
    name: str
    on_failure: str
    legs: list[LegRow]
    shares: list[ShareRow]
    strangers: list[str] = field(default_factory=list)  # ticked ids that are no account of this person
    errors: dict[str, str] = field(default_factory=dict)
    exits: dict[str, str] = field(default_factory=lambda: dict(EXIT_FIELDS))
    limits: dict[str, str] = field(default_factory=lambda: dict(LIMIT_FIELDS))
    schedule: dict[str, str] = field(default_factory=lambda: dict(SCHEDULE_FIELDS))
    sizing: dict[str, str] = field(default_factory=lambda: dict(SIZING_FIELDS))
    notes: list[str] = field(default_factory=list)  # what was changed beside what was asked for

    @property
    def has_errors(self) -> bool:
        rows = any(leg.errors for leg in self.legs) or any(share.errors for share in self.shares)
        return bool(self.errors) or rows

    @property
    def limit_groups(self) -> dict[str, str]:
        """What is set in each fold of the limits."""
        return limit_groups(self.limits)

    @property
    def open_groups(self) -> set[str]:
        """The folds with something to mend; of the others their heading says what is set."""
        return faulty_groups(self.errors)

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
                "exits": _exit_data(self.exits),
                "limits": limit_data(self.limits),
                "schedule": schedule_data(self.schedule),
                "sizing": sizing_data(self.sizing),
                "legs": [leg_data(leg.values) for leg in self.legs],
                "accounts": [_share_data(share) for share in chosen],
            },
        )

    def show(self, refused: Invalid) -> None:
        chosen = [share for share in self.shares if share.takes_part]
        for name, sentences in refused.fields.items():
            match name.split("."):
                case ["legs", number, *rest] if number.isdecimal():
                    self.legs[int(number)].show(rest, sentences)
                case ["accounts", number, *rest] if number.isdecimal():
                    chosen[int(number)].errors |= cap_errors(rest)
                case ["sizing", *path]:
                    self.errors |= sizing_errors(path, sentences[0])
                case ["limits", *path]:
                    self.errors |= limit_errors(path, sentences[0])
                case ["schedule", *path]:
                    self.errors |= schedule_errors(path)
                case ["body"] if "looks at leg" in sentences[0]:
                    self.errors |= leg_errors(self.limits, len(self.legs))
                case ["exits", *path]:
                    place = path[0] if path else "longest_pause" if "pause" in sentences[0] else "offset"
                    self.errors[f"exits-{place}"] = SENTENCES[f"exits-{place}"]
                case ["legs"]:
                    self.errors["legs"] = f"A strategy has 1 to {MOST_LEGS} legs."
                case _:
                    self.errors[name] = SENTENCES[name] if name == "on_failure" else _name_or(name, sentences)


def blank_form(accounts: Sequence[Account]) -> StrategyForm:
    return StrategyForm("", "unwind", [LegRow(dict(LEG_FIELDS))], [ShareRow(a, False, "1") for a in accounts])


def filled_form(strategy: Strategy, shares: Sequence[StrategyAccount], accounts: Sequence[Account]) -> StrategyForm:
    known = {share.account_id: share for share in shares}
    legs = [LegRow(leg_values(leg)) for leg in strategy.legs]
    rows = [_share_row(account, known.get(account.id)) for account in accounts]
    saved = exit_rule(strategy.exits).model_dump()
    exits = {name: plain(saved[name]) if isinstance(saved[name], Decimal) else str(saved[name]) for name in EXIT_FIELDS}
    form = StrategyForm(strategy.name, strategy.on_failure, legs, rows, exits=exits)
    form.limits, form.schedule = limit_values(strategy.limits), schedule_values(strategy.schedule)
    form.sizing = sizing_values(strategy.sizing)
    return form


def _share_row(account: Account, share: StrategyAccount | None) -> ShareRow:
    if share is None:
        return ShareRow(account, False, "1")
    value = plain(share.max_value) if share.max_value is not None else ""
    return ShareRow(account, True, plain(share.multiplier), "", share.grade, str(share.max_lots or ""), value)


def _share_data(share: ShareRow) -> dict[str, object]:
    caps = {name: getattr(share, name) for name in CAPS if getattr(share, name)}
    return {"account_id": share.account.id, "multiplier": share.multiplier, **caps}


def typed_form(typed: Mapping[str, str], accounts: Sequence[Account]) -> StrategyForm:
    """What came in; a button of ROW_BUTTONS asks for other rows."""
    rows = [LegRow(values) for values in _arranged(_typed_legs(typed), typed)]
    shares = [_typed_share(typed, account) for account in accounts]
    known = {account.id for account in accounts}
    limits = {name: _text(typed, f"limits-{name}", usual) for name, usual in LIMIT_FIELDS.items()}
    limits, notes = renumbered(limits, typed, [row.values["was"] for row in rows])
    ticked = {name.removeprefix("account-") for name in typed if name.startswith("account-")}
    return StrategyForm(
        _text(typed, "name"),
        _text(typed, "on_failure", "unwind"),
        rows,
        shares,
        sorted(ticked - known),
        exits={name: _text(typed, f"exits-{name}", usual) for name, usual in EXIT_FIELDS.items()},
        limits=limits,
        schedule=_typed_schedule(typed),
        sizing={name: _text(typed, f"sizing-{name}", usual) for name, usual in SIZING_FIELDS.items()},
        notes=notes,
    )


def _typed_schedule(typed: Mapping[str, str]) -> dict[str, str]:
    """A day that is not ticked does not come in at all."""
    usual = SCHEDULE_FIELDS | dict.fromkeys(DAYS, "")
    return {name: _text(typed, f"schedule-{name}", default) for name, default in usual.items()}


def _arranged(legs: dict[int, dict[str, str]], typed: Mapping[str, str]) -> list[dict[str, str]]:
    """One row more, less, again or elsewhere: but for `add` a button's value is the number of its row on the page."""
    numbers = sorted(legs)
    rows = [legs[number] for number in numbers]
    if "add" in typed:
        return [*rows, dict(rows[-1] if rows else LEG_FIELDS)]
    for button in ("drop", "copy", "up", "down"):
        asked = typed.get(button, "")
        if asked.isdecimal() and len(asked) < 4 and int(asked) in legs:
            _rearrange(rows, button, numbers.index(int(asked)))
    return rows


def _rearrange(rows: list[dict[str, str]], button: str, place: int) -> None:
    row = rows.pop(place)
    if button == "copy":
        rows[place:place] = [row, dict(row)]
    elif button != "drop":
        rows.insert(max(0, place - 1) if button == "up" else place + 1, row)


def _typed_share(typed: Mapping[str, str], account: Account) -> ShareRow:
    grade, lots, value = (_text(typed, f"{name}-{account.id}") for name in CAPS)
    multiplier = _text(typed, f"multiplier-{account.id}", "1")
    return ShareRow(account, f"account-{account.id}" in typed, multiplier, "", grade, lots, value)


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


def _exit_data(values: Mapping[str, str]) -> Mapping[str, object]:
    """Without what an exit at market does not use."""
    if values["price_type"] == "LIMIT":
        return {**values}
    return {"price_type": values["price_type"]} | {name: values[name] for name in OF_RETRIES}


def _name_or(name: str, sentences: list[str]) -> str:
    is_length = name == "name" and "already" not in sentences[0]
    return SENTENCES["name"] if is_length else " ".join(sentences)
