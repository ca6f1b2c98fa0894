"""What a ticket would need of each account, asked of the accounts themselves, all at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.core.errands import Errand
from app.core.errors import DeskError
from app.core.money import plain
from app.engine.crew import Crew
from app.engine.venue_errands import margin_of
from app.execution.tickets import Looked, Part
from app.venues.types import PlaceOrder, Product, Side, Symbol
from app.wiring import Services

AT_ONCE = 16


def ticket_margins(services: Services, crew: Crew, errand: Errand) -> dict[str, Any]:
    """By account: its margin, or why it is not known."""
    looked = services.by_hand.tickets.look(errand.owner_id, errand.question["ticket_id"])
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        margins = list(pool.map(lambda part: _margin(crew, looked, part), looked.able))
    return {"margins": {part.account.id: margin for part, margin in zip(looked.able, margins, strict=True)}}


def _margin(crew: Crew, looked: Looked, part: Part) -> dict[str, str]:
    try:
        return {"total": plain(margin_of(crew, part.account.id, [_command(looked, part)]).total), "trouble": ""}
    except DeskError as error:
        return {"total": "", "trouble": error.message}


def _command(looked: Looked, part: Part) -> PlaceOrder:
    terms = looked.draft.terms(part.portion.quantity)
    return PlaceOrder(
        client_order_id="",
        symbol=Symbol(looked.found.exchange, looked.found.symbol),
        side=Side(looked.draft.side),
        quantity=terms.quantity,
        price_type=terms.price_type,
        product=Product(looked.draft.product),
        price=terms.price,
        trigger_price=terms.trigger_price,
    )
