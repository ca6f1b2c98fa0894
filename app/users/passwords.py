"""Passwords: Argon2id, long enough, not easy to guess. Checking takes the same time whether or not the user
exists.

Hashing takes tens of milliseconds of a whole core and 64 MB; `run_blocking` moves it off an event loop that
must not stand still, and at most two run at once.
"""

import threading
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from app.core.errors import Invalid

SHORTEST, LONGEST = 10, 256
GUESSES_NEEDED = 2  # zxcvbn's score: at least 10^8 guesses
LOOKED_AT = 72  # the scoring grows quickly with length, and what is this long needs no scoring

RunBlocking = Callable[[Callable[[], Any]], Any]


def run_here(work: Callable[[], Any]) -> Any:
    return work()


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None, run_blocking: RunBlocking = run_here) -> None:
        self._hasher = hasher or PasswordHasher()
        self._run = run_blocking
        self._turns = threading.BoundedSemaphore(2)
        self._nobody = ""

    def hash(self, password: str) -> str:
        return str(self._blocking(lambda: self._hasher.hash(password)))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether it is the right one; without a stored hash the answer is no, as slowly as a wrong one."""
        return bool(self._blocking(lambda: self._verify(stored or self._nobodys(), password))) and bool(stored)

    def outdated(self, stored: str) -> bool:
        """Made with weaker parameters than today's: hash it again while the password is at hand."""
        return self._hasher.check_needs_rehash(stored)

    def _blocking(self, work: Callable[[], Any]) -> Any:
        with self._turns:
            return self._run(work)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _nobodys(self) -> str:
        if not self._nobody:
            self._nobody = self._hasher.hash("nobody has this password")
        return self._nobody


def check_strength(password: str, *known: str, field: str = "password") -> None:
    """Raise Invalid for a password that is short or easy to guess; `known` are words tied to this person."""
    if len(password) < SHORTEST:
        raise Invalid.field(field, f"Use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise Invalid.field(field, f"Use at most {LONGEST} characters.")
    verdict = zxcvbn(password[:LOOKED_AT], user_inputs=["mirrordesk", *known])
    if verdict["score"] < GUESSES_NEEDED:
        hints = [verdict["feedback"]["warning"], *verdict["feedback"]["suggestions"]]
        raise Invalid.field(field, " ".join(["This is easy to guess.", *filter(None, hints)]))
