"""A message as the desk hands it over. Ways out of the desk take the same value."""

from dataclasses import dataclass

from app.notify.models import Level

LONGEST_SUBJECT, LONGEST_TEXT = 120, 2000


@dataclass(frozen=True, slots=True)
class Message:
    """`key` names what it is about: while one with the same key is not acknowledged, the same again only counts up.
    `link` is a path of the desk.
    """

    level: Level
    topic: str
    subject: str
    text: str
    key: str
    link: str = ""
