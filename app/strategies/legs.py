"""A strategy as a person writes it down, checked where it enters."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.core.money import plain
from app.core.validation import no_boolean
from app.instruments.contracts import ContractRule, is_strike_rule
from app.instruments.expiries import ExpiryRule, expiry_words, is_expiry
from app.risk.limits import LegRules, Limits
from app.risk.rules import LegGain, LegLevel
from app.strategies.broker_pair import obstacle
from app.strategies.chasing import Chase
from app.strategies.entry_price import PriceFrom, Pricing, TriggerFrom
from app.strategies.exit_rule import ExitRule
from app.strategies.late_entry import Again, Breakout, Wait
from app.strategies.schedule import Schedule
from app.strategies.sizing import Sizing
from app.strategies.sizing_fit import misfit
from app.strategies.strikes import StrikePick


def _shouted(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]
Code = Annotated[
    str,
    BeforeValidator(_shouted),  # the pattern below is matched before a constraint changes the case
    StringConstraints(max_length=40, pattern=r"^[A-Z0-9&.\-_]*$"),
]
Price = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=8, allow_inf_nan=False)]
MOST_LEGS = 20
MOST_LOTS = 10_000
MOST_UNITS = 10_000_000
AT_A_PRICE = ("price", "underlying_price")


class Leg(BaseModel):
    """One line of a strategy. `kind` CE, PE, FUT need an underlying and an expiry; SYMBOL needs a symbol. Either `lots`
    or `units`; `pick` chooses the strike instead of `strike`; `price_from` and `trigger_from` reckon a price instead of
    `price` and `trigger_price`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["BUY", "SELL"]
    kind: Literal["CE", "PE", "FUT", "SYMBOL"]
    exchange: Annotated[Code, StringConstraints(min_length=1)] = "NFO"
    underlying: Code = ""
    expiry: Text = ExpiryRule.CURRENT_WEEK.value
    strike: Code = "ATM"
    pick: StrikePick | None = None
    symbol: Code = ""
    lots: Annotated[int, Field(ge=1, le=MOST_LOTS), BeforeValidator(no_boolean)] | None = None
    units: Annotated[int, Field(ge=1, le=MOST_UNITS), BeforeValidator(no_boolean)] | None = None
    product: Literal["NRML", "MIS", "CNC"] = "NRML"
    price_type: Literal["MARKET", "LIMIT", "SL", "SL-M"] = "MARKET"
    price: Price | None = None
    price_from: PriceFrom | None = None
    trigger_price: Price | None = None
    trigger_from: TriggerFrom | None = None
    chase: Chase | None = None
    stop: LegLevel | None = None
    target: LegLevel | None = None
    trail: LegGain | None = None
    even: LegGain | None = None
    at_broker: Annotated[bool, Field(description="Its stop and target rest at the broker, where it takes them.")] = (
        False
    )
    wait: Wait | None = None
    breakout: Breakout | None = None
    again: Again | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = (_contract_problem(self), _size_problem(self), *_faults(self), _rest_fault(self), *_late_faults(self))
        problem = next((one for one in found if one), "")
        if problem:
            raise ValueError(problem)
        return self

    @property
    def words(self) -> str:
        """As a person would say it: "BUY 2 lots NIFTY current week OTM2 CE"."""
        expiry = expiry_words(self.expiry)
        what = self.symbol or f"{self.underlying} {expiry} {self.kind}"
        if self.kind in ("CE", "PE"):
            strike = self.pick.words if self.pick else self.strike
            what = f"{self.underlying} {expiry} {strike} {self.kind}"
        return f"{self.action} {self.size_words} {what}"

    @property
    def size_words(self) -> str:
        count, word = (self.units, "unit") if self.lots is None else (self.lots, "lot")
        return f"{count} {word}" if count == 1 else f"{count} {word}s"

    @property
    def price_words(self) -> str:
        """How it is sent: "LIMIT 0.5 points better than the bid, follows 3 times, every 5 s, then at market"."""
        fixed = f"at {plain(self.price)}" if self.price is not None else ""
        trigger = f"trigger {plain(self.trigger_price)}" if self.trigger_price is not None else ""
        rules = (self.trigger_from, self.price_from, self.chase)
        said = [trigger, fixed, *(rule.words for rule in rules if rule is not None)]
        return " ".join([self.price_type, ", ".join(part for part in said if part)]).strip()

    @property
    def late_words(self) -> list[str]:
        """When it is entered, where that is not with the others, and whether again."""
        return [rule.words for rule in (self.wait, self.breakout, self.again) if rule is not None]

    @property
    def is_late(self) -> bool:
        return self.wait is not None or self.breakout is not None

    def fixed(self, exchange: str, symbol: str) -> Self:
        """The same of a contract that is known already."""
        return self.model_copy(update={"kind": "SYMBOL", "exchange": exchange, "symbol": symbol, "pick": None})

    @property
    def pricing(self) -> Pricing:
        return Pricing(self.price, self.price_from, self.trigger_price, self.trigger_from)

    @property
    def unpriced(self) -> Self:
        """The same contract at market, for whom its price is of no matter."""
        none = dict.fromkeys(("price", "price_from", "trigger_price", "trigger_from", "chase"))
        return self.model_copy(update={"price_type": "MARKET", **none})

    @property
    def rules(self) -> LegRules:
        """Where it is left by itself."""
        return LegRules(self.stop, self.target, self.trail, self.even)

    @property
    def gains_upwards(self) -> bool:
        """Whether it gains when its underlying rises."""
        return (self.action == "BUY") != (self.kind == "PE")

    @property
    def needs_underlying(self) -> bool:
        of_levels = any(level is not None and level.is_of_underlying for level in (self.stop, self.target))
        return of_levels or (self.breakout is not None and self.breakout.of == "underlying")

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
    if not is_expiry(leg.expiry):
        return f"the expiry {leg.expiry!r} is neither a rule nor a date"
    if leg.kind != "FUT" and leg.pick is None and not is_strike_rule(leg.strike):
        return f"the strike {leg.strike!r} is not ATM, ITM1, OTM1 and so on, or a number"
    if leg.kind == "FUT" and leg.pick is not None:
        return "a future has no strike to pick"
    return ""


