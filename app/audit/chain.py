"""The hash of an entry covers everything it says and the hash before it: change one and all later ones
disagree.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from app.audit.models import AuditEntry

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken_at` is the first number of the chain that does not hold; None when all do."""

    checked: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        return self.broken_at is None


def fingerprint(entry: AuditEntry) -> str:
    said = [
        entry.seq,
        entry.at.isoformat(timespec="microseconds"),
        entry.actor_id,
        entry.actor_name,
        entry.ip,
        entry.action,
        entry.subject_type,
        entry.subject_id,
        entry.detail,
        entry.previous_hash,
    ]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check(entries: Iterable[AuditEntry]) -> Verdict:
    """Walk the entries in order, from the first."""
    head, count = GENESIS, 0
    for entry in entries:
        expected = count + 1
        if entry.seq != expected:
            return Verdict(count, head, expected, "an entry is missing")
        if entry.previous_hash != head:
            return Verdict(count, head, expected, "it does not follow the entry before it")
        if fingerprint(entry) != entry.hash:
            return Verdict(count, head, expected, "its content was changed")
        head, count = entry.hash, expected
    return Verdict(count, head)
