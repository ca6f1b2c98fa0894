"""The topics that tell what happened to orders, and what was decided: read from the rows, since a hint may be lost.

A change in the hub only says that looking is worth while; every five seconds they look anyway.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import Denied
from app.core.money import ZERO
from app.execution.models import Order, OrderEvent
from app.execution.states import FINAL
from app.risk.service import RiskService
from app.signals.service import SignalService
from app.strategies.service import StrategyService
from app.web.api.journal import OrderEventShown, OrderShown
from app.web.api.risk_shapes import standing_shown
from app.web.api.run_shapes import run_shown
from app.web.api.signals import SignalShown
from app.web.live import Batch, Happening
from app.web.topics import Message
from app.web.whole import whole

MOST_REPLAYED = 1000  # events; who was away for longer is told how things stand instead
RUNS = 50  # the newest
SIGNALS = 20  # as above
LOOKED_BACK = 200  # events: on PostgreSQL a number may become visible after a higher one did
NOTHING_TO_ASK = "This connection tells everything of its topic: there is nothing to subscribe to."


@dataclass
class Trades:
    """Each step of each order in the order it was learned. An event's id is its number in the journal, for good."""

    db: Database
    owner_id: str
    last_id: str = ""
    _newest: int = 0
    _seen: set[int] = field(default_factory=set)

    def first(self, _batch: Batch, _resumed: bool) -> Iterator[Message]:
        with self.db.read() as session:
            self._newest = session.scalar(select(func.max(OrderEvent.seq))) or 0
            missed = self._missed(session)
            if missed is not None:
                yield {"type": "resumed", "id": self.last_id}
            else:
                orders = [OrderShown.model_validate(one).model_dump(mode="json") for one in self._working(session)]
                gap = {"missed": True} if self.last_id else {}
                yield {"type": "snapshot", "id": str(self._newest), "resumed": False, **gap, "orders": orders}
            yield from self._told(session, missed or ())
            self._seen = set(session.scalars(select(OrderEvent.seq).where(OrderEvent.seq > self._newest - LOOKED_BACK)))

    def news(self, batch: Batch) -> Iterator[Message]:
        if any(_is_about(one, "orders") for one in batch.happenings):
            yield from self.beat()

    def beat(self) -> Iterator[Message]:
        with self.db.read() as session:
            fresh = [one for one in self._since(session, self._newest - LOOKED_BACK) if one.seq not in self._seen]
            self._seen |= {one.seq for one in fresh}
            self._newest = max(self._seen, default=self._newest)
            self._seen = {seq for seq in self._seen if seq > self._newest - LOOKED_BACK}
            yield from self._told(session, fresh)

    def asked(self, _message: Mapping[str, Any]) -> Message:
        raise Denied(NOTHING_TO_ASK)

    def end(self) -> None:
        """Nothing is held."""

    def _missed(self, session: Session) -> Sequence[OrderEvent] | None:
        """None where a snapshot must stand for it."""
        heard = whole(self.last_id)
        if heard is None or heard > self._newest:
            return None
        missed = self._since(session, heard, MOST_REPLAYED + 1)
        return missed if len(missed) <= MOST_REPLAYED else None

    def _since(self, session: Session, seq: int, most: int = MOST_REPLAYED) -> Sequence[OrderEvent]:
        return session.scalars(
            select(OrderEvent)
            .join(Order, Order.id == OrderEvent.order_id)
            .where(OrderEvent.seq > seq, Order.owner_id == self.owner_id)
            .order_by(OrderEvent.seq)
            .limit(most)
        ).all()

    def _working(self, session: Session) -> Sequence[Order]:
        return session.scalars(
            select(Order).where(Order.owner_id == self.owner_id, Order.state.not_in(FINAL)).order_by(Order.id)
        ).all()

    def _told(self, session: Session, events: Sequence[OrderEvent]) -> Iterator[Message]:
        ids = {one.order_id for one in events}
        orders = {one.id: one for one in session.scalars(select(Order).where(Order.id.in_(ids)))}
        steps = session.scalars(select(OrderEvent).where(OrderEvent.order_id.in_(ids)).order_by(OrderEvent.seq)).all()
        for event in events:
            before = [one.filled_quantity for one in steps if one.order_id == event.order_id and one.seq < event.seq]
            is_fill = event.filled_quantity > max(before, default=ZERO)
            yield {
                "type": "fill" if is_fill else "order",
                "id": str(event.seq),
                "event": OrderEventShown.model_validate(event).model_dump(mode="json"),
                "order": OrderShown.model_validate(orders[event.order_id]).model_dump(mode="json"),
            }


def _is_about(happening: Happening, *rooms: str) -> bool:
    """Of a change; no list of rooms means everything."""
    return happening.name == "changed" and (happening.data is None or not set(rooms).isdisjoint(happening.data))


@dataclass
class Signals:
    """What the desk decided: how runs go, what may trade, what became of signals, and what a person must know. How it
    stands comes first; then only what differs from what was told."""

    strategies: StrategyService
    risk: RiskService
    heard: SignalService
    owner_id: str
    spell: Callable[[int], str]
    _told: dict[str, Message] = field(default_factory=dict)

    def first(self, batch: Batch, resumed: bool) -> Iterator[Message]:
        self._told = self._stands()
        decided = [{"kind": key.partition(":")[0], "data": data} for key, data in self._told.items()]
        yield {"type": "snapshot", "id": self.spell(batch.seq), "resumed": resumed, "signals": decided}
        yield from self._alarms(batch)

    def news(self, batch: Batch) -> Iterator[Message]:
        yield from self._alarms(batch)
        if any(_is_about(one, "runs", "standing", "signals") for one in batch.happenings):
            yield from self._differences(self.spell(batch.seq))

    def beat(self) -> Iterator[Message]:
        yield from self._differences("")

    def asked(self, _message: Mapping[str, Any]) -> Message:
        raise Denied(NOTHING_TO_ASK)

    def end(self) -> None:
        """Nothing is held."""

    def _stands(self) -> dict[str, Message]:
        runs = {f"run:{run.id}": run_shown(run) for run in self.strategies.runs(self.owner_id, RUNS)}
        standings = {f"standing:{one.extent.slot}": standing_shown(one) for one in self.risk.stands(self.owner_id)}
        heard = self.heard.signals(self.owner_id, limit=SIGNALS)
        signals = {f"signal:{one.id}": SignalShown.model_validate(one) for one in heard}
        return {key: one.model_dump(mode="json") for key, one in (runs | standings | signals).items()}

    def _differences(self, event_id: str) -> Iterator[Message]:
        now = self._stands()
        for key, data in now.items():
            if self._told.get(key) != data:
                yield _signal(event_id, key.partition(":")[0], data)
        self._told = now

    def _alarms(self, batch: Batch) -> Iterator[Message]:
        for one in batch.happenings:
            if one.name == "notice":
                yield _signal(self.spell(one.seq), "notice", one.data)


def _signal(event_id: str, kind: str, data: Any) -> Message:
    """Without an id where no hint led to it."""
    told = {"type": "signal", "id": event_id} if event_id else {"type": "signal"}
    return {**told, "kind": kind, "data": data}
