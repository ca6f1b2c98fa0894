"""An alert as a person writes it. Values in, values out; complaints come back by field."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.alerts.rules import MOVES, Condition, Repeat, Subject
from app.core.errors import Invalid

Code = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9&._-]{1,40})?$", to_upper=True)]
Finite = {"max_digits": 18, "decimal_places": 8, "allow_inf_nan": False}
Above0 = Annotated[Decimal, Field(gt=0, lt=100_000_000, **Finite)]
Amount = Annotated[Decimal, Field(gt=-10_000_000_000, lt=10_000_000_000, **Finite)]
LONGEST_NOTE = 200
MOST_PAUSE = 7 * 24 * 60


def nothing(value: Any) -> Any:
    """An empty field of a form is no value."""
    return None if isinstance(value, str) and not value.strip() else value


class Draft(BaseModel):
    """`level` is a price, an amount of money or for moves per cent, of a P&L those of the capital in
    `reference`; `pause_minutes` counts if it repeats every time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Subject
    exchange: Code = ""
    symbol: Code = ""
    other_exchange: Code = ""
    other_symbol: Code = ""
    ratio: Annotated[Above0 | None, BeforeValidator(nothing)] = None
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{0,40}$")] = ""
    condition: Condition
    level: Amount
    reference: Annotated[Amount | None, BeforeValidator(nothing)] = None
    repeat: Repeat = Repeat.ONCE
    pause_minutes: Annotated[int, Field(ge=0, le=MOST_PAUSE)] = 5
    expires_at: Annotated[AwareDatetime | None, BeforeValidator(nothing)] = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NOTE)] = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = {name: text for name, text in (*_about(self), *_how(self)) if text}
        if problems:
            raise Invalid({name: [text] for name, text in problems.items()})
        return self

    def columns(self) -> dict[str, Any]:
        """As the row has it: without what the subject does not use."""
        priced, two = self.subject is not Subject.PNL, self.subject is Subject.SPREAD
        return {
            "subject": self.subject,
            "exchange": self.exchange if priced else "",
            "symbol": self.symbol if priced else "",
            "other_exchange": self.other_exchange if two else "",
            "other_symbol": self.other_symbol if two else "",
            "ratio": (self.ratio or Decimal(1)) if two else None,
            "account_id": None if priced else self.account_id,
            "condition": self.condition,
            "level": self.level,
            "reference": self.reference if self.condition in MOVES else None,
            "repeat": self.repeat,
            "pause_minutes": self.pause_minutes if self.repeat is Repeat.EVERY else 0,
            "expires_at": self.expires_at,
            "note": self.note,
        }


def _about(draft: Draft) -> list[tuple[str, str]]:
    if draft.subject is Subject.PNL:
        return [("account_id", "" if draft.account_id else "Choose an account.")]
    named = [("symbol", draft.symbol), ("exchange", draft.exchange)]
    if draft.subject is Subject.SPREAD:
        named += [("other_symbol", draft.other_symbol), ("other_exchange", draft.other_exchange)]
    found = [(name, "" if text else "Type a symbol, as NFO:NIFTY24NOV2626050CE.") for name, text in named]
    is_same = (draft.exchange, draft.symbol) == (draft.other_exchange, draft.other_symbol)
    if draft.subject is Subject.SPREAD and draft.symbol and is_same:
        found.append(("other_symbol", "A spread needs two different symbols."))
    return found


def _how(draft: Draft) -> list[tuple[str, str]]:
    is_price = draft.subject is Subject.PRICE
    if draft.condition in MOVES and draft.subject is Subject.PNL:
        return _of_capital(draft)
    if draft.condition in MOVES:
        return [
            ("level", "" if draft.level > 0 else "Type per cent above zero."),
            ("reference", "" if draft.reference != 0 else "Per cent of zero say nothing: leave it empty."),
            ("reference", "A price is above zero." if is_price and (draft.reference or 0) < 0 else ""),
        ]
    return [("level", "A price is above zero." if is_price and draft.level <= 0 else "")]


def _of_capital(draft: Draft) -> list[tuple[str, str]]:
    both = draft.condition is Condition.MOVES
    return [
        ("condition", "Per cent of a P&L go one way: choose rises or falls." if both else ""),
        ("level", "" if draft.level > 0 else "Type per cent above zero."),
        ("reference", "" if (draft.reference or 0) > 0 else "Type the capital that the per cent are of."),
    ]
