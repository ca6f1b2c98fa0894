"""A strategy as a person writes it down, checked where it enters."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.instruments.contracts import ContractRule, is_strike_rule
from app.instruments.expiries import ExpiryRule
from app.instruments.symbols import parse_date


def _shouted(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _no_boolean(value: Any) -> Any:
    """Python takes true for 1; nobody who says it means that."""
    if isinstance(value, bool):
        raise ValueError("this must be a number")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]
Code = Annotated[
    str,
    BeforeValidator(_shouted),  # the pattern below is matched before a constraint changes the case
    StringConstraints(max_length=40, pattern=r"^[A-Z0-9&.\-_]*$"),
]
Price = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=8, allow_inf_nan=False)]
MOST_LEGS = 20
MOST_LOTS = 10_000


class Leg(BaseModel):
    """One line of a strategy. `kind` CE, PE, FUT need an underlying and an expiry; SYMBOL needs a symbol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["BUY", "SELL"]
    kind: Literal["CE", "PE", "FUT", "SYMBOL"]
    exchange: Annotated[Code, StringConstraints(min_length=1)] = "NFO"
    underlying: Code = ""
    expiry: Text = ExpiryRule.CURRENT_WEEK.value
    strike: Code = "ATM"
    symbol: Code = ""
    lots: Annotated[int, Field(ge=1, le=MOST_LOTS), BeforeValidator(_no_boolean)]
    product: Literal["NRML", "MIS", "CNC"] = "NRML"
    price_type: Literal["MARKET", "LIMIT"] = "MARKET"
    price: Price | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problem = _contract_problem(self)
        if self.price_type == "LIMIT" and self.price is None:
            problem = "a limit leg needs a price"
        if problem:
            raise ValueError(problem)
        return self

    @property
    def words(self) -> str:
        """As a person would say it: "BUY 2 lots NIFTY current week OTM2 CE"."""
        what = self.symbol or f"{self.underlying} {self.expiry.replace('_', ' ')} {self.kind}"
        if self.kind in ("CE", "PE"):
            what = f"{self.underlying} {self.expiry.replace('_', ' ')} {self.strike} {self.kind}"
        return f"{self.action} {self.lots} {'lot' if self.lots == 1 else 'lots'} {what}"

    def rule(self, number: int) -> ContractRule:
        if self.kind == "SYMBOL":
            return ContractRule(leg=f"Leg {number}", exchange=self.exchange, symbol=self.symbol)
        return ContractRule(
            leg=f"Leg {number}",
            exchange=self.exchange,
            underlying=self.underlying,
            kind=self.kind,
            expiry=self.expiry,
            strike=self.strike if self.kind != "FUT" else "",
        )


def _contract_problem(leg: Leg) -> str:
    if leg.kind == "SYMBOL":
        return "" if leg.symbol else "say which symbol"
    if not leg.underlying:
        return "say which underlying"
    if leg.expiry not in tuple(ExpiryRule) and parse_date(leg.expiry) is None:
        return f"the expiry {leg.expiry!r} is neither a rule nor a date"
    if leg.kind != "FUT" and not is_strike_rule(leg.strike):
        return f"the strike {leg.strike!r} is not ATM, ITM1, OTM1 and so on, or a number"
    return ""


class AccountShare(BaseModel):
    """An account that takes part; its lots are the leg's lots times the multiplier, rounded down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    multiplier: Annotated[Decimal, Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False)] = (
        Decimal(1)
    )


class Draft(BaseModel):
    """A strategy as it is saved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    legs: Annotated[list[Leg], Field(min_length=1, max_length=MOST_LEGS)]
    accounts: Annotated[list[AccountShare], Field(max_length=500)] = Field(default_factory=list)
    on_failure: Literal["unwind", "hold"] = "unwind"

    @model_validator(mode="after")
    def _accounts_once(self) -> Self:
        ids = [share.account_id for share in self.accounts]
        if len(ids) != len(set(ids)):
            raise ValueError("an account can take part only once")
        return self


def lots_for(lots: int, multiplier: Decimal) -> int:
    """Whole lots of an account: never rounded up."""
    return int(lots * multiplier)
