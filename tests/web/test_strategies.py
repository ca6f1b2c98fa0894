"""The list of strategies, and taking one away."""

from tests.web.trading import Desk, timeless


def test_the_list_says_what_each_strategy_trades_where_and_how_its_newest_run_is(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account())
    page = admin.get("/strategies").text
    assert "BUY 1 lot NIFTY current week OTM4 CE" in page
    assert "Demo 1 × 1" in page
    assert f"/runs/{run.id}" in page
    assert f'data-cell="pnl:run:{run.id}"' in page
    assert timeless(admin.get("/strategies/rows", fragment=True).text).strip() in timeless(page)


def test_a_live_run_is_shown_before_a_newer_one_that_ended(admin, services):
    desk = Desk(services)
    account = desk.account()
    strategy_id = desk.strategy(account)
    live = desk.run(account, strategy_id=strategy_id)
    desk.run(account, strategy_id=strategy_id, state="closed")
    assert f"/runs/{live.id}" in admin.get("/strategies").text


def test_removing_asks_first_then_removes(admin, services):
    desk = Desk(services)
    strategy_id = desk.strategy()
    assert "Remove Iron condor?" in admin.get(f"/strategies/{strategy_id}/remove").text
    assert "<dialog" in admin.get(f"/strategies/{strategy_id}/remove", fragment=True).text
    admin.submit(f"/strategies/{strategy_id}/remove")
    assert "is removed" in admin.get("/strategies").text
    admin.get(f"/strategies/{strategy_id}/edit", 404)


def test_one_with_a_live_run_is_not_removed(admin, services):
    desk = Desk(services)
    account = desk.account()
    strategy_id = desk.strategy(account)
    desk.run(account, strategy_id=strategy_id)
    assert "exit it first" in admin.submit(f"/strategies/{strategy_id}/remove", status=409).text
    assert services.strategies.get(desk.owner_id, strategy_id)


def test_somebody_elses_strategies_are_not_there(admin, services, invited):
    strategy_id = Desk(services).strategy()
    birla = invited("trader", "Birla")
    assert "Iron condor" not in birla.get("/strategies").text
    for path in ("edit", "remove"):
        birla.get(f"/strategies/{strategy_id}/{path}", 404)
    birla.submit(f"/strategies/{strategy_id}/remove", "/settings/security", status=404)
    assert services.strategies.get(Desk(services).owner_id, strategy_id)


def test_a_viewer_sees_the_desk_and_has_no_buttons(admin, services, invited):
    strategy_id = Desk(services).strategy()
    viewer = invited("viewer", "Chitra")
    page = viewer.get("/strategies").text
    assert "Iron condor" in page
    assert f"/strategies/{strategy_id}/preview" not in page
    assert f"/strategies/{strategy_id}/remove" not in page
    viewer.submit(f"/strategies/{strategy_id}/remove", "/settings/security", status=403)
