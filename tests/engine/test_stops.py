"""A halt and the kill switch in the middle of the work: nothing that opens leaves any more, every way out is open."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from app.execution.states import FINAL
from app.risk.models import KillSwitchAccount
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from tests.crash.engines import World, world
from tests.crash.watching import PATIENCE
from tests.engine.desks import TestDesk
from tests.engine.handwork import LOT, Hands
from tests.engine.proving import (
    RESTING,
    SPLIT_FLY,
    assert_flat,
    assert_proven,
    orders_of,
    proving_desk,
    told,
    until_settled,
)
from tests.waiting import until

BROKERS = ("alpha", "gamma")
OUT_OF_THE_DOOR = timedelta(seconds=2)  # claimed before the stop was written, sent the next moment of a busy machine


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("stops"), BROKERS) as made:
        yield made


@pytest.fixture(autouse=True)
def traded_again(desk: TestDesk) -> Iterator[None]:
    """Every test begins with a desk that trades and brokers that behave."""
    yield
    desk.paper.heal()
    for extent in extents(desk):
        if desk.services.risk.standing(asker(desk), extent).is_halted:
            desk.services.risk.release(asker(desk), extent)


def asker(desk: TestDesk) -> Asker:
    return Asker(desk.owner_id, for_all=True)


def mine(desk: TestDesk) -> Extent:
    return Extent(Kind.USER, desk.owner_id)


def extents(desk: TestDesk) -> list[Extent]:
    return [mine(desk), *(Extent(Kind.ACCOUNT, account_id) for account_id in desk.accounts.values())]


def press(desk: TestDesk, extent: Extent, flatten: bool) -> str:
    return desk.services.risk.press(asker(desk), extent, flatten, "a test")


def begun(desk: TestDesk, strategy_id: str, key: str, slow: int = 250, **where: str) -> str:
    """A run whose buys have been sent and whose sells wait for them; fills take `slow` milliseconds."""
    desk.paper.fault("slow_fills", ms=slow, **where)
    run_id = desk.run(strategy_id, key)
    until(lambda: any(order.sent_at for order in orders_of(desk, run_id)))
    return run_id


def assert_no_entry_left_after(desk: TestDesk, run_id: str, kill_id: str, *brokers: str) -> None:
    pressed_at = desk.services.risk.kill(asker(desk), kill_id).kill.at
    for broker in brokers or desk.accounts:
        for order in orders_of(desk, run_id, broker):
            if order.purpose == "entry" and order.sent_at is not None and order.claimed_at is not None:
                assert order.claimed_at <= pressed_at, told(desk, run_id, broker)
                assert order.sent_at <= pressed_at + OUT_OF_THE_DOOR, told(desk, run_id, broker)


def until_steady(desk: TestDesk, run_id: str) -> None:
    def is_steady() -> bool:
        parts = desk.parts(run_id).values()
        return all(part.state in ("open", "closed", "failed") for part in parts) and all(
            order.state in FINAL for order in orders_of(desk, run_id)
        )

    until(is_steady, 40)


def until_done(desk: TestDesk, kill_id: str, run_id: str = "", timeout: float = 40) -> None:
    try:
        until(lambda: desk.services.risk.kill(asker(desk), kill_id).kill.done_at is not None, timeout)
    except AssertionError as error:
        said = [f"{name}: {line.orders_left} {line.runs_left} {line.trouble}" for line, name in lines_of(desk, kill_id)]
        raise AssertionError("\n".join(said + [told(desk, run_id, name) for name in desk.parts(run_id)])) from error


def lines_of(desk: TestDesk, kill_id: str) -> list[tuple[KillSwitchAccount, str]]:
    return list(desk.services.risk.kill(asker(desk), kill_id).accounts)


def test_i17_a_halt_in_the_middle_of_an_entry_lets_nothing_out_but_exits(desk: TestDesk) -> None:
    run_id = begun(desk, desk.strategy(SPLIT_FLY, "halted"), "halted", slow=8000, broker="gamma", action="SELL")
    until(lambda: any(order.filled_quantity for order in orders_of(desk, run_id, "gamma")))
    kill_id = press(desk, mine(desk), flatten=False)
    until_steady(desk, run_id)
    assert_no_entry_left_after(desk, run_id, kill_id)
    part = desk.parts(run_id)["gamma"]
    assert part.state == "open"
    assert "What was filled is held" in part.trouble
    assert "kill switch was pressed" in part.trouble
    until_done(desk, kill_id, run_id)
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_i17_one_halted_account_leaves_the_others_alone(desk: TestDesk) -> None:
    run_id = begun(desk, desk.strategy(SPLIT_FLY, "one"), "one")
    kill_id = press(desk, Extent(Kind.ACCOUNT, desk.accounts["alpha"]), flatten=True)
    until(lambda: desk.parts(run_id)["gamma"].state == "open", 20)
    until(lambda: desk.parts(run_id)["alpha"].state in ("closed", "failed"), 20)
    assert_no_entry_left_after(desk, run_id, kill_id, "alpha")
    assert all(order.state == "filled" for order in orders_of(desk, run_id, "gamma"))
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert_proven(desk, run_id)


def test_the_kill_switch_cancels_what_works_exits_what_is_held_and_says_when_it_is_done(desk: TestDesk) -> None:
    resting = desk.run(desk.strategy(RESTING, "resting"), "resting")
    until(lambda: [order.state for order in orders_of(desk, resting)] == ["open", "open"], 20)
    entering = begun(desk, desk.strategy(SPLIT_FLY, "flattened"), "flattened")
    kill_id = press(desk, mine(desk), flatten=True)
    until_done(desk, kill_id, entering)
    for run_id in (resting, entering):
        until_settled(desk, run_id)
        assert_no_entry_left_after(desk, run_id, kill_id)
        assert_proven(desk, run_id)
    assert_flat(desk)
    lines = lines_of(desk, kill_id)
    assert [(line.orders_left, line.runs_left, line.done_at is not None) for line, _ in lines] == [(0, 0, True)] * 2
    assert all(line.cancelling >= 1 and line.exiting == 2 for line, _ in lines)


def test_a_run_asked_for_before_the_halt_does_not_begin_after_it(desk: TestDesk) -> None:
    strategy_id = desk.strategy(SPLIT_FLY, "late")
    run_id = desk.services.strategies.run(desk.owner_id, strategy_id, "late")
    kill_id = press(desk, mine(desk), flatten=True)
    until_done(desk, kill_id, run_id)
    desk.services.risk.release(asker(desk), mine(desk))
    until_settled_or_unborn(desk, run_id)
    assert_no_entry_left_after(desk, run_id, kill_id)
    assert_flat(desk)


def until_settled_or_unborn(desk: TestDesk, run_id: str) -> None:
    until(lambda: desk.run_row(run_id).state in ("closed", "failed"), 20)


# -- the engine dies in the middle of it


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("kill-switch")) as made:
        made.paper.fault("slow_fills", ms=60)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_the_kill_switch_goes_on_where_a_dead_engine_left_it(mortal: World, moment: str) -> None:
    made = mortal.desk
    run_id = made.services.strategies.run(made.owner_id, made.strategy(SPLIT_FLY, moment), moment)
    until(lambda: len(orders_of(made, run_id)) >= 8, 30)
    if moment == "before":
        mortal.kill()
    kill_id = press(made, mine(made), flatten=True)
    if moment == "during":
        until(lambda: any(order.purpose == "exit" or order.cancel_at for order in orders_of(made, run_id)), 30)
    if moment != "before":
        mortal.kill()
    mortal.start()
    until_done(made, kill_id, run_id, PATIENCE)
    until_settled(made, run_id, PATIENCE)
    assert_no_entry_left_after(made, run_id, kill_id)
    assert_proven(made, run_id)
    assert_flat(made)
    made.services.risk.release(asker(made), mine(made))


# -- what was opened by hand


def test_the_kill_switch_closes_what_was_opened_by_hand_and_what_still_fills(desk: TestDesk) -> None:
    hands = Hands(desk)
    hands.filled("alpha", lots=2)
    hands.filled("gamma", lots=1)
    target = hands.place("alpha", lots=1, side="SELL", price_type="LIMIT", price=Decimal("2000"))[0]
    hands.until_order(target.id, "open")
    before = desk.services.risk.figures(asker(desk), mine(desk))
    assert (before.orders, before.positions, before.accounts) == (1, 2, 2)
    desk.paper.fault("reject", broker="gamma", next=1)
    kill_id = press(desk, mine(desk), flatten=True)
    assert sum(line.exiting for line, _ in lines_of(desk, kill_id)) == 2
    until_done(desk, kill_id)
    assert_flat(desk)
    desk.assert_books_agree()
    assert hands.order(target.id).state == "cancelled"
    exits = [order for order in desk.orders() if order.purpose == "exit" and order.reason != "" or order.failure]
    assert any(order.failure == "refused" for order in exits), "a refused exit was tried again"
    assert [(line.runs_left, line.trouble) for line, _ in lines_of(desk, kill_id)] == [(0, "")] * 2
    desk.services.risk.release(asker(desk), mine(desk))
    hands.filled("alpha", lots=1)
    assert not desk.services.risk.look(), "what is opened after the release is none of its business"
    hands.until_order(hands.close("alpha")[0], "filled")


def test_without_exiting_what_was_opened_by_hand_stays_and_a_second_press_takes_it_out(desk: TestDesk) -> None:
    hands = Hands(desk)
    hands.filled("alpha", lots=2)
    kill_id = press(desk, mine(desk), flatten=False)
    until_done(desk, kill_id)
    assert sum(row["quantity"] for row in desk.paper.books("alpha")["positions"]) == 2 * LOT
    assert press(desk, mine(desk), flatten=True) == kill_id
    until_done(desk, kill_id)
    assert_flat(desk)
