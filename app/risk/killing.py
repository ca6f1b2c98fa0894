"""The kill switch in rows: what a pressing decides, and how far it has come. All in the caller's unit of work."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.ids import new_id
from app.core.money import ZERO
from app.execution.flattening import Flattener, Held
from app.execution.models import Order
from app.execution.states import OrderState
from app.risk.models import KillSwitch, KillSwitchAccount
from app.risk.reach import Reach, Runs, reach
from app.risk.states import EXITS, Extent, Kind, Standing

Lines = dict[str, list[tuple[KillSwitchAccount, str]]]
BY_LIMIT = "limit:"  # how the slot of one begins that a limit of the day pressed
PART_WORDS = 300  # of what is in the way, per account


@dataclass(frozen=True, slots=True)
class Means:
    """How what is held gets out: the exits of runs, and those of what was opened by hand."""

    runs: Runs
    by_hand: Flattener


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do in one account: orders to cancel, runs and positions by hand to exit."""

    orders: int = 0
    exits: int = 0
    trouble: str = ""

    @property
    def is_done(self) -> bool:
        return not self.orders and not self.exits


def new(extent: Extent, standing: Standing, owner_id: str, flatten: bool, now: datetime) -> KillSwitch:
    return KillSwitch(
        id=new_id(), slot=extent.slot, kind=extent.kind, extent_id=extent.id, name=standing.name, owner_id=owner_id,
        by=standing.by, reason=standing.why, flatten=flatten, at=now,
    )  # fmt: skip


def hold(found: Reach, runs: Runs, why: str, now: datetime) -> Counter[str]:
    """Nothing that has not left goes any more; how many orders were withdrawn in each account."""
    runs.end_entries(found.session, found.extent, why)
    found.withdraw_changes(why, now)
    return found.withdraw(why, now)


def strike(found: Reach, means: Means, kill: KillSwitch, flatten: bool, now: datetime) -> dict[str, int]:
    """All that a pressing decides; counted, for the audit trail. Doing it again adds what is new."""
    runs = means.runs
    why = f"{_who(kill)}: {kill.reason.rstrip('.')}."
    runs.forget_requests(found.session, found.extent, why, now)
    withdrawn, cancelling = hold(found, runs, why, now), found.ask_cancels(now)
    leaving: Counter[str] = Counter()
    if flatten:
        runs.exit(found.session, [part.id for part in found.parts], f"{_cause(kill)}: {kill.reason}", kill.by, now)
        leaving = Counter(part.account_id for part in found.parts)
        leaving += means.by_hand.exit(found.session, found.of_hands, _name(kill), now, again=True)
        kill.flatten = True
    kill.done_at = None
    _enter(found.session, found, means, kill, (withdrawn, cancelling, leaving), now)
    return {"withdrawn": withdrawn.total(), "cancelling": cancelling.total(), "exiting": leaving.total()}


def figures(found: Reach, by_hand: Flattener, now: datetime) -> tuple[int, int, int]:
    """Orders that a pressing would end, positions it would exit, and in how many accounts."""
    orders = Counter(found.session.scalars(select(Order.account_id).where(found.entries())))
    held = _held(found)
    held += Counter(each.place.account_id for each in by_hand.held(found.session, found.of_hands, "", now))
    return orders.total(), held.total(), len(orders.keys() | held.keys())


def has_news(session: Session, means: Means, kill_id: str, now: datetime) -> bool:
    kill = session.get_one(KillSwitch, kill_id)
    found = reach(session, means.runs, _extent(kill), kill.at)
    held = _by_hand(found, means, kill, now)
    left, lines = _left(found, kill, held), _lines(session, kill_id)
    is_done = all(line.done_at is not None for line in lines)
    is_due = any(each.is_due(now) for each in held)
    return is_done or is_due or any(_differs(line, left[line.account_id]) for line in lines)


def advance(session: Session, means: Means, kill: KillSwitch, now: datetime) -> set[str]:
    """Go on with what was opened by hand, and write down how far it is; the owners of the accounts where something
    changed."""
    found = reach(session, means.runs, _extent(kill), kill.at)
    if _takes_hands_out(kill):
        means.by_hand.exit(session, found.of_hands, _name(kill), now)
    left, lines = _left(found, kill, _by_hand(found, means, kill, now)), _lines(session, kill.id)
    owners: set[str] = set()
    for line in lines:
        if _differs(line, left[line.account_id]):
            _note(line, left[line.account_id], now)
            owners.add(line.owner_id)
    if all(line.done_at is not None for line in lines):
        kill.done_at = now
        owners.add(kill.owner_id)
    return owners


def told(
    session: Session, owner_id: str, sees_all: bool, limit: int
) -> Iterator[tuple[KillSwitch, Sequence[tuple[KillSwitchAccount, str]]]]:
    """The newest that the asker has to do with, each with the lines they may see."""
    mine = or_(KillSwitch.owner_id == owner_id, KillSwitch.kind == Kind.DESK)
    holds_first = KillSwitch.released_at.is_not(None)
    kills = session.scalars(
        select(KillSwitch).where(mine).order_by(holds_first, KillSwitch.at.desc()).limit(limit)
    ).all()
    lines = lines_of(session, [kill.id for kill in kills], owner_id, sees_all)
    return ((kill, lines[kill.id]) for kill in kills)


