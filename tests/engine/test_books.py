"""The books of a whole desk: round trips and curves of what was traded, and a server whose mode was switched."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.accounts.models import Account
from app.core.clock import SystemClock, day_in_india, epoch_ms
from app.core.errors import Denied
from app.engine.bookkeeper import Bookkeeper
from app.notify.models import Notification
from app.portfolio.analytics import AnalyticsService, Choice
from app.portfolio.curves import Curves, of_account, of_desk, of_run
from app.portfolio.diary import Asked, Diary
from app.portfolio.models import CarryMark, DayResult, RoundTrip
from app.strategies import bookkeeping
from app.strategies.bookkeeping import Bookkeeping
from tests.engine.desks import IRON_FLY, TestDesk
from tests.engine.handwork import Hands
from tests.engine.proving import orders_of, proving_desk, until_settled
from tests.waiting import until


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("books"), ("alpha", "gamma")) as made:
        yield made


def rows(desk: TestDesk, model: Any) -> list[dict[str, Any]]:
    with desk.services.db.read() as session:
        found = session.execute(select(*model.__table__.columns)).mappings().all()
    return sorted((dict(row) for row in found), key=str)


def trips(desk: TestDesk, entry_id: str) -> list[dict[str, Any]]:
    return [row for row in rows(desk, RoundTrip) if row["entry_id"] == entry_id and row["closed_at"]]


def realised(desk: TestDesk, entry_id: str) -> Decimal:
    return sum((row["realised"] for row in trips(desk, entry_id)), Decimal(0))


def made(desk: TestDesk, run_id: str) -> Decimal:
    """By the fills, whose averages the trade book may correct a moment later."""
    signs = {"BUY": -1, "SELL": 1}
    amounts = (one.filled_quantity * one.average_price * signs[one.side] for one in orders_of(desk, run_id))
    return sum(amounts, Decimal(0))


def test_a_closed_run_and_a_trade_by_hand_are_in_the_books_with_what_their_fills_say(desk: TestDesk) -> None:
    run_id = desk.run(desk.strategy(IRON_FLY), "books")
    assert desk.until_state(run_id, "open", "failed") == "open"
    curves = Curves(desk.services.db)
    until(lambda: curves.read(of_run(run_id)), 90)
    assert desk.exit(run_id)
    until_settled(desk, run_id)
    until(lambda: len(trips(desk, run_id)) == 2, 60)
    until(lambda: abs(realised(desk, run_id) - made(desk, run_id)) < Decimal("0.001"))
    assert all(row["charges"] > 0 and row["mode"] == "live" for row in trips(desk, run_id))
    closed_at = max(row["closed_at"] for row in trips(desk, run_id))
    until(lambda: {p.at: p.total for p in curves.read(of_run(run_id))}.get(closed_at) == realised(desk, run_id))

    hands = Hands(desk)
    bought = hands.filled("alpha")
    hands.place("alpha", side="SELL")
    until(lambda: trips(desk, bought.id), 60)
    diary = Diary(desk.services.db, desk.services.clock)
    assert [entry.id for entry in diary.entries(Asked(Choice(desk.owner_id)))] == [bought.id, run_id]
    today = day_in_india(desk.services.clock.now())

    def is_added_up() -> bool:
        sums = AnalyticsService(desk.services.db).by_day(Choice(desk.owner_id))[today]
        return sums.realised == sum(row["realised"] for row in rows(desk, DayResult))

    until(is_added_up)


def test_the_books_made_anew_are_the_same(desk: TestDesk) -> None:
    before = rows(desk, RoundTrip), rows(desk, DayResult)
    with desk.services.db.write() as session:
        for model in (DayResult, RoundTrip):
            session.execute(delete(model))
        session.execute(delete(CarryMark).where(CarryMark.id == bookkeeping.MARK))
    Bookkeeping(desk.services.db, desk.services.clock).step()
    assert (rows(desk, RoundTrip), rows(desk, DayResult)) == before


def test_what_accounts_make_is_sampled_each_minute_and_an_old_price_leaves_a_gap(desk: TestDesk) -> None:
    clock = Minutes(desk.services.clock.now())
    keeper = Bookkeeper(replace(desk.services, clock=clock), desk.engine.broadcaster, list)
    alpha, gamma = (of_account(desk.accounts[name]) for name in ("alpha", "gamma"))
    subject = of_desk(desk.owner_id, "paper", "USD")
    desk.read_all()  # which notes the mode that each server is in
    until(lambda: 8 < desk.services.clock.now().second < 50, 60)  # at the turn of a minute the engine samples too
    with desk.services.db.write() as session:
        session.execute(update(Account).values(currency="USD", seen_mode="paper"))
    keeper.minute()  # the minute it began in is not whole
    for alpha_made, age in (("100.5", 0), ("200", 0), ("300", 90)):
        clock.moment += timedelta(minutes=5)
        at = epoch_ms(clock.moment - timedelta(seconds=age))
        figures = {alpha: (alpha_made, at), gamma: ("-50", None)}
        cells = {f"pnl:{key}": {"v": value, "at": at} for key, (value, at) in figures.items()}
        keeper.take(cells | {f"pnl:realised:{desk.owner_id}": {"v": "0", "at": None}})
        keeper.minute()
        keeper.minute()
    assert [point.total for point in keeper.curves.read(subject)] == [Decimal("50.5"), 150]
    with desk.services.db.write() as session:
        session.execute(update(Account).values(currency="INR", seen_mode="live"))


def test_a_server_switched_to_paper_behind_our_back_takes_no_entry_and_its_owner_is_told(desk: TestDesk) -> None:
    run_id = desk.run(desk.strategy(IRON_FLY[:1], "switched"), "switched")
    assert desk.until_state(run_id, "open", "failed") == "open"
    desk.paper.fault("analyzer_switch", broker="alpha")
    alpha = desk.accounts["alpha"]
    desk.engine.crew.get(alpha).attendant.sweep_now()
    until(lambda: account(desk, "alpha").trading_state == "REDUCING", 40)
    assert account(desk, "alpha").mode == "paper"
    assert "meant for live" in account(desk, "alpha").state_why
    assert account(desk, "gamma").trading_state == "ACTIVE"
    until(lambda: any("paper mode" in row.text for row in messages(desk)))
    with pytest.raises(Denied):
        Hands(desk).place("alpha")
    assert desk.services.risk.obstacle(account(desk, "alpha"))


class Minutes(SystemClock):
    def __init__(self, moment: datetime) -> None:
        self.moment = moment.replace(minute=0)

    def now(self) -> datetime:
        return self.moment


def account(desk: TestDesk, broker: str) -> Any:
    return desk.services.accounts.get(desk.owner_id, desk.accounts[broker])


def messages(desk: TestDesk) -> list[Notification]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(Notification)))
