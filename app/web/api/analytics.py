"""Analytics and the trade journal over the API: what was realised, how it went, and what a person noted to it."""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field, StringConstraints

from app.core.validation import no_boolean
from app.portfolio.analytics import BOTH, Choice, Sums
from app.portfolio.curves import Point, of_run
from app.portfolio.diary import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS, Entry
from app.portfolio.diary import Asked as EntriesWanted
from app.web.analytics_view import Line, Report, read_report
from app.web.api.operation import operation
from app.web.api.shapes import EXAMPLE_ID, Amount, Answer, Asked, Cursor, Id, IdAsked, Instant, Limit, Next, rounded
from app.web.current import owner_id, services

bp = Blueprint("analytics", __name__, url_prefix="/api/v1")

TAG = "Analytics"
JOURNAL = "Trade journal"
Few = "Null where there are too few for it to say anything."
Mode = Literal["live", "paper", "both"]
Money = Annotated[Amount, Field(examples=["1250.5"])]
Known = Annotated[Amount | None, Field(examples=["1250.5"])]


class Filter(Asked):
    first: Annotated[date | None, Field(description="The first day, in India.", examples=["2026-11-02"])] = None
    last: Annotated[date | None, Field(examples=["2026-11-20"])] = None
    account_id: IdAsked | None = None
    strategy_id: IdAsked | None = None
    mode: Annotated[
        Mode | None, Field(description="Without it live, or paper where there is nothing live.", examples=["live"])
    ] = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,8}$"), Field(examples=["INR"])] = ""

    def choice(self) -> Choice:
        owned = self.account_id or "", self.strategy_id or ""
        return Choice(owner_id(), self.first, self.last, self.mode or "", self.currency, *owned)


class AnalyticsAsked(Filter):
    capital: Annotated[
        Decimal | None,
        Field(gt=0, le=10**12, allow_inf_nan=False, description="For ratios of it.", examples=["500000"]),
    ] = None


class ResultShown(Answer):
    """Realised at average cost; charges are estimates, net is less them. Unknown results are in no sum."""

    realised: Money
    charges: Money
    net: Money
    turnover: Money
    orders: Annotated[int, Field(examples=[12])]
    unknown: Annotated[int, Field(description="Results whose price is not known yet.", examples=[0])]
    uncharged: Annotated[int, Field(description="Results without a known price list.", examples=[0])]


class ResultDayShown(ResultShown):
    day: Annotated[date, Field(examples=["2026-11-20"])]
    equity: Annotated[Amount, Field(description="All results up to the day.", examples=["1250.5"])]
    drawdown: Annotated[Amount, Field(description="Under the highest equity so far; never positive.", examples=["0"])]


class GroupShown(ResultShown):
    id: Annotated[str, Field(description="Empty for symbols and trades by hand.", examples=[EXAMPLE_ID])]
    name: Annotated[str, Field(examples=["Iron condor"])]


class TradesShown(Answer):
    count: Annotated[int, Field(examples=[12])]
    won: Annotated[int, Field(examples=[7])]
    lost: Annotated[int, Field(examples=[5])]
    win_rate: Annotated[Amount | None, Field(description=f"Per cent. {Few}", examples=["58.33"])]
    expectancy: Annotated[Amount | None, Field(description=f"Net per trade. {Few}", examples=["104.2"])]
    profit_factor: Annotated[Amount | None, Field(description=f"Won by lost. {Few}", examples=["1.8"])]
    average_win: Known
    average_loss: Known
    best: Known
    worst: Known


class RatiosShown(Answer):
    """Of a year, from each weekday's net result, without interest; the last three need a capital."""

    sharpe: Known
    sortino: Known
    volatility: Known
    annual_return: Known
    max_drawdown: Known


class AnalyticsShown(Answer):
    mode: Annotated[str, Field(description="live, paper, or mixed where both are added up.", examples=["live"])]
    currency: Annotated[str, Field(examples=["INR"])]
    basis: Annotated[str, Field(examples=["average cost"])] = "average cost"
    whole: ResultShown
    trades: TradesShown
    ratios: Annotated[RatiosShown | None, Field(description=Few, examples=[None])]
    days: list[ResultDayShown]
    strategies: list[GroupShown]
    accounts: list[GroupShown]
    symbols: list[GroupShown]


class SampleShown(Answer):
    at: Instant
    total: Money
    stop: Annotated[Amount | None, Field(description="The profit at which the run is left.", examples=["-5000"])]


class RunCurveShown(Answer):
    """Samples each minute and at each fill; where some are missing nothing is known. A run in live and paper accounts
    is sampled as its limits count: both together."""

    items: list[SampleShown]


class EntriesAsked(Filter):
    tag: Annotated[str, StringConstraints(max_length=LONGEST_TAG), Field(examples=["breakout"])] = ""
    text: Annotated[str, StringConstraints(max_length=60), Field(examples=["condor"])] = ""
    before: Cursor = ""
    limit: Limit = 50


