"""A run live: what each account holds, what was sent, and the ways out."""

from decimal import Decimal

import pytest

from app.strategies.models import AccountRun, LegRun, Run
from tests.web.trading import Desk, timeless


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


def row(services, model, row_id):
    with services.db.read() as session:
        return session.get_one(model, row_id)


def parts_of(services, desk, run):
    return services.strategies.parts(desk.owner_id, run.id)


def legs_of(services, desk, run):
    return services.strategies.leg_runs(desk.owner_id, run.id)


def test_the_page_shows_each_accounts_legs_orders_and_live_cells(admin, services, desk):
    run = desk.run(desk.account(), trouble="RMS:Margin Exceeds, Required: 1,23,456")
    part, leg = parts_of(services, desk, run)[0], legs_of(services, desk, run)[0]
    page = admin.get(f"/runs/{run.id}").text
    for text in (
        "Demo 1", "NIFTY24DEC2624400CE", "1,820/1,820", "171.05", "Slice 1 of 2", "1,755/1,755",
        "RMS:Margin Exceeds, Required: 1,23,456", "sent +2 ms, answered +48 ms, filled +131 ms",
        "Exit all 1 position in 1 account",
    ):  # fmt: skip
        assert text in page
    for cell in ("ltp:NFO:NIFTY24DEC2624400CE", f"pnl:leg:{leg.id}", f"pnl:account_run:{part.id}", f"pnl:run:{run.id}"):
        assert f'data-cell="{cell}"' in page
    assert f'data-room="run:{run.id}"' in page
    assert timeless(admin.get(f"/runs/{run.id}/live", fragment=True).text).strip() in timeless(page)


@pytest.fixture
def mixed(desk):
    """A run in a paper and in a live account that was left: what was sold at 171.05 came back for 171 and 170.05."""
    accounts = desk.account("Demo", mode="paper"), desk.account("Real", mode="live")
    run = desk.run(*accounts)
    for leg, price in zip(legs_of(desk.services, desk, run), ("171", "170.05"), strict=True):
        with desk.db.read() as session:
            part = session.get_one(AccountRun, leg.account_run_id)
        account = next(one for one in accounts if one.id == part.account_id)
        order = desk.order(account, 1820, part=part, leg=leg, side="BUY", purpose="exit", average_price=Decimal(price))
        assert order.leg_run_id == leg.id
    return run


def test_a_run_in_live_and_paper_accounts_has_a_figure_of_each_and_no_sum(admin, services, desk, mixed):
    for path in (f"/runs/{mixed.id}", "/runs", "/strategies"):
        page = admin.get(path).text
        figures = [page.index(f'data-cell="pnl:run_in:{mode}:{mixed.id}"') for mode in ("live", "paper")]
        assert figures == sorted(figures), path
        live, paper = (page[at : page.index("</span>", at)] for at in figures)
        assert ("+₹1,820.00" in live, "+₹91.00" in paper) == (True, True), path
        assert f'data-cell="pnl:run:{mixed.id}"' not in page
        assert "1,911" not in page


def test_programs_get_them_apart_and_the_sum_that_limits_count(admin, mixed):
    told = admin.client.get(f"/api/v1/runs/{mixed.id}").json
    assert (told["mode"], told["pnl"]) == ("mixed", "1911")
    assert told["pnl_by_mode"] == [
        {"mode": "live", "currency": "INR", "pnl": "1820"}, {"mode": "paper", "currency": "INR", "pnl": "91"},
    ]  # fmt: skip


def test_where_live_and_paper_count_together_it_is_said(admin, services, desk, mixed):
    said = "A limit of the whole run compares what its live and paper accounts make together."
    assert said not in admin.get(f"/runs/{mixed.id}").text
    with services.db.write() as session:
        session.get_one(Run, mixed.id).limits = {"stop": {"value": "5000", "unit": "amount"}}
    page = admin.get(f"/runs/{mixed.id}").text
    assert said in page
    assert "live and paper accounts together, as the limits of the run count" in page
    alone = desk.run(desk.account("Alone"), strategy_id=mixed.strategy_id)
    assert "accounts together" not in admin.get(f"/runs/{alone.id}").text


