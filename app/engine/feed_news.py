"""What happens to the feed: kept in the audit trail, and told to everybody who has an account."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import select

from app.accounts.models import Account
from app.broadcast.book import owners
from app.broadcast.coalesce import EVERYONE, Broadcaster
from app.core.actors import DESK
from app.core.aside import Aside
from app.feed.events import FeedSwitched, SourceChanged
from app.feed.sentences import detail_of, is_good, sentence
from app.wiring import Services

SUBJECT = ("feed", "market")
SOMEBODYS = "another account of the desk"


class FeedNews:
    def __init__(self, services: Services, broadcaster: Broadcaster) -> None:
        self._services = services
        self._broadcaster = broadcaster

    def happened(self, event: FeedSwitched | SourceChanged) -> None:
        kind, detail = detail_of(event)
        with self._services.db.write() as session:
            self._services.trail.record(session, DESK, kind, SUBJECT, detail)
        if not _is_beginning(event):
            self._tell(lambda name_of: sentence(kind, detail, name_of), "ok" if is_good(kind, detail) else "warn")
        self._broadcaster.changed(EVERYONE, ["feed"])

    def _tell(self, text_for: Callable[[Callable[[str], str]], str], level: str) -> None:
        with self._services.db.read() as session:
            rows = session.execute(select(Account.id, Account.owner_id, Account.name)).all()
        known = {row.id: (row.owner_id, row.name) for row in rows}
        for owner_id in owners(self._services.db):
            text = text_for(partial(_name_for, known, owner_id))
            self._broadcaster.notice(owner_id, level, text, "/engine")


def _name_for(known: dict[str, tuple[str, str]], owner_id: str, account_id: str) -> str:
    """Somebody else's account has no name for this owner."""
    owner, name = known.get(account_id, ("", ""))
    return name if owner == owner_id else SOMEBODYS


def _is_beginning(event: FeedSwitched | SourceChanged) -> bool:
    """The first account and the first price of a session are no news."""
    return event.from_account_id is None if isinstance(event, FeedSwitched) else event.before is None


def tell_of_feed(services: Services, broadcaster: Broadcaster, aside: Aside) -> FeedNews:
    news = FeedNews(services, broadcaster)
    services.bus.subscribe(FeedSwitched, aside.later(news.happened))
    services.bus.subscribe(SourceChanged, aside.later(news.happened))
    return news
