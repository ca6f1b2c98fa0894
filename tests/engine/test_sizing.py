"""Sizes over the paper broker: accounts of different funds get different lots, once, and who gets none is told why."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from app.accounts.models import AccountHealth
from app.core import errands
from app.strategies.models import MarginReading
from app.strategies.sizing_settings import SizingRules
from tests.engine.desks import TestDesk
from tests.paper.running import PaperServer
from tests.waiting import until

STRANGLE = [
    {"action": "SELL", "kind": kind, "underlying": "NIFTY", "strike": "OTM2", "lots": 2} for kind in ("CE", "PE")
]
CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1}]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    brokers = [("rich", 2_000_000), ("poor", 900_000), ("tiny", 100_000)]
    listed = [{"name": name, "mode": "live", "cash": cash} for name, cash in brokers]
    with PaperServer(listed, start="now") as paper:
        made = TestDesk(tmp_path_factory.mktemp("sizing"), paper)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def strategy(desk: TestDesk, name: str, method: dict, legs=STRANGLE, **share) -> str:
    shares = [{"account_id": account_id} | share for account_id in desk.accounts.values()]
    return desk.strategy(legs, name, accounts=shares, sizing=method)


def previewed(desk: TestDesk, strategy_id: str) -> dict[str, dict]:
    """By account's name."""
    with desk.services.db.write() as session:
        asked = errands.ask(
            session, desk.owner_id, "preview_run", {"strategy_id": strategy_id}, desk.services.clock.now()
        ).id
    desk.engine.loops["house"].nudge()

    def answer():
        with desk.services.db.read() as session:
            found = errands.find(session, desk.owner_id, asked)
        return found if found.done_at else None

    errand = until(answer, 30)
    assert errand.error is None
    return {row["name"]: row for row in errand.answer["accounts"]}


