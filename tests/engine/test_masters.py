"""Masters read when asked, and overrides that the engine goes by at once: over a real paper broker."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import errands
from app.core.actors import Actor, acting
from app.core.clock import day_in_india
from app.core.ids import new_id
from app.execution.models import Order
from app.execution.ticket import Draft
from app.instruments.checks import clean
from app.instruments.models import Instrument
from app.instruments.service import SYNC
from tests.engine.desks import desk as desk_over
from tests.waiting import until


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with desk_over(tmp_path_factory.mktemp("masters"), brokers=("alpha",)) as made:
        yield made


def asked(desk) -> errands.Errand:
    services = desk.services
    with services.db.write() as session:
        errand = errands.ask(session, desk.owner_id, SYNC, {"venue_kind": "openalgo"}, services.clock.now())
    desk.engine.loops["house"].nudge()
    return errand


def found(desk, errand):
    with desk.services.db.read() as session:
        return errands.find(session, desk.owner_id, errand.id)


def test_the_lists_are_read_when_asked_and_each_reading_is_on_record(desk):
    services = desk.services
    before = {row.exchange: row.synced_at for row in services.instruments.masters()}
    errand = asked(desk)
    until(lambda: found(desk, errand).done_at, 90)
    lines = found(desk, errand).answer["lines"]
    assert {line["exchange"] for line in lines} >= {"NFO", "NSE", "BFO"}
    assert {line["state"] for line in lines} <= {"done", "failed"}
    after = {row.exchange: row.synced_at for row in services.instruments.masters()}
    assert after["NFO"] > before["NFO"]
    newest = services.instruments.readings("openalgo", "NFO")[0]
    assert (newest.source, newest.added, newest.gone, newest.trouble) == ("alpha", 0, 0, "")
    assert newest.detail["account_id"] == desk.accounts["alpha"]
    assert newest.contracts > 100


def test_a_question_taken_twice_asks_the_venue_once(desk):
    errand = asked(desk)
    until(lambda: found(desk, errand).done_at, 90)
    count = len(desk.services.instruments.readings("openalgo", "NFO"))
    again = desk.engine.errand_desk._handlers[SYNC](found(desk, errand))
    assert {line.get("text") for line in again["lines"] if line["exchange"] == "NFO"} == {"read a moment ago"}
    assert len(desk.services.instruments.readings("openalgo", "NFO")) == count


def test_an_order_is_split_by_an_overruled_freeze_quantity_at_once(desk):
    services = desk.services
    day = (day_in_india(services.clock.now()) - timedelta(days=1)).isoformat()
    with services.db.read() as session:
        option = session.scalars(
            select(Instrument).where(Instrument.name == "NIFTY", Instrument.kind == "CE", Instrument.active)
        ).first()
    assert slices(desk, option, lots=4) == [260]
    with acting(Actor(desk.owner_id, "trader")):
        override = services.overrides.set(
            clean("freeze_quantity", "NFO", "NIFTY", "130", day, "The broker's page", "Its limit is lower today")
        )
    assert slices(desk, option, lots=4) == [130, 130]
    with acting(Actor(desk.owner_id, "trader")):
        services.overrides.end(override.id, "Lifted")
    assert slices(desk, option, lots=4) == [260]
    until(lambda: all(order.state == "filled" for order in desk.orders("alpha")), 30)
    desk.assert_books_agree()


def slices(desk, option, lots: int) -> list[int]:
    """Units per order that a ticket placed by hand sends."""
    account = desk.accounts["alpha"]
    draft = Draft.model_validate(
        {
            "exchange": option.exchange, "symbol": option.symbol, "side": "BUY", "product": "NRML", "quantity": lots,
            "unit": "lots", "price_type": "MARKET", "accounts": [{"account_id": account, "multiplier": 1}],
        }
    )  # fmt: skip
    tickets = desk.services.by_hand.tickets
    ticket_id = tickets.write(desk.owner_id, draft, new_id())
    tickets.place(desk.owner_id, ticket_id)
    desk.engine.loops["runs"].nudge()

    def sent() -> list[Order]:
        return [order for order in tickets.orders(desk.owner_id, ticket_id) if order.venue_order_id]

    planned = tickets.orders(desk.owner_id, ticket_id)
    until(lambda: len(sent()) == len(planned), 30)
    return sorted(int(order.quantity) for order in sent())
