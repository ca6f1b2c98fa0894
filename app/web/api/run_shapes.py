"""Runs as the API gives them: what filled comes from the orders, profit at the price last seen or null."""

from typing import Annotated, Any

from pydantic import Field

from app.strategies.models import Run
from app.web.api.shapes import Amount, Answer, Asked, Cursor, Id, IdAsked, Instant, Limit, Next, rounded
from app.web.api.strategy_shapes import LegShown, leg_shown
from app.web.run_view import LegLine, PartLine, RunView

Pnl = Annotated[
    Amount | None,
    Field(description="In the account's currency; null where a price or cost is not known.", examples=["1234.5"]),
]
RUN_FIELDS = (
    "id", "strategy_id", "name", "version", "on_failure", "venue_kind", "state", "trouble", "requested_at",
    "started_at", "closed_at", "exit_reason", "exit_by", "exit_at",
)  # fmt: skip
PART_FIELDS = (
    "id", "account_id", "multiplier", "state", "trouble", "exit_reason", "exit_by", "exit_at", "started_at",
    "closed_at",
)  # fmt: skip
LEG_FIELDS = (
    "id", "number", "exchange", "symbol", "side", "lots", "lot_size", "quantity", "product", "price_type", "price",
    "exit_reason", "exit_by", "exit_at",
)  # fmt: skip


class RunAsked(Asked):
    strategy_id: IdAsked


class RunsAsked(Asked):
    live: Annotated[bool, Field(description="Only runs that have not ended.")] = False
    before: Cursor = ""
    limit: Limit = 50


class Ending(Answer):
    """Who decided the exit, when and why; null while nobody did."""

    exit_reason: Annotated[str | None, Field(examples=[None])]
    exit_by: Annotated[str | None, Field(examples=[None])]
    exit_at: Annotated[Instant | None, Field(examples=[None])]


class RunShown(Ending):
    id: Id
    strategy_id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]
    version: Annotated[int, Field(description="Of the strategy, when it started.", examples=[1])]
    on_failure: Annotated[str, Field(examples=["unwind"])]
    venue_kind: Annotated[str, Field(examples=["openalgo"])]
    state: Annotated[str, Field(examples=["open"])]
    trouble: Annotated[str, Field(description="What a person should know.", examples=[""])]
    accounts: Annotated[int, Field(description="How many take part.", examples=[3])]
    requested_at: Instant
    started_at: Instant | None
    closed_at: Annotated[Instant | None, Field(examples=[None])]


class RunList(Answer):
    items: list[RunShown]
    next: Next


class LegRunShown(Ending):
    """A leg in one account; quantities in units."""

    id: Id
    number: Annotated[int, Field(examples=[1])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    side: Annotated[str, Field(examples=["SELL"])]
    lots: Annotated[int, Field(examples=[2])]
    lot_size: Annotated[Amount, Field(examples=["75"])]
    quantity: Annotated[Amount, Field(description="The target.", examples=["150"])]
    product: Annotated[str, Field(examples=["NRML"])]
    price_type: Annotated[str, Field(examples=["MARKET"])]
    price: Annotated[Amount | None, Field(examples=[None])]
    entered: Annotated[Amount, Field(examples=["150"])]
    exited: Annotated[Amount, Field(examples=["0"])]
    held: Annotated[Amount, Field(examples=["150"])]
    entry_average: Amount | None
    exit_average: Annotated[Amount | None, Field(examples=[None])]
    last_price: Amount | None
    last_price_at: Instant | None
    pnl: Pnl


class AccountRunShown(Ending):
    """What the run is in one account."""

    id: Id
    account_id: Id
    account_name: Annotated[str, Field(examples=["Zerodha main"])]
    currency: Annotated[str, Field(examples=["INR"])]
    mode: Annotated[str, Field(examples=["live"])]
    multiplier: Annotated[Amount, Field(examples=["1"])]
    state: Annotated[str, Field(examples=["open"])]
    trouble: Annotated[str, Field(examples=[""])]
    started_at: Instant
    closed_at: Annotated[Instant | None, Field(examples=[None])]
    pnl: Pnl
    legs: list[LegRunShown]


class RunWhole(RunShown):
    legs: list[LegShown]
    parts: list[AccountRunShown]
    currency: Annotated[str, Field(description="Empty when the accounts have several.", examples=["INR"])]
    pnl: Pnl


class ExitShown(Answer):
    id: Id
    decided: Annotated[bool, Field(description="False: it was decided before. What is still held is tried again.")]


def run_shown(run: Run) -> RunShown:
    return RunShown(**_run(run))


def run_whole(view: RunView) -> RunWhole:
    return RunWhole(
        **_run(view.run),
        legs=[leg_shown(number, leg) for number, leg in enumerate(view.run.legs, 1)],
        parts=[_part(part) for part in view.parts],
        currency=view.currency,
        pnl=view.total,
    )


def _run(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RUN_FIELDS} | {"accounts": len(run.accounts)}


def _part(line: PartLine) -> AccountRunShown:
    return AccountRunShown(
        **{name: getattr(line.part, name) for name in PART_FIELDS},
        account_name=line.account.name,
        currency=line.account.currency,
        mode=line.account.expected_mode,
        pnl=line.total,
        legs=[_leg(leg) for leg in line.legs],
    )


def _leg(line: LegLine) -> LegRunShown:
    return LegRunShown(
        **{name: getattr(line.leg, name) for name in LEG_FIELDS},
        entered=line.entered,
        exited=line.exited,
        held=line.held,
        entry_average=rounded(line.entry_average),
        exit_average=rounded(line.exit_average),
        last_price=line.seen.price if line.seen else None,
        last_price_at=line.seen.at if line.seen else None,
        pnl=line.total,
    )