class EntryPartShown(Answer):
    """What an entry made in the accounts of one mode."""

    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    currency: Annotated[str, Field(description="Empty for several.", examples=["INR"])]
    account_ids: list[Id]
    realised: Known
    charges: Known
    net: Known
    orders: Annotated[int, Field(examples=[8])]


class EntryShown(Answer):
    """Where `modes` has both, `realised`, `charges` and `net` add up live and paper: `by_mode` tells them apart."""

    id: Id
    run_id: Annotated[Id | None, Field(description="Null for a trade by hand.", examples=[EXAMPLE_ID])]
    name: Annotated[str, Field(examples=["Iron condor"])]
    modes: Annotated[list[str], Field(examples=[["live"]])]
    account_ids: list[Id]
    currency: Annotated[str, Field(description="Empty for several.", examples=["INR"])]
    opened_at: Instant
    closed_at: Instant
    realised: Known
    charges: Known
    net: Known
    by_mode: Annotated[list[EntryPartShown], Field(description="Live first.")]
    orders: Annotated[int, Field(examples=[8])]
    note: Annotated[str, Field(examples=["Entered late."])]
    tags: Annotated[list[str], Field(examples=[["breakout"]])]
    version: Annotated[int, Field(description="Of the note.", examples=[1])]


class EntryList(Answer):
    items: list[EntryShown]
    next: Next


class NoteAsked(Asked):
    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE), Field(examples=["Entered late."])]
    tags: Annotated[list[str], Field(max_length=MOST_TAGS, examples=[["breakout"]])]
    version: Annotated[
        int | None,
        Field(ge=0, le=1_000_000_000, description="As it was read; refused when it is older."),
        BeforeValidator(no_boolean),
    ] = None


@bp.get("/analytics")
@operation(TAG, "See what was realised, and how it went", query=AnalyticsAsked, gives=AnalyticsShown)
def report(query: AnalyticsAsked) -> AnalyticsShown:
    return _report(read_report(query.choice(), query.capital))


@bp.get("/runs/<run_id>/curve")
@operation(TAG, "See what a run made over time", gives=RunCurveShown)
def run_curve(run_id: str) -> RunCurveShown:
    services().strategies.get_run(owner_id(), run_id)
    return RunCurveShown(items=[_sample(point) for point in services().curves.read(of_run(run_id))])


@bp.get("/trade-journal")
@operation(JOURNAL, "List closed runs and trades by hand", query=EntriesAsked, gives=EntryList)
def entries(query: EntriesAsked) -> EntryList:
    choice = query.model_copy(update={"mode": query.mode or BOTH}).choice()
    found = services().diary.entries(EntriesWanted(choice, query.tag, query.text, query.before, query.limit))
    items = [_entry(entry) for entry in found]
    return EntryList(items=items, next=items[-1].id if len(items) == query.limit else None)


@bp.get("/trade-journal/<entry_id>")
@operation(JOURNAL, "Look at an entry", gives=EntryShown)
def entry(entry_id: str) -> EntryShown:
    return _entry(services().diary.entry(owner_id(), entry_id))


@bp.put("/trade-journal/<entry_id>")
@operation(JOURNAL, "Write the note and the tags of an entry", takes=NoteAsked, gives=EntryShown)
def write(entry_id: str, body: NoteAsked) -> EntryShown:
    return _entry(services().diary.write(owner_id(), entry_id, body.note, body.tags, body.version))


def _report(made: Report) -> AnalyticsShown:
    trips = {name: rounded(one) if isinstance(one, Decimal) else one for name, one in asdict(made.trips).items()}
    after = {point.day: point for point in made.equity}
    return AnalyticsShown(
        mode=made.mode or "none",
        currency=made.choice.currency,
        whole=ResultShown.model_validate(made.whole),
        trades=TradesShown.model_validate(trips),
        ratios=RatiosShown.model_validate(made.ratios) if made.ratios else None,
        days=[
            ResultDayShown.model_validate(_sums(sums) | asdict(after[day])) for day, sums in sorted(made.days.items())
        ],
        strategies=[_group(line) for line in made.groups["strategy"]],
        accounts=[_group(line) for line in made.groups["account"]],
        symbols=[_group(line) for line in made.groups["symbol"]],
    )


def _sums(sums: Sums) -> dict[str, object]:
    return asdict(sums) | {"net": sums.net}


def _group(line: Line) -> GroupShown:
    is_symbol = line.id == line.name
    return GroupShown.model_validate({**_sums(line.sums), "id": "" if is_symbol else line.id, "name": line.name})


def _sample(point: Point) -> SampleShown:
    return SampleShown(at=point.at, total=point.total, stop=point.stop)


def _entry(entry: Entry) -> EntryShown:
    return EntryShown.model_validate(entry)
