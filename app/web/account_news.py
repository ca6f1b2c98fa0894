"""What a program hears of accounts' books: first all that is known, from the database, then each change as it is told.

A change carries the account's own number, which rises by one: who misses a number asks for everything anew by coming
back, and what comes late with a number that is known already says nothing new. `whole`: the rows are all there are;
else they are those that came or changed, and `gone` names those that went.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from app.broadcast.cached import CachedAccounts, PartView
from app.broadcast.parts import Part
from app.core.clock import epoch_ms

Told = dict[str, Any]
NAME = "account"


class AccountNews:
    """Of these accounts, which the caller has found among the owner's."""

    def __init__(self, cached: CachedAccounts, account_ids: Iterable[str]) -> None:
        self.account_ids = frozenset(account_ids)
        self._cached = cached

    def whole(self) -> list[Told]:
        """One for each account that was ever read; one query."""
        found = self._cached.of(sorted(self.account_ids)) if self.account_ids else {}
        return [_whole(account_id, views) for account_id, views in found.items() if views]


def change(payload: Mapping[str, Any]) -> Told:
    """As the engine sent it."""
    return {name: payload[name] for name in ("account_id", "seq", "parts")} | {"whole": False}


def _whole(account_id: str, views: Mapping[Part, PartView]) -> Told:
    parts = {
        part.value: {
            "rows": view.rows,
            "gone": [],
            "source": view.source,
            "read_at": epoch_ms(view.read_at),
            "fresh_ms": view.fresh // timedelta(milliseconds=1),
        }
        for part, view in views.items()
    }
    seq = max(view.seq for view in views.values())
    return {"account_id": account_id, "seq": seq, "parts": parts, "whole": True}
