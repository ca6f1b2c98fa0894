"""What happened to accounts; published after the commit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Settings, keys, state or order changed: whoever holds its connection reads the row again."""

    owner_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """The account is in another state of health than before."""

    owner_id: str
    account_id: str
    before: str
    after: str
    message: str
