"""A replay from its row to its result: the tape is turned, the desk on it decides, and what it did is read back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import select

from app.core.clock import INDIA
from app.core.db import Database
from app.core.errors import DeskError
from app.engine.replaying.cast import TapeCandles
from app.engine.replaying.clock import TapeClock
from app.engine.replaying.desk import BEAT, TapeDesk
from app.engine.replaying.tapes import Tape, began
from app.engine.replaying.world import draft_of, list_contracts, world
from app.portfolio.pnl import add_up, total
from app.replays import journal, outcome
from app.replays.fills import RULE
from app.replays.models import Replay
from app.replays.outcome import Point
from app.replays.terms import Terms, terms
from app.strategies.bookkeeping import Bookkeeping
from app.strategies.models import AccountRun, Run, Strategy
from app.venues.types import Quote, Symbol
from app.wiring import Services
from config import Settings

FIRST = timedelta(seconds=5)  # after the first tick, so that every price had its chance to come
MINUTE = timedelta(minutes=1)
HALF = 500_000  # microseconds: beats are at whole half seconds
Batches = Iterator[tuple[int, list[Quote]]]


class Stopped(Exception):
    """Somebody cancelled it."""


@dataclass(frozen=True, slots=True)
class Played:
    """`journal` are JSON lines; `result` as `replays.outcome` gives it."""

    fingerprint: str
    journal: bytes
    result: dict[str, Any]


def play(settings: Settings, live: Database, replay: Replay, tape: Tape, go_on: Callable[[int], bool]) -> Played:
    """`go_on` hears how many percent are played and says whether to go on. Raises Denied for a tape or a strategy that
    can't be played, and Stopped."""
    draft, said = draft_of(replay)
    wanted = {leg.underlying for leg in draft.legs} | {leg.symbol for leg in draft.legs}
    listed = tape.contracts()
    names = {row.name for row in listed if row.name in wanted or row.symbol in wanted}
    first, batches = began(tape.batches({row.symbol for row in listed if row.name in names}))
    clock = TapeClock(first - BEAT)
    with world(settings, live, replay, clock) as services:
        list_contracts(services.db, listed, clock.now())
        made = TapeCandles(services.db, clock, services.link, services.instruments)
        player = _Player(replace(services, candles=made), clock, replay, go_on)
        player.notes += said
        player.create(draft)
        player.turn(batches, first)
        return player.read(tape.fingerprint())


@dataclass(slots=True)
class _Entry:
    """The one that is made by hand, where the strategy has no entry times."""

    at: datetime
    is_made: bool = False


@dataclass(slots=True)
class _Player:
    services: Services
    clock: TapeClock
    replay: Replay
    go_on: Callable[[int], bool]
    notes: list[str] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    strategy_id: str = ""
    ticks: int = 0

    @property
    def terms(self) -> Terms:
        return terms(self.replay.terms)

    @property
    def owner_id(self) -> str:
        return self.replay.owner_id

    def create(self, draft: Any) -> None:
        """The strategy as it was saved; armed where it enters by itself."""
        self.strategy_id = self.services.strategies.create(self.owner_id, draft)
        if draft.schedule.entries:
            self.services.schedules.arm(self.owner_id, self.strategy_id, 1)

    def turn(self, batches: Batches, first: datetime) -> None:
        desk, entry = TapeDesk(self.services, self.clock, self.terms), self._by_hand(first)
        last = first.astimezone(INDIA).replace(hour=23, minute=59, second=59)
        beat_at = first.replace(microsecond=first.microsecond // HALF * HALF)
        minute_at = first + MINUTE
        for percent, batch in batches:
            if not self.go_on(percent):
                raise Stopped
            for quote in batch:
                self._enter_by(desk, entry, quote.received_at)
                while beat_at <= quote.received_at:
                    self.clock.go(beat_at)
                    desk.beat()
                    if beat_at >= minute_at:
                        minute_at += MINUTE
                        self._sample(desk)
                        if self._is_over(desk, entry, last):
                            return
                    beat_at += BEAT
                desk.tick(quote)
                self.ticks += 1
            failure = desk.failure()
            if failure is not None:
                raise failure
        self._sample(desk)

    def _by_hand(self, first: datetime) -> _Entry:
        wanted, at = self.terms.enter_at, first + FIRST
        if wanted is not None:
            at = datetime.combine(first.astimezone(INDIA).date(), wanted, INDIA)
        return _Entry(at, is_made=self._strategy.armed_at is not None)

    @property
    def _strategy(self) -> Strategy:
        return self.services.strategies.get(self.owner_id, self.strategy_id)

    def _enter_by(self, desk: TapeDesk, entry: _Entry, moment: datetime) -> None:
        """In the very moment, where that comes before the next tick."""
        if entry.is_made or moment < entry.at:
            return
        entry.is_made = True
        self.clock.go(entry.at)
        try:
            self.services.strategies.run(self.owner_id, self.strategy_id, "replay")
        except DeskError as error:
            self.notes.append(error.message)
        desk.ask()

    def _is_over(self, desk: TapeDesk, entry: _Entry, last: datetime) -> bool:
        """Nothing is held, and nothing will be entered any more."""
        if desk.is_live or not entry.is_made:
            return False
        strategy, now = self._strategy, self.clock.now()
        if strategy.armed_at is None:
            return True
        schedules = self.services.schedules
        pending = schedules.pending(strategy, schedules.days(strategy, now), now, last - now)
        return not any(slot.at > now - MINUTE for slot in pending)

    def _sample(self, desk: TapeDesk) -> None:
        """What all runs made so far, once there is one."""
        with self.services.db.read() as session:
            parts = list(session.scalars(select(AccountRun.id)))
            live = set(session.scalars(select(Run.id).where(Run.closed_at.is_(None))))
        if not parts:
            return
        now, newest = self.clock.now(), desk.market.hub.newest
        figures = []
        for leg in self.services.portfolio.legs(self.owner_id, parts, now):
            quote = newest(Symbol(leg.key.exchange, leg.key.symbol))
            figures.append(total(leg.held.position, quote.last if quote else None))
        amount = add_up(figures)
        stops = [stop for run, stop in desk.stops().items() if run in live and stop is not None]
        if amount is not None:
            self.curve.append(Point(now, amount, cast(Any, stops[0]) if len(stops) == 1 else None))

    def read(self, fingerprint: str) -> Played:
        accounts = {one["id"]: one["name"] for one in self.replay.accounts}
        Bookkeeping(self.services.db, self.clock).step()
        with self.services.db.read() as session:
            found = outcome.result(session, accounts, self.curve)
            happened = journal.lines(session, accounts)
        head: list[journal.Line] = [
            {"what": "tape", "tape": self.replay.tape, "fingerprint": fingerprint},
            {"what": "strategy", "name": self.replay.name, "version": self.replay.version},
            {"what": "fills", "rule": RULE, "slippage": f"{self.terms.slippage.normalize():f}"},
            *({"what": "note", "text": text} for text in self.notes),
        ]
        found["notes"] = self.notes
        whole = journal.text([*head, *happened, {"what": "result", **found["totals"]}])
        return Played(fingerprint, whole, found)
