"""Stored rows that nothing can be made of: the owner hears of each once a day, since the log is read by nobody."""

from datetime import date, datetime

from app.core.clock import day_in_india
from app.notify.messages import Message
from app.notify.models import Level
from app.strategies.models import Run, Strategy
from app.wiring import Services

AT_FAULT = (ValueError, TypeError, LookupError, AttributeError)  # of the row; a database that fails is not


class Unreadable:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[str, date] = {}

    def strategy(self, row: Strategy, error: Exception, now: datetime) -> None:
        text = (
            f"{row.name} ({row.id}) is armed, and what is stored of it cannot be read ({_words(error)}). It enters at "
            "no times but those that were known before, if any. Remove it and make it anew: its versions, at "
            f"/strategies/{row.id}/versions, show what it was."
        )
        self._tell(row, error, (f"{row.name} cannot be read", text, f"/strategies/{row.id}/remove"), now)

    def run(self, row: Run, error: Exception, now: datetime) -> None:
        text = (
            f"{row.name} ({row.id}) is live, and what is stored of its schedule cannot be read ({_words(error)}). It "
            "leaves at no time but the one that was known before, if any: exit it in time, and should its own page not "
            "open, with Stop and exit on the Risk page."
        )
        self._tell(row, error, (f"The schedule of the run {row.name} cannot be read", text, "/risk"), now)

    def _tell(self, row: Strategy | Run, error: Exception, said: tuple[str, str, str], now: datetime) -> None:
        today = day_in_india(now)
        if not isinstance(error, AT_FAULT) or self._told.get(row.id) == today:
            return
        subject, text, link = said
        message = Message(Level.ALARM, "schedule", subject, text, f"unreadable:{row.id}:{today}", link)
        self._services.notify.tell(row.owner_id, message)
        self._told[row.id] = today


def _words(error: Exception) -> str:
    """The first line of a report that may have many."""
    return (str(error).splitlines() or [""])[0][:120] or type(error).__name__
