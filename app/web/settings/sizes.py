"""What counts for the sizes of all strategies of this person: grades, funds that are too old, margins by hand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.core.money import plain
from app.core.validation import parse
from app.instruments.models import FactKind
from app.strategies.sizing_settings import MOST_GRADES, MOST_ROWS, SizingRules
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.forms import clean_text

GRADE = ("name", "percent")
MARGIN = ("exchange", "underlying", "option", "option_expiry", "pair", "pair_expiry", "future", "future_expiry")
LABELS = {
    "exchange": "Exchange", "underlying": "Underlying", "option": "Option sold", "option_expiry": "Option, expiry day",
    "pair": "Call and put", "pair_expiry": "Call and put, expiry day", "future": "Future",
    "future_expiry": "Future, expiry day",
}  # fmt: skip
ON_STALE = {
    "refuse": "The account is left out, and says why",
    "lots": "It takes the legs' own lots times its multiplier",
    "use": "It is sized by the old figures, and says so",
}
LONGEST = 40
BLANK = 2  # rows to add by, behind those that are there
SENTENCES = {
    "name": "Letters and digits, 8 at most, each once.",
    "percent": "Above 0, 100 at most.",
    "exchange": "Such as NFO.",
    "underlying": "Its name, such as NIFTY.",
    "funds_age": "Type whole seconds from 5 to 86,400.",
    "on_stale": "Choose what happens.",
}
_FIELD = re.compile(r"(grades|margins)-([0-9]{1,3})-([a-z_]{1,20})")


@dataclass(slots=True)
class Typed:
    """As it is typed; a row that is empty is none."""

    funds_age: str
    on_stale: str
    grades: list[dict[str, str]]
    margins: list[dict[str, str]]
    errors: dict[str, str] = field(default_factory=dict)

    def rules(self) -> SizingRules:
        """Raises Invalid; `show` puts its sentences in place."""
        rows = {"grades": [_filled(row) for row in self.grades], "margins": [_filled(row) for row in self.margins]}
        return parse(SizingRules, {"funds_age": self.funds_age, "on_stale": self.on_stale, **rows})

    def show(self, refused: Invalid) -> None:
        for name, sentences in refused.fields.items():
            match name.split("."):
                case [group, number, *rest]:
                    place = rest[0] if rest else "name"
                    self.errors[f"{group}-{number}-{place}"] = SENTENCES.get(place, "An amount above zero, or nothing.")
                case [one] if one in SENTENCES:
                    self.errors[one] = SENTENCES[one]
                case _:
                    self.errors["form"] = " ".join(sentences)

    @property
    def shown(self) -> dict[str, list[dict[str, str]]]:
        """With empty rows to add by."""
        return {
            "grades": [*self.grades, *_blank(GRADE, len(self.grades), MOST_GRADES)],
            "margins": [*self.margins, *_blank(MARGIN, len(self.margins), MOST_ROWS)],
        }


@needs(Scope.TRADE)
def sizing() -> ResponseReturnValue:
    if request.method == "GET":
        return _page(_stored(services().sizing.rules(owner_id())))
    typed = _typed(request.form)
    try:
        services().sizing.save(owner_id(), typed.rules())
    except Invalid as refused:
        typed.show(refused)
        return _page(typed), refused.status
    flash("Saved. What begins from now on is sized by it.")
    return redirect(url_for("settings.sizing"), 303)


def _page(typed: Typed) -> str:
    spots = services().instruments.facts(FactKind.SPOT)
    known = sorted({fact.subject for fact in spots if fact.subject != "*"})
    return render_template(
        "settings/sizing.html", form=typed, labels=LABELS, on_stale=ON_STALE, margin_fields=MARGIN, underlyings=known
    )


def _stored(rules: SizingRules) -> Typed:
    grades = [{"name": grade.name, "percent": plain(grade.percent)} for grade in rules.grades]
    margins = [{name: _text(getattr(row, name)) for name in MARGIN} for row in rules.margins]
    return Typed(str(rules.funds_age), rules.on_stale, grades, margins)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else plain(value)


def _typed(form: Mapping[str, str]) -> Typed:
    rows: dict[str, dict[int, dict[str, str]]] = {"grades": {}, "margins": {}}
    for group, number, name, text in _fields(form):
        rows[group].setdefault(number, {})[name] = text
    kept = {
        group: [found[number] for number in sorted(found) if _is_meant(found[number])] for group, found in rows.items()
    }
    return Typed(_clean(form, "funds_age"), _clean(form, "on_stale"), kept["grades"], kept["margins"])


def _fields(form: Mapping[str, str]) -> Iterator[tuple[str, int, str, str]]:
    allowed = {"grades": GRADE, "margins": MARGIN}
    for key in form:
        found = _FIELD.fullmatch(key)
        if found and found[3] in allowed[found[1]]:
            yield found[1], int(found[2]), found[3], _clean(form, key)


def _clean(form: Mapping[str, str], name: str) -> str:
    return str(clean_text(form.get(name, "")))[:LONGEST]


def _is_meant(row: Mapping[str, str]) -> bool:
    """The exchange alone stands in an empty row already."""
    return any(text for name, text in row.items() if name != "exchange")


def _filled(row: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if text}


def _blank(names: tuple[str, ...], there: int, most: int) -> list[dict[str, str]]:
    row = dict.fromkeys(names, "") | ({"exchange": "NFO"} if "exchange" in names else {})
    return [dict(row) for _ in range(min(BLANK, most - there))]


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/sizing", view_func=sizing, methods=["GET", "POST"])
