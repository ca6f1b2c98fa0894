"""The risk room's front desk: trading states, and the kill switch from its pressing to its release.

A pressing is one transaction: the state becomes HALTED, what waits is withdrawn, cancels are asked for, entries under
way are ended, and exits are decided. From then on the rows are the queue, and whatever dies, the engine that lives
goes on with them. Who presses again joins the first and can only add to it. A release lets new entries begin again;
it brings nothing back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.accounts.primary import own
from app.accounts.states import TradingState
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid
from app.core.link import Link
from app.core.pulse import PulseRow
from app.risk import killing
from app.risk.gate import standing_of, standing_of_account, take_turn, why_stopped
from app.risk.models import KillSwitch, KillSwitchAccount, TradingStand
from app.risk.reach import reach
from app.risk.states import WORDS, Extent, Kind, Standing, refusal

T = TypeVar("T")
TRIES = 3  # two that wait for each other on PostgreSQL: one of them is sent back and comes again
LONGEST_WHY = 200
BY_HAND = "by hand"
PULSE = "risk"


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name something is asked, and whether they may speak for the whole desk."""

    owner_id: str
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A kill switch with how far it is in each account that the asker may see."""

    kill: KillSwitch
    accounts: Sequence[tuple[KillSwitchAccount, str]]  # with the account's name

    @property
    def is_engaged(self) -> bool:
        return self.kill.released_at is None


@dataclass(frozen=True, slots=True)
class Figures:
    """What pressing would do now."""

    orders: int
    positions: int
    accounts: int


class RiskService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, means: killing.Means) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._runs = means.runs
        self._means = means

    # -- reading

    def stands(self, owner_id: str, by_limits: bool = True) -> Sequence[Standing]:
        """What was said last of the whole desk, the owner's and their strategies. Accounts say it themselves, except
        what a limit of the day said, of whatever it is."""
        theirs = or_(TradingStand.owner_id == owner_id, TradingStand.kind == Kind.DESK)
        asked = select(TradingStand).where(theirs).order_by(TradingStand.slot)
        with self._db.read() as session:
            found = session.scalars(asked if by_limits else asked.where(TradingStand.until.is_(None)))
            return [standing_of(stand) for stand in found]

    def obstacle(self, account: Account, strategy_id: str = "") -> str | None:
        """Why nothing may be entered in an account now, for showing."""
        with self._db.read() as session:
            return why_stopped(session, account.owner_id, account.id, strategy_id)

    def standing(self, asker: Asker, extent: Extent) -> Standing:
        """Of an extent the asker may speak of. Raises NotFound, or Denied for the whole desk."""
        with self._db.read() as session:
            return self._standing(session, asker, extent)

    def figures(self, asker: Asker, extent: Extent) -> Figures:
        with self._db.read() as session:
            self._standing(session, asker, extent)
            return Figures(*killing.figures(reach(session, self._runs, extent), self._means.by_hand, self._clock.now()))

    def kills(self, asker: Asker, limit: int = 5) -> Sequence[Told]:
        """Those that hold, and the last ones that held, newest first; of the whole desk's only one's own accounts."""
        with self._db.read() as session:
            return [Told(kill, lines) for kill, lines in killing.told(session, asker.owner_id, asker.for_all, limit)]

    def kill(self, asker: Asker, kill_id: str) -> Told:
        """One that the asker has pressed or joined."""
        with self._db.read() as session:
            kill = session.get_one(KillSwitch, kill_id)
            return Told(kill, killing.lines_of(session, [kill_id], asker.owner_id, asker.for_all)[kill_id])

    # -- states

    def set_state(self, asker: Asker, extent: Extent, state: TradingState, why: str = "") -> Standing:
        """Pause, stop, or go on after a pause. Raises Denied when it is halted: that is released, not changed."""
        why = _checked(why)
        return self._together(lambda session: self._set_state(session, asker, extent, state, why))

    def _set_state(self, session: Session, asker: Asker, extent: Extent, state: TradingState, why: str) -> Standing:
        before = self._standing(session, asker, extent)
        if before.is_halted and state is not TradingState.HALTED:
            raise Denied(f"{before.subject} is halted: release it first.")
        if before.state is state:
            return before
        after = self._put(session, asker, before, state, why)
        if not after.is_active:
            killing.hold(reach(session, self._runs, extent), self._runs, refusal(after) or "", self._clock.now())
        return after

    # -- the kill switch

    def press(self, asker: Asker, extent: Extent, flatten: bool, why: str = "") -> str:
        """Stop all in the extent, and exit what is held if `flatten`; the id of the kill switch that does it."""
        why = _checked(why)
        return self._together(lambda session: self._press(session, asker, extent, flatten, why))

    def _press(self, session: Session, asker: Asker, extent: Extent, flatten: bool, why: str) -> str:
        before = self._standing(session, asker, extent)
        now = self._clock.now()  # not before the standing was read: until then others could still write
        kill = session.scalar(select(KillSwitch).where(KillSwitch.slot == extent.slot))
        is_first = kill is None
        if kill is None:
            after = self._put(session, asker, before, TradingState.HALTED, why)
            kill = killing.new(extent, after, asker.owner_id, flatten, now)
            session.add(kill)
            session.flush()
        detail = {"extent": extent.slot, "flatten": flatten, "why": why, "joined": not is_first}
        counts = killing.strike(reach(session, self._runs, extent), self._means, kill, flatten, now)
        self._note(session, "kill.pressed", kill.id, detail | counts)
        self._tell(session, asker, extent)
        return kill.id

    def release(self, asker: Asker, extent: Extent) -> Standing:
        """Let entries begin again. Ask for the password before; raises Denied when it is not halted."""
        return self._together(lambda session: self._release(session, asker, extent))

    def _release(self, session: Session, asker: Asker, extent: Extent) -> Standing:
        before = self._standing(session, asker, extent)
        if not before.is_halted:
            raise Denied(f"{before.subject} is {WORDS[before.state]}: there is nothing to release.")
        after = self._put(session, asker, before, TradingState.ACTIVE, "released")
        kill = session.scalar(select(KillSwitch).where(KillSwitch.slot == extent.slot))
        if kill is not None:
            kill.slot, kill.released_at, kill.released_by = None, self._clock.now(), actors.current().name
            self._note(session, "kill.released", kill.id, {"extent": extent.slot})
        return after

    def look(self) -> set[str]:
        """For the engine: go on with each kill switch, and note how far it is; the owners for whom that is news."""
        with self._db.read() as session:
            waiting = session.scalars(select(KillSwitch.id).where(KillSwitch.done_at.is_(None))).all()
            now = self._clock.now()
            if not any(killing.has_news(session, self._means, kill_id, now) for kill_id in waiting):
                return set()
        with self._db.write(durable=True) as session:
            return {owner for kill_id in waiting for owner in self._look(session, kill_id)}

    def striking(self) -> set[str]:
        """For the engine: the accounts where a kill switch still waits for what it decided."""
        with self._db.read() as session:
            return set(session.scalars(select(KillSwitchAccount.account_id).where(KillSwitchAccount.done_at.is_(None))))

    def _look(self, session: Session, kill_id: str) -> set[str]:
        kill = session.get_one(KillSwitch, kill_id, populate_existing=True, with_for_update=True)
        owners = killing.advance(session, self._means, kill, self._clock.now())
        if kill.done_at is not None:
            self._note(session, "kill.done", kill.id, {"extent": f"{kill.kind}:{kill.extent_id}"})
        return owners

    # -- what they share

    def _standing(self, session: Session, asker: Asker, extent: Extent) -> Standing:
        """As it is now; whoever may not speak of the extent finds nothing there."""
        if extent.kind is Kind.ACCOUNT:
            return standing_of_account(own(session, asker.owner_id, extent.id))
        name = self._named(session, asker, extent)
        stand = session.get(TradingStand, extent.slot)
        return standing_of(stand) if stand is not None else Standing(extent, name)

    def _named(self, session: Session, asker: Asker, extent: Extent) -> str:
        if extent.kind is Kind.STRATEGY:
            return self._runs.name(session, asker.owner_id, extent.id)
        if extent.kind is Kind.DESK and not asker.for_all:
            raise Denied("Only an admin speaks for the whole desk.")
        if extent.kind is Kind.USER and extent.id != asker.owner_id:
            raise Denied("This is somebody else's desk.")
        return ""

    def _put(self, session: Session, asker: Asker, before: Standing, state: TradingState, why: str) -> Standing:
        now, by = self._clock.now(), actors.current().name
        extent = before.extent
        said: dict[str, object] = {"state_by": by, "state_why": why, "state_at": now}
        if extent.kind is Kind.ACCOUNT:
            account = own(session, asker.owner_id, extent.id)
            _set(account, {"trading_state": state, "updated_at": now} | said)
        else:
            stand = session.get(TradingStand, extent.slot)
            if stand is None:
                owner = None if extent.kind is Kind.DESK else asker.owner_id
                stand = TradingStand(
                    slot=extent.slot, kind=extent.kind, extent_id=extent.id, owner_id=owner, name=before.name
                )
                session.add(stand)
            _set(stand, {"state": state} | said)
            mark_still(session, now)
        session.flush()
        detail = {"extent": extent.slot, "before": before.state, "after": state, "why": why}
        self._trail.record(session, actors.current(), "risk.state", (extent.kind.value, extent.id or "desk"), detail)
        self._tell(session, asker, extent)
        return Standing(extent, before.name, state, by, why, now)

    def _tell(self, session: Session, asker: Asker, extent: Extent) -> None:
        """Everybody's pages when it is about everybody, else those of its owner."""
        owner = "" if extent.kind is Kind.DESK else asker.owner_id
        after_commit(session, lambda: self._link.send("risk", {"owner": owner}))

    def _note(self, session: Session, action: str, kill_id: str, detail: dict[str, Any]) -> None:
        self._trail.record(session, actors.current(), action, ("kill", kill_id), detail)

    def _together(self, act: Callable[[Session], T]) -> T:
        """One who changes a state goes alone. Of two who press at once the second joins the first."""
        for _ in range(TRIES - 1):
            try:
                return self._alone(act)
            except (IntegrityError, OperationalError):
                continue
        return self._alone(act)

    def _alone(self, act: Callable[[Session], T]) -> T:
        with self._db.write(durable=True) as session:
            take_turn(session, changes=True)
            return act(session)


def mark_still(session: Session, now: datetime) -> None:
    """Among the signs of life, which every page reads anyway: only if something stands still there is more to read."""
    session.flush()
    still = select(func.count()).select_from(TradingStand).where(TradingStand.state != TradingState.ACTIVE)
    session.merge(PulseRow(name=PULSE, at=now, detail={"still": session.scalar(still)}))


def _checked(why: str) -> str:
    why = " ".join(why.split()) or BY_HAND
    if len(why) > LONGEST_WHY:
        raise Invalid.field("why", f"Say why in at most {LONGEST_WHY} characters.")
    return why


def _set(row: object, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
