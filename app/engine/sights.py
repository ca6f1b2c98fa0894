"""What a rule that no tick decides saw when it looked."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.risk.monitor import Found


@dataclass(frozen=True, slots=True)
class Sight:
    """`words` name what was looked at, `at` is its moment. `trouble` says why nothing is decided, and `is_late` that it
    has been waited for already. `found` is a bound that was touched."""

    value: Decimal | None
    threshold: Decimal | None
    words: str
    at: datetime
    trouble: str = ""
    is_late: bool = False
    found: Found | None = None