def test_exiting_everything_counts_first_and_is_decided_once(admin, services, desk):
    run = desk.run(desk.account("A"), desk.account("B"))
    question = admin.get(f"/runs/{run.id}/exit").text
    assert "2 positions in 2 accounts" in question
    assert row(services, Run, run.id).exit_reason is None
    admin.submit(f"/runs/{run.id}/exit")
    assert "A: 1 position on the way out" in admin.get(f"/runs/{run.id}").text
    decided = row(services, Run, run.id)
    assert (decided.exit_reason, decided.exit_by) == ("by hand", "Asha")
    admin.submit(f"/runs/{run.id}/exit")
    assert "was decided before" in admin.get(f"/runs/{run.id}").text
    assert row(services, Run, run.id).exit_by == decided.exit_by


def test_one_account_can_leave_while_the_others_stay(admin, services, desk):
    run = desk.run(desk.account("A"), desk.account("B"))
    part = parts_of(services, desk, run)[0]
    admin.submit(f"/runs/{run.id}/accounts/{part.id}/exit")
    assert [one.exit_reason for one in parts_of(services, desk, run)].count("by hand") == 1
    assert row(services, Run, run.id).exit_reason is None


def test_one_leg_can_leave_and_its_button_says_what_it_does(admin, services, desk):
    run = desk.run(desk.account())
    leg = legs_of(services, desk, run)[0]
    assert "Buy back 1,820 NIFTY 24 Dec 26 24,400 CE in Demo 1" in admin.get(f"/runs/{run.id}/legs/{leg.id}/exit").text
    assert "<dialog" in admin.get(f"/runs/{run.id}/legs/{leg.id}/exit", fragment=True).text
    admin.submit(f"/runs/{run.id}/legs/{leg.id}/exit")
    assert row(services, LegRun, leg.id).exit_reason == "by hand"
    assert row(services, AccountRun, leg.account_run_id).exit_reason is None


def test_a_run_that_ended_has_no_way_out(admin, services, desk):
    run = desk.run(desk.account(), state="closed")
    assert "Exit all" not in admin.get(f"/runs/{run.id}").text
    admin.submit(f"/runs/{run.id}/exit")
    assert "nothing to exit" in admin.get(f"/runs/{run.id}").text


def test_legs_and_accounts_of_another_run_are_not_found(admin, services, desk):
    mine, other = desk.run(desk.account("A")), desk.run(desk.account("B"), strategy_id=desk.strategy(name="Other"))
    leg, part = legs_of(services, desk, other)[0], parts_of(services, desk, other)[0]
    admin.get(f"/runs/{mine.id}/legs/{leg.id}/exit", 404)
    admin.get(f"/runs/{mine.id}/accounts/{part.id}/exit", 404)


def test_the_history_goes_on_page_by_page(admin, services, desk):
    account = desk.account()
    strategy_id = desk.strategy(account)
    runs = [desk.run(strategy_id=strategy_id, state="closed") for _ in range(53)]
    first = admin.get("/runs").text
    assert runs[-1].id in first
    assert runs[0].id not in first
    older = admin.get(f"/runs?before={runs[3].id}").text
    assert all(run.id in older for run in runs[:3])
    assert runs[3].id not in older.split("<tbody>")[1]


def test_somebody_elses_run_is_not_found_and_not_exited(admin, services, desk, invited):
    run = desk.run(desk.account())
    part, leg = parts_of(services, desk, run)[0], legs_of(services, desk, run)[0]
    birla = invited("trader", "Birla")
    assert run.id not in birla.get("/runs").text
    birla.get(f"/runs/{run.id}", 404)
    birla.get(f"/runs/{run.id}/live", 404, fragment=True)
    for path in ("exit", f"accounts/{part.id}/exit", f"legs/{leg.id}/exit"):
        birla.get(f"/runs/{run.id}/{path}", 404)
        birla.submit(f"/runs/{run.id}/{path}", "/settings/security", status=404)
    assert row(services, Run, run.id).exit_reason is None


