"""The order ticket: what is typed stays, what is wrong is said at its field, what is placed is placed once."""

import re

import pytest
from sqlalchemy import select

from app.core import errands
from app.core.ids import new_id
from app.execution.models import Order, OrderChange, OrderTicket
from app.instruments import families
from tests.web.api.conftest import instrument
from tests.web.trading import NIFTY, Desk

HERE = f"/trade?exchange={NIFTY['exchange']}&symbol={NIFTY['symbol']}"


@pytest.fixture
def desk(admin, services) -> Desk:
    made = Desk(services)
    made.save(instrument(services))
    families.refresh(services.db, "openalgo", NIFTY["exchange"])  # by which a search finds it
    return made


def typed(*accounts, **more):
    ticked = {f"account-{account.id}": "y" for account in accounts}
    usual = {
        "side": "BUY", "product": "NRML", "quantity": "28", "unit": "lots", "price_type": "MARKET", "price": "",
        "trigger_price": "", "intent_id": new_id(), **NIFTY,
    }  # fmt: skip
    return usual | ticked | {f"multiplier-{account.id}": "1" for account in accounts} | more


def written(admin, *accounts, **more) -> str:
    """The address of a ticket that waits to be placed."""
    return admin.submit("/trade", HERE, **typed(*accounts, **more)).headers["Location"]


def test_a_search_leads_to_the_ticket_of_an_instrument(admin, desk):
    desk.account()
    page = admin.get("/trade?q=nifty+24400").text
    assert "NIFTY 24 Dec 26 24,400 CE" in page
    assert 'name="quantity"' not in page
    assert "NIFTY 24 Dec 26" in admin.get("/trade/find?q=nifty", fragment=True).text
    page = admin.get(HERE).text
    assert 'name="quantity"' in page
    assert "1,755" in page


def test_the_plan_says_in_numbers_what_each_account_would_do(admin, desk):
    one, two = desk.account("One"), desk.account("Two")
    desk.account("Three")
    page = admin.get(written(admin, one, two, **{f"multiplier-{two.id}": "0.5"})).text
    assert "1,820 = 1,755 + 65" in page
    assert "14 lots · 910" in page
    assert "3 orders in 2 accounts" in page
    assert "Three" not in page
    assert desk.count(Order) == 0


def test_margins_stand_there_once_the_accounts_have_said_them(admin, services, desk):
    account = desk.account()
    address = written(admin, account)
    assert "asking…" in admin.get(address).text
    with desk.db.read() as session:
        errand_id = session.scalar(select(OrderTicket.errand_id))
    answer = {"margins": {account.id: {"total": "245000.5", "trouble": ""}}}
    errands.finish(desk.db, errand_id, desk.now, answer, None)
    assert "₹2,45,000.50" in admin.get(address).text


@pytest.mark.parametrize("wrong, said", [
    ({"quantity": "0"}, "Type a number above zero."),
    ({"quantity": "1.5"}, "Type a whole number of lots."),
    ({"quantity": "70", "unit": "units"}, "70 is not a multiple of the lot size 65."),
    ({"quantity": "99999"}, "10,000 lots at most."),
    ({"price_type": "LIMIT"}, "LIMIT needs a price above zero."),
    ({"price_type": "LIMIT", "price": "0.07"}, "0.07 is not a multiple of the tick 0.05."),
    ({"price_type": "SL", "price": "5", "trigger_price": ""}, "SL needs a trigger price above zero."),
    ({"price_type": "LIMIT", "price": "🚀"}, "Type a price above zero."),
    ({"product": "XYZ"}, "Choose NRML, MIS or CNC."),
    ({"symbol": "NOTHING"}, "is not listed on NFO"),
])  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(admin, desk, wrong, said):
    page = admin.submit("/trade", HERE, status=422, **typed(desk.account(), **wrong)).text
    assert said in page
    assert desk.count(OrderTicket) == 0


def test_a_ticket_without_an_account_or_with_a_strangers_is_refused(admin, desk, invited, services):
    assert "Tick at least one account." in admin.submit("/trade", HERE, status=422, **typed()).text
    desk.account()
    invited("trader", "Birla")
    theirs = Desk(services, "Birla").account("Theirs")
    page = admin.submit("/trade", HERE, status=422, **typed(theirs)).text
    assert "One of these accounts does not exist." in page
    assert "Theirs" not in page
    assert desk.count(OrderTicket) == 0


def test_a_double_click_places_once_and_leads_to_the_same_result(admin, desk):
    address = written(admin, desk.account("One"), desk.account("Two"))
    for _ in range(3):
        answer = admin.submit(f"{address}/place", "/settings/security")
        assert answer.headers["Location"].endswith(address)
    assert desk.count(Order) == 4
    page = admin.get(address).text
    assert page.count("slice 1 of 2") == 2
    assert "Waiting to be sent" in page
    assert f"{address}/place" not in page


