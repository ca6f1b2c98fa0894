"""Orders by hand over the API: placed once per key, changed, cancelled together, and closed.

Every act only writes rows; the engine does the rest, and the same address tells what became of it.
"""

from decimal import Decimal
from typing import Annotated, Literal

from flask import Blueprint, request, url_for
from pydantic import BeforeValidator, Field

from app.core.idempotency import HEADER
from app.core.ids import new_id
from app.core.validation import no_boolean, parse
from app.execution.cancelling import Which, outcome
from app.execution.closing import Place
from app.execution.models import Order, OrderChange
from app.execution.terms import ChangeState, Terms
from app.execution.ticket import Code, Draft, Price
from app.venues.types import PriceType, Symbol
from app.web.api.journal import OrderShown
from app.web.api.operation import Reply, operation
from app.web.api.priced import hear_price
from app.web.api.shapes import Amount, Answer, Asked, Id, IdAsked, Instant, Quantity
from app.web.current import owner_id, services
from app.web.tiers import tier

bp = Blueprint("by_hand", __name__, url_prefix="/api/v1")

TAG = "Orders"
Exchange = Annotated[Code, Field(examples=["NFO"])]
SymbolAsked = Annotated[Code, Field(examples=["NIFTY24NOV2626050CE"])]
Product = Annotated[Literal["NRML", "MIS", "CNC"], Field(examples=["NRML"])]
PriceAsked = Annotated[Price | None, BeforeValidator(no_boolean), Field(examples=[None])]
Multiplier = Annotated[
    Decimal,
    Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False, examples=["1"]),
    BeforeValidator(no_boolean),
]


class ShareAsked(Asked):
    account_id: IdAsked
    multiplier: Multiplier = Decimal(1)


class PlaceAsked(Asked):
    """The quantity is that of an account whose multiplier is 1."""

    exchange: Exchange
    symbol: SymbolAsked
    side: Annotated[Literal["BUY", "SELL"], Field(examples=["BUY"])]
    product: Product
    quantity: Quantity
    unit: Literal["lots", "units"] = "lots"
    price_type: Literal["MARKET", "LIMIT", "SL", "SL-M"] = "MARKET"
    price: PriceAsked = None
    trigger_price: PriceAsked = None
    accounts: Annotated[list[ShareAsked], Field(min_length=1, max_length=500)]

    def draft(self) -> Draft:
        return parse(Draft, self.model_dump())


class AccountOutcome(Answer):
    account_id: Id
    refusal: Annotated[str, Field(description="Why nothing was sent there; else empty.", examples=[""])]
    orders: list[OrderShown]


class TicketShown(Answer):
    id: Id
    placed_at: Instant | None
    accounts: list[AccountOutcome]


class ChangeAsked(Asked):
    """What is left out stays as it is. The quantity is the total in units, what is filled included."""

    quantity: Annotated[Quantity | None, Field(examples=[None])] = None
    price_type: Annotated[Literal["MARKET", "LIMIT", "SL", "SL-M"] | None, Field(examples=["LIMIT"])] = None
    price: Annotated[Price | None, BeforeValidator(no_boolean), Field(examples=["171.05"])] = None
    trigger_price: PriceAsked = None


class ChangeShown(Answer):
    """The order's own terms change only when the venue is known to have taken these."""

    id: Id
    order_id: Id
    state: Annotated[ChangeState, Field(examples=["asked"])]
    reason: Annotated[str, Field(examples=[""])]
    by: Annotated[str, Field(examples=["Asha"])]
    quantity: Annotated[Amount, Field(examples=["150"])]
    price_type: Annotated[str, Field(examples=["LIMIT"])]
    price: Amount | None
    trigger_price: Annotated[Amount | None, Field(examples=[None])]
    old_quantity: Annotated[Amount, Field(examples=["150"])]
    old_price_type: Annotated[str, Field(examples=["LIMIT"])]
    old_price: Amount | None
    old_trigger_price: Annotated[Amount | None, Field(examples=[None])]
    asked_at: Instant
    sent_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None


class ChangeList(Answer):
    items: list[ChangeShown]


class CancelManyAsked(Asked):
    """Only orders that fit all that is given; or every working order, which must be said."""

    order_ids: Annotated[list[IdAsked], Field(max_length=500)] = Field(default_factory=list)
    account_id: Annotated[IdAsked | None, Field(examples=[None])] = None
    symbol: Annotated[Code | None, Field(examples=[None])] = None
    run_id: Annotated[IdAsked | None, Field(examples=[None])] = None
    all: Annotated[bool, Field(description="Every working order; only with nothing else.", examples=[False])] = False


class BatchShown(Answer):
    id: Id
    cancelled: Annotated[int, Field(examples=[12])]
    filled: Annotated[int, Field(description="Faster than the cancel.", examples=[1])]
    ended_otherwise: Annotated[int, Field(examples=[0])]
    pending: Annotated[int, Field(examples=[1])]
    orders: list[OrderShown]


class CloseAsked(Asked):
    account_id: IdAsked
    exchange: Exchange
    symbol: SymbolAsked
    product: Product


class CloseShown(Answer):
    orders: list[OrderShown]