def test_each_account_gets_what_its_margin_pays_for_and_who_gets_nothing_is_told_before_and_after(desk):
    strategy_id = strategy(desk, "By margin", {"method": "margin"}, grade="A")
    shown = previewed(desk, strategy_id)
    one_set = {name: Decimal(row["sizing"]["rows"][-1]["value"]) for name, row in shown.items()}
    expected = {name: int(cash * Decimal("0.95") // one_set[name]) for name, cash in
                (("rich", 2_000_000), ("poor", 900_000))}  # fmt: skip
    assert expected["rich"] > expected["poor"] > 0
    assert "is less than the" in shown["tiny"]["trouble"]
    assert {name: shown[name]["legs"][0]["lots"] for name in expected} == expected

    run_id = desk.run(strategy_id, "sized-1")
    desk.until_state(run_id, "open")
    parts = desk.parts(run_id)
    assert (parts["tiny"].state, parts["tiny"].trouble) == ("failed", shown["tiny"]["trouble"])
    legs = desk.services.strategies.leg_runs(desk.owner_id, run_id)
    got = {name: {leg.lots for leg in legs if leg.account_run_id == part.id} for name, part in parts.items()}
    assert got == {"rich": {expected["rich"]}, "poor": {expected["poor"]}, "tiny": set()}
    assert parts["rich"].sizing["allowed"] == [expected["rich"]] * 2
    assert parts["rich"].sizing["margin_source"] == "the venue"
    desk.assert_books_agree()

    # what is bound now is not free: the same strategy again finds no room, nothing of the first run is sized anew
    again = desk.run(strategy_id, "sized-2")
    desk.until_state(again, "failed")
    assert all("less than the" in part.trouble or "more than" in part.trouble for part in desk.parts(again).values())
    assert desk.parts(run_id)["rich"].sizing == parts["rich"].sizing
    desk.exit(run_id)
    desk.until_state(run_id, "closed")


def test_a_cap_of_the_account_holds_for_lots_as_written(desk):
    strategy_id = strategy(desk, "Capped", {}, CALL, multiplier="3", max_lots=2)
    run_id = desk.run(strategy_id, "capped-1")
    desk.until_state(run_id, "open")
    part = desk.parts(run_id)["rich"]
    assert (part.sizing["asked"], part.sizing["allowed"]) == ([3], [2])
    assert part.sizing["capped_by"] == "the account's most of 2 lots"
    assert {leg.lots for leg in desk.services.strategies.leg_runs(desk.owner_id, run_id)} == {2}
    desk.exit(run_id)
    desk.until_state(run_id, "closed")


def test_lots_as_written_are_reckoned_without_asking_anybody(desk):
    run_id = desk.run(desk.strategy(CALL, "As written"), "plain-1")
    desk.until_state(run_id, "open")
    assert all(part.sizing is None for part in desk.parts(run_id).values())
    desk.exit(run_id)
    desk.until_state(run_id, "closed")


@pytest.mark.parametrize(("rule", "legs", "row"), [
    ({"method": "premium", "budget": "30", "unit": "percent"}, CALL, "Premium of one set"),
    ({"method": "equity", "budget": "50", "unit": "percent"}, STRANGLE, "Margin of one set"),
    ({"method": "risk", "budget": "5000", "stop_points": "10"}, CALL, "Loss of one set at its stop"),
    ({"method": "volatility", "budget": "30000", "days": 10}, CALL, "Movement of one set in a day"),
])  # fmt: skip
def test_every_way_of_sizing_is_reckoned_from_the_market(desk, rule, legs, row):
    shown = previewed(desk, strategy(desk, row + rule["method"], rule, legs))["rich"]
    figures = {one["name"]: Decimal(one["value"]) for one in shown["sizing"]["rows"]}
    assert figures[row] > 0
    assert shown["sizing"]["asked"][0] == figures["Budget"] // figures[row] > 0
    assert shown["trouble"] == ""


def test_without_the_venues_margin_the_persons_table_counts_and_a_missing_figure_is_named(desk):
    service, owner = desk.services.sizing, desk.owner_id
    usual = service.rules(owner)
    strategy_id = strategy(desk, "By table", {"method": "margin"}, grade="A")
    with desk.services.db.write() as session:
        session.query(MarginReading).delete()
    desk.paper.fault("error", endpoint="margin", status=501)
    assert "no figure for sold options of NIFTY" in previewed(desk, strategy_id)["rich"]["trouble"]
    row = {"underlying": "NIFTY", "pair": "500000", "option": "300000"}
    service.save(owner, usual.model_validate(usual.model_dump() | {"margins": [row]}))
    shown = previewed(desk, strategy_id)["rich"]
    assert shown["sizing"]["margin_source"] == "your margin table"
    assert shown["legs"][0]["lots"] == int(Decimal(shown["sizing"]["free"]) * 95 / 100 // 500_000) > 0
    desk.paper.heal()


def test_funds_that_are_old_and_cannot_be_read_refuse_or_fall_back_as_it_is_set(desk):
    service, owner = desk.services.sizing, desk.owner_id
    strategy_id = strategy(desk, "By cash", {"method": "premium", "budget": "30", "unit": "percent"}, CALL)
    desk.paper.fault("error", endpoint="funds", status=500)
    with desk.services.db.write() as session:
        session.execute(update(AccountHealth).values(funds_at=desk.services.clock.now() - timedelta(hours=1)))
    found = {}
    for choice in ("refuse", "lots", "use"):
        service.save(owner, SizingRules(on_stale=choice, funds_age=600))
        found[choice] = previewed(desk, strategy_id)["rich"]
    desk.paper.heal()
    assert "could not be read anew" in found["refuse"]["trouble"]
    assert found["lots"]["sizing"]["allowed"] == [1]
    assert found["lots"]["sizing"]["notes"][0].endswith("The legs' own lots instead, as you set.")
    assert found["use"]["sizing"]["allowed"][0] > 1
    assert found["use"]["sizing"]["notes"][0].endswith("Sized by them all the same, as you set.")
