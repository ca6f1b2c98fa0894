"""What a strategy was at each save. A version is written once and never changed; restoring one is a save like any
other, so nothing that was ever saved is lost.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import actors
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import plain
from app.strategies.legs import AccountShare, Draft
from app.strategies.models import Strategy, StrategyAccount, StrategyVersion

MOST_SHOWN = 200


def draft_of(strategy: Strategy, shares: Sequence[StrategyAccount]) -> Draft:
    """The strategy as somebody would save it to get it."""
    values = {name: getattr(strategy, name) for name in Draft.model_fields if name != "accounts"}
    accounts = [{name: getattr(share, name) for name in AccountShare.model_fields} for share in shares]
    return Draft.model_validate(
        {name: value for name, value in values.items() if value is not None} | {"accounts": accounts}
    )


def content_of(draft: Draft) -> dict[str, Any]:
    """Comparable: accounts in one order, numbers in one spelling."""
    content = draft.model_dump(mode="json", include=set(Draft.model_fields))  # the API sends a little more
    content["accounts"] = sorted(content["accounts"], key=lambda share: str(share["account_id"]))
    for share, kept in zip(content["accounts"], sorted(draft.accounts, key=lambda one: one.account_id), strict=True):
        share["multiplier"] = plain(kept.multiplier)
        share["max_value"] = plain(kept.max_value) if kept.max_value is not None else None
    return content


def changes(before: Draft, after: Draft) -> list[str]:
    """What a person would say was changed, one sentence each; empty when nothing was."""
    return list(_changes(before, after))


def _changes(before: Draft, after: Draft) -> Iterator[str]:
    old, new = content_of(before), content_of(after)
    if old["name"] != new["name"]:
        yield f"Renamed from {before.name}"
    for number in range(1, max(len(before.legs), len(after.legs)) + 1):
        was, now = before.legs[number - 1 : number], after.legs[number - 1 : number]
        if not was:
            yield f"Leg {number} added: {now[0].words}"
        elif not now:
            yield f"Leg {number} removed: {was[0].words}"
        elif old["legs"][number - 1] != new["legs"][number - 1]:
            is_other = was[0].words != now[0].words
            yield f"Leg {number} is {now[0].words} instead of {was[0].words}" if is_other else f"Leg {number} changed"
    for name in new:
        if name not in ("name", "legs") and old[name] != new[name]:
            yield f"{name.replace('_', ' ').capitalize()} changed"


def keep(session: Session, strategy: Strategy, draft: Draft, said: Sequence[str], now: datetime) -> None:
    """The version that the strategy has now."""
    session.add(
        StrategyVersion(
            id=new_id(), strategy_id=strategy.id, number=strategy.version, at=now, by=actors.current().name,
            content=content_of(draft), changes=list(said),
        )
    )  # fmt: skip


def keep_unwritten(session: Session, strategy: Strategy, draft: Draft) -> None:
    """The version it has, where it was saved before versions were kept."""
    if find(session, strategy.id, strategy.version) is None:
        session.add(unwritten(strategy, draft))


def unwritten(strategy: Strategy, draft: Draft) -> StrategyVersion:
    """The version it has, as it would be kept."""
    values = {"number": strategy.version, "at": strategy.updated_at, "by": "", "changes": []}
    return StrategyVersion(id=new_id(), strategy_id=strategy.id, content=content_of(draft), **values)


def find(session: Session, strategy_id: str, number: int) -> StrategyVersion | None:
    wanted = (StrategyVersion.strategy_id == strategy_id, StrategyVersion.number == number)
    return session.scalar(select(StrategyVersion).where(*wanted))


def get(session: Session, strategy_id: str, number: int) -> StrategyVersion:
    found = find(session, strategy_id, number)
    if found is None:
        raise NotFound("There is no such version.")
    return found


def newest_first(session: Session, strategy_id: str) -> Sequence[StrategyVersion]:
    query = select(StrategyVersion).where(StrategyVersion.strategy_id == strategy_id)
    return session.scalars(query.order_by(StrategyVersion.number.desc()).limit(MOST_SHOWN)).all()


def who_changed(session: Session, strategy: Strategy) -> str:
    """For a sentence: "by Asha (Leg 1 changed)"."""
    newest = find(session, strategy.id, strategy.version)
    if newest is None:
        return ""
    what = f" ({'; '.join(newest.changes)})" if newest.changes else ""
    return (f" by {newest.by}" if newest.by else "") + what
