"""The journal: doubts first, wishes with their orders, and cancelling asked for once."""

from types import SimpleNamespace

import pytest

from app.execution.models import Order, OrderEvent
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


def test_a_cancel_that_the_broker_refuses_is_shown_with_its_words_and_how_often_until_the_order_ends(admin, desk):
    order = desk.order(desk.account(), state="open", cancel_asked_at=desk.now, cancel_at=desk.now)
    for to_state, source in (("cancel_pending", "desk"), ("open", "answer")) * 2:
        before = "open" if source == "desk" else "cancel_pending"
        words = "RMS: <too late>" if source == "answer" else ""
        desk.save(
            OrderEvent(
                order_id=order.id, at=desk.now, source=source, from_state=before, to_state=to_state, detail=words
            )
        )  # fmt: skip
    said = 'The broker refuses to cancel: <q class="verbatim">RMS: &lt;too late&gt;</q> (2 times, last at '
    for path in ("/orders", f"/orders/{order.id}"):
        assert said in admin.get(path).text
    with desk.db.write() as session:
        session.get_one(Order, order.id).state = "cancelled"
    assert "refuses to cancel" not in admin.get("/orders").text


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


def test_a_page_of_the_journal_costs_the_same_reads_however_many_orders_it_shows(admin, services, desk, reads, still):
    account = desk.account()
    for _ in range(40):
        desk.order(account)
    with still():
        admin.get("/orders")
        with reads() as seen:
            admin.get("/orders")
    assert len(seen) <= 12


def in_doubt(desk, *names: str, **more) -> Order:
    """An order in doubt, with orders in the venue's book that could be it."""
    account = desk.account()
    usual = {
        "state": "unknown", "reason": "read timeout", "unknown_at": desk.now, "venue_order_id": None, "lookups": 2,
        "candidates": list(names) or None,
    }  # fmt: skip
    order = desk.order(account, **(usual | more))
    for name in names:
        desk.foreign(account, venue_order_id=name, side="SELL", quantity=order.quantity, status="open")
    return order


def now(services, order) -> Order:
    with services.db.read() as session:
        return session.get_one(Order, order.id)


def test_a_doubt_tells_what_is_known_and_when_the_desk_decides_itself(admin, desk):
    order = in_doubt(desk)
    for path in ("/orders", f"/orders/{order.id}"):
        page = admin.get(path).text
        for text in ("Sent at", "2 whole order books read since", "It counts as never arrived after", "not before"):
            assert text in page
        assert "a person must choose" not in page
        assert f"/orders/{order.id}/give-up" in page


def test_a_person_chooses_which_order_of_the_venue_it_is(admin, services, desk):
    order = in_doubt(desk, "v1", "v2")
    page = admin.get("/orders").text
    assert "2 orders in the venue's book could be it" in page
    assert page.count("This one: v") == 2
    answer = admin.submit(f"/orders/{order.id}/adopt", "/orders", venue_order_id="v2", next="/orders")
    assert answer.headers["Location"] == "/orders"
    assert (now(services, order).state, now(services, order).venue_order_id) == ("open", "v2")
    page = admin.get(f"/orders/{order.id}").text
    assert "order v2, you say" in page
    assert "a person must choose" not in page


def test_a_choice_that_came_too_late_or_was_none_changes_nothing_and_says_why(admin, services, desk):
    order = in_doubt(desk, "v1")
    admin.submit(f"/orders/{order.id}/adopt", "/orders", venue_order_id="v7")
    assert "not one of the candidates" in admin.get(f"/orders/{order.id}").text
    services.orders.adopt(desk.owner_id, order.id, "v1")
    admin.submit(f"/orders/{order.id}/adopt", "/settings/security", venue_order_id="v1")
    assert "found already" in admin.get(f"/orders/{order.id}").text
    admin.submit(f"/orders/{order.id}/give-up", "/settings/security")
    assert "there is nothing to decide" in admin.get(f"/orders/{order.id}").text
    assert now(services, order).venue_order_id == "v1"


@pytest.mark.parametrize(
    ("more", "consequence"),
    [
        ({"purpose": "exit"}, "sends this exit again"),
        ({"part": SimpleNamespace(id="part")}, "counts it as not entered"),
        ({"purpose": "manual"}, "equal orders go out again"),
    ],
)
def test_giving_up_asks_first_and_says_what_follows(admin, services, desk, more, consequence):
    order = in_doubt(desk, **more)
    path = f"/orders/{order.id}/give-up"
    assert consequence in admin.get(path).text
    assert "<dialog" in admin.get(path, fragment=True).text
    assert now(services, order).state == "unknown"
    admin.submit(path)
    assert now(services, order).state == "lost"
    assert "It never arrived, you say" in admin.get(f"/orders/{order.id}").text
    admin.get(path, 409)


def test_a_lost_order_that_may_be_back_can_only_be_adopted(admin, services, desk):
    order = in_doubt(desk, "v1", state="lost", failure="lost", ended_at=desk.now)
    page = admin.get("/orders").text
    assert "1 order in doubt" in page
    assert "could be it after all" in page
    assert f"/orders/{order.id}/give-up" not in page
    assert "may be at the venue after all" in admin.get("/").text
    admin.submit(f"/orders/{order.id}/adopt", "/orders", venue_order_id="v1")
    assert now(services, order).state == "open"
    assert "in doubt" not in admin.get("/orders").text


def test_only_who_may_trade_decides_a_doubt(services, desk, invited):
    order = in_doubt(desk, "v1")
    viewer, birla = invited("viewer", "Chitra"), invited("trader", "Birla")
    page = viewer.get("/orders").text
    assert "a person must choose" in page
    assert "/adopt" not in page
    assert "/give-up" not in page
    viewer.get(f"/orders/{order.id}/give-up", 403)
    birla.get(f"/orders/{order.id}/give-up", 404)
    for who, status in ((viewer, 403), (birla, 404)):
        for act in ("adopt", "give-up"):
            who.submit(f"/orders/{order.id}/{act}", "/settings/security", status=status, venue_order_id="v1")
    assert now(services, order).state == "unknown"
