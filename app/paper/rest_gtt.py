"""Good-till-triggered orders over REST. The simulator always has them; live only the plugins that do (501
elsewhere).
"""

from datetime import timedelta
from decimal import Decimal

from app.paper import schemas
from app.paper.broker import Broker
from app.paper.endpoints import Answer, Body, Endpoint, SemiAuto, Style, failed, ok
from app.paper.gtt import Gtt
from app.paper.limits import ORDERS
from app.paper.rows import money

LIFE_DAYS = 365
STAMP = "%Y-%m-%dT%H:%M:%S"


def _unsupported(broker: Broker) -> Answer | None:
    if broker.live and not broker.config.has_gtt:
        return failed(broker, 501, f"GTT orders are not supported by {broker.name}")
    return None


def place(broker: Broker, body: Body) -> Answer:
    contract = broker.prices.find(body["symbol"], body["exchange"])
    wrong = _unsupported(broker)
    if wrong is not None:
        return wrong
    if contract is None:
        return failed(broker, 400, f"Symbol {body['symbol']} not found on {body['exchange']}")
    sided = _wrong_side(body, broker.prices.ltp(contract))
    if sided:
        return failed(broker, 400, sided)
    return ok(broker, trigger_id=broker.gtt_book.place(contract, body).trigger_id)


def _wrong_side(body: Body, ltp: Decimal) -> str:
    """A stop lies below the market and a target above it; on the wrong side it would fire at once."""
    if body["triggerprice_sl"] and body["triggerprice_sl"] >= ltp:
        return "triggerprice_sl must be below the last price"
    if body["triggerprice_tg"] and body["triggerprice_tg"] <= ltp:
        return "triggerprice_tg must be above the last price"
    return ""


def modify(broker: Broker, body: Body) -> Answer:
    wrong = _unsupported(broker)
    if wrong is not None:
        return wrong
    gtt = broker.gtt_book.active.get(body["trigger_id"])
    if gtt is None:
        return _unknown(broker, body)
    broker.gtt_book.modify(gtt, body)
    return ok(broker, trigger_id=gtt.trigger_id)


def cancel(broker: Broker, body: Body) -> Answer:
    wrong = _unsupported(broker)
    if wrong is not None:
        return wrong
    gtt = broker.gtt_book.cancel(body["trigger_id"])
    return _unknown(broker, body) if gtt is None else ok(broker, trigger_id=gtt.trigger_id)


def _unknown(broker: Broker, body: Body) -> Answer:
    return failed(broker, 404, f"GTT {body['trigger_id']} not found")


def order_book(broker: Broker, _body: Body) -> Answer:
    wrong = _unsupported(broker)
    if wrong is not None:
        return wrong
    return ok(broker, data=[_row(broker, gtt) for gtt in broker.gtt_book.active.values()])


def _row(broker: Broker, gtt: Gtt) -> Body:
    terms = gtt.terms
    expires = gtt.created_at + timedelta(days=LIFE_DAYS)
    row = {
        "trigger_id": gtt.trigger_id,
        "trigger_type": "two-leg" if gtt.oco else "single",
        "status": "active",
        "symbol": terms["symbol"],
        "exchange": terms["exchange"],
        "trigger_prices": [money(trigger) for trigger, _ in gtt.triggers],
        "last_price": money(gtt.last_price),
        "legs": [_leg(gtt, limit) for _, limit in gtt.triggers],
        "created_at": gtt.created_at.strftime(STAMP),
        "updated_at": gtt.updated_at.strftime(STAMP),
        "expires_at": expires.strftime(STAMP),
    }
    if not broker.live:
        row.update(margin_blocked=money(gtt.margin), strategy=terms["strategy"])
    return row


def _leg(gtt: Gtt, limit: Decimal) -> Body:
    terms = gtt.terms
    return {
        "action": terms["action"].upper(),
        "quantity": terms["quantity"],
        "price": money(limit),
        "pricetype": terms["pricetype"],
        "product": terms["product"],
    }


MODE = Style.TEXT_WITH_MODE
ENDPOINTS = (
    Endpoint("placegttorder", schemas.PLACE_GTT, place, MODE, limit=ORDERS, semi_auto=SemiAuto.QUEUE),
    Endpoint("modifygttorder", schemas.MODIFY_GTT, modify, MODE, limit=ORDERS),
    Endpoint("cancelgttorder", schemas.CANCEL_GTT, cancel, MODE, limit=ORDERS),
    Endpoint("gttorderbook", schemas.ONLY_KEY, order_book),
)
