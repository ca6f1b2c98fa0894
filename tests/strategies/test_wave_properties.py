"""What an account's part of a run may never decide, over any history of its orders."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.execution.states import AT_VENUE, FINAL, OrderState
from app.strategies.waves import AccountRunState, AccountRunView, LegView, OnFailure, OrderView, decide
from app.venues.types import Side

S, R = OrderState, AccountRunState
START = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TARGET = Decimal(100)
LEGS = {"hedge": Side.BUY, "short": Side.SELL}
HAPPENINGS = (*["fill"] * 4, "fill all", "refuse", "unavailable", "lose answer", "arrive", "vanish", "cancel")


class Part:
    """One account's part with its orders as values; `decide` is asked after everything that happens."""

    def __init__(self) -> None:
        self.now, self.state, self.wanted = START, R.ENTERING, False
        self.orders: dict[str, list[OrderView]] = {leg: [] for leg in LEGS}
        self.exits_decided = 0
        for leg in LEGS:
            self._add(leg, TARGET, 1, is_exit=False)

    def view(self) -> AccountRunView:
        legs = tuple(LegView(leg, side, TARGET, False, tuple(self.orders[leg]), leg) for leg, side in LEGS.items())
        return AccountRunView(self.state, OnFailure.UNWIND, self.wanted, legs)

    def held(self, leg: str) -> Decimal:
        return sum((o.filled * (-1 if o.is_exit else 1) for o in self.orders[leg]), Decimal(0))

    def step(self) -> None:
        made = decide(self.view(), self.now)
        if made.unwind and not self.wanted:
            self.exits_decided += 1
            self.wanted = True
        for order_id in made.withdraw:
            self._change(order_id, state=S.CANCELLED, failure="withdrawn", ended_at=self.now)
        for order_id in made.cancel:
            self._change(order_id, state=S.CANCEL_PENDING, cancel_at=self.now)
        for again in made.enter:
            self._add(again.leg_id, again.quantity, again.attempt, is_exit=False)
        for again in made.leave:
            self._add(again.leg_id, again.quantity, again.attempt, is_exit=True)
        for order_id in made.release:
            self._change(order_id, state=S.OPEN)
        self.state = made.state
        again = decide(self.view(), self.now)
        for asked, once_more in ((made.enter, again.enter), (made.leave, again.leave)):
            assert not {each.leg_id for each in asked} & {each.leg_id for each in once_more}  # asking again is safe

    def happen(self, what: str, pick: int) -> None:
        self.now += timedelta(seconds=pick)
        live = [o for leg in self.orders.values() for o in leg if o.state not in (S.NEW, *FINAL)]
        if not live:
            return
        order = live[pick % len(live)]
        if what.startswith("fill") and order.state in AT_VENUE:
            self._fill(order, order.quantity if what == "fill all" else Decimal(1 + pick))
        elif what in ("refuse", "unavailable") and order.state is S.OPEN:
            failure = "refused" if what == "refuse" else "unavailable"
            self._change(order.id, state=S.REJECTED, failure=failure, ended_at=self.now)
        elif what == "lose answer" and order.state is S.OPEN:
            self._change(order.id, state=S.UNKNOWN)
        elif what == "arrive" and order.state is S.UNKNOWN:
            self._change(order.id, state=S.OPEN)
        elif what == "vanish" and order.state is S.UNKNOWN:
            self._change(order.id, state=S.LOST, failure="lost", ended_at=self.now)
        elif what == "cancel" and order.state is S.CANCEL_PENDING:
            self._change(order.id, state=S.CANCELLED, ended_at=self.now)

    def _fill(self, order: OrderView, quantity: Decimal) -> None:
        filled = min(order.quantity, order.filled + quantity)
        is_done = filled == order.quantity
        state = S.FILLED if is_done else order.state if order.state is S.CANCEL_PENDING else S.PARTIALLY_FILLED
        self._change(order.id, state=state, filled=filled, ended_at=self.now if is_done else None)

    def _add(self, leg: str, quantity: Decimal, attempt: int, is_exit: bool) -> None:
        found = self.orders[leg]
        state = S.OPEN if is_exit else S.NEW
        found.append(OrderView(f"{leg}{len(found)}", is_exit, state, quantity, Decimal(0), attempt=attempt))

    def _change(self, order_id: str, **changes: object) -> None:
        for found in self.orders.values():
            for index, order in enumerate(found):
                if order.id == order_id:
                    found[index] = replace(order, **changes)


happenings = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 40)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(happenings, st.integers(0, 40))
def test_i16_over_any_history_the_hedge_comes_first_and_nothing_is_asked_for_that_is_not_held(events, leave_at) -> None:
    part = Part()
    part.step()
    for index, (what, pick) in enumerate(events):
        part.wanted = part.wanted or index == leave_at
        part.happen(what, pick)
        part.step()
        for leg in LEGS:
            leaving = sum((o.open_quantity for o in part.orders[leg] if o.is_exit), Decimal(0))
            assert part.held(leg) - leaving >= 0
        assert part.held("short") <= part.held("hedge")
    assert part.exits_decided <= 1


@settings(max_examples=60, deadline=None)
@given(happenings)
def test_d8_a_part_is_closed_only_when_nothing_is_held_and_nothing_is_on_its_way(events) -> None:
    part = Part()
    part.wanted = False
    part.step()
    for index, (what, pick) in enumerate(events):
        part.wanted = part.wanted or index > len(events) // 2
        part.happen(what, pick)
        part.step()
        if part.state in (R.CLOSED, R.FAILED):
            assert all(part.held(leg) == 0 for leg in LEGS)
            assert not any(o.is_live for found in part.orders.values() for o in found)
