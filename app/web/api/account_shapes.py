"""Accounts as the API takes and gives them. No key ever leaves through here."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from app.accounts.models import Account, AccountHealth
from app.web.api.shapes import Answer, Asked, Id, Instant, refuse_booleans

Line = Annotated[str, StringConstraints(max_length=4096)]
NoBoolean = BeforeValidator(refuse_booleans)


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