def test_a_viewer_sees_the_run_and_cannot_end_it(admin, services, desk, invited):
    run = desk.run(desk.account())
    viewer = invited("viewer", "Chitra")
    page = viewer.get(f"/runs/{run.id}").text
    assert "Demo 1" in page
    assert "/exit" not in page
    viewer.submit(f"/runs/{run.id}/exit", "/settings/security", status=403)
    assert row(services, Run, run.id).exit_reason is None


def test_asking_for_the_head_of_a_page_changes_nothing_whoever_asks(admin, services, desk, invited):
    """What needs no token and little scope must not be taken for a press of the button."""
    run = desk.run(desk.account())
    part, leg = parts_of(services, desk, run)[0], legs_of(services, desk, run)[0]
    for person in (admin, invited("viewer", "Chitra")):
        for path in ("exit", f"accounts/{part.id}/exit", f"legs/{leg.id}/exit"):
            answer = person.client.head(f"/runs/{run.id}/{path}")
            assert (answer.status_code, answer.data) in ((200, b""), (403, b""))
    assert services.strategies.get_run(desk.owner_id, run.id).exit_reason is None
    assert parts_of(services, desk, run)[0].exit_reason is None
    assert legs_of(services, desk, run)[0].exit_reason is None


def test_the_page_costs_a_dozen_reads_however_many_accounts_take_part(admin, services, desk, reads, still):
    run = desk.run(*[desk.account(f"Account {number}") for number in range(12)])
    with still():
        admin.get(f"/runs/{run.id}")
        with reads() as seen:
            admin.get(f"/runs/{run.id}")
    assert len(seen) <= 12


PAIR = {
    "purpose": "exit", "side": "BUY", "price_type": "OCO", "trigger_price": Decimal("200"), "price": Decimal("210"),
    "target_trigger": Decimal("120.5"), "target_price": Decimal("120.5"), "filled_quantity": Decimal(0),
    "average_price": None,
}  # fmt: skip


@pytest.mark.parametrize(("state", "more", "words"), [
    ("trigger_pending", {}, "At the broker: stop 200, target 120.5"),
    ("sending", {}, "On its way to the broker, held by the desk until then"),
    ("unknown", {"venue_order_id": None}, "In doubt at the broker, held by the desk as well"),
    ("rejected", {"reason": "No such orders here."}, "Held by the desk: No such orders here"),
    ("cancelled", {}, "Held by the desk: it was taken back at the broker"),
    ("open", {"price_type": "LIMIT", "fired": "stop"}, "At the broker: its stop was reached"),
])  # fmt: skip
def test_who_holds_a_legs_stop_and_target_is_said_on_the_page_and_to_programs(
    admin, services, desk, state, more, words
):
    account = desk.account()
    run = desk.run(account)
    part, leg = parts_of(services, desk, run)[0], legs_of(services, desk, run)[0]
    levels = {name: {"value": value, "unit": "price"} for name, value in (("stop", "200"), ("target", "120.5"))}
    with services.db.write() as session:
        kept = session.get_one(LegRun, leg.id)
        kept.stop, kept.target, kept.at_broker = levels["stop"], levels["target"], True
    assert "Held by the desk until all of it is filled, then at the broker" in admin.get(f"/runs/{run.id}").text
    order = desk.order(account, 1820, part=part, leg=leg, state=state, **PAIR | more)
    page = admin.get(f"/runs/{run.id}").text
    assert words in page and "Exit</strong>: " not in page  # what rests is timed as no exit
    found = admin.client.get(f"/api/v1/runs/{run.id}").json["parts"][0]["legs"][0]
    assert found["holder"] == words
    assert "stop at a price of 200, target at a price of 120.5" in found["levels"]
    told = admin.get(f"/orders/{order.id}").text
    assert "Target" in told and "120.50" in told
    if state == "trigger_pending":
        assert " or target " in admin.get("/orders").text
        assert ">Change<" not in told
        admin.get(f"/orders/{order.id}/change", status=303)
