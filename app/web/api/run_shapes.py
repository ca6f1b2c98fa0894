"""Runs as the API gives them: what filled comes from the orders, profit at the price last seen or null."""

from typing import Annotated, Any

from pydantic import Field

from app.execution.timing import StepName
from app.risk.limits import limits
from app.strategies.exit_rule import exit_rule
from app.strategies.models import Run
from app.strategies.sizing import sizing
from app.web.api.limit_shapes import LimitEventShown, LookedAtShown
from app.web.api.shapes import Amount, Answer, Asked, Cursor, Id, IdAsked, Instant, Limit, Next, OfContract, rounded
from app.web.api.strategy_shapes import LegShown, leg_shown
from app.web.run_late import LateLine
from app.web.run_view import LegLine, PartLine, RunView, leaving_of

Pnl = Annotated[
    Amount | None,
    Field(description="In the account's currency; null where a price or cost is not known.", examples=["1234.5"]),
]
RUN_FIELDS = (
    "id", "strategy_id", "name", "version", "on_failure", "venue_kind", "state", "trouble", "requested_at",
    "started_at", "closed_at", "exit_reason", "exit_by", "exit_at",
)  # fmt: skip
PART_FIELDS = (
    "id", "account_id", "multiplier", "sizing", "state", "trouble", "exit_reason", "exit_by", "exit_at", "started_at",
    "closed_at",
)  # fmt: skip
LEG_FIELDS = (
    "id", "number", "exchange", "symbol", "side", "lots", "lot_size", "quantity", "product", "price_type", "price",
    "trigger_price", "chosen", "entry", "exit_reason", "exit_by", "exit_at",
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
    exits: Annotated[str, Field(description="How its positions go out.", examples=["at market"])]
    limits: Annotated[list[str], Field(description="When it is left by itself.", examples=[["Stop at a loss of 5000"]])]
    leaves_at: Annotated[
        Instant | None, Field(description="By its schedule; null once its exit is decided.", examples=[None])
    ]
    sizing: Annotated[
        str, Field(description="How its lots were found.", examples=["The legs' lots times the multiplier"])
    ]
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


class LateShown(Answer):
    """Of a leg that is not entered with the others: what its entry waits for, or what came of it."""

    state: Annotated[str, Field(description="waiting, entered or never", examples=["waiting"])]
    kind: Annotated[str, Field(description="move, range or again", examples=["move"])]
    words: Annotated[str, Field(examples=["waits for NFO:NIFTY24DEC2624500CE at or above 182.5"])]
    exchange: Annotated[str, Field(description="Of the price that is looked at.", examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24DEC2624500CE"])]
    reference: Annotated[
        Amount | None, Field(description="The price at the start, or of the first entry.", examples=["178.95"])
    ]
    reference_at: Annotated[Instant | None, Field(examples=[None])]
    low: Annotated[Amount | None, Field(description="Of a range, as far as it was seen.", examples=[None])]
    high: Annotated[Amount | None, Field(examples=[None])]
    level: Annotated[Amount | None, Field(description="Null while it is not known.", examples=["182.5"])]
    is_above: Annotated[bool | None, Field(description="On which side of it.", examples=[True])]
    price: Annotated[Amount | None, Field(description="Seen last; once entered, what reached it.", examples=["176.1"])]
    price_at: Annotated[Instant | None, Field(examples=[None])]
    decided_at: Annotated[Instant | None, Field(examples=[None])]
    reason: Annotated[str, Field(description="Why it is never entered.", examples=[""])]


class LegRunShown(Ending, OfContract):
    """A leg in one account; quantities in units."""

    id: Id
    number: Annotated[int, Field(examples=[1])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    side: Annotated[str, Field(examples=["SELL"])]
    lots: Annotated[int, Field(examples=[2])]
    lot_size: Annotated[Amount, Field(examples=["75"])]
    quantity: Annotated[Amount, Field(description="The target.", examples=["150"])]
    product: Annotated[str, Field(examples=["NRML"])]
    price_type: Annotated[str, Field(examples=["MARKET"])]
    price: Annotated[Amount | None, Field(examples=[None])]
    trigger_price: Annotated[Amount | None, Field(examples=[None])]
    chosen: Annotated[
        str,
        Field(
            description="The prices that chose or priced it, with their ages.", examples=["premium 101.5, 0.8 s old"]
        ),
    ]
    entry: Annotated[int, Field(description="Which entry of this leg; more than 1 came again.", examples=[1])]
    late: Annotated[LateShown | None, Field(examples=[None])]
    levels: Annotated[str, Field(description="Where it is left by itself.", examples=["stop 30 points"])]
    holder: Annotated[
        str, Field(description="Who holds its stop and target.", examples=["At the broker: stop 95, target 165"])
    ]
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
    sizing: Annotated[
        dict[str, Any] | None,
        Field(
            description="The figures that led to its lots, as they were at the start; null: the legs' lots times the "
            "multiplier.",
            examples=[
                {"method": "margin", "asked": [3, 3], "allowed": [2, 2], "capped_by": "the free margin of 700000"}
            ],
        ),
    ]
    state: Annotated[str, Field(examples=["open"])]
    trouble: Annotated[str, Field(examples=[""])]
    started_at: Instant
    closed_at: Annotated[Instant | None, Field(examples=[None])]
    pnl: Pnl
    legs: list[LegRunShown]


class StepShown(Answer):
    """`turn` (written to claimed), `lane` (to the call), `answer` (to the venue's word), `fill` (to the last fill)."""

    name: Annotated[StepName, Field(examples=["answer"])]
    ms: Annotated[int, Field(examples=[46])]
    is_over: Annotated[bool, Field(description="False while it still takes.", examples=[True])]
    is_lost: Annotated[bool, Field(description="The answer never came.", examples=[False])]


class AccountTimingShown(Answer):
    """Milliseconds since the click; null for what no order reached."""

    account_id: Id
    orders: Annotated[int, Field(examples=[4])]
    first_sent_ms: Annotated[int | None, Field(examples=[12])]
    last_acknowledged_ms: Annotated[int | None, Field(examples=[96])]
    last_filled_ms: Annotated[int | None, Field(examples=[131])]
    unanswered: Annotated[int, Field(description="Sent, without an answer.", examples=[0])]
    unanswered_ms: Annotated[int | None, Field(description="For how long, the oldest of them.", examples=[None])]
    slowest: StepShown | None
    slowest_order_id: Id


class RoundTimingShown(Answer):
    """The slowest account first."""

    name: Annotated[str, Field(description="entry or exit", examples=["entry"])]
    accounts: list[AccountTimingShown]
    others_ms: Annotated[
        int | None, Field(description="Median of the last acknowledgements of all but the first.", examples=[91])
    ]


class ModePnlShown(Answer):
    """What a run made in its accounts of one mode."""

    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    currency: Annotated[str, Field(description="Empty when the accounts have several.", examples=["INR"])]
    pnl: Pnl


class RunWhole(RunShown):
    legs: list[LegShown]
    parts: list[AccountRunShown]
    looked_at: list[LookedAtShown]
    limit_events: list[LimitEventShown]
    timing: list[RoundTimingShown]
    currency: Annotated[str, Field(description="Empty when the accounts have several.", examples=["INR"])]
    mode: Annotated[
        str, Field(description="live, paper, or mixed where accounts of both take part.", examples=["live"])
    ]
    pnl: Annotated[
        Amount | None,
        Field(
            description="Of all accounts together, of a mixed run live and paper alike, as limits of the whole run "
            "count; null where a price or cost is not known.",
            examples=["1234.5"],
        ),
    ]
    pnl_by_mode: Annotated[list[ModePnlShown], Field(description="Live and paper apart, live first.")]


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
        looked_at=[LookedAtShown.model_validate(one) for one in view.limits.looked_at] if view.limits else [],
        limit_events=[LimitEventShown.model_validate(one) for one in view.limits.events] if view.limits else [],
        timing=[RoundTimingShown.model_validate(one) for one in view.rounds],
        currency=view.currency,
        mode=view.modes,
        pnl=view.total,
        pnl_by_mode=[ModePnlShown(mode=one.mode, currency=one.currency, pnl=one.value) for one in view.sums],
    )


def _run(run: Run) -> dict[str, Any]:
    known = {name: getattr(run, name) for name in RUN_FIELDS}
    said: dict[str, Any] = {"exits": exit_rule(run.exits).words, "limits": limits(run.limits).words}
    leaving = leaving_of(run)
    said["sizing"] = sizing(run.sizing).words
    return known | {"accounts": len(run.accounts), "leaves_at": leaving.at if leaving else None} | said


def _part(line: PartLine) -> AccountRunShown:
    return AccountRunShown(
        **{name: getattr(line.part, name) for name in PART_FIELDS},
        account_name=line.account.name,
        currency=line.account.currency,
        mode=line.account.mode,
        pnl=line.total,
        legs=[_leg(leg) for leg in line.legs],
    )


def _leg(line: LegLine) -> LegRunShown:
    return LegRunShown(
        **{name: getattr(line.leg, name) for name in LEG_FIELDS},
        late=_late(line.late),
        levels=line.levels,
        holder=line.holder,
        entered=line.entered,
        exited=line.exited,
        held=line.held,
        entry_average=rounded(line.entry_average),
        exit_average=rounded(line.exit_average),
        last_price=line.seen.price if line.seen else None,
        last_price_at=line.seen.at if line.seen else None,
        pnl=line.total,
    )


def _late(line: LateLine | None) -> LateShown | None:
    if line is None:
        return None
    known = {name: getattr(line.wait, name) for name in LateShown.model_fields if name not in ("state", "words")}
    known["reference"] = rounded(line.wait.reference)
    known["level"] = rounded(line.wait.level)
    return LateShown(state=line.leg.waits, words=line.words, **known)