def _size_problem(leg: Leg) -> str:
    return "" if (leg.lots is None) != (leg.units is None) else "say how many lots, or how many units"


def _faults(leg: Leg) -> Iterator[str]:
    """What is wrong with how it is priced."""
    if leg.price_type in ("LIMIT", "SL"):
        if (leg.price is None) == (leg.price_from is None):
            yield "a limit leg needs a price" if leg.price is None else "a price is written down or reckoned, not both"
        if leg.price_from is not None and (leg.price_from.of == "trigger") != (leg.price_type == "SL"):
            yield "the price of a stop order is reckoned from its trigger, and only that"
    elif leg.price_from is not None:
        yield "an order at market has no price"
    if leg.price_type in ("SL", "SL-M"):
        if (leg.trigger_price is None) == (leg.trigger_from is None):
            yield "a stop order needs one trigger"
        yield leg.trigger_from.problem if leg.trigger_from else ""
    elif leg.trigger_price is not None or leg.trigger_from is not None:
        yield "only SL and SL-M have a trigger"
    yield leg.price_from.problem if leg.price_from else ""
    if leg.chase is not None and (leg.price_type != "LIMIT" or leg.price_from is None):
        yield "only a limit price that is reckoned from the market can follow it: chase"


def _rest_fault(leg: Leg) -> str:
    return obstacle(leg.rules, leg.product) if leg.at_broker else ""


def _late_faults(leg: Leg) -> Iterator[str]:
    """What is wrong with when it is entered."""
    if leg.wait is not None and leg.breakout is not None:
        yield "it waits for a move or for a range, not for both"
    again = leg.again
    if again is None:
        return
    has_stop = any(rule is not None for rule in (leg.stop, leg.trail, leg.even))
    if again.after in ("stop", "either") and not has_stop and not (again.after == "either" and leg.target):
        yield "it is entered again after its stop, and has none"
    if again.after == "target" and leg.target is None:
        yield "it is entered again after its target, and has none"
    levels = {"stop": (leg.stop,), "target": (leg.target,)}.get(again.after, (leg.stop, leg.target))
    if again.how == "at_once" and any(level and level.unit in AT_A_PRICE for level in levels):
        yield "entered again at once it would be left at once: count its stop or target from the entry"


class AccountShare(BaseModel):
    """An account that takes part. A grade and caps that are not given are the account's own; of two caps the lower
    counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    multiplier: Annotated[Decimal, Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False)] = (
        Decimal(1)
    )
    grade: Annotated[Code, StringConstraints(max_length=8)] = ""
    max_lots: Annotated[int | None, Field(ge=1, le=MOST_LOTS), BeforeValidator(no_boolean)] = None
    max_value: Annotated[
        Decimal | None,
        Field(gt=0, lt=10**12, max_digits=18, decimal_places=2, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ] = None


class Draft(BaseModel):
    """A strategy as it is saved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    legs: Annotated[list[Leg], Field(min_length=1, max_length=MOST_LEGS)]
    accounts: Annotated[list[AccountShare], Field(max_length=500)] = Field(default_factory=list)
    on_failure: Literal["unwind", "hold"] = "unwind"
    exits: ExitRule = Field(default_factory=ExitRule)
    limits: Limits = Field(default_factory=Limits)
    schedule: Schedule = Field(default_factory=Schedule)
    sizing: Sizing = Field(default_factory=Sizing)

    @field_validator("sizing")
    @classmethod
    def _can_be_reckoned(cls, rule: Sizing, info: ValidationInfo) -> Sizing:
        legs, limits = info.data.get("legs"), info.data.get("limits")
        problem = misfit(rule, legs, limits) if legs and limits else ""
        if problem:
            raise ValueError(problem)
        return rule

    @model_validator(mode="after")
    def _accounts_once(self) -> Self:
        ids = [share.account_id for share in self.accounts]
        if len(ids) != len(set(ids)):
            raise ValueError("an account can take part only once")
        return self

    @model_validator(mode="after")
    def _legs_exist(self) -> Self:
        unknown = [number for number in sorted(self.limits.legs_named) if number > len(self.legs)]
        if unknown:
            raise ValueError(f"a limit looks at leg {unknown[0]}, and there are {len(self.legs)} legs")
        return self


def lots_for(lots: int, multiplier: Decimal) -> int:
    """Whole lots of an account: never rounded up."""
    return int(lots * multiplier)