@bp.post("/orders")
@operation(
    TAG,
    "Place an order in one or many accounts",
    "Split at the freeze quantity. The same key again gives the same orders, also after a crash in between; an account "
    "that cannot take part is left out and says why.",
    takes=PlaceAsked, gives=TicketShown, status=202, key_required=True,
)  # fmt: skip
def place(body: PlaceAsked) -> Reply:
    tickets = services().by_hand.tickets
    ticket_id = tickets.write(owner_id(), body.draft(), f"api:{request.headers[HEADER]}", asks_margins=False)
    hear_price(Symbol(body.exchange, body.symbol))
    tickets.place(owner_id(), ticket_id)
    return Reply(_ticket(ticket_id), location=url_for("api.by_hand.ticket", ticket_id=ticket_id))


@bp.get("/orders/<ticket_id>")
@operation(TAG, "Look at a placed order", "Account by account.", gives=TicketShown)
def ticket(ticket_id: str) -> TicketShown:
    return _ticket(ticket_id)


@bp.post("/journal/orders/<order_id>/change")
@operation(
    TAG, "Change a working order", "Its price, and of an order by hand its quantity. Look at the change for what "
    "became of it; a fill on its way is faster.", takes=ChangeAsked, gives=ChangeShown, status=202,
)  # fmt: skip
def change(order_id: str, body: ChangeAsked) -> ChangeShown:
    order = services().orders.get(owner_id(), order_id).order
    key = f"api:{request.headers.get(HEADER) or new_id()}"
    services().by_hand.changes.ask(owner_id(), order_id, _wanted(order, body), key)
    return ChangeShown.model_validate(_changes(order_id)[0])


@bp.get("/journal/orders/<order_id>/changes")
@operation(TAG, "List the changes of an order, newest first", gives=ChangeList)
def changes(order_id: str) -> ChangeList:
    services().orders.get(owner_id(), order_id)
    return ChangeList(items=[ChangeShown.model_validate(one) for one in _changes(order_id)])


@bp.post("/journal/orders/cancel")
@tier("exit")
@operation(
    TAG, "Cancel many orders", "All that fit what is given and are working; without a filter only with "
    "all: true. The engine does it; the batch tells what became of each.",
    takes=CancelManyAsked, gives=BatchShown, status=202,
)  # fmt: skip
def cancel_many(body: CancelManyAsked) -> Reply:
    batch_id = new_id()
    services().by_hand.cancels.cancel(owner_id(), _which(body), batch_id)
    return Reply(_batch(batch_id), location=url_for("api.by_hand.batch", batch_id=batch_id))


@bp.get("/journal/cancels/<batch_id>")
@operation(TAG, "Look at orders that were cancelled together", gives=BatchShown)
def batch(batch_id: str) -> BatchShown:
    return _batch(batch_id)


@bp.post("/positions/close")
@tier("exit")
@operation(
    "Positions", "Close what was opened by hand",
    "At market, sized by the desk's own fills less the exits on their way. The same key closes once; what runs hold is "
    "not touched.",
    takes=CloseAsked, gives=CloseShown, status=202, key_required=True,
)  # fmt: skip
def close(body: CloseAsked) -> CloseShown:
    place = Place(body.account_id, body.exchange, body.symbol, body.product)
    ids = services().by_hand.closing.close(owner_id(), place, f"close:api:{request.headers[HEADER]}")
    return CloseShown(orders=[_order(order_id) for order_id in ids])


def _order(order_id: str) -> OrderShown:
    return OrderShown.model_validate(services().orders.get(owner_id(), order_id).order)


def _wanted(order: Order, body: ChangeAsked) -> Terms:
    return Terms(
        body.quantity or order.quantity,
        PriceType(body.price_type or order.price_type),
        body.price or order.price,
        body.trigger_price or order.trigger_price,
    )


def _changes(order_id: str) -> list[OrderChange]:
    return services().by_hand.changes.of(owner_id(), [order_id])[order_id]


def _which(body: CancelManyAsked) -> Which:
    parts = None
    if body.run_id:
        parts = tuple(part.id for part in services().strategies.parts(owner_id(), body.run_id))
    return Which(tuple(body.order_ids), body.account_id or "", body.symbol or "", parts, body.all)


def _batch(batch_id: str) -> BatchShown:
    found = services().by_hand.cancels.batch(owner_id(), batch_id)
    counts = found.counts
    return BatchShown(
        id=batch_id,
        cancelled=counts["cancelled"],
        filled=counts["filled"],
        ended_otherwise=counts["ended otherwise"],
        pending=sum(outcome(order) == "pending" for order in found.orders),
        orders=[OrderShown.model_validate(order) for order in found.orders],
    )


def _ticket(ticket_id: str) -> TicketShown:
    tickets = services().by_hand.tickets
    ticket = tickets.get(owner_id(), ticket_id)
    orders = tickets.orders(owner_id(), ticket_id)
    outcomes = [
        AccountOutcome(
            account_id=share.account_id,
            refusal=ticket.refused.get(share.account_id, ""),
            orders=[OrderShown.model_validate(order) for order in orders if order.account_id == share.account_id],
        )
        for share in Draft.model_validate(ticket.draft).accounts
    ]
    return TicketShown(id=ticket_id, placed_at=ticket.placed_at, accounts=outcomes)
