"""Nothing runs that was not previewed, and one preview starts one run."""

from datetime import timedelta

from app.core import errands
from app.core.errands import Errand
from app.strategies.models import Run
from tests.web.trading import Desk


def preview(desk: Desk, **more) -> tuple[str, str]:
    account = desk.account()
    strategy_id = desk.strategy(account)
    return strategy_id, desk.answer(strategy_id, account, **more)


def send(browser, strategy_id: str, intent_id: str, status: int = 303):
    return browser.submit(f"/strategies/{strategy_id}/run", "/settings/security", status=status, intent_id=intent_id)


def test_run_asks_the_engine_first(admin, services):
    desk = Desk(services)
    strategy_id = desk.strategy(desk.account())
    answer = admin.submit(f"/strategies/{strategy_id}/preview", "/strategies")
    page = admin.get(answer.location).text
    assert "asking each account" in page
    assert "Run: send" not in page
    errand = errands.claim(services.db, desk.now)[0]
    assert (errand.kind, errand.question) == ("preview_run", {"strategy_id": strategy_id})


def test_the_preview_says_contracts_slices_orders_and_margin(admin, services):
    strategy_id, errand_id = preview(Desk(services))
    page = admin.get(f"/strategies/{strategy_id}/preview/{errand_id}").text
    assert "NIFTY24DEC2624400CE" in page
    assert "28 lots · 1,820 = 1,755 + 65" in page
    assert "₹2,45,000.50" in page
    assert "Run: send 2 orders in 1 account" in page


def test_running_leads_to_the_run_and_a_second_click_to_the_same(admin, services):
    desk = Desk(services)
    strategy_id, errand_id = preview(desk)
    first = send(admin, strategy_id, errand_id).location
    assert [send(admin, strategy_id, errand_id).location for _ in range(3)] == [first] * 3
    assert desk.count(Run) == 1
    page = admin.get(f"/strategies/{strategy_id}/preview/{errand_id}").text  # back, or another tab
    assert first in page
    assert "Run: send" not in page


def test_an_account_that_cannot_take_part_is_left_out_of_the_numbers(admin, services):
    desk = Desk(services)
    able, paused = desk.account("Able"), desk.account("Paused")
    strategy_id = desk.strategy(able, paused)
    errand_id = desk.answer(strategy_id, able, paused)
    with services.db.write() as session:
        errand = session.get(Errand, errand_id)
        rows = [dict(row) for row in errand.answer["accounts"]]
        rows[1]["trouble"] = "Paused is reducing: it takes no new entries."
        errand.answer = errand.answer | {"accounts": rows}
    page = admin.get(f"/strategies/{strategy_id}/preview/{errand_id}").text
    assert "Left out: Paused is reducing" in page
    assert "Run: send 2 orders in 1 account" in page


def test_what_cannot_be_resolved_cannot_be_run(admin, services):
    desk = Desk(services)
    strategy_id, errand_id = preview(desk, trouble="Leg 1: no expiry is listed any more")
    page = admin.get(f"/strategies/{strategy_id}/preview/{errand_id}").text
    assert "no expiry is listed any more" in page
    assert "Run: send" not in page
    send(admin, strategy_id, errand_id, 409)
    assert desk.count(Run) == 0


def test_a_strategy_changed_since_must_be_previewed_again(admin, services):
    desk = Desk(services)
    strategy_id, errand_id = preview(desk)
    with services.db.write() as session:
        session.get(Errand, errand_id).created_at -= timedelta(seconds=30)
    assert "changed after this preview" in send(admin, strategy_id, errand_id, 409).text
    assert desk.count(Run) == 0


def test_no_made_up_or_missing_preview_starts_a_run(admin, services):
    desk = Desk(services)
    strategy_id, errand_id = preview(desk)
    other = desk.strategy(name="Other")
    send(admin, strategy_id, "", 422)
    send(admin, strategy_id, "made-up", 404)
    send(admin, strategy_id, "x" * 5000, 404)
    send(admin, other, errand_id, 404)
    assert desk.count(Run) == 0


def test_an_unanswered_preview_starts_nothing(admin, services):
    desk = Desk(services)
    strategy_id = desk.strategy(desk.account())
    location = admin.submit(f"/strategies/{strategy_id}/preview", "/strategies").location
    send(admin, strategy_id, location.rsplit("/", 1)[1], 409)
    assert desk.count(Run) == 0


def test_a_silent_engine_is_called_so(admin, services):
    desk = Desk(services)
    strategy_id = desk.strategy(desk.account())
    location = admin.submit(f"/strategies/{strategy_id}/preview", "/strategies").location
    with services.db.write() as session:
        session.get(Errand, location.rsplit("/", 1)[1]).created_at -= timedelta(seconds=30)
    assert "Is it running?" in admin.get(f"{location}/look", fragment=True).text


def test_somebody_elses_preview_is_not_found_and_not_run(admin, services, invited):
    strategy_id, errand_id = preview(Desk(services))
    birla = invited("trader", "Birla")
    birla.get(f"/strategies/{strategy_id}/preview/{errand_id}", 404)
    birla.get(f"/strategies/{strategy_id}/preview/{errand_id}/look", 404, fragment=True)
    send(birla, strategy_id, errand_id, 404)
    birla.submit(f"/strategies/{strategy_id}/preview", "/settings/security", status=404)
    assert Desk(services).count(Run) == 0


def test_a_viewer_cannot_preview_or_run(services, admin, invited):
    strategy_id, errand_id = preview(Desk(services))
    viewer = invited("viewer", "Chitra")
    viewer.get(f"/strategies/{strategy_id}/preview/{errand_id}", 403)
    send(viewer, strategy_id, errand_id, 403)
    assert Desk(services).count(Run) == 0