def test_the_same_form_sent_twice_is_one_ticket(admin, desk):
    form = typed(desk.account())
    assert len({admin.submit("/trade", HERE, **form).headers["Location"] for _ in range(3)}) == 1
    assert desk.count(OrderTicket) == 1


def test_an_account_that_takes_no_orders_is_left_out_and_says_why(admin, services, desk):
    one, two = desk.account("One"), desk.account("Two")
    address = written(admin, one, two)
    services.accounts.set_enabled(desk.owner_id, two.id, False)
    assert "Left out: Two is disabled." in admin.get(address).text
    admin.submit(f"{address}/place", "/settings/security")
    page = admin.get(address).text
    assert "Nothing was sent: Two is disabled." in page
    assert desk.count(Order) == 2


def test_a_ticket_nobody_can_take_stays_unplaced(admin, services, desk):
    account = desk.account()
    address = written(admin, account)
    services.accounts.set_enabled(desk.owner_id, account.id, False)
    admin.submit(f"{address}/place", "/settings/security")
    assert desk.count(Order) == 0
    assert "No account can take this order now" in admin.get(address).text


def test_a_viewer_writes_and_places_nothing(admin, desk, invited):
    address = written(admin, desk.account())
    viewer = invited("viewer", "Chitra")
    viewer.get("/trade", 403)
    viewer.submit("/trade", "/settings/security", status=403, **typed())
    viewer.submit(f"{address}/place", "/settings/security", status=403)
    assert desk.count(Order) == 0


# -- changing


def working(desk, **more):
    usual = {"purpose": "manual", "state": "open", "price_type": "LIMIT", "price": 100, "side": "BUY"}
    return desk.order(desk.account(), 130, **(usual | more))


def asked(**more):
    return {"quantity": "130", "price_type": "LIMIT", "price": "101", "trigger_price": "", "intent_id": new_id()} | more


def test_a_change_is_written_down_once_and_shown_until_it_is_known(admin, desk):
    order = working(desk)
    form = asked()
    for _ in range(2):
        admin.submit(f"/orders/{order.id}/change", f"/orders/{order.id}/change", **form)
    assert desk.count(OrderChange) == 1
    page = admin.get(f"/orders/{order.id}").text
    assert "130 LIMIT at 101" in page
    assert "100.00" in page
    assert "Waiting to be sent" in page


@pytest.mark.parametrize("wrong, said", [
    ({"price": "100.01"}, "100.01 is not a multiple of the tick 0.05."),
    ({"price": "100"}, "Nothing would change."),
    ({"price": "x"}, "Type a number."),
    ({"quantity": "100"}, "100 is not a multiple of the lot size 65."),
    ({"quantity": "1820"}, "One order may carry 1755 at most"),
    ({"price_type": "🚀"}, "Choose MARKET, LIMIT, SL or SL-M."),
    ({"price_type": "SL"}, "Type a number."),
])  # fmt: skip
def test_a_wrong_change_is_said_at_its_field(admin, desk, wrong, said):
    order = working(desk)
    address = f"/orders/{order.id}/change"
    assert said in admin.submit(address, address, status=422, **asked(**wrong)).text
    assert desk.count(OrderChange) == 0


def test_the_quantity_of_a_runs_order_is_the_runs(admin, services, desk):
    account = desk.account()
    part = services.strategies.parts(desk.owner_id, desk.run(account).id)[0]
    order = desk.order(account, 130, part=part, state="open", price_type="LIMIT", price=100)
    address = f"/orders/{order.id}/change"
    assert "Its run decides it." in admin.get(address).text
    page = admin.submit(address, address, status=422, **asked(quantity="195")).text
    assert "nothing was sent" in page
    admin.submit(address, address, **asked())
    assert desk.count(OrderChange) == 1


def test_what_has_ended_or_is_being_cancelled_cannot_be_changed(admin, desk):
    for more in ({"state": "filled"}, {"state": "open", "cancel_asked_at": desk.now}):
        order = working(desk, **more) if desk.count(Order) == 0 else desk.order(desk.account("Two"), **more)
        assert f"/orders/{order.id}/change" not in admin.get("/orders").text
        admin.get(f"/orders/{order.id}/change", 303)
        admin.submit(f"/orders/{order.id}/change", "/settings/security", **asked())
    assert desk.count(OrderChange) == 0


# -- cancelling many, closing


def test_cancelling_says_how_many_in_how_many_accounts_and_does_what_was_counted(admin, desk):
    one, two = desk.account("One"), desk.account("Two")
    orders = [desk.order(account, state="open") for account in (one, one, two)]
    desk.order(two, state="filled")
    question = admin.get("/orders/cancel?all=y").text
    assert "Cancel 3 orders in 2 accounts?" in question
    assert "Cancel 2 orders in 1 account?" in admin.get(f"/orders/cancel?account={one.id}").text
    assert "Cancel 1 order in 1 account?" in admin.get(f"/orders/cancel?order={orders[2].id}").text
    key = re.search(r'name="intent_id" value="(\w+)"', question)[1]
    late = desk.order(one, state="open")
    form = {"intent_id": key, "order": [order.id for order in orders]}
    batch = admin.submit("/orders/cancel", "/settings/security", **form).headers["Location"]
    assert admin.submit("/orders/cancel", "/settings/security", **form).headers["Location"] == batch
    page = admin.get(batch).text
    assert "0 cancelled, 3 on the way" in page
    assert late.id not in page
    with desk.db.read() as session:
        assert session.get_one(Order, late.id).cancel_asked_at is None