def lines_of(session: Session, kill_ids: Sequence[str], owner_id: str, sees_all: bool) -> Lines:
    """By kill switch: how far it is in each account, with the account's name."""
    found: Lines = defaultdict(list)
    query = select(KillSwitchAccount, Account.name).join(Account, Account.id == KillSwitchAccount.account_id)
    query = query.where(KillSwitchAccount.kill_id.in_(kill_ids))
    if not sees_all:
        query = query.where(KillSwitchAccount.owner_id == owner_id)
    for line, name in session.execute(query.order_by(Account.name)):
        found[line.kill_id].append((line, name))
    return found


def _enter(
    session: Session, found: Reach, means: Means, kill: KillSwitch, counts: Sequence[Counter[str]], now: datetime
) -> None:
    """A line for each account in reach; a second press adds to what the first has counted."""
    known = {line.account_id: line for line in _lines(session, kill.id)}
    left = _left(reach(session, means.runs, _extent(kill), kill.at), kill, _by_hand(found, means, kill, now))
    withdrawn, cancelling, leaving = counts
    for account in found.accounts:
        line = known.get(account.id) or _new_line(session, kill, account)
        line.withdrawn += withdrawn[account.id]
        line.cancelling += cancelling[account.id]
        line.exiting = max(line.exiting, leaving[account.id])
        line.done_at = None
        _note(line, left[account.id], now)
    session.flush()


def _new_line(session: Session, kill: KillSwitch, account: Account) -> KillSwitchAccount:
    line = KillSwitchAccount(
        id=new_id(), kill_id=kill.id, account_id=account.id, owner_id=account.owner_id, withdrawn=0, cancelling=0,
        exiting=0,
    )  # fmt: skip
    session.add(line)
    return line


def _lines(session: Session, kill_id: str) -> Sequence[KillSwitchAccount]:
    return session.scalars(select(KillSwitchAccount).where(KillSwitchAccount.kill_id == kill_id)).all()


def _left(found: Reach, kill: KillSwitch, held: Sequence[Held]) -> dict[str, Left]:
    """By account; what began after the pressing is none of its business, once it is released."""
    states = found.session.execute(select(Order.account_id, Order.state).where(found.entries(until=kill.at))).all()
    parts = found.parts if kill.flatten else ()
    exits = [(part.account_id, part.trouble) for part in parts]
    exits += [(each.place.account_id, each.trouble) for each in held]
    left: dict[str, Left] = defaultdict(Left)
    for account_id in {row.account_id for row in states} | {account_id for account_id, _ in exits}:
        mine = [state for of, state in states if of == account_id]
        said = [trouble for of, trouble in exits if of == account_id]
        left[account_id] = Left(len(mine), len(said), _trouble(mine, said))
    return left


def _by_hand(found: Reach, means: Means, kill: KillSwitch, now: datetime) -> list[Held]:
    return means.by_hand.held(found.session, found.of_hands, _name(kill), now) if _takes_hands_out(kill) else []


def _takes_hands_out(kill: KillSwitch) -> bool:
    """Until its release: from then on a person opens by hand what they want to hold."""
    return kill.flatten and kill.released_at is None


def _is_of_limit(kill: KillSwitch) -> bool:
    return (kill.slot or "").startswith(BY_LIMIT)


def _who(kill: KillSwitch) -> str:
    return f"Stopped by the {kill.by}" if _is_of_limit(kill) else f"The kill switch was pressed by {kill.by}"


def _cause(kill: KillSwitch) -> str:
    return kill.by if _is_of_limit(kill) else "kill switch"


def _name(kill: KillSwitch) -> str:
    return f"kill:{kill.id}"


def _extent(kill: KillSwitch) -> Extent:
    return Extent(Kind(kill.kind), kill.extent_id)


def _trouble(states: Sequence[str], said: Sequence[str]) -> str:
    doubts = states.count(OrderState.UNKNOWN)
    doubt = f"{doubts} in doubt: the broker's books decide." if doubts else ""
    return " ".join(part for part in (doubt, *dict.fromkeys(said)) if part)[:PART_WORDS]


def _differs(line: KillSwitchAccount, left: Left) -> bool:
    known = Left(line.orders_left, line.runs_left, line.trouble)
    return known != left or (line.done_at is not None) != left.is_done


def _note(line: KillSwitchAccount, left: Left, now: datetime) -> None:
    line.orders_left, line.runs_left, line.trouble, line.updated_at = left.orders, left.exits, left.trouble, now
    line.done_at = now if left.is_done else None


def _held(found: Reach) -> Counter[str]:
    """How many legs of live runs hold something, by account."""
    rows = found.session.execute(
        select(Order.account_id, Order.leg_run_id, Order.purpose, Order.filled_quantity)
        .where(Order.account_run_id.in_([part.id for part in found.parts]), Order.filled_at.is_not(None))
    )  # fmt: skip
    held: dict[tuple[str, str | None], Decimal] = defaultdict(lambda: ZERO)
    for account_id, leg_id, purpose, filled in rows:
        held[account_id, leg_id] += -filled if purpose in EXITS else filled
    return Counter(account_id for (account_id, _), quantity in held.items() if quantity)
