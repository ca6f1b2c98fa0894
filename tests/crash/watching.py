"""One run of a world, watched from outside: is it where it stays, does it rest, is it over?"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.execution.models import OrderChange
from app.execution.states import FINAL, OrderState
from app.execution.terms import Terms
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.strategies.waves import ENDED
from app.venues.types import PriceType
from tests.crash.engines import World
from tests.engine.proving import orders_of, told
from tests.waiting import until

FILLING, FILLED = Decimal(2000), 0.25  # a price at which a buy fills, and how many of the orders get it
PATIENCE = 45.0  # seconds until a run counts as stuck


@dataclass(frozen=True, slots=True)
class Watched:
    world: World
    run_id: str

    def is_steady(self) -> bool:
        """All parts are where they stay, and nothing is on its way."""
        parts = self.world.desk.parts(self.run_id)
        states = {part.state for part in parts.values()} | {self._state()}
        return states <= {"open", "closed", "failed"} and self._all_orders_in(FINAL)

    def is_resting(self) -> bool:
        """Its orders stand at the broker."""
        is_placed = bool(orders_of(self.world.desk, self.run_id)) and self._all_orders_in(FINAL | {OrderState.OPEN})
        return is_placed or self.is_over()

    def is_changed(self) -> bool:
        """What was asked of its orders was sent or was not, and the books have told what became of it."""
        return not [change for change in self.changes() if change.settled_at is None] and self._rests_or_filled()

    def _rests_or_filled(self) -> bool:
        return self._all_orders_in(FINAL | {OrderState.OPEN})

    def changes(self) -> list[OrderChange]:
        ids = [order.id for order in orders_of(self.world.desk, self.run_id)]
        with self.world.desk.services.db.read() as session:
            return list(session.scalars(select(OrderChange).where(OrderChange.order_id.in_(ids))))

    def is_over(self) -> bool:
        return self._state() in ENDED and self._all_orders_in(FINAL)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Fails with all that is known of the run when it is stuck."""
        try:
            until(is_so, PATIENCE)
        except AssertionError as error:
            lines = [told(self.world.desk, self.run_id, broker) for broker in self.world.desk.parts(self.run_id)]
            raise AssertionError("\n".join([f"stuck: {self._state()}", *lines])) from error

    def ask_for_exit(self) -> None:
        desk = self.world.desk
        try:
            desk.services.strategies.exit_run(desk.owner_id, self.run_id, "by hand", "trader")
        except Denied:  # it was over before: nothing to exit
            assert self._state() in ENDED

    def ask_for_changes(self, fraction: float) -> None:
        """Another price for each order that works; some fill by it. `fraction` of one decides which."""
        desk = self.world.desk
        for number, order in enumerate(orders_of(desk, self.run_id)):
            price = FILLING if (fraction + number / 4) % 1 < FILLED else Decimal(1 + int(fraction * 20) + number) / 10
            try:
                wanted = Terms(order.quantity, PriceType.LIMIT, price)
                desk.services.by_hand.changes.ask(desk.owner_id, order.id, wanted, new_id())
            except (Denied, Invalid):
                assert order.state != OrderState.OPEN or order.price == price

    # -- the kill switch of the person's own desk

    def press_kill_switch(self) -> None:
        asker, extent = self._asker()
        self.world.desk.services.risk.press(asker, extent, flatten=True)

    def is_stopped(self) -> bool:
        """Over, and the switch has seen it."""
        kills = self.world.desk.services.risk.kills(self._asker()[0], limit=1)
        return bool(kills) and kills[0].kill.done_at is not None and self.is_over()

    def release_kill_switch(self) -> None:
        asker, extent = self._asker()
        if self.world.desk.services.risk.standing(asker, extent).is_halted:
            self.world.desk.services.risk.release(asker, extent)

    def _asker(self) -> tuple[Asker, Extent]:
        owner_id = self.world.desk.owner_id
        return Asker(owner_id), Extent(Kind.USER, owner_id)

    def _state(self) -> str:
        return self.world.desk.run_row(self.run_id).state

    def _all_orders_in(self, states: frozenset[OrderState]) -> bool:
        return all(order.state in states for order in orders_of(self.world.desk, self.run_id))
