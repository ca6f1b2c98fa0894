"""Who works for each account: its venue, its lane, its sender, its attendant, its order stream.

The crew follows the accounts table: an account that was enabled gets its people, one that was disabled or edited loses
them (what is on its way finishes) and gets new ones. An account that cannot be opened does not stop the others.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import structlog

from app.accounts.models import Account
from app.accounts.service import AccountService
from app.broadcast.rates import Rates
from app.core.clock import Clock
from app.core.errors import DeskError
from app.core.hearing import hearing
from app.engine.attendant import Attendant, Tools
from app.engine.figures import Books, Figures
from app.execution.lanes import Lane
from app.execution.sender import Desk, Sender
from app.venues.port import OrderStream, StreamState, Venue
from app.venues.registry import Registry
from app.venues.types import Mode, OrderReport

log = structlog.get_logger()
KEPT_WARM = 10  # connections of an account between orders, at most: a preview opens all that its lane may use
LEAVING = 5.0  # seconds for an answer on its way; what has none by then is in doubt, as after a crash


@dataclass(slots=True)
class Member:
    account: Account
    venue: Venue
    lane: Lane
    sender: Sender
    attendant: Attendant
    stream: OrderStream | None
    needs_login: bool = False

    def warm(self) -> None:
        """As many connections as its lane may use at once, one for an exit on top."""
        self.venue.warm(self.account.max_in_flight + 1)

    def looked(self) -> None:
        """After each look at the books: orders may go, and for as many as may go at once connections stay open. Over
        one that must be opened first an order takes several times as long to leave."""
        self.lane.release()
        if self.attendant.book_read_at is not None and not self.needs_login:
            account = self.account
            self.venue.warm(min(KEPT_WARM, account.max_in_flight, account.orders_per_second))

    def close(self) -> None:
        self.lane.close()
        self.attendant.close()
        if self.stream:
            self.stream.close()

    def leave(self) -> threading.Thread:
        """Close the connection once what is on its way has its answer; nobody else waits for that."""
        thread = threading.Thread(target=self._leave, name=f"leave-{self.account.id[-6:]}", daemon=True)
        thread.start()
        return thread

    def _leave(self) -> None:
        self.lane.join(LEAVING)
        self.attendant.join(LEAVING)
        self.venue.close()


class Crew:
    def __init__(
        self, accounts: AccountService, registry: Registry, desk: Desk, tools: Tools, books: Books, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._books = books
        self._registry = registry
        self._desk = desk
        self._tools = tools
        self._clock = clock
        self._members: dict[str, Member] = {}
        self.is_complete = False  # before the first look at the accounts nobody can be missed

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members.values()))

    def __len__(self) -> int:
        return len(self._members)

    def get(self, account_id: str) -> Member | None:
        return self._members.get(account_id)

    def is_trading(self) -> bool:
        """Whether orders are on their way in any account."""
        return any(member.lane.is_moving for member in self)

    def warm(self, account_id: str) -> None:
        """Have its connections open; nothing where there is no such account."""
        member = self._members.get(account_id)
        if member is not None:
            member.warm()

    def refresh(self) -> bool:
        """Follow the accounts table; True when somebody came or went."""
        wanted = {account.id: account for account in self._accounts.all_enabled()}
        gone = [i for i, member in self._members.items() if _is_outdated(member.account, wanted.get(i))]
        for account_id in gone:
            self._dismiss(account_id)
        new = [account for account_id, account in wanted.items() if account_id not in self._members]
        for account in new:
            self._hire(account)
        for account_id, account in wanted.items():
            if account_id in self._members:
                self._members[account_id].account = account
        self.is_complete = True
        return bool(gone or new)

    def close(self) -> None:
        members = list(self._members.values())
        for member in members:
            member.close()
        for thread in [member.leave() for member in members]:
            thread.join(2 * LEAVING)
        self._members.clear()

    def _dismiss(self, account_id: str) -> None:
        member = self._members.pop(account_id)
        member.close()
        member.leave()

    def _hire(self, account: Account) -> None:
        try:
            venue = self._registry.open(self._accounts.connection(account))
        except DeskError as error:
            log.warning("account_not_opened", account_id=account.id, reason=error.message)
            return
        figures = Figures(self._books, account.id, venue, rates_of(account, self._books.rates), self._crowding)
        attendant = Attendant(self._tools, account.id, venue, figures)
        limits = (account.orders_per_second, account.max_in_flight, account.kept_for_exits)
        lane = Lane(account.id, self._clock, *limits, heard_at=hearing().heard_at)
        figures.is_busy = lambda: lane.load > 0
        lane.hold()  # until the book was looked at: what was there before a send is no candidate for it
        sender = Sender(self._desk, account.id, venue, Mode(account.expected_mode), attendant.known_at)
        member = Member(account, venue, lane, sender, attendant, None)
        attendant.when_looked = member.looked
        self._members[account.id] = member
        self.listen(member)
        attendant.start()

    def listen(self, member: Member) -> None:
        """Open the order stream, where the venue has one and it is not open."""
        if member.venue.capabilities.order_push and member.stream is None:
            heard = partial(self._on_report, member.account.id)
            member.stream = member.venue.order_stream(heard, partial(self._on_state, member.attendant))

    def hush(self, member: Member) -> None:
        """Close the order stream until `listen`."""
        stream, member.stream = member.stream, None
        if stream is not None:
            stream.close()
            member.attendant.stream_state = StreamState.REFUSED

    def _on_report(self, account_id: str, report: OrderReport) -> None:
        self._desk.intake.push(account_id, report)
        self._books.keeper.pushed(account_id, report)

    def _crowding(self) -> float:
        return self._tools.crowding

    def _on_state(self, attendant: Attendant, state: StreamState, _why: str) -> None:
        """Updates are not replayed: after every (re)connect the books are read."""
        attendant.stream_state = state
        attendant.look_now()


def rates_of(account: Account, usual: Rates) -> Rates:
    """The desk's, where the account does not say otherwise."""
    figures = usual.figures if account.poll_seconds is None else float(account.poll_seconds)
    return replace(
        usual,
        figures=figures,
        figures_idle=max(figures, usual.figures_idle),
        per_minute=account.reads_per_minute or usual.per_minute,
    )


def _is_outdated(known: Account, now: Account | None) -> bool:
    return now is None or (now.version, now.host_url, now.stream_url) != (
        known.version,
        known.host_url,
        known.stream_url,
    )
