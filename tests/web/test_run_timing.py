"""The timing of a run in words: on its page, on each order's, and the same numbers over the API."""

import re
from datetime import timedelta

import pytest

from app.strategies.models import LegRun, Run
from app.web.format import took
from tests.web.trading import Desk


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"), (0, "0 ms"), (999, "999 ms"), (3_299, "3.2 s"), (45_900, "45 s"),
        (185_000, "3 min 5 s"), (7_800_000, "2 h 10 min"),
    ],
)  # fmt: skip
def test_a_span_is_written_in_two_units_at_most(ms, text):
    assert took(ms).replace("\u00a0", " ") == text


def text_of(page) -> str:
    return page.text.replace("\u00a0", " ")


def slow_run(desk):
    """Two accounts that answer in 48 ms and one that takes 400 ms more."""
    run = desk.run(desk.account("A"), desk.account("B"))
    slow = desk.account("Slow")
    part = desk.part(run, slow)
    late = desk.now + timedelta(milliseconds=5_000)
    order = desk.order(slow, part=part, leg=None, answered_at=late, filled_at=late)
    return run, order


def test_the_slowest_account_is_named_with_its_number_beside_the_others(admin, desk):
    run, order = slow_run(desk)
    page = text_of(admin.get(f"/runs/{run.id}"))
    assert "Slow is slowest: " in page
    assert "to the last acknowledgement; the others " in page
    assert "the venue&#39;s answer, " in page
    assert f"/orders/{order.id}" in page


def test_an_account_whose_answer_is_out_says_for_how_long(admin, desk):
    run, account = desk.run(desk.account("A")), desk.account("Silent")
    sent = desk.now - timedelta(milliseconds=3_200)
    desk.order(account, part=desk.part(run, account), state="unknown", sent_at=sent, answered_at=None, unknown_at=sent)
    waited = re.search(r"Silent has no answer yet, ([\d.]+) s", text_of(admin.get(f"/runs/{run.id}")))
    assert waited and 3.2 <= float(waited[1]) <= (desk.now - sent).total_seconds()


def test_a_leg_that_waited_is_timed_from_its_own_decision(admin, desk, services):
    run, began = desk.run(desk.account()), desk.now
    with services.db.write() as session:
        session.get_one(Run, run.id).requested_at = began - timedelta(hours=2)
    hours = re.compile(r"\d h \d+ min to the last acknowledgement")
    assert hours.search(text_of(admin.get(f"/runs/{run.id}")))
    with services.db.write() as session:
        leg = services.strategies.leg_runs(desk.owner_id, run.id)[0]
        session.get_one(LegRun, leg.id).entered_at = began
    page = text_of(admin.get(f"/runs/{run.id}"))
    assert "to the last acknowledgement" in page and not hours.search(page)


def test_an_orders_page_tells_each_step(admin, desk):
    order = desk.order(desk.account(), claimed_at=desk.now)
    page = text_of(admin.get(f"/orders/{order.id}"))
    for word in (
        "Waiting for its turn",
        "The account&#39;s lane",
        "The venue&#39;s answer",
        "46 ms",
        "The fill",
        "83 ms",
    ):
        assert word in page


def test_the_api_tells_the_same_numbers(admin, desk):
    run, order = slow_run(desk)
    (entry,) = admin.client.get(f"/api/v1/runs/{run.id}").json["timing"]
    assert entry["name"] == "entry"
    assert len(entry["accounts"]) == 3
    first = entry["accounts"][0]
    assert first["slowest_order_id"] == order.id
    assert first["slowest"]["name"] == "answer"
    assert first["last_acknowledged_ms"] > entry["others_ms"]
