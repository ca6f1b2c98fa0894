"""The journal: doubts first, wishes with their orders, and cancelling asked for once."""

import pytest

from app.execution.models import Order
from tests.web.trading import Desk, timeless


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


def asked(services, order):
    with services.db.read() as session:
        return session.get_one(Order, order.id).cancel_asked_at


def test_an_order_in_doubt_stands_on_top_with_what_is_known(admin, desk):
    account = desk.account()
    order = desk.order(
        account, state="unknown", reason="read timeout", lookups=2, unknown_at=desk.now, venue_order_id=None
    )
    desk.order(account)
    page = admin.get("/orders").text
    assert "1 order in doubt" in page
    assert "It is not sent again" in page
    assert "2 whole order books" in page
    assert page.index(order.id) < page.index("Journal")


def test_a_wish_shows_the_orders_it_was_split_into(admin, desk):
    desk.run(desk.account())
    page = admin.get("/orders").text
    assert "2 of 2 slices" in page
    assert page.index("Slice 1 of 2") < page.index("Slice 2 of 2")


def test_the_venues_reason_is_shown_word_for_word(admin, desk):
    reason = "RMS:Blocked <NFO> & margin shortfall ₹12,345.67"
    order = desk.order(desk.account(), state="rejected", failure="refused", reason=reason)
    for path in ("/orders", f"/orders/{order.id}"):
        assert "RMS:Blocked &lt;NFO&gt; &amp; margin shortfall ₹12,345.67" in admin.get(path).text


def test_filters_are_links_and_narrow_the_journal(admin, desk):
    one, two = desk.account("One"), desk.account("Two")
    filled = desk.order(one)
    refused = desk.order(two, state="rejected", symbol="BANKNIFTY24DEC2652000PE")
    for query, there, gone in (
        ("status=rejected", refused, filled),
        ("status=filled", filled, refused),
        (f"account={one.id}", filled, refused),
        ("symbol=banknifty24dec2652000pe", refused, filled),
    ):
        page = admin.get(f"/orders?{query}").text
        assert there.id in page
        assert gone.id not in page
    assert "No order here" in admin.get("/orders?status=live").text


@pytest.mark.parametrize(
    "query", ["status=🚀", "account=%00", "before=%27%3B--", "symbol=" + "x" * 5000, "before=" + "x" * 500]
)
def test_an_odd_filter_breaks_nothing(admin, desk, query):
    desk.order(desk.account())
    admin.get(f"/orders?{query}")


def test_the_journal_goes_on_page_by_page(admin, desk):
    account = desk.account()
    orders = [desk.order(account) for _ in range(53)]
    page = admin.get("/orders").text
    assert orders[-1].id in page
    assert orders[2].id not in page
    assert all(order.id in admin.get(f"/orders?before={orders[3].id}").text for order in orders[:3])


def test_cancelling_is_asked_for_once_and_said_so(admin, services, desk):
    order = desk.order(desk.account(), state="open")
    assert "Cancel" in admin.get("/orders").text
    admin.submit(f"/orders/{order.id}/cancel", "/orders")
    first = asked(services, order)
    assert first is not None
    page = admin.get(f"/orders/{order.id}").text
    assert "the cancelling is asked for" in page
    assert "Cancelling is asked for" in page
    admin.submit(f"/orders/{order.id}/cancel", "/settings/security")
    assert asked(services, order) == first


def test_what_is_filled_cannot_be_cancelled_and_the_answer_says_why(admin, services, desk):
    order = desk.order(desk.account())
    assert f"/orders/{order.id}/cancel" not in admin.get("/orders").text
    admin.submit(f"/orders/{order.id}/cancel", "/settings/security")
    assert "it cannot be cancelled" in admin.get(f"/orders/{order.id}").text
    assert asked(services, order) is None


def test_an_order_tells_its_whole_story(admin, desk):
    desk.run(desk.account())
    order = desk.order(desk.account("Two"))
    page = admin.get(f"/orders/{order.id}").text
    for text in ("sending → filled", "the venue&#39;s answer", "the trade book", "171.05", order.venue_order_id):
        assert text in page
    assert timeless(admin.get(f"/orders/{order.id}/live", fragment=True).text).strip() in timeless(page)


def test_orders_made_elsewhere_are_labelled_and_have_no_buttons(admin, desk):
    foreign = desk.foreign(desk.account())
    section = admin.get("/orders").text.split("Not made by this desk")[1].split("</section>")[0]
    assert "External" in section
    assert foreign.venue_order_id in section
    assert "<button" not in section


def test_somebody_elses_orders_are_not_there(admin, services, desk, invited):
    account = desk.account()
    order, foreign = desk.order(account, state="open"), desk.foreign(account)
    birla = invited("trader", "Birla")
    for path in ("/orders", f"/orders?account={account.id}"):
        page = birla.get(path).text
        assert order.id not in page
        assert foreign.venue_order_id not in page
    birla.get(f"/orders/{order.id}", 404)
    birla.get(f"/orders/{order.id}/live", 404, fragment=True)
    birla.submit(f"/orders/{order.id}/cancel", "/settings/security", status=404)
    assert asked(services, order) is None


def test_a_viewer_sees_the_journal_and_cannot_cancel(admin, services, desk, invited):
    order = desk.order(desk.account(), state="open")
    viewer = invited("viewer", "Chitra")
    assert f"/orders/{order.id}/cancel" not in viewer.get("/orders").text
    viewer.submit(f"/orders/{order.id}/cancel", "/settings/security", status=403)
    assert asked(services, order) is None


def test_a_page_of_the_journal_costs_the_same_reads_however_many_orders_it_shows(admin, services, desk, reads):
    account = desk.account()
    for _ in range(40):
        desk.order(account)
    admin.get("/orders")
    with reads() as seen:
        admin.get("/orders")
    assert len(seen) <= 12
