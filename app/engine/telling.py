"""Everything that needs a person, handed to the list of messages: whoever was not there reads it later.

A message names what it is about, so the same trouble seen again and again is one line that counts up.
"""

from sqlalchemy import select

from app.accounts.events import HealthChanged
from app.accounts.models import Account
from app.broadcast.book import owners
from app.broadcast.coalesce import Broadcaster
from app.core.aside import Aside
from app.execution.events import Alarm
from app.execution.sender import ApprovalWanted, ModeSurprise
from app.feed.events import FeedSwitched
from app.notify.messages import Message
from app.notify.models import Level
from app.notify.service import MessagesRead, Notified
from app.risk.events import LimitTouched, StandingChanged
from app.risk.killing import BY_LIMIT
from app.risk.models import KillSwitch
from app.watchlists.service import ListsChanged
from app.wiring import Services

WELL = ("ok", "analyzer (paper)")
LONGEST_KEY = 200
SUBJECTS = {
    "order": "An order needs you",
    "run": "A run needs you",
    "account": "An account needs you",
    "signal": "A signal was not carried out",
}
LIMITS_PAGE = "/risk/limits"
PAGES = {"order": "/orders/", "run": "/runs/", "account": "/accounts/", "signal": "/signals/"}


class Telling:
    def __init__(self, services: Services, broadcaster: Broadcaster) -> None:
        self._services = services
        self._broadcaster = broadcaster
        self._pressed: set[str] = set()  # kill switches that were told of

    def alarm(self, event: Alarm) -> None:
        kind, _, row_id = event.subject.partition(":")
        account = self._account(event.account_id) if event.account_id else None
        text = f"{account.name}: {event.message}" if account else event.message
        subject, link = SUBJECTS.get(kind, "The desk needs you"), PAGES.get(kind, "")
        key = f"{event.subject} {event.message}"[:LONGEST_KEY]
        message = Message(Level.ALARM, kind, subject, text, key, f"{link}{row_id}" if link else "")
        self._tell(event.owner_id, message)

    def health_changed(self, event: HealthChanged) -> None:
        if event.after in WELL:
            return
        account = self._account(event.account_id)
        name = account.name if account else "An account"
        key, link = f"health:{event.account_id} {event.after}", f"/accounts/{event.account_id}"
        message = Message(Level.WARN, "account", f"{name}: {event.after}", event.message or event.after, key, link)
        self._tell(event.owner_id, message)

    def mode_surprise(self, event: ModeSurprise) -> None:
        self._of_account(
            event.account_id, f"The server acts in {event.mode} mode, which this account is not meant for."
        )

    def approval_wanted(self, event: ApprovalWanted) -> None:
        text = "The server queues orders for approval by hand. Nothing can be entered or exited through it."
        self._of_account(event.account_id, text)

    def feed_switched(self, event: FeedSwitched) -> None:
        """The first account of a session is no news."""
        if event.from_account_id is None:
            return
        level = Level.WARN if event.to_account_id else Level.ALARM
        why = f" ({event.reason})" if event.reason else ""
        for owner_id in owners(self._services.db):
            before = self._name_for(owner_id, event.from_account_id)
            after = self._name_for(owner_id, event.to_account_id) if event.to_account_id else "no account"
            text = f"Live prices came from {before} and come from {after} now{why}."
            self._tell(owner_id, Message(level, "feed", "Live prices switched", text, f"feed {text}"[:LONGEST_KEY]))

    def standing_changed(self, event: StandingChanged) -> None:
        """A kill switch that was pressed; who paused a single account sees it on every page."""
        query = select(KillSwitch).where(KillSwitch.released_at.is_(None), KillSwitch.slot.not_like(f"{BY_LIMIT}%"))
        if event.owner_id:
            query = query.where(KillSwitch.owner_id == event.owner_id)
        with self._services.db.read() as session:
            pressed = [one for one in session.scalars(query) if one.id not in self._pressed]
        for kill in pressed:
            self._pressed.add(kill.id)
            what = "New entries are blocked" + (" and positions are exited." if kill.flatten else ".")
            text = (
                f"Pressed by {kill.by}: {kill.reason.rstrip('.')}. {what}" if kill.reason else f"By {kill.by}. {what}"
            )
            message = Message(Level.ALARM, "risk", f"Kill switch: {kill.name}", text, f"kill:{kill.id}", "/risk")
            self._tell(kill.owner_id, message)

    def limit_touched(self, event: LimitTouched) -> None:
        self._tell(event.owner_id, Message(Level.ALARM, "risk", event.title, event.text, event.key, LIMITS_PAGE))
        self._broadcaster.notice(event.owner_id, "alarm", event.text, LIMITS_PAGE)

    def list_changed(self, event: Notified | MessagesRead) -> None:
        self._broadcaster.changed(event.owner_id, ["notifications", "dashboard"])

    def watchlists_changed(self, event: ListsChanged) -> None:
        self._broadcaster.changed(event.owner_id, ["watchlists"])

    def _of_account(self, account_id: str, text: str) -> None:
        account = self._account(account_id)
        if account is not None:
            key = f"account:{account_id} {text}"[:LONGEST_KEY]
            link = f"/accounts/{account_id}"
            self._tell(account.owner_id, Message(Level.ALARM, "account", f"{account.name} needs you", text, key, link))

    def _tell(self, owner_id: str, message: Message) -> None:
        if owner_id:
            self._services.notify.tell(owner_id, message)

    def _account(self, account_id: str) -> Account | None:
        with self._services.db.read() as session:
            return session.get(Account, account_id)

    def _name_for(self, owner_id: str, account_id: str) -> str:
        """Somebody else's account has no name for this owner."""
        account = self._account(account_id)
        return account.name if account and account.owner_id == owner_id else "another account of the desk"


def tell_people(services: Services, broadcaster: Broadcaster, aside: Aside) -> Telling:
    """Messages are written aside: neither the journal nor a tick waits for them."""
    telling, bus, later = Telling(services, broadcaster), services.bus, aside.later
    bus.subscribe(Alarm, later(telling.alarm))
    bus.subscribe(HealthChanged, later(telling.health_changed))
    bus.subscribe(ModeSurprise, later(telling.mode_surprise))
    bus.subscribe(ApprovalWanted, later(telling.approval_wanted))
    bus.subscribe(FeedSwitched, later(telling.feed_switched))
    bus.subscribe(StandingChanged, later(telling.standing_changed))
    bus.subscribe(LimitTouched, later(telling.limit_touched))
    bus.subscribe(Notified, telling.list_changed)
    bus.subscribe(MessagesRead, telling.list_changed)
    bus.subscribe(ListsChanged, telling.watchlists_changed)
    return telling
