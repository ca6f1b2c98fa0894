"""The journal of orders over the API: found by filter, page by page; one with its whole story; cancelled; decided."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.execution.service import Filter
from app.execution.states import OrderState
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Cursor, Id, Instant, Limit, Moment, Next, OfContract
from app.web.current import owner_id, services
from app.web.tiers import tier

bp = Blueprint("journal", __name__, url_prefix="/api/v1/journal/orders")

TAG = "Orders"
IdFilter = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{0,40}$")]


class OrdersAsked(Asked):
    account_id: IdFilter = ""
    account_run_id: IdFilter = ""
    symbol: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=64)] = ""
    status: Annotated[
        Literal["", "live", "final"] | OrderState, Field(description="live, final, or a state's own name")
    ] = ""
    since: Moment | None = None
    before: Cursor = ""
    limit: Limit = 50


class OrderShown(OfContract):
    """One order at a venue. `unknown` means sent, and nobody knows yet what became of it."""

    id: Annotated[Id, Field(description="Also the client order id, where the venue has one.")]
    intent_id: Id
    account_id: Id
    account_run_id: Annotated[str | None, Field(examples=[None])]
    leg_run_id: Annotated[str | None, Field(examples=[None])]
    purpose: Annotated[str, Field(examples=["entry"])]
    wave: Annotated[int, Field(examples=[1])]
    slice: Annotated[int, Field(examples=[1])]
    slices: Annotated[int, Field(examples=[1])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    side: Annotated[str, Field(examples=["SELL"])]
    quantity: Annotated[Amount, Field(description="In units.", examples=["150"])]
    price_type: Annotated[str, Field(examples=["MARKET"])]
    product: Annotated[str, Field(examples=["NRML"])]
    price: Annotated[Amount | None, Field(examples=[None])]
    trigger_price: Annotated[Amount | None, Field(examples=[None])]
    state: Annotated[OrderState, Field(examples=["filled"])]
    failure: Annotated[str, Field(examples=[""])]
    reason: Annotated[str, Field(description="In the venue's own words.", examples=[""])]
    venue_order_id: Annotated[str | None, Field(examples=["26112300000012"])]
    filled_quantity: Annotated[Amount, Field(examples=["150"])]
    average_price: Amount | None
    created_at: Instant
    claimed_at: Instant | None
    sent_at: Instant | None
    answered_at: Instant | None
    unknown_at: Annotated[Instant | None, Field(description="When its answer was given up.", examples=[None])]
    cancel_asked_at: Annotated[Instant | None, Field(examples=[None])]
    filled_at: Instant | None
    ended_at: Instant | None
    updated_at: Instant


class OrderEventShown(Answer):
    at: Instant
    source: Annotated[str, Field(examples=["push"])]
    from_state: Annotated[str, Field(examples=["open"])]
    to_state: Annotated[str, Field(examples=["filled"])]
    filled_quantity: Annotated[Amount, Field(examples=["150"])]
    average_price: Amount | None
    detail: Annotated[str, Field(examples=[""])]


class FillShown(Answer):
    id: Id
    key: Annotated[str, Field(description="The venue's trade id, where it has one.", examples=["t-1"])]
    quantity: Annotated[Amount, Field(examples=["150"])]
    price: Amount | None
    at: Instant
    source: Annotated[str, Field(examples=["trades"])]


class CandidateShown(Answer):
    """An order in the venue's book that could be one of ours whose answer was lost, and that nobody owns."""

    venue_order_id: Annotated[str, Field(examples=["26112300000012"])]
    quantity: Annotated[Amount, Field(examples=["150"])]
    filled_quantity: Annotated[Amount | None, Field(examples=["150"])]
    average_price: Amount | None
    price: Annotated[Amount | None, Field(examples=[None])]
    status: Annotated[str, Field(description="As the venue has it.", examples=["filled"])]
    at: Annotated[Instant | None, Field(description="The venue's time of it, where it tells one.")]
    first_seen_at: Instant


class OrderWhole(Answer):
    order: OrderShown
    events: list[OrderEventShown]
    fills: list[FillShown]
    candidates: Annotated[list[CandidateShown], Field(description="Of an order in doubt; a person must choose.")]


class AdoptAsked(Asked):
    venue_order_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$"), Field(examples=["26112300000012"])]


class OrderList(Answer):
    items: list[OrderShown]
    next: Next


@bp.get("")
@operation(TAG, "List orders, newest first", query=OrdersAsked, gives=OrderList)
def index(query: OrdersAsked) -> OrderList:
    wanted = Filter(query.account_id, query.account_run_id, query.symbol, query.status, query.since)
    found = services().orders.list(owner_id(), wanted, query.before, query.limit)
    more = found[-1].id if len(found) == query.limit else None
    return OrderList(items=[OrderShown.model_validate(order) for order in found], next=more)


@bp.get("/<order_id>")
@operation(TAG, "Look at an order", "With every step in the order it was learned, and its fills.", gives=OrderWhole)
def get(order_id: str) -> OrderWhole:
    return _whole(order_id)


@bp.post("/<order_id>/cancel")
@tier("exit")
@operation(
    TAG, "Cancel an order", "The engine does it; the order's state tells what came of it.", gives=OrderWhole, status=202
)
def cancel(order_id: str) -> OrderWhole:
    services().orders.cancel(owner_id(), order_id)
    return _whole(order_id)


@bp.post("/<order_id>/adopt")
@operation(
    TAG,
    "Say which order of the venue it is",
    "For an order in doubt, or thought lost: one of its candidates. Refused when it was decided meanwhile.",
    takes=AdoptAsked,
    gives=OrderWhole,
)
def adopt(order_id: str, body: AdoptAsked) -> OrderWhole:
    services().orders.adopt(owner_id(), order_id, body.venue_order_id)
    return _whole(order_id)


@bp.post("/<order_id>/give-up")
@operation(
    TAG,
    "Say that an order never arrived",
    "For an order in doubt. The desk may send it again then: an exit at once. Waiting is always safe.",
    gives=OrderWhole,
)
def give_up(order_id: str) -> OrderWhole:
    services().orders.give_up(owner_id(), order_id)
    return _whole(order_id)


def _whole(order_id: str) -> OrderWhole:
    told = services().orders.get(owner_id(), order_id)
    found = services().orders.candidates(owner_id(), [told.order]).get(order_id, ())
    return OrderWhole(
        order=OrderShown.model_validate(told.order),
        events=[OrderEventShown.model_validate(event) for event in told.events],
        fills=[FillShown.model_validate(fill) for fill in told.fills],
        candidates=[CandidateShown.model_validate(each) for each in found],
    )