def test_cancel_selected_without_a_tick_means_no_order_and_all_must_be_said(admin, desk):
    order = desk.order(desk.account(), state="open")
    for said in ("", "?order=", "?account="):
        assert "No order is ticked" in admin.get(f"/orders/cancel{said}", 422).text
    form = {"intent_id": new_id()}
    admin.submit("/orders/cancel", "/settings/security", **form, status=422)
    with desk.db.read() as session:
        assert session.get_one(Order, order.id).cancel_asked_at is None
    assert "all=y" in admin.get("/orders").text
    assert "all=y" not in admin.get(f"/orders?account={order.account_id}").text
    admin.submit("/orders/cancel", "/settings/security", **form, all="y")
    with desk.db.read() as session:
        assert session.get_one(Order, order.id).cancel_asked_at is not None


def test_a_runs_working_orders_are_cancelled_alone(admin, desk, services):
    account = desk.account()
    run = desk.run(account)
    part = services.strategies.parts(desk.owner_id, run.id)[0]
    desk.order(account, part=part, state="open")
    desk.order(account, state="open")
    assert "Cancel 1 order in 1 account?" in admin.get(f"/orders/cancel?run={run.id}").text


def test_somebody_elses_orders_are_not_cancelled_with_ones_own(admin, desk, services, invited):
    order = desk.order(desk.account(), state="open")
    birla = invited("trader", "Birla")
    assert "there is nothing to cancel" in birla.get(f"/orders/cancel?order={order.id}").text
    birla.submit("/orders/cancel", "/settings/security", intent_id=new_id(), order=order.id)
    with desk.db.read() as session:
        assert session.get_one(Order, order.id).cancel_asked_at is None


def close_of(account):
    return {"account": account.id, "product": "NRML", **NIFTY}


def test_a_position_by_hand_is_closed_once_for_what_is_held(admin, desk):
    account = desk.account()
    desk.order(account, 130, purpose="manual", side="BUY")
    assert "Close NIFTY 24 Dec 26" in admin.get("/positions").text
    query = "&".join(f"{name}={value}" for name, value in close_of(account).items())
    question = admin.get(f"/positions/close?{query}").text
    assert "Sell 130 at market" in question
    form = close_of(account) | {"intent_id": new_id()}
    for _ in range(2):
        admin.submit("/positions/close", "/settings/security", **form)
    admin.submit("/positions/close", "/settings/security", **form | {"intent_id": new_id()})
    with desk.db.read() as session:
        (exit_order,) = session.scalars(select(Order).where(Order.purpose == "exit"))
    assert (exit_order.side, exit_order.quantity, exit_order.state) == ("SELL", 130, "new")


@pytest.mark.parametrize(("venue", "asked"), [(130, 130), (50, 50), (0, 0), (-130, 0)])
def test_no_more_is_closed_by_hand_than_the_broker_is_proven_to_hold(admin, desk, venue, asked):
    account = desk.account()
    desk.order(account, 130, purpose="manual", side="BUY")
    desk.difference(account, 130, venue)
    query = "&".join(f"{name}={value}" for name, value in close_of(account).items())
    told = f"Sell {asked} at market" if asked else "130 of it no more"
    assert told in admin.get(f"/positions/close?{query}").text
    admin.submit("/positions/close", "/settings/security", **close_of(account), intent_id=new_id())
    with desk.db.read() as session:
        sent = session.scalars(select(Order.quantity).where(Order.purpose == "exit")).all()
    assert sent == ([asked] if asked else [])


def test_what_runs_must_bear_of_a_difference_bounds_no_close_by_hand(admin, desk):
    account = desk.account()
    desk.run(account)
    desk.difference(account, -1755, -1625)
    desk.order(account, 65, purpose="manual", side="BUY")
    admin.submit("/positions/close", "/settings/security", **close_of(account), intent_id=new_id())
    with desk.db.read() as session:
        sent = session.scalars(select(Order.quantity).where(Order.purpose == "exit")).all()
    assert sent == [65]


def test_what_a_run_holds_has_no_button_to_close_it_by_hand(admin, desk):
    account = desk.account()
    desk.run(account)
    assert "/positions/close" not in admin.get("/positions").text
    admin.submit("/positions/close", "/settings/security", **close_of(account), intent_id=new_id())
    with desk.db.read() as session:
        assert not session.scalars(select(Order).where(Order.purpose == "exit")).all()
