"""What a run keeps of an account that takes part: its multiplier, its grade and its caps as they were when it was asked
for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from app.core.money import plain
from app.risk.limits import Limits, limits
from app.strategies.sizing import Sizing, Terms, sizing
from app.strategies.sizing_settings import SizingRules


class Capped(Protocol):
    """An account, or its share of a strategy."""

    @property
    def grade(self) -> str: ...
    @property
    def max_lots(self) -> int | None: ...
    @property
    def max_value(self) -> Decimal | None: ...


class Sharing(Capped, Protocol):
    @property
    def account_id(self) -> str: ...
    @property
    def multiplier(self) -> Decimal: ...


def part_of(share: Sharing, account: Capped) -> dict[str, Any]:
    """JSON-ready; what does not limit it is not there. The share's grade comes before the account's, the lower cap
    counts."""
    part: dict[str, Any] = {"account_id": share.account_id, "multiplier": str(share.multiplier)}
    grade = share.grade or account.grade
    lots = _lower(share.max_lots, account.max_lots)
    value = _lower(share.max_value, account.max_value)
    if grade:
        part["grade"] = grade
    if lots is not None:
        part["max_lots"] = int(lots)
    if value is not None:
        part["max_value"] = plain(Decimal(value))
    return part


def _lower(*caps: Decimal | int | None) -> Decimal | int | None:
    return min((cap for cap in caps if cap is not None), default=None)


def terms_of(part: dict[str, Any], rules: SizingRules) -> Terms:
    value, grade = part.get("max_value"), part.get("grade", "")
    return Terms(
        multiplier=Decimal(part["multiplier"]),
        grade=grade,
        percent=rules.percent(grade),
        max_lots=part.get("max_lots"),
        max_value=Decimal(value) if value else None,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose sizes, by which rule; `parts` as a run keeps them. `is_anew`: what venues said a while ago is asked again,
    and what decides nothing is told as well."""

    owner_id: str
    rule: Sizing
    limits: Limits
    parts: Sequence[dict[str, Any]]
    is_anew: bool = False

    @property
    def account_ids(self) -> list[str]:
        return [part["account_id"] for part in self.parts]

    @property
    def binds_margin(self) -> bool:
        return self.rule.method not in ("lots", "premium")

    @property
    def needs_prices(self) -> bool:
        return self.is_anew or not self.rule.is_fixed or any("max_value" in part for part in self.parts)


class Started(Protocol):
    """A run that is to start."""

    owner_id: Any
    sizing: Any
    limits: Any
    accounts: Any


def asked_by(run: Started) -> Asked | None:
    """None where its lots are as written: nothing is to be reckoned."""
    if not run.sizing and not any("max_lots" in part or "max_value" in part for part in run.accounts):
        return None
    return Asked(run.owner_id, sizing(run.sizing), limits(run.limits), run.accounts)
