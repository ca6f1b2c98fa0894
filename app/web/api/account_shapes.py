"""Accounts as the API takes and gives them. No key ever leaves through here."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from app.accounts.models import Account, AccountHealth
from app.core.validation import no_boolean
from app.web.api.shapes import Amount, Answer, Asked, Id, Instant

Line = Annotated[str, StringConstraints(max_length=4096)]
NoBoolean = BeforeValidator(no_boolean)


class AccountFields(Asked):
    name: Annotated[Line, Field(examples=["Zerodha main"])]
    host_url: Annotated[
        Line, Field(examples=["http://127.0.0.1:5000"], description="Empty: the kind's own default.")
    ] = ""
    stream_url: Annotated[Line, Field(examples=["ws://127.0.0.1:8765"])] = ""
    expected_mode: Annotated[Literal["live", "paper"], Field(examples=["live"])] = "live"
    default_product: Annotated[Line, Field(examples=["NRML"])] = ""
    orders_per_second: Annotated[int, Field(ge=1, le=100, examples=[10]), NoBoolean] = 10
    max_in_flight: Annotated[int, Field(ge=1, le=50, examples=[10]), NoBoolean] = 10
    kept_for_exits: Annotated[
        int | None,
        Field(ge=0, le=99, examples=[2], description="Of the orders per second; null: one in five, at least one."),
        NoBoolean,
    ] = None
    market_protection: Annotated[
        Decimal | None,
        Field(
            ge=Decimal("0.1"), le=20, max_digits=4, decimal_places=2, allow_inf_nan=False, examples=["3"],
            description="Percent: exits at market go as limits so far through the market. Null: as they are.",
        ),
        NoBoolean,
    ] = None  # fmt: skip
    poll_seconds: Annotated[
        Decimal | None,
        Field(
            ge=Decimal("0.25"), le=60, max_digits=4, decimal_places=2, allow_inf_nan=False, examples=["2"],
            description="Between readings of positions and funds while something is open. Null: as the desk is set.",
        ),
        NoBoolean,
    ] = None  # fmt: skip
    reads_per_minute: Annotated[
        int | None,
        Field(ge=30, le=3000, examples=[300], description="Books, for the screen. Null: as the desk is set."),
        NoBoolean,
    ] = None
    grade: Annotated[Line, Field(examples=["A"], description="What share of its free margin may be bound.")] = ""
    max_lots: Annotated[
        int | None, Field(ge=1, le=10_000, examples=[None], description="Of one leg of a run."), NoBoolean
    ] = None
    max_value: Annotated[
        Decimal | None,
        Field(
            gt=0, lt=10**12, max_digits=18, decimal_places=2, allow_inf_nan=False, examples=[None],
            description="Price times quantity of a run's legs together.",
        ),
        NoBoolean,
    ] = None  # fmt: skip
    counts_collateral: Annotated[bool, Field(strict=True, description="Collateral counts as free margin.")] = False
    bind_address: Annotated[Line, Field(examples=[""], description="An address of this machine to send from.")] = ""
    proxy: Annotated[Line, Field(examples=[""])] = ""
    api_secret: Annotated[Line, Field(examples=[""])] = ""
    extra: Annotated[
        dict[str, Line], Field(max_length=8, examples=[{}], description="Further secrets of the kind of venue.")
    ] = Field(default_factory=dict)


class AccountAsked(AccountFields):
    api_key: Annotated[Line, Field(examples=["your-openalgo-key"])]
    venue_kind: Annotated[Line, Field(examples=["openalgo"])] = "openalgo"


class AccountEdit(AccountFields):
    """The whole account anew; only empty secrets keep what is stored."""

    api_key: Annotated[Line, Field(examples=[""])] = ""
    clear_proxy: bool = False
    version: Annotated[
        int | None,
        Field(ge=1, le=10**9, examples=[1], description="Refused when the account changed since."),
        NoBoolean,
    ] = None
    password: Annotated[Line, Field(examples=[""])] = ""


class MoveAsked(Asked):
    direction: Literal["up", "down"]


class AccountHealthShown(Answer):
    state: Annotated[str, Field(examples=["ok"])]
    mode: Annotated[str, Field(examples=["live"])]
    broker: Annotated[str, Field(examples=["zerodha"])]
    latency_ms: int | None
    last_error: Annotated[str, Field(examples=[""])]
    last_error_at: Instant | None
    checked_at: Instant | None
    last_ok_at: Instant | None
    funds: Annotated[
        dict[str, str | None] | None,
        Field(
            description="As text: available, used, collateral, realised_pnl, unrealised_pnl.",
            examples=[{"available": "250000", "used": "81234.5"}],
        ),
    ]
    funds_at: Instant | None
    book_read_at: Instant | None


class AccountShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    venue_kind: Annotated[str, Field(examples=["openalgo"])]
    broker: Annotated[str, Field(examples=["zerodha"])]
    currency: Annotated[str, Field(examples=["INR"])]
    host_url: Annotated[str, Field(examples=["http://127.0.0.1:5000"])]
    stream_url: Annotated[str, Field(examples=["ws://127.0.0.1:8765"])]
    bind_address: Annotated[str, Field(examples=[""])]
    default_product: Annotated[str, Field(examples=["NRML"])]
    orders_per_second: int
    max_in_flight: int
    kept_for_exits: Annotated[int | None, Field(examples=[None])]
    market_protection: Annotated[Amount | None, Field(examples=[None])]
    poll_seconds: Annotated[Amount | None, Field(examples=[None])]
    reads_per_minute: Annotated[int | None, Field(examples=[None])]
    grade: Annotated[str, Field(examples=["A"])]
    max_lots: Annotated[int | None, Field(examples=[None])]
    max_value: Annotated[Amount | None, Field(examples=[None])]
    counts_collateral: bool
    expected_mode: Annotated[str, Field(examples=["live"])]
    enabled: bool
    trading_state: Annotated[str, Field(description="ACTIVE, REDUCING (paused) or HALTED", examples=["ACTIVE"])]
    is_primary: bool
    failover_rank: int
    version: int
    created_at: Instant
    updated_at: Instant
    health: AccountHealthShown | None


class AccountList(Answer):
    """The primary first, then in failover order."""

    items: list[AccountShown]


def account_shown(account: Account, seen: AccountHealth | None) -> AccountShown:
    row: dict[str, Any] = {name: getattr(account, name) for name in AccountShown.model_fields if name != "health"}
    return AccountShown(**row, health=AccountHealthShown.model_validate(seen) if seen else None)
